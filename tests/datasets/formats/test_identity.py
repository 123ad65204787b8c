"""Reading what was written gives the same people, for everything that a format can hold."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.formats import (
    alphapose,
    csv_table,
    cvat_xml,
    deeplabcut,
    json_lines,
    mmpose_json,
    openpose,
    parquet_table,
    sleap,
)
from posetube.datasets.formats.numbers import joint_states
from posetube.errors import InputError
from posetube.skeletons import COCO17, PENN13, Skeleton
from posetube.structures import FrameTable, JointState, VideoTracks

PIXELS = st.floats(-1e5, 1e5, width=32)
SHARES = st.floats(0, 1, width=32)


def arrays(draw: st.DrawFn, kind: type, shape: tuple[int, ...], values: Any) -> Any:
    return draw(hnp.arrays(kind, shape, elements=values))


def _precision(draw: st.DrawFn) -> Any:
    return draw(st.sampled_from([np.float32, np.float64]))


@st.composite
def videos(draw: st.DrawFn, joints: Skeleton | None = None) -> VideoTracks:
    """Any video of a few frames, with everything that a table may have."""
    skeleton = joints or draw(st.sampled_from([COCO17, PENN13]))
    f, k = draw(st.integers(1, 6)), len(skeleton)
    crowd = [draw(st.lists(st.integers(0, 9), unique=True, max_size=3)) for _ in range(f)]
    frame = np.repeat(np.arange(f), [len(ids) for ids in crowd])
    r, kind = len(frame), _precision(draw)
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
        link_margins=draw(st.sampled_from([None, np.full(r, np.inf, np.float32)])),
        link_costs=draw(st.sampled_from([None, np.full(r, np.nan, np.float32)])),
        link_gates=draw(st.sampled_from([None, np.full(r, 0.9, np.float32)])),
        joint_states=np.where(known[..., 0], seen, JointState.ABSENT).astype(np.uint8)
        if draw(st.booleans())
        else None,
        head_boxes=arrays(draw, np.float64, (r, 4), PIXELS) if draw(st.booleans()) else None,
    )


def through(module: Any, tracks: VideoTracks, suffix: str) -> VideoTracks:
    """Written and read back."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"walk{suffix}"
        module.write_tracks(path, tracks)
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
        "link_margins", "link_costs", "link_gates", "joint_states", "head_boxes")  # fmt: skip
EVERYTHING = ("source", "size", "skeleton", *ROWS)


@settings(max_examples=15)
@given(tracks=videos())
@pytest.mark.parametrize(
    ("module", "suffix"), [(json_lines, ".jsonl"), (parquet_table, ".parquet")]
)
def test_nothing_is_lost(module: Any, suffix: str, tracks: VideoTracks) -> None:
    found = through(module, tracks, suffix)

    assert_same(found, tracks, *EVERYTHING)
    for name in ("times", "ids", "labeled", "states"):
        np.testing.assert_array_equal(getattr(found.frames, name), getattr(tracks.frames, name))
    assert found.frames.names == tracks.frames.names
    assert found.frames.ignore_regions.keys() == tracks.frames.ignore_regions.keys()
    for i, regions in tracks.frames.ignore_regions.items():
        np.testing.assert_array_equal(found.frames.ignore_regions[i], regions)


@settings(max_examples=15)
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


@settings(max_examples=10)
@given(tracks=videos())
def test_people_without_identity_stay_apart_in_a_table(tracks: VideoTracks) -> None:
    nameless = replace(tracks, track_ids=np.full_like(tracks.track_ids, -1))

    found = through(csv_table, nameless, ".csv")

    if len(tracks.frame):
        assert_same(found, nameless, "frame", "track_ids", "keypoints")


def with_order(tracks: VideoTracks) -> VideoTracks:
    """The same rows, those of a frame by rising id."""
    order = np.lexsort((tracks.track_ids, tracks.frame))
    return tracks.select(order)


@settings(max_examples=12)
@given(tracks=videos())
def test_cvat_keeps_places_states_and_identities(tracks: VideoTracks) -> None:
    known = ~np.isnan(tracks.keypoints).all(axis=(1, 2))
    expected = with_order(tracks.select(known))

    found = through(cvat_xml, tracks, ".xml")

    assert_same(found, expected, "source", "size", "skeleton", "frame", "track_ids", "keypoints")
    np.testing.assert_array_equal(found.joint_states, joint_states(expected))
    assert len(found.frames) == len(tracks.frames)


@settings(max_examples=12)
@given(tracks=videos())
def test_deeplabcut_keeps_places_scores_and_identities(tracks: VideoTracks) -> None:
    known = ~np.isnan(tracks.keypoints).all(axis=(1, 2))
    expected = with_order(tracks.select(known))

    if len(expected.frame):
        found = through(deeplabcut, expected, ".csv")

        fields = ("skeleton", "frame", "track_ids", "keypoints", "keypoint_scores")
        assert_same(with_order(found), expected, *fields)
        assert len(found.frames) == len(tracks.frames)


@settings(max_examples=12)
@given(tracks=videos(joints=openpose.BODY25))
def test_openpose_keeps_places_scores_and_identities(tracks: VideoTracks) -> None:
    scored = replace(tracks, keypoint_scores=np.maximum(tracks.keypoint_scores, np.float32(0.01)))

    found = through(openpose, scored, "")

    fields = ("source", "skeleton", "frame", "track_ids", "keypoints", "keypoint_scores")
    assert_same(found, scored, *fields)
    assert len(found.frames) == len(tracks.frames)


@settings(max_examples=12)
@given(tracks=videos(joints=COCO17))
def test_alphapose_keeps_people_but_for_their_frames(tracks: VideoTracks) -> None:
    scored = replace(
        tracks,
        boxes=np.tile(np.array([1, 2, 30, 40], np.float32), (len(tracks.frame), 1)),
        keypoint_scores=np.maximum(tracks.keypoint_scores, np.float32(0.01)),
        frames=replace(tracks.frames, names=()),
    )

    found = through(alphapose, scored, ".json")

    fields = ("frame", "track_ids", "boxes", "scores", "keypoints", "keypoint_scores")
    assert_same(found, scored, *fields)


@settings(max_examples=12)
@given(tracks=videos())
def test_mmpose_keeps_people_and_frames(tracks: VideoTracks) -> None:
    found = through(mmpose_json, tracks, ".json")

    fields = ("source", "skeleton", "frame", "track_ids", "boxes", "scores", "keypoints",
              "keypoint_scores")  # fmt: skip
    assert_same(found, tracks, *fields)
    assert len(found.frames) == len(tracks.frames)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".slp", ".h5"])
def test_sleap_keeps_places_scores_and_identities(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    path = tmp_path / f"walk{suffix}"
    with sleap.reader(suffix) as process:

        @settings(max_examples=5)
        @given(tracks=videos(joints=COCO17))
        def check(tracks: VideoTracks) -> None:
            known = ~np.isnan(tracks.keypoints).all(axis=(1, 2))
            expected = tracks.select(known)
            if not len(expected.frame):
                return
            path.unlink(missing_ok=True)
            sleap.write_tracks(path, expected)
            found = sleap.read(path, process=process)
            assert_same(with_order(found), with_order(expected), "frame", "track_ids", "keypoints")

        check()


@pytest.mark.slow
def test_nwb_keeps_places_of_people_who_are_there_from_the_start(tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    rng = np.random.default_rng(0)
    tracks = VideoTracks(
        source="walk",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(5) / 25),
        frame=np.repeat(np.arange(5), 2),
        track_ids=np.tile([3, 8], 5),
        boxes=np.full((10, 4), np.nan, np.float32),
        scores=np.full(10, np.nan, np.float32),
        keypoints=rng.uniform(0, 500, (10, 17, 2)).astype(np.float32),
        keypoint_scores=rng.uniform(0, 1, (10, 17)).astype(np.float32),
    )

    sleap.write_tracks(tmp_path / "walk.nwb", tracks)
    found = sleap.read(tmp_path / "walk.nwb")

    assert_same(found, tracks, "source", "frame", "keypoints")


@pytest.mark.slow
def test_nwb_is_written_where_frames_have_nobody(tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    h5py = pytest.importorskip("h5py")
    tracks = VideoTracks(
        source="walk",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(9) / 25),
        frame=np.array([2, 3, 6]),
        track_ids=np.array([3, 3, 3]),
        boxes=np.full((3, 4), np.nan, np.float32),
        scores=np.ones(3, np.float32),
        keypoints=np.ones((3, 17, 2), np.float32),
        keypoint_scores=np.ones((3, 17), np.float32),
    )

    sleap.write_tracks(tmp_path / "walk.nwb", tracks)

    times: list[list[float]] = []
    with h5py.File(tmp_path / "walk.nwb") as file:
        file.visititems(
            lambda name, item: (
                times.append(item[:].tolist()) if name.endswith("/timestamps") else None
            )
        )
    assert times == [[2.0, 3.0, 6.0]] * 17


@pytest.mark.parametrize(
    ("form", "name"), [(deeplabcut, "a.csv"), (sleap, "a.h5"), (sleap, "a.nwb")]
)
def test_formats_that_need_somebody_say_that_nobody_is_there(
    form: Any, name: str, tmp_path: Path
) -> None:
    pytest.importorskip("sleap_io")
    nobody = VideoTracks(
        source="walk",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(2) / 25),
        frame=np.empty(0, np.int64),
        track_ids=np.empty(0, np.int64),
        boxes=np.empty((0, 4), np.float32),
        scores=np.empty(0, np.float32),
        keypoints=np.empty((0, 17, 2), np.float32),
        keypoint_scores=np.empty((0, 17), np.float32),
    )

    with pytest.raises(InputError, match="walk: nobody is in it"):
        form.write_tracks(tmp_path / name, nobody)
