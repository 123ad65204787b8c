"""Coding, overlap and suppression of boxes and tubes."""

from functools import partial
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.anchors import anchor_grid, cell_anchors
from posetube.models3d.box_coding import box_iou, clip_boxes, decode_boxes, encode_boxes
from posetube.models3d.configs.people_heads import PoolConfig
from posetube.models3d.configs.proposal_heads import AnchorConfig
from posetube.models3d.roi_align import levels_of, pool_tubes
from posetube.models3d.tube_nms import tube_iou, tube_nms


def random_tubes(seed: int, *, count: int = 12, length: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 1, 2, generator=generator) * 60
    drift = torch.rand(count, length, 2, generator=generator) * 6
    size = 10 + torch.rand(count, 1, 2, generator=generator) * 40
    return torch.cat([corner + drift, corner + drift + size], dim=-1)


@pytest.mark.parametrize("convention", ["continuous", "inclusive"])
@given(seed=st.integers(0, 1000))
def test_decoding_undoes_encoding(convention: Any, seed: int) -> None:
    boxes, references = random_tubes(seed), random_tubes(seed + 1)

    deltas = encode_boxes(boxes, references, weights=(10, 10, 5, 5), convention=convention)
    back = decode_boxes(deltas, references, weights=(10, 10, 5, 5), convention=convention)

    torch.testing.assert_close(back, boxes, rtol=1e-4, atol=1e-3)


def test_the_published_decoder_grows_boxes_by_a_pixel() -> None:
    box = torch.tensor([[10.0, 20, 30, 60]])

    grown = decode_boxes(torch.zeros(1, 4), box, convention="detect-and-track")

    assert grown.tolist() == [[10, 20, 31, 61]]


def test_clipping_ends_at_the_border_or_at_the_last_pixel() -> None:
    box = torch.tensor([[-5.0, -5, 500, 500]])

    assert clip_boxes(box, height=100, width=200).tolist() == [[0, 0, 200, 100]]
    assert clip_boxes(box, height=100, width=200, convention="inclusive").tolist() == [
        [0, 0, 199, 99]
    ]


def test_empty_boxes_overlap_nothing() -> None:
    empty = torch.zeros(1, 4)

    assert box_iou(empty, empty).tolist() == [0]


def test_absent_frames_do_not_lower_the_overlap_unless_asked() -> None:
    tube = torch.tensor([[[0.0, 0, 10, 10]] * 3])
    truth = tube.clone()
    truth[0, 2] = 0
    present = torch.tensor([[True, True, False]])

    assert tube_iou(tube, truth, present=present).tolist() == [[1]]
    assert tube_iou(tube, truth).item() == pytest.approx(2 / 3)


def walk_down_the_ranks(tubes: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """The definition of non-maximum suppression."""
    kept: list[int] = []
    for candidate in scores.argsort(descending=True, stable=True).tolist():
        rivals = tube_iou(tubes[kept], tubes[candidate : candidate + 1])
        if not (rivals > threshold).any():
            kept.append(candidate)
    return kept


def ranked(kept: Tensor, scores: Tensor) -> list[int]:
    """Places of those kept, by falling score."""
    order = scores.argsort(descending=True, stable=True)
    places: list[int] = order[kept[order]].tolist()
    return places


@settings(deadline=None)  # the first call imports torchvision
@given(seed=st.integers(0, 10_000), threshold=st.sampled_from([0.1, 0.3, 0.5, 0.7]))
def test_suppression_follows_its_definition(seed: int, threshold: float) -> None:
    tubes = random_tubes(seed, count=30)
    scores = torch.rand(30, generator=torch.Generator().manual_seed(seed))

    [kept] = tube_nms(tubes[None], scores[None], threshold=threshold)

    assert ranked(kept, scores) == walk_down_the_ranks(tubes, scores, threshold)


def test_frames_without_the_person_do_not_save_a_duplicate() -> None:
    tubes = torch.tensor([[[0.0, 0, 10, 10]] * 3] * 2)
    tubes[1, 2] += 500
    scores = torch.tensor([0.9, 0.8])
    present = torch.tensor([[True, True, False]] * 2)

    tubes, scores, present = tubes[None], scores[None], present[None]
    assert tube_nms(tubes, scores, threshold=0.7).tolist() == [[True, True]]
    kept = tube_nms(tubes, scores, threshold=0.7, present=present)
    assert kept.tolist() == [[True, False]]


def test_suppression_of_nothing_keeps_nothing() -> None:
    kept = tube_nms(torch.zeros(1, 0, 3, 4), torch.zeros(1, 0), threshold=0.5)

    assert kept.shape == (1, 0)


@given(seed=st.integers(0, 1000))
def test_groups_are_suppressed_each_by_itself(seed: int) -> None:
    tubes = torch.stack([random_tubes(seed), random_tubes(seed + 1)])
    scores = torch.rand(2, 12, generator=torch.Generator().manual_seed(seed))
    scores[1, 3] = -torch.inf

    together = tube_nms(tubes, scores, threshold=0.3)

    full = torch.arange(12) != 3
    assert torch.equal(together[:1], tube_nms(tubes[:1], scores[:1], threshold=0.3))
    assert torch.equal(
        together[1:, full], tube_nms(tubes[1:, full], scores[1:, full], threshold=0.3)
    )
    assert not together[1, 3]


@pytest.mark.parametrize("length", [1, 3])
def test_suppression_on_a_device_agrees(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tubes = torch.stack([random_tubes(seed, count=60, length=length) for seed in range(4)])
    scores = torch.rand(4, 60, generator=torch.Generator().manual_seed(0))
    wanted = tube_nms(tubes, scores, threshold=0.3)

    monkeypatch.setattr("posetube.models3d.tube_nms.on_host", lambda tensor: False)
    found = tube_nms(tubes, scores, threshold=0.3)

    assert torch.equal(found, wanted)


def test_large_tubes_are_pooled_from_coarse_levels() -> None:
    sides = torch.tensor([10.0, 112, 224, 448, 5000])
    corner = torch.zeros(5, 2)
    tubes = torch.cat([corner, sides[:, None].expand(5, 2)], dim=1)[:, None]

    level = levels_of(tubes, config=PoolConfig(size=7, levels=4), finest=2)

    assert level.tolist() == [0, 1, 2, 3, 3]


def test_pooling_on_a_device_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = [torch.rand(6, 3, 64 // side, 64 // side) for side in (1, 2, 4, 8)]
    tubes = [random_tubes(0) * torch.rand(12, 1, 1) * 8, random_tubes(1)]
    pool = partial(pool_tubes, strides=(4, 8, 16, 32), config=PoolConfig(size=7, levels=4))
    wanted = pool(levels, tubes)

    monkeypatch.setattr("posetube.models3d.roi_align.on_host", lambda tensor: False)
    found = pool(levels, tubes)

    # another program sums in another order
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_a_tube_is_pooled_frame_by_frame_in_its_own_clip() -> None:
    maps = torch.arange(6.0)[:, None, None, None].expand(6, 1, 8, 8).contiguous()
    tubes = torch.tensor([[[4.0, 4, 20, 20]] * 3])

    pooled = pool_tubes([maps], [tubes, tubes], strides=(4,), config=PoolConfig(size=2))

    assert pooled.mean(dim=(1, 2, 3)).tolist() == [0, 1, 2, 3, 4, 5]


def ramp_under(shift: float, operator: Literal["align", "pool"]) -> list[float]:
    """The four bins across a box of four cells, on a map that rises by one per cell."""
    ramp = torch.arange(16.0).expand(1, 1, 16, 16).contiguous()
    tubes = torch.tensor([[[32.0, 32, 64, 64]]]) + 8 * shift
    config = PoolConfig(size=4, operator=operator, aligned=True)
    rows: list[float] = pool_tubes([ramp], [tubes], strides=(8,), config=config)[0, 0, 0].tolist()
    return rows


@given(shift=st.floats(0, 1, allow_nan=False, width=16))
def test_roi_align_follows_a_box_and_roi_pool_moves_by_whole_cells(shift: float) -> None:
    # the middle of a cell lies at half a pixel of the map
    assert ramp_under(shift, "align") == pytest.approx([4 + shift + n for n in range(4)], abs=1e-4)
    first, *rest = ramp_under(shift, "pool")
    assert first == int(first)
    assert rest == sorted(rest)
    if shift < 0.5:
        assert ramp_under(shift, "pool") == ramp_under(0, "pool")


def test_boxes_outside_the_picture_have_features() -> None:
    tubes = torch.tensor([[[-50.0, -50, -10, -10]], [[500, 500, 900, 900]], [[5, 5, 5, 5]]])

    pooled = pool_tubes([torch.ones(1, 2, 8, 8)], [tubes], strides=(4,), config=PoolConfig(size=3))

    assert torch.isfinite(pooled).all()


def test_half_precision_features_are_pooled_at_full_precision_places() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(3, 4, 40, 60, generator=generator).bfloat16()
    tubes = random_tubes(0) + torch.tensor([700.7, 500.3, 700.9, 500.1])
    config = PoolConfig(size=7)

    pooled = pool_tubes([features], [tubes], strides=(16,), config=config)

    exact = pool_tubes([features.float()], [tubes], strides=(16,), config=config)
    assert pooled.dtype == torch.bfloat16
    assert torch.equal(pooled, exact.bfloat16())


def test_torchvision_measures_the_step_of_its_anchors_on_the_picture() -> None:
    config = AnchorConfig(sizes=((32,),), ratios=(1.0,))

    grid = anchor_grid(config, shapes=[(6, 2)], strides=(64,), padded=(352, 128))[0]

    centres = (grid[:, :2] + grid[:, 2:]) / 2
    assert centres[2].tolist() == [0, 352 // 6]
    assert centres[1].tolist() == [64, 0]


def test_detectron2_lists_all_ratios_of_a_size_first() -> None:
    config = AnchorConfig(sizes=((32, 64),), ratios=(1.0, 2.0), layout="detectron2")

    windows = cell_anchors(config, level=0, stride=16)

    assert (windows[:, 2] - windows[:, 0]).round().tolist() == [32, 23, 64, 45]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sizes": ((0,),)}, r"AnchorConfig.sizes must be in \[1e-06, 1e\+06\], got"),
        ({"sizes": ((1,), (1, 2))}, "AnchorConfig.sizes must have the same number on every level"),
        (
            {"sizes": ((1,),), "ratios": (-1.0,)},
            r"AnchorConfig.ratios must be in \[0.001, 1000\], got",
        ),
    ],
)
def test_anchors_name_the_field_and_the_value(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AnchorConfig(**fields)


def test_pooling_names_the_field_and_the_value() -> None:
    with pytest.raises(InputError, match=r"PoolConfig.size must be in \[1, 128\], got 0"):
        PoolConfig(size=0)
