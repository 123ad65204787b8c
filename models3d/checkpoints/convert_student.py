"""The embedded model's first checkpoints, which came from another program of this project.

Their parts are ours under other names; see the model card.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from ..mobile_body import STAGE_ENDS
from .renaming import Renamed, rename

MARK = "body.stem.weight"
"""A name that only this layout has."""

RULES = (
    (r"^decoder\.(lateral|smooth)\.(\d)", r"neck.decoder.\1_\2"),
    (r"^decoder\.top\.", r"neck.decoder.top_"),
    (r"^maps\.joints\.out\.", "neck.logits."),
    (r"^maps\.", "neck."),
    (r"^neck\.out\.", "neck.output."),
    (r"^rpn\.", "proposals."),
    (r"^box_head\.fc", "box_head.body.fc"),
    (r"^keypoint_head\.reduce\.", "neck.reduce."),
    (r"^body\.stem\.", "body.stages.0.blocks.0.conv."),
)


def from_student(tensors: Mapping[str, Tensor]) -> Renamed:
    """Parameters under the checkpoint's names to parameters under ours."""
    return rename(tensors, _name_of)


def _name_of(name: str) -> str:
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"^body\.blocks\.(\d+)\.", _stage_of, name)


def _stage_of(match: re.Match[str]) -> str:
    block = int(match[1])
    stage = next(index for index, end in enumerate(STAGE_ENDS) if block < end)
    # the first stage begins with the stem
    place = block - STAGE_ENDS[stage - 1] if stage else block + 1
    return f"body.stages.{stage}.blocks.{place}."
