"""Keypoint R-CNN's losses against torchvision's own program: same weights, picture and samples."""

import pytest

from benchmarks.train_speed import losses_of_both


@pytest.mark.slow
@pytest.mark.parity
def test_losses_and_gradient_are_those_of_torchvision() -> None:
    found = losses_of_both((128, 160))

    assert found.keys() == {
        "objectness", "proposal_boxes", "classes", "boxes", "keypoints", "gradient",
    }  # fmt: skip
    for name, value in found.items():
        assert value["torchvision"] > 1e-4, name
        assert value["ours"] == pytest.approx(value["torchvision"], rel=1e-3), name
