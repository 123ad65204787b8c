"""Optical flow by torchvision's RAFT, with weights from a file.

Source: Teed and Deng, "RAFT", ECCV 2020.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torchvision.models import optical_flow

from posetube.errors import WeightsError
from posetube.structures import ByteArray, FloatArray

from ..checkpoints.convert import read_arrays

STRIDE, SHORTEST = 8, 128
"""What the network asks of sides: multiples of the one, no shorter than the other, pixels."""


class RaftNetwork:
    """RAFT with weights."""

    def __init__(self, kind: Literal["raft-small", "raft-large"], weights: Path) -> None:
        """Load it.

        Raises:
            WeightsError: If the file is missing or damaged, or holds no weights of this network.
        """
        build: Any = {
            "raft-small": optical_flow.raft_small,
            "raft-large": optical_flow.raft_large,
        }[kind]
        self._network = build(weights=None, progress=False).eval()
        tensors, _ = read_arrays(weights)
        try:
            self._network.load_state_dict(tensors)
        except RuntimeError:
            raise WeightsError(f"{weights}: no weights of torchvision's {kind}") from None

    def flow_between(self, earlier: ByteArray, later: ByteArray) -> FloatArray:
        """(h, w, 2) how far each pixel of an RGB picture (h, w, 3) moves to the later one."""
        pair = [
            torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
            for picture in (earlier, later)
        ]
        with torch.inference_mode():
            flow = self._network(*pair)[-1][0]
        return np.ascontiguousarray(flow.permute(1, 2, 0).numpy())


def fitting(side: int) -> int:
    """The side that the network can take, near a side in pixels."""
    return max(SHORTEST, round(side / STRIDE) * STRIDE)
