"""Keypoint R-CNN's losses against torchvision's own program: same weights, picture and samples."""

import importlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def _load() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return importlib.import_module("benchmarks.train_speed")


@pytest.mark.slow
@pytest.mark.parity
def test_losses_and_gradient_are_those_of_torchvision() -> None:
    found = _load().losses_of_both((128, 160))

    assert found.keys() == {
        "objectness", "proposal_boxes", "classes", "boxes", "keypoints", "gradient",
    }  # fmt: skip
    for name, value in found.items():
        assert value["torchvision"] > 1e-4, name
        assert value["ours"] == pytest.approx(value["torchvision"], rel=1e-3), name
