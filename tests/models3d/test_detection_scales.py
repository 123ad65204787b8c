"""People are looked for at several sizes of the picture."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.arrays import Array
from posetube.models3d.configs.proposal_heads import DenseProposalConfig, FurtherScalesConfig
from posetube.models3d.detection_scales import ScaledTubes, choose_over_scales
from posetube.models3d.preprocess import (
    Geometry,
    PreprocessConfig,
    fitted_bytes,
    fitted_copies,
    geometries_of,
)
from posetube.models3d.presets import keypoint_rcnn_r50, tiny
from posetube.structures import FloatArray
from tests.models3d.test_network_seams import embedded_at_two_scales, network, pictures

WHOLE, HALF = geometries_of((400, 600), replace(tiny().preprocess, long_side=600), (300,))
RULE = FurtherScalesConfig(sure=0.5, large=0.5)
SMALL, LARGE = [100.0, 100, 180, 380], [50.0, 20, 560, 400]
"""Boxes in the input of the first size."""


def config(rule: FurtherScalesConfig | None = RULE) -> DenseProposalConfig:
    return DenseProposalConfig(min_score=0.2, further=rule)


def cells(geometry: Geometry, *people: tuple[list[float], float]) -> ScaledTubes:
    """One clip of one frame in which cells see these boxes, with these scores."""
    sure = np.array([score for _, score in people], np.float32)
    boxes = np.array([box for box, _ in people], np.float32).reshape(-1, 1, 4)
    return ScaledTubes(np.log(sure / (1 - sure))[None], boxes[None], geometry)


def scales(first: ScaledTubes, second: ScaledTubes, asked: list[str]) -> Iterator[ScaledTubes]:
    yield first
    asked.append("second")
    yield second


def found(first: ScaledTubes, second: ScaledTubes) -> tuple[Any, list[str]]:
    asked: list[str] = []
    [(tubes, scores)] = choose_over_scales(scales(first, second, asked), config=config()).per_clip()
    return [
        (box.tolist(), round(float(s), 2)) for box, s in zip(tubes[:, 0], scores, strict=True)
    ], asked


def test_nobody_sure_is_looked_for_again_and_boxes_come_in_the_first_sizes_pixels() -> None:
    half = [side / 2 for side in LARGE]

    people, asked = found(cells(WHOLE, (SMALL, 0.4)), cells(HALF, (half, 0.9)))

    assert people == [(LARGE, 0.9), (SMALL, 0.4)]
    assert asked == ["second"]


def test_of_a_person_seen_at_both_sizes_the_surer_box_stays() -> None:
    half = [side / 2 + 1 for side in LARGE]

    people, _ = found(cells(WHOLE, (LARGE, 0.6)), cells(HALF, (half, 0.9)))

    assert people == [([52.0, 22, 562, 402], 0.9)]


def test_somebody_sure_and_large_is_a_reason_to_look_again() -> None:
    _, asked = found(cells(WHOLE, (LARGE, 0.9), (SMALL, 0.9)), cells(HALF))

    assert asked == ["second"]


def test_somebody_sure_of_usual_size_is_none() -> None:
    people, asked = found(cells(WHOLE, (SMALL, 0.9), (LARGE, 0.3)), cells(HALF, (SMALL, 0.9)))

    assert people == [(SMALL, 0.9), (LARGE, 0.3)]
    assert not asked


def test_without_further_sizes_one_look_is_all() -> None:
    chosen = choose_over_scales(iter([cells(WHOLE)]), config=config(None))

    assert not chosen.taken.any()


def stacked(*clips: ScaledTubes, tensors: bool) -> ScaledTubes:
    def together(*column: FloatArray) -> Array:
        joined = np.concatenate(column)
        return torch.from_numpy(joined) if tensors else joined

    logits, tubes, geometries = zip(*clips, strict=True)
    return ScaledTubes(together(*logits), together(*tubes), geometries[0])


@pytest.mark.parametrize("tensors", [False, True])
def test_each_clip_is_looked_at_again_for_itself(tensors: bool) -> None:
    first = stacked(cells(WHOLE, (SMALL, 0.9)), cells(WHOLE, (SMALL, 0.4)), tensors=tensors)
    second = stacked(cells(HALF, (LARGE, 0.8)), cells(HALF, (LARGE, 0.8)), tensors=tensors)

    chosen = choose_over_scales(iter([first, second]), config=config())

    sure, unsure = (scores.tolist() for _, scores in chosen.per_clip())
    assert sure == pytest.approx([0.9])
    assert unsure == pytest.approx([0.8, 0.4])


def test_a_size_that_is_always_looked_at_needs_no_reason() -> None:
    always = config(FurtherScalesConfig(long_sides=(300,)))
    looks = iter([cells(WHOLE, (SMALL, 0.9)), cells(HALF, (SMALL, 0.9))])

    assert choose_over_scales(looks, config=always).taken.sum() == 2


def test_a_large_picture_is_shrunk_once() -> None:
    image = np.random.default_rng(0).integers(0, 256, (800, 1200, 3), dtype=np.uint8)
    inputs = replace(tiny().preprocess, long_side=600)

    first, second = fitted_copies(image, [WHOLE, HALF], inputs)

    np.testing.assert_array_equal(first, fitted_bytes(image, WHOLE, inputs))
    np.testing.assert_array_equal(second, fitted_bytes(first[:400, :600], HALF, inputs))


def test_a_size_that_does_not_divide_the_first_is_shrunk_from_the_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (800, 1200, 3), dtype=np.uint8)
    inputs = replace(tiny().preprocess, long_side=600)
    _, other = geometries_of((800, 1200), inputs, (420,))

    _, second = fitted_copies(image, [WHOLE, other], inputs)

    np.testing.assert_array_equal(second, fitted_bytes(image, other, inputs))


def test_an_enlarged_picture_is_shrunk_from_its_own_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 450, 3), dtype=np.uint8)
    inputs = replace(tiny().preprocess, long_side=600)

    _, second = fitted_copies(image, [WHOLE, HALF], inputs)

    np.testing.assert_array_equal(second, fitted_bytes(image, HALF, inputs))


def test_a_network_encodes_every_size_once() -> None:
    model = network(embedded_at_two_scales(1))

    [kept] = model.encode(pictures(1))

    assert kept.geometry.resized == (75, 96)
    assert [size.geometry.resized for size in kept.further] == [(37, 48)]


def test_sizes_need_bytes_that_are_resized() -> None:
    floats: PreprocessConfig = keypoint_rcnn_r50().preprocess

    with pytest.raises(InputError, match=r"further goes with PreprocessConfig.resize bytes or ar"):
        replace(tiny(), preprocess=floats, proposals=config())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"long_sides": (0,)}, r"FurtherScalesConfig.long_sides must be in \[1, "),
        ({"sure": 1.5}, r"FurtherScalesConfig.sure must be in \[0, 1\], got 1.5"),
        ({"large": -0.5}, r"FurtherScalesConfig.large must be in \[0, 1\], got -0.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FurtherScalesConfig(**settings)
