"""Crops are cut as RoIAlign with one sample per bin cuts them."""

import pytest
import torch
from torchvision import ops

from posetube.models3d.crop_sampling import cut_crops


@pytest.mark.parametrize("channels", [1, 3])
def test_crops_are_those_of_roi_align(channels: int) -> None:
    images = torch.randint(0, 256, (2, channels, 40, 60), dtype=torch.uint8)
    rois = torch.tensor(
        [
            [0, 5.3, 4.1, 37.9, 30.2],
            [1, 5.3, 4.1, 37.9, 30.2],
            [1, -20.0, -15, 20, 10],  # reaches out of the picture
            [0, 30.0, 20, 95, 70],
            [0, -50.0, -50, -20, -20],  # lies outside
            [1, 10.2, 10.7, 11.1, 11.9],  # smaller than a pixel
        ]
    )

    crops = cut_crops(images, rois, (16, 12))

    wanted = ops.roi_align(images.float(), rois, (16, 12), sampling_ratio=1, aligned=True)
    torch.testing.assert_close(crops, wanted, rtol=0, atol=1e-3)


def test_no_boxes_are_no_crops() -> None:
    crops = cut_crops(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(0, 5), (16, 12))

    assert crops.shape == (0, 3, 16, 12)
