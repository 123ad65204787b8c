"""From frames to the network's input: sizes, averages of pixels, padding."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.models3d.network_input import prepare, prepare_scales
from posetube.models3d.preprocess import (
    PreprocessConfig,
    geometries_of,
    geometry_of,
    normalised_copies,
)
from posetube.models3d.presets import tiny

PLAIN = PreprocessConfig(
    short_side=None, long_side=64, mean=(0, 0, 0), std=(1, 1, 1), resize="area", pad_pixel=114
)


@pytest.mark.parametrize(
    ("picture", "resized", "padded"),
    [
        ((480, 640), (480, 640), (480, 640)),
        ((720, 1280), (360, 640), (384, 640)),
        ((200, 100), (300, 150), (320, 160)),  # enlarged by no more than 1.5
        ((600, 300), (640, 320), (640, 320)),
        ((1, 1000), (1, 640), (32, 640)),
    ],
)
def test_without_a_short_side_the_long_side_decides(
    picture: tuple[int, int], resized: tuple[int, int], padded: tuple[int, int]
) -> None:
    geometry = geometry_of(picture, tiny().preprocess)

    assert (geometry.resized, geometry.padded) == (resized, padded)


def test_all_pixels_that_fall_together_are_averaged() -> None:
    image = np.zeros((128, 128, 3), np.uint8)
    image[::4] = 200  # of the four rows that become one, the first is bright

    area, linear = (
        prepare(image[None], replace(PLAIN, long_side=32, resize=way))[0]
        for way in ("area", "bytes")
    )

    assert area.shape == (1, 3, 32, 32)
    assert (area == 50).all()
    assert (linear == 0).all()  # interpolation looks at the two in the middle


def test_a_picture_that_grows_is_interpolated() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 2:] = 100

    grown, _ = prepare(image[None], replace(PLAIN, long_side=32))

    row = grown[0, 0, 0]
    assert row[:12].tolist() == [0] * 12
    assert row[20:].tolist() == [100] * 12
    assert (row[12:20].diff() > 0).all()


@pytest.mark.parametrize("size", [(50, 70), (360, 640), (900, 1300)])
def test_inputs_made_without_torch_are_those_of_torch(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    config, further = tiny().preprocess, (320,)

    ours = list(normalised_copies(image, geometries_of(size, config, further), config))
    theirs = prepare_scales(image[None], config, further)

    for planes, (pixels, _) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(planes, pixels.numpy(), atol=1e-6)


def test_the_rest_is_grey_before_normalisation() -> None:
    config = replace(PLAIN, mean=(14, 34, 54), std=(10, 20, 30))
    image = np.full((1, 40, 64, 3), 255, np.uint8)

    pixels, geometry = prepare(image, config)

    assert geometry.padded == (64, 64)
    assert pixels[0, :, 50, 3].tolist() == [10, 4, 2]
    assert pixels[0, 0, 39, 3].item() == pytest.approx(24.1)
    zeros, _ = prepare(image, replace(config, pad_pixel=None))
    assert zeros[0, :, 50, 3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"short_side": 0}, r"PreprocessConfig.short_side must be in \[1, 8192\], got 0"),
        ({"long_side": 0}, r"PreprocessConfig.long_side must be in \[1, 8192\], got 0"),
        ({"std": (1, 0, 1)}, r"PreprocessConfig.std must be in \[1e-06, 1e\+06\], got"),
    ],
)
def test_settings_name_the_field_and_the_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(PLAIN, **changes)
