"""Weights between two networks."""

import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.checkpoints.blending import blend
from posetube.models3d.presets import keypoint_rcnn_r50, tiny
from posetube.models3d.tube_rcnn import TubeRCNN


def network(seed: int) -> TubeRCNN:
    torch.manual_seed(seed)
    return TubeRCNN(tiny())


def test_named_parts_move_and_others_stay() -> None:
    first, second = network(0), network(1)

    mixed = blend(first, second, share=0.25, parts=("box_head.", "proposals.")).state_dict()

    for name, value in first.state_dict().items():
        moves = name.startswith(("box_head.", "proposals."))
        wanted = 0.75 * value + 0.25 * second.state_dict()[name] if moves else value
        torch.testing.assert_close(mixed[name], wanted)


def test_the_ends_are_the_networks_themselves() -> None:
    first, second = network(0), network(1)

    for share, end in ((0.0, first), (1.0, second)):
        mixed = blend(first, second, share=share).state_dict()
        for name, value in end.state_dict().items():
            torch.testing.assert_close(mixed[name], value)


def test_what_cannot_be_blended_is_told() -> None:
    first = network(0)
    with pytest.raises(InputError, match="both networks must have the same configuration"):
        blend(first, TubeRCNN(keypoint_rcnn_r50()), share=0.5)
    with pytest.raises(InputError, match=r"share must be in \[0, 1\], got 2"):
        blend(first, first, share=2)
    with pytest.raises(InputError, match="no parameter begins with 'hands'"):
        blend(first, first, share=0.5, parts=("hands",))
