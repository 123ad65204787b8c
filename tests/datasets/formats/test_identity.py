"""Reading what was written gives the same people, for everything that a format can hold."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.formats import csv_table, json_lines, parquet_table
from posetube.skeletons import COCO17, PENN13, Skeleton
from posetube.structures import FrameTable, JointState, VideoTracks

PIXELS = st.floats(-1e5, 1e5, width=32)
SHARES = st.floats(0, 1, width=32)


def arrays(draw: st.DrawFn, kind: type, shape: tuple[int, ...], values: st.SearchStrategy) -> ...:
    return draw(hnp.arrays(kind, shape, elements=values))


@st.composite
def videos(draw: st.DrawFn, joints: Skeleton | None = None) -> VideoTracks:
    """Any video of a few frames, with everything that a table may have."""
    skeleton = joints or draw(st.sampled_from([COCO17, PENN13]))
    f, k = draw(st.integers(1, 6)), len(skeleton)
    crowd = [draw(st.lists(st.integers(0, 9), unique=True, max_size=3)) for _ in range(f)]
    frame = np.repeat(np.arange(f), [len(ids) for ids in crowd])
    r, kind = len(frame), draw(st.sampled_from([np.float32, np.float64]))
    known = arrays(draw, np.bool_, (r, k, 1), st.booleans())
    keypoints = np.where(known, arrays(draw, kind, (r, k, 2), PIXELS), kind(np.nan))
    scores = np.where(known[..., 0], arrays(draw, np.float32, (r, k), SHARES), np.float32(np.nan))
    seen = arrays(draw, np.uint8, (r, k), st.integers(1, 2))
    names = tuple(f"pictures/{i:06d}.jpg" for i in range(f)) if draw(st.booleans()) else ()
    return VideoTracks(
        source="walk",
        size=draw(st.sampled_from([None, (360, 640)])),
        skeleton=skeleton,
        frames=FrameTable(
            times=np.arange(f) / 25,
            names=names,
            ids=np.arange(f) * 7 if draw(st.booleans()) else None,
            labeled=arrays(draw, np.bool_, (f,), st.booleans()) if draw(st.booleans()) else None,
            states=arrays(draw, np.uint8, (f,), st.integers(0, 2)) if draw(st.booleans()) else None,
            ignore_regions={0: (np.array([[0.0, 0], [10, 0.5], [3, 7]]),)}
            if draw(st.booleans())
            else {},
        ),
        frame=frame,
        track_ids=np.array([i for ids in crowd for i in ids], np.int64),
        boxes=arrays(draw, np.float32, (r, 4), PIXELS),
        scores=arrays(draw, np.float32, (r,), SHARES),
        keypoints=keypoints,
        keypoint_scores=scores,
        states=arrays(draw, np.uint8, (r,), st.integers(0, 1)) if draw(st.booleans()) else None,
        link_margins=draw(st.sampled_from([None, np.full(r, np.nan, np.float32)])),
        joint_states=np.where(known[..., 0], seen, JointState.ABSENT).astype(np.uint8)
        if draw(st.booleans())
        else None,
        head_boxes=arrays(draw, np.float64, (r, 4), PIXELS) if draw(st.booleans()) else None,
    )


def through(module: ..., tracks: VideoTracks, suffix: str) -> VideoTracks:
    """Written and read back."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"walk{suffix}"
        module.write(path, tracks)
        found: VideoTracks = module.read(path)
        return found


def assert_same(found: VideoTracks, expected: VideoTracks, *fields: str) -> None:
    """Equal in the named fields, single precision compared as such."""
    for name in fields:
        left, right = getattr(found, name), getattr(expected, name)
        if isinstance(right, np.ndarray):
            assert left is not None, name
            np.testing.assert_array_equal(left.astype(right.dtype), right, err_msg=name)
        else:
            assert left == right, name


ROWS = ("frame", "track_ids", "boxes", "scores", "keypoints", "keypoint_scores", "states",
        "link_margins", "joint_states", "head_boxes")  # fmt: skip
EVERYTHING = ("source", "size", "skeleton", *ROWS)


@settings(max_examples=40, deadline=None)
@given(tracks=videos())
@pytest.mark.parametrize(
    ("module", "suffix"), [(json_lines, ".jsonl"), (parquet_table, ".parquet")]
)
def test_nothing_is_lost(module: ..., suffix: str, tracks: VideoTracks) -> None:
    found = through(module, tracks, suffix)

    assert_same(found, tracks, *EVERYTHING)
    for name in ("times", "ids", "labeled", "states"):
        np.testing.assert_array_equal(getattr(found.frames, name), getattr(tracks.frames, name))
    assert found.frames.names == tracks.frames.names
    assert found.frames.ignore_regions.keys() == tracks.frames.ignore_regions.keys()
    for i, regions in tracks.frames.ignore_regions.items():
        np.testing.assert_array_equal(found.frames.ignore_regions[i], regions)


@settings(max_examples=40, deadline=None)
@given(tracks=videos())
def test_a_table_of_joints_keeps_the_joints(tracks: VideoTracks) -> None:
    found = through(csv_table, tracks, ".csv")

    if len(tracks.frame):
        assert_same(found, tracks, "source", "frame", "track_ids", "keypoints", "keypoint_scores")
        assert found.skeleton.joints == tracks.skeleton.joints
        rows = tracks.frame
        np.testing.assert_array_equal(found.frames.times[rows], tracks.frames.times[rows])
        if found.joint_states is not None:
            assert_same(found, tracks, "joint_states")


@settings(max_examples=20, deadline=None)
@given(tracks=videos())
def test_people_without_identity_stay_apart_in_a_table(tracks: VideoTracks) -> None:
    nameless = replace(tracks, track_ids=np.full_like(tracks.track_ids, -1))

    found = through(csv_table, nameless, ".csv")

    if len(tracks.frame):
        assert_same(found, nameless, "frame", "track_ids", "keypoints")
