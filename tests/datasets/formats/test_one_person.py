"""Penn Action and JHMDB as they are written: the originals' layout, read back the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posetube.datasets.annotated_video import AnnotatedVideo
from posetube.datasets.formats import jhmdb, penn_action
from posetube.datasets.formats.format_table import recognise
from posetube.datasets.published.jhmdb import Jhmdb
from posetube.datasets.published.penn_action import PennAction
from posetube.errors import InputError
from posetube.skeletons import JHMDB15, PENN13, Skeleton
from posetube.structures import FrameTable, JointState, VideoTracks

FRAMES = 6


def people(
    skeleton: Skeleton, ids: list[int], frame: list[int], *, name: str = "walk"
) -> VideoTracks:
    """People whose places tell frame, person and joint."""
    rows, k = len(frame), len(skeleton)
    base = 10.0 * np.array(frame) + 100.0 * np.array(ids)
    points = base[:, None, None] + np.arange(k)[:, None] + np.array([0.25, 0.5])
    return VideoTracks(
        source=name,
        size=(480, 640),
        skeleton=skeleton,
        frames=FrameTable(times=np.arange(FRAMES) / 25),
        frame=np.array(frame, np.int64),
        track_ids=np.array(ids, np.int64),
        boxes=np.column_stack([base, base, base + 50, base + 90]).astype(np.float32),
        scores=np.full(rows, np.nan, np.float32),
        keypoints=points,
        keypoint_scores=np.full((rows, k), np.nan, np.float32),
    )


def video(tracks: VideoTracks, **fields: Any) -> AnnotatedVideo:
    return AnnotatedVideo(name=tracks.source, dataset="any", tracks=tracks, **fields)


def penn(folder: Path, given: AnnotatedVideo) -> list[str]:
    return [clip.name for clip in penn_action.write_clips(folder, given)]


def clips(folder: Path, given: AnnotatedVideo) -> list[str]:
    return [clip.name for clip in jhmdb.write_clips(folder, given)]


def test_a_clip_of_penn_action_has_the_originals_variables(tmp_path: Path) -> None:
    tracks = people(PENN13, [7] * 6, [0, 1, 2, 3, 4, 5])
    penn(tmp_path, video(tracks, action="squat", viewpoint="left", split="train"))
    path = tmp_path / "labels" / "0001.mat"

    assert sorted(scipy.io.whosmat(path)) == sorted([
        ("action", (1,), "char"), ("pose", (1,), "char"), ("x", (6, 13), "double"),
        ("y", (6, 13), "double"), ("visibility", (6, 13), "logical"), ("train", (1, 1), "int32"),
        ("bbox", (6, 4), "double"), ("dimensions", (1, 3), "double"), ("nframes", (1, 1), "double"),
    ])  # fmt: skip
    found = scipy.io.loadmat(path)
    kinds = {name: found[name].dtype.str[1:] for name, _, _ in scipy.io.whosmat(path)}
    assert kinds | {"action": "", "pose": ""} == {
        "action": "", "pose": "", "x": "f8", "y": "f8", "visibility": "u1", "train": "i4",
        "bbox": "f8", "dimensions": "u2", "nframes": "u1",
    }  # fmt: skip
    assert (found["action"][0], found["pose"][0]) == ("squat", "left")
    assert (found["train"].tolist(), found["dimensions"].tolist()) == ([[1]], [[480, 640, 6]])
    np.testing.assert_array_equal(found["x"][2], tracks.keypoints[2, :, 0])
    np.testing.assert_array_equal(found["bbox"][2], tracks.boxes[2])


def test_variables_are_those_of_the_published_files(tmp_path: Path, samples: Path) -> None:
    penn(tmp_path, video(people(PENN13, [7] * 6, [0, 1, 2, 3, 4, 5])))
    ours = tmp_path / "labels" / "0001.mat"
    theirs = samples / "penn_action" / "labels" / "0009.mat"

    def described(path: Path) -> dict[str, tuple[int, str]]:
        return {name: (len(shape), kind) for name, shape, kind in scipy.io.whosmat(path)}

    assert described(ours) == described(theirs)
    stored = {path: scipy.io.loadmat(path) for path in (ours, theirs)}
    for name in described(ours):
        kinds = {content[name].dtype.kind for content in stored.values()}
        assert len(kinds) == 1, name


def test_penn_action_reads_back_what_it_wrote(tmp_path: Path) -> None:
    tracks = people(PENN13, [3, 9, 3, 9, 3], [0, 0, 1, 3, 4])
    states = np.full((5, 13), JointState.VISIBLE, np.uint8)
    states[0, 2], states[1, 3] = JointState.OCCLUDED, JointState.ABSENT
    places = tracks.keypoints.copy()
    places[1, 3] = np.nan
    tracks = replace(tracks, joint_states=states, keypoints=places)

    assert penn(tmp_path, video(tracks, action="squat", split="test")) == ["0001", "0002"]

    for name, track_id in (("0001", 3), ("0002", 9)):
        again = PennAction(root=tmp_path, guesses=True).read(name)
        person = tracks.select(tracks.track_ids == track_id)
        assert (again.action, again.split, again.tracks.size) == ("squat", "test", (480, 640))
        assert again.tracks.frame.tolist() == person.frame.tolist()
        assert len(again.tracks.frames) == FRAMES
        np.testing.assert_array_equal(again.tracks.keypoints, person.keypoints)
        np.testing.assert_array_equal(again.tracks.boxes, person.boxes)
        np.testing.assert_array_equal(again.tracks.joint_states, person.joint_states)
    assert recognise(tmp_path / "labels" / "0001.mat").name == "penn-action"


def test_clips_of_penn_action_are_numbered_on(tmp_path: Path) -> None:
    one = people(PENN13, [1], [0])

    names = [penn(tmp_path, video(replace(one, source=name))) for name in
             ("0012", "train/0003", "walk", "0003")]  # fmt: skip

    assert names == [["0012"], ["0003"], ["0013"], ["0014"]]


def test_a_clip_of_jhmdb_has_the_originals_variables(tmp_path: Path) -> None:
    tracks = people(JHMDB15, [1] * 6, [0, 1, 2, 3, 4, 5], name="catch/one")
    assert clips(tmp_path, video(tracks, viewpoint="E")) == ["catch/one"]
    path = tmp_path / "joint_positions" / "catch" / "one" / "joint_positions.mat"

    assert sorted(scipy.io.whosmat(path)) == [
        ("pos_img", (2, 15, 6), "double"), ("pos_world", (2, 15, 6), "double"),
        ("scale", (1, 6), "double"), ("viewpoint", (1,), "char"),
    ]  # fmt: skip
    found = scipy.io.loadmat(path)
    np.testing.assert_array_equal(found["pos_img"][0, :, 2], tracks.keypoints[2, :, 0] + 1)
    x, y = found["pos_img"]
    np.testing.assert_allclose(found["pos_world"][0], (x / 640 - 0.5) * 640 / 480)
    np.testing.assert_allclose(found["pos_world"][1], y / 480 - 0.5)


def test_jhmdb_reads_back_what_it_wrote(tmp_path: Path) -> None:
    tracks = people(JHMDB15, [3, 9, 3, 9, 3], [0, 0, 1, 3, 4])
    places = tracks.keypoints.copy()
    places[1, 3] = np.nan
    tracks = replace(tracks, keypoints=places)

    names = clips(tmp_path, video(tracks, action="jump", split="train"))

    assert names == ["jump/walk_person_3", "jump/walk_person_9"]
    for name, track_id in zip(names, (3, 9), strict=True):
        again = Jhmdb(root=tmp_path).read(name)
        person = tracks.select(tracks.track_ids == track_id)
        assert (again.action, again.split, again.tracks.size) == ("jump", "train", (480, 640))
        assert again.tracks.frame.tolist() == person.frame.tolist()
        assert len(again.tracks.frames) == FRAMES
        np.testing.assert_allclose(again.tracks.keypoints, person.keypoints, atol=1e-9)
    path = tmp_path / "joint_positions" / names[0] / "joint_positions.mat"
    assert recognise(path).name == "jhmdb"
    assert scipy.io.loadmat(path)["viewpoint"].tolist() == ["unknown"]
    with pytest.raises(InputError, match="another video has the clip jump/walk_person_3 already"):
        clips(tmp_path, video(tracks, action="jump"))


@pytest.mark.parametrize(
    ("ids", "frame", "message"),
    [
        ([1, -1], [0, 0], "walk: frame 0: a person has no track id"),
        ([-1, -1], [2, 2], "walk: frame 2: a person has no track id"),
        ([4, 4], [1, 1], "walk: track id 4 is twice in a frame"),
        ([], [], "walk: nobody is in it, and a clip shows one person"),
    ],
)
def test_people_who_cannot_be_told_apart_are_refused(
    tmp_path: Path, ids: list[int], frame: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        penn(tmp_path, video(people(PENN13, ids, frame)))


def test_a_person_who_is_alone_needs_no_identity(tmp_path: Path) -> None:
    assert penn(tmp_path, video(people(PENN13, [-1, -1], [0, 4]))) == ["0001"]
    assert PennAction(root=tmp_path).read("0001").tracks.frame.tolist() == [0, 4]


def test_a_video_longer_than_the_file_has_room_for_is_refused(tmp_path: Path) -> None:
    tracks = replace(people(PENN13, [1], [0]), frames=FrameTable(times=np.zeros(70_000)))
    with pytest.raises(InputError, match="more than 65535 frames or pixels of a side"):
        penn(tmp_path, video(tracks))
