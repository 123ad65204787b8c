"""A crop cut out of a window is the crop cut out of the picture."""

import numpy as np
import pytest
import torch

from posetube.models3d.crop_geometry import crop_window
from posetube.models3d.crop_sampling import cut_crops
from posetube.models3d.runtimes.window_crop import cut_normalised

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@pytest.mark.parametrize(
    "crop",
    [
        [5.3, 4.1, 37.9, 30.2],
        [-20.0, -15, 20, 10],  # reaches out of the picture
        [30.0, 20, 95, 70],
        [-50.0, -50, -20, -20],  # lies outside
        [70.0, 10, 90, 45],
        [10.2, 10.7, 11.1, 11.9],  # smaller than a pixel
        [0.0, 0, 60, 40],  # all of it
        [59.5, 39.5, 61, 41],
    ],
)
def test_windows_are_enough(crop: list[float]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    place = np.array(crop, np.float32)
    left, top, right, bottom = crop_window(place, (40, 60))

    found = cut_normalised(
        torch.from_numpy(picture[top:bottom, left:right]),
        torch.from_numpy(place - np.array([left, top, left, top], np.float32)),
        (32, 24),
        mean=MEAN,
        std=STD,
    )

    assert 0 <= left < right <= 60
    assert 0 <= top < bottom <= 40
    images = torch.from_numpy(picture).permute(2, 0, 1)[None]
    pixels = cut_crops(images, torch.tensor([[0, *crop]]), (32, 24))
    mean, std = (torch.tensor(each)[:, None, None] for each in (MEAN, STD))
    torch.testing.assert_close(found, (pixels - mean) / std, rtol=0, atol=2e-5)
