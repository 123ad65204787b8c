"""How the original shares proposals out among pyramid levels, in the golden folder's unit data."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.models3d.anchors import anchor_grid
from posetube.models3d.configs.people_heads import PoolConfig
from posetube.models3d.configs.proposal_heads import AnchorConfig, ProposalConfig
from posetube.models3d.proposals import ProposalMaps, propose
from posetube.models3d.roi_align import levels_of

SHARED = Path(__file__).parents[2].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
)
POOL = PoolConfig(size=7, levels=4, level_rule="detectron")


def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def boxes(rois: Any) -> Tensor:
    """(R, 1 + 4) with the batch index before the box, to (R, 1, 4)."""
    return torch.from_numpy(rois[:, None, 1:])


def share_out(rois: Tensor) -> Tensor:
    """(R,) level of each box, 2 to 5."""
    return levels_of(rois, config=POOL, finest=2) + 2


def restoring(level: Tensor) -> list[int]:
    """What brings the levels' rois, one level after the other, back into their order."""
    return level.argsort(stable=True).argsort().tolist()


def maps_of(golden: dict[str, Any], levels: Sequence[int], config: AnchorConfig) -> ProposalMaps:
    """The original's outputs of all levels, as our head would have said them."""
    probabilities = [golden[f"fpn{level}_probs"][0] for level in levels]
    deltas = [golden[f"fpn{level}_deltas"][0] for level in levels]
    grids = anchor_grid(
        config,
        shapes=[(p.shape[1], p.shape[2]) for p in probabilities],
        strides=[2**level for level in levels],
        padded=(0, 0),
    )
    scores = [p.transpose(1, 2, 0).ravel() for p in probabilities]
    moves = [d.reshape(-1, 4, *d.shape[1:]).transpose(2, 3, 0, 1).reshape(-1, 1, 4) for d in deltas]
    return ProposalMaps(
        objectness=torch.from_numpy(np.concatenate(scores)).logit()[None],
        deltas=torch.from_numpy(np.concatenate(moves))[None],
        anchors=torch.cat(grids),
        counts=tuple(len(grid) for grid in grids),
    )


def test_golden_best_proposals_of_all_levels() -> None:
    golden = arrays("proposals")
    levels = sorted(int(m[1]) for m in map(re.compile(r"fpn(\d)_probs").fullmatch, golden) if m)
    sizes = tuple((8.0 * 2**level,) for level in levels)
    anchors = AnchorConfig(sizes=sizes, layout="detectron")
    wanted = golden["fpn_collected_rois"]
    options = json.loads((FOLDER / "proposals.json").read_text())
    config = ProposalConfig(
        anchors=anchors,
        before_nms=options["RPN_PRE_NMS_TOP_N"],
        after_nms=options["RPN_POST_NMS_TOP_N"],
        nms=options["RPN_NMS_THRESH"],
        min_size=options["RPN_MIN_SIZE"],
        convention="detect-and-track",
        nms_suppresses="at",
    )
    height, width = (int(side) for side in golden["c4_im_info"][0][:2])

    [(found, _)] = propose(
        maps_of(golden, levels, anchors),
        size=(height, width),
        padded=(height, width),
        config=config,
    ).per_clip()

    np.testing.assert_allclose(found[:, 0], wanted[:, 1:], atol=1e-3)


def test_golden_proposals_per_level() -> None:
    golden = arrays("proposals")
    rois = golden["fpn_collected_rois"]

    level = share_out(boxes(rois))

    for number in (2, 3, 4, 5):
        np.testing.assert_array_equal(rois[level == number], golden[f"fpn_level_rois_{number}"])
    assert restoring(level) == golden["fpn_restore"].tolist()


def test_golden_rois_per_level() -> None:
    golden = arrays("roi_align")

    level = share_out(boxes(golden["fpn_rois"]))

    assert level.tolist() == golden["fpn_levels"].tolist()
    assert restoring(level) == golden["fpn_restore"].tolist()
