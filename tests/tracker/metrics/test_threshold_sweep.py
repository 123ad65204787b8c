"""A sweep has, at every pair of thresholds, the numbers of what these leave."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.structures import DoubleArray, FrameTable, VideoTracks
from posetube.tracker.metrics import threshold_sweep
from posetube.tracker.metrics.eval_sequence import EvalSequence, pose_sequence
from posetube.tracker.metrics.protocols import Protocol, measure, protocol, summarize
from posetube.tracker.metrics.threshold_sweep import LEVELS, ThresholdSweep, over_sequences, sweep
from posetube.tracker.thresholds import (
    ThresholdConfig,
    above_thresholds,
    sure_joints,
    track_scores,
)
from tests.tracker.metrics.test_invariants import random_pair

Pairs = list[tuple[VideoTracks, VideoTracks]]


def scene(truth: VideoTracks, found: VideoTracks, rules: Protocol) -> EvalSequence:
    frames = np.arange(len(truth.frames))
    return pose_sequence(truth, found, name="s", rules=rules.rules, frame_of=frames)


def swept(pairs: Pairs, rules: Protocol) -> ThresholdSweep:
    found = [
        sweep(
            [scene(truth, sure_joints(ours, level), rules) for level in LEVELS.tolist()],
            track_scores=track_scores(ours),
            protocol=rules,
        )
        for truth, ours in pairs
    ]
    return over_sequences(found, rules)


def totals(pairs: Pairs, rules: Protocol, thresholds: ThresholdConfig) -> list[float]:
    cut = [scene(truth, above_thresholds(ours, thresholds), rules) for truth, ours in pairs]
    report = summarize([measure(one, rules) for one in cut], rules)
    return [np.nan if v is None else v for v in (report.total("mota"), report.total("ap"))]


def with_region(truth: VideoTracks) -> VideoTracks:
    """A region that takes some of the joints of the first person, in two frames."""
    square = np.array([(100.0, 100), (140, 100), (140, 180), (100, 180)])
    regions: dict[int, tuple[DoubleArray, ...]] = dict.fromkeys(
        range(min(2, len(truth.frames))), (square,)
    )
    return replace(truth, frames=FrameTable(times=truth.frames.times, ignore_regions=regions))


@pytest.mark.slow
@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(["clean", "poseval"]),
    places=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), min_size=2, max_size=3),
)
def test_every_pair_of_thresholds_is_measured_as_what_it_leaves(
    seed: int, name: str, places: list[tuple[int, int]]
) -> None:
    pairs, rules = [random_pair(seed), random_pair(seed + 1, apart=40.0)], protocol(name)
    pairs[0] = (with_region(pairs[0][0]), pairs[0][1])

    found = swept(pairs, rules)

    for track, joint in [(0, 0), *places]:
        thresholds = ThresholdConfig(min_joint=LEVELS[joint], min_track=LEVELS[track])
        expected = totals(pairs, rules, thresholds)
        got = [found.mota[track, joint], found.ap[track, joint]]
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def test_few_thresholds_at_a_time_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, rules = [random_pair(5)], protocol("clean")
    whole = swept(pairs, rules)

    monkeypatch.setattr(threshold_sweep, "AT_ONCE", 3 * len(pairs[0][1].frame))
    parts = swept(pairs, rules)

    np.testing.assert_array_equal(whole.mota, parts.mota)
    np.testing.assert_array_equal(whole.ap, parts.ap)


def test_of_equal_values_the_lowest_thresholds_count() -> None:
    flat = np.full((len(LEVELS), len(LEVELS)), 50.0)
    flat[3:, 2:] = flat[4:, 1:] = 60.0
    found = ThresholdSweep(protocol="clean", frames=1, sequences=1, mota=flat, ap=flat * 0)

    assert found.best("mota") == (3, 2)
    assert found.thresholds("mota") == ThresholdConfig(min_joint=0.1, min_track=0.15)
    assert found.thresholds("ap") == ThresholdConfig()
