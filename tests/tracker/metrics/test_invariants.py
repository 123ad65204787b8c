"""What must not change the numbers, on random scenes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.metrics.eval_sequence import EvalSequence, pose_sequence
from posetube.tracker.metrics.mota import track_joints
from posetube.tracker.metrics.protocols import PROTOCOLS, measure, protocol, summarize
from posetube.tracker.metrics.report import EvalReport

seeds = st.integers(0, 2**32 - 1)
protocols = st.sampled_from(sorted(PROTOCOLS))
few = settings(max_examples=25)


def table(rows: list[tuple[int, int, np.ndarray, np.ndarray]], frames: int) -> VideoTracks:
    """Rows of frame, id, (15, 2) joints and (15,) scores."""
    n = len(rows)
    return VideoTracks(
        source="s",
        size=None,
        skeleton=POSETRACK15,
        frames=FrameTable(times=np.arange(frames, dtype=np.float64)),
        frame=np.array([row[0] for row in rows], np.int64),
        track_ids=np.array([row[1] for row in rows], np.int64),
        boxes=np.full((n, 4), np.nan, np.float32),
        scores=np.full(n, np.nan, np.float32),
        keypoints=np.array([row[2] for row in rows]).reshape(n, 15, 2),
        keypoint_scores=np.array([row[3] for row in rows]).reshape(n, 15),
        head_boxes=np.tile(np.array([0.0, 0, 30, 40]), (n, 1)),
    )


def random_pair(seed: int, *, apart: float = 300.0) -> tuple[VideoTracks, VideoTracks]:
    """People in lanes, with misses, wrong joints, changed identities and people from nowhere."""
    rng = np.random.default_rng(seed)
    frames, people = int(rng.integers(2, 12)), int(rng.integers(1, 5))
    true: list[tuple[int, int, np.ndarray, np.ndarray]] = []
    found: list[tuple[int, int, np.ndarray, np.ndarray]] = []
    ids = rng.permutation(50)[:people]
    for frame in range(frames):
        for person in range(people):
            joints = rng.uniform(0, 80, (15, 2)) + np.array([100, 100 + apart * person])
            if rng.random() < 0.9:
                labels = np.where(rng.random((15, 1)) < 0.85, joints, np.nan)
                true.append((frame, person, labels, np.full(15, np.nan)))
            if rng.random() < 0.1:
                ids[person] = 100 + frame * people + person
            if rng.random() < 0.85:
                seen = np.where(
                    rng.random((15, 1)) < 0.9, joints + rng.normal(0, 8, (15, 2)), np.nan
                )
                found.append((frame, int(ids[person]), seen, rng.random(15)))
        if rng.random() < 0.3:
            nowhere = rng.uniform(5000, 5080, (15, 2))
            found.append((frame, 900 + frame, nowhere, rng.random(15)))
    return table(true, frames), table(found, frames)


def scene_of(truth: VideoTracks, found: VideoTracks, name: str) -> EvalSequence:
    frame_of = np.arange(len(found.frames))
    return pose_sequence(truth, found, name="s", rules=protocol(name).rules, frame_of=frame_of)


def evaluated(truth: VideoTracks, found: VideoTracks, name: str) -> EvalReport:
    rules = protocol(name)
    return summarize([measure(scene_of(truth, found, name), rules)], rules)


def same(first: EvalReport, second: EvalReport) -> None:
    assert first.metrics.keys() == second.metrics.keys()
    for metric, values in first.metrics.items():
        for joint, value in values.items():
            other = second[metric][joint]
            if value is None or other is None:
                assert value is other, (metric, joint)
            else:
                assert value == pytest.approx(other, abs=1e-9), (metric, joint)


def shuffled(tracks: VideoTracks, rng: np.random.Generator) -> VideoTracks:
    order = np.lexsort((rng.random(len(tracks.frame)), tracks.frame))
    return tracks.select(order)


@few
@given(seeds, protocols)
def test_the_order_of_people_does_not_matter(seed: int, name: str) -> None:
    truth, found = random_pair(seed)
    rng = np.random.default_rng(seed)
    same(
        evaluated(truth, found, name),
        evaluated(shuffled(truth, rng), shuffled(found, rng), name),
    )


@few
@given(seeds, protocols)
def test_the_names_of_identities_do_not_matter(seed: int, name: str) -> None:
    truth, found = random_pair(seed)
    rng = np.random.default_rng(seed)
    names = rng.permutation(1100)
    renamed = [replace(side, track_ids=names[side.track_ids]) for side in (truth, found)]
    same(evaluated(truth, found, name), evaluated(renamed[0], renamed[1], name))


@few
@given(seeds, protocols)
def test_unlabelled_frames_do_not_matter(seed: int, name: str) -> None:
    truth, found = random_pair(seed)
    if name.startswith("poseval"):  # a labelled frame without people does not count there
        counted = np.zeros(len(truth.frames), np.bool_)
        counted[truth.frame] = True
    else:
        counted = np.ones(len(truth.frames), np.bool_)
    spread = 2 * np.arange(len(truth.frames))
    labeled = np.zeros(2 * len(truth.frames), np.bool_)
    labeled[spread[counted]] = True
    frames = FrameTable(times=np.arange(len(labeled), dtype=np.float64), labeled=labeled)
    extra = found.select(np.arange(len(found.frame)))
    wide = [
        replace(truth, frames=frames, frame=spread[truth.frame]),
        replace(extra, frames=frames, frame=spread[extra.frame]),
    ]
    same(evaluated(truth, found, name), evaluated(wide[0], wide[1], name))


@few
@given(seeds, protocols)
def test_the_truth_itself_has_100_where_a_joint_is_labelled(seed: int, name: str) -> None:
    truth, _ = random_pair(seed)
    scored = replace(truth, keypoint_scores=np.full(truth.keypoint_scores.shape, 0.5))
    report = evaluated(truth, scored, name)
    labelled = scene_of(truth, scored, name).truth.known.any(axis=0)
    empty_frames = len(np.unique(truth.frame)) < len(truth.frames)
    for joint, known in zip(POSETRACK15.joints, np.asarray(labelled).tolist(), strict=True):
        assert report["ap"][joint] == pytest.approx(100 if known else 0)
        tracked = report.metrics.get("mota", {}).get(joint) is not None or name == "posetrack21"
        if known and tracked and not (empty_frames and name.startswith("poseval")):
            for metric in {"mota", "motp", "idf1", "hota", "assa"} & report.metrics.keys():
                assert report[metric][joint] == pytest.approx(100), metric


@few
@given(seeds, protocols)
def test_shares_stay_between_0_and_100(seed: int, name: str) -> None:
    truth, found = random_pair(seed, apart=20.0)
    report = evaluated(truth, found, name)
    counts = {"misses", "false_positives", "switches", "objects", "matches"}
    for metric, values in report.metrics.items():
        if metric in counts or metric.startswith("hota_"):
            assert all(value is None or value >= 0 for value in values.values()), metric
            continue
        low = -np.inf if metric == "mota" else 0
        assert all(v is None or low <= v <= 100 + 1e-9 for v in values.values()), metric


@few
@given(seeds)
def test_counts_of_sequences_add_up(seed: int) -> None:
    pairs = [random_pair(seed + step) for step in range(3)]
    rules = protocol("clean")
    results = [measure(scene_of(*pair, "clean"), rules) for pair in pairs]
    results = [replace(result, name=str(i)) for i, result in enumerate(results)]

    report = summarize(results, rules)

    for metric in ("misses", "false_positives", "switches", "objects", "matches", "hota_tp"):
        parts = [float(part.total(metric) or 0) for part in report.per_sequence.values()]
        assert report.total(metric) == pytest.approx(sum(parts))


def test_the_reference_order_of_old_matches_is_kept() -> None:
    # both true people had identity 7 last; it is near both now, and the first in the list keeps it
    joints = np.tile([100.0, 100.0], (15, 1))
    rows = [(0, 1, joints, joints[:, 0]), (1, 2, joints, joints[:, 0])]
    true = [*rows, (2, 1, joints, joints[:, 0]), (2, 2, joints + 3, joints[:, 0])]
    found = [(frame, 7, joints, np.full(15, 0.5)) for frame in range(3)]

    counts = track_joints(scene_of(table(true, 3), table(found, 3), "clean"))

    assert counts.misses[0] == 1
    assert counts.switches[0] == 0
