"""Averages of neighbouring heatmaps: at the same place, and along the flow."""

from dataclasses import replace

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.heatmap_refining import FlowConfig
from posetube.models3d.refiners.evidence import read_joints
from posetube.models3d.refiners.flow_sources import flow_source
from posetube.models3d.refiners.flow_step import FlowStep
from posetube.models3d.refiners.pooling import MapPool, followed
from posetube.models3d.refiners.track_maps import TrackMaps
from posetube.structures import Frame
from tests.models3d.refiners.moving_people import SIZE, steady_flow, track

BOX = np.array([100.0, 60, 196, 188])
"""Cells of 2 pixels."""


def standing(frames: int = 5) -> TrackMaps:
    places = np.tile([[140.0, 100], [160, 150]], (frames, 1, 1))
    shift = np.array([[0, 0], [6, -4], [-5, 3], [2, 2], [9, 1]])[:frames]
    return track(places, BOX + np.tile(shift, 2))


def walking(speed: float, *, by_flow: bool = True) -> TrackMaps:
    """Five frames of somebody who moves right as the picture does, and the box with him."""
    steps = speed * np.arange(5)[:, None] * [1, 0]
    places = np.array([[140.0, 100], [160, 150]]) + steps[:, None]
    flows = steady_flow((speed, 0), 4) if by_flow else ()
    return track(places, BOX + np.tile(steps, 2), flows=flows)


def joints(maps: TrackMaps, evidence: np.ndarray, place: int) -> np.ndarray:
    found, _ = read_joints(evidence[None], maps.regions[[place]], calibration=None)
    return np.asarray(found[0])


def test_no_neighbours_change_nothing() -> None:
    maps = walking(3)

    for by_flow in (False, True):
        same = MapPool(past=0, future=0, by_flow=by_flow).refine_frame(maps, 2)
        np.testing.assert_array_equal(same, maps.evidence[2])


def test_somebody_who_stands_stays_where_he_is_while_his_box_shakes() -> None:
    maps = standing()

    pooled = MapPool(past=2, future=2).refine_frame(maps, 2)

    np.testing.assert_allclose(joints(maps, pooled, 2), [[140, 100], [160, 150]], atol=0.1)
    assert pooled.max() > 0.95


def test_a_frame_that_errs_is_outvoted_and_one_without_maps_does_not_count() -> None:
    maps = standing()
    wrong = maps.evidence.copy()
    wrong[2] = np.roll(wrong[2], 15, axis=-1)
    lost = replace(maps, seen=np.array([True, True, False, True, True]))
    lost.evidence[2] = 0

    voted = MapPool(past=2, future=2).refine_frame(replace(maps, evidence=wrong), 2)
    filled = MapPool(past=1, future=1).refine_frame(lost, 2)

    for found in (voted, filled):
        np.testing.assert_allclose(joints(maps, found, 2), [[140, 100], [160, 150]], atol=0.3)
    # a peak between the middles of four cells is drawn 6 % lower
    assert filled.max() > 0.9


def test_flow_makes_of_a_walk_the_same_as_of_standing() -> None:
    pool = MapPool(past=2, future=2, by_flow=True)
    still, moving = walking(0), walking(7)

    expected = joints(still, pool.refine_frame(still, 2), 2)
    found = joints(moving, pool.refine_frame(moving, 2), 2)
    blurred = MapPool(past=2, future=2).refine_frame(moving, 2)

    # a tenth of a cell of 2 pixels
    np.testing.assert_allclose(found - [14, 0], expected, atol=0.2)
    assert pool.refine_frame(moving, 2).max() > 0.9
    assert blurred.max() < 0.6


def test_a_step_that_nobody_knows_and_places_that_do_not_come_back_do_not_count() -> None:
    maps = walking(7)
    unknown = replace(maps, flows=[None] * 4)
    broken = [replace(step, backward=-2 * step.backward) for step in maps.flows if step]

    for flows in (unknown.flows, broken):
        alone = MapPool(past=2, future=2, by_flow=True).refine_frame(replace(maps, flows=flows), 2)
        np.testing.assert_array_equal(alone, maps.evidence[2])


def test_steps_compose_and_lead_out_of_the_picture() -> None:
    steps = steady_flow((10, 0), 3)
    start = np.array([[100.0, 50], [300, 50]], np.float32)

    later, sure = followed(start, steps, backward=False)
    back, _ = followed(later[:1], steps, backward=True)

    np.testing.assert_allclose(later[0], [130, 50], atol=1e-3)
    assert sure.tolist() == [1, 0]
    np.testing.assert_allclose(back[0], start[0], atol=1e-3)


def panned(step: int) -> Frame:
    """A texture that moves 5 pixels to the left and 2 up per frame."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)
    whole = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    smooth = (whole.astype(float) + np.roll(whole, 4, 0) + np.roll(whole, 4, 1)) / 3
    y, x = 2 * step + 40, 5 * step + 40
    return Frame(
        index=step,
        time=step / 25,
        image=smooth[y : y + SIZE[0], x : x + SIZE[1]].astype(np.uint8),
    )


def test_a_panned_texture_gives_with_its_own_flow_what_standing_still_gives() -> None:
    source = flow_source(FlowConfig())
    flows = [source.between(panned(step), panned(step + 1)) for step in range(4)]
    steps = np.arange(5)[:, None] * [-5.0, -2]
    places = np.array([[140.0, 100], [160, 150]]) + steps[:, None]
    still, moving = walking(0), track(places, BOX + np.tile(steps, 2), flows=flows)
    pool = MapPool(past=2, future=2, by_flow=True)

    expected = joints(still, pool.refine_frame(still, 2), 2)
    found = joints(moving, pool.refine_frame(moving, 2), 2)

    assert isinstance(flows[0], FlowStep)
    np.testing.assert_allclose(found - steps[2], expected, atol=0.2)  # 0.1 cells


def test_maps_that_do_not_fit_are_refused() -> None:
    maps = standing()

    with pytest.raises(InputError, match=r"TrackMaps.evidence: expected \(F, K, h, w\)"):
        replace(maps, evidence=maps.evidence[0])
    with pytest.raises(InputError, match="TrackMaps.flows: expected 4 steps between 5 frames"):
        replace(maps, flows=steady_flow((0, 0), 3))
