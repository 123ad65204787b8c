"""PoseTrack18 files: what is written is read again, and what is broken is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.files.opened_file import OpenedFile
from posetube.datasets.formats import posetrack17, posetrack18, posetrack18_writer, posetrack21
from posetube.datasets.formats.posetrack18 import read, read_video
from posetube.datasets.formats.posetrack18_writer import PoseTrack18Writer, write_tracks
from posetube.errors import FormatError, InputError
from posetube.skeletons import COCO17, POSETRACK15, POSETRACK17SLOTS, Skeleton
from posetube.structures import Detections, FramePoses, FrameTable, JointState, VideoTracks


def poses(frame: int, ids: list[int], *, skeleton: Skeleton = COCO17, seed: int = 0) -> FramePoses:
    rng = np.random.default_rng([seed, frame])
    n, k = len(ids), len(skeleton)
    return FramePoses(
        frame=frame,
        time=frame / 25,
        track_ids=np.array(ids, np.int64),
        people=Detections(
            boxes=rng.uniform(0, 500, (n, 4)).astype(np.float32),
            scores=rng.uniform(0, 1, n).astype(np.float32),
            keypoints=rng.uniform(1, 500, (n, k, 2)).astype(np.float32),
            keypoint_scores=rng.uniform(0, 1, (n, k)).astype(np.float32),
        ),
        states=np.zeros(n, np.uint8),
        link_margins=np.zeros(n, np.float32),
    )


def person(**given: Any) -> dict[str, Any]:
    return {"image_id": 7, "track_id": 1, "keypoints": [1.0, 2, 1] * 17} | given


def file_with(path: Path, *people: dict[str, Any], **given: Any) -> Path:
    content = {
        "images": [{"id": 7, "file_name": "images/val/000001_mpii_test/000000.jpg"}],
        "annotations": list(people),
        "categories": [{"name": "person", "keypoints": POSETRACK17SLOTS.joints}],
    }
    path.write_text(json.dumps(content | given))
    return path


def test_every_frame_is_listed_also_those_that_nobody_is_in(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tracks.json"
    with PoseTrack18Writer(path, skeleton=COCO17, name="dance", size=(480, 640)) as out:
        out.add(poses(0, [1, 2]))
        out.add(poses(3, [2]))

    tracks = read(path)

    assert tracks.source == "dance"
    assert tracks.size == (480, 640)
    assert tracks.skeleton == POSETRACK17SLOTS
    assert len(tracks.frames) == 4
    assert tracks.frame.tolist() == [0, 0, 3]
    assert tracks.track_ids.tolist() == [1, 2, 2]
    np.testing.assert_allclose(tracks.frames.times[[0, 3]], [0, 3 / 25])
    np.testing.assert_allclose(
        tracks.keypoints[2, POSETRACK17SLOTS.index("left_knee")],
        poses(3, [2]).people.keypoints[0, COCO17.index("left_knee")],
        atol=6e-4,
    )


def test_the_reference_tools_find_what_they_ask_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    frames = FrameTable(times=np.arange(3) / 25)
    tracks = VideoTracks.from_frames(
        [poses(1, [4, 9], skeleton=POSETRACK15)],
        source="000123_bonn_x",
        size=None,
        skeleton=POSETRACK15,
        frames=frames,
    )
    write_tracks(path, tracks)

    content = json.loads(path.read_text())

    assert [i["file_name"] for i in content["images"]] == [
        f"images/test/000123_bonn_x/{i:06d}.jpg" for i in range(3)
    ]
    assert [i["id"] for i in content["images"]] == [20001230000, 20001230001, 20001230002]
    (category,) = content["categories"]
    assert (category["name"], len(category["keypoints"])) == ("person", 17)
    for annotation in content["annotations"]:
        assert len(annotation["keypoints"]) == 51
        assert len(annotation["scores"]) == 17
        assert all(isinstance(x, float) for x in annotation["keypoints"] + annotation["scores"])


def test_an_unknown_joint_is_written_as_three_zeros_whatever_its_score(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    frame = poses(0, [1], skeleton=POSETRACK17SLOTS)
    frame.people.keypoints[0, 5] = np.nan
    with PoseTrack18Writer(path, skeleton=POSETRACK17SLOTS, name="a") as out:
        out.add(frame)

    keypoints = json.loads(path.read_text())["annotations"][0]["keypoints"]

    assert keypoints[15:18] == [0, 0, 0]
    assert np.isnan(read(path).keypoints[0, 5]).all()


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="frame 0: a track id is there twice, got \\[3, 3\\]"),
        PoseTrack18Writer(tmp_path / "a.json", skeleton=COCO17, name="a") as out,
    ):
        out.add(poses(0, [3, 3]))

    assert not list(tmp_path.iterdir())


def test_frames_must_come_in_order(tmp_path: Path) -> None:
    with PoseTrack18Writer(tmp_path / "a.json", skeleton=COCO17, name="a") as out:
        out.add(poses(1, [3]))
        with pytest.raises(InputError, match="frame 1 after frame 1"):
            out.add(poses(1, [3]))


def annotations(skeleton: Skeleton = POSETRACK17SLOTS) -> VideoTracks:
    rng = np.random.default_rng(3)
    keypoints = rng.uniform(1, 900, (5, len(skeleton), 2))
    keypoints[1, 2] = keypoints[4] = np.nan
    return VideoTracks(
        source="000101_mpii_test",
        size=None,
        skeleton=skeleton,
        frames=FrameTable(
            times=np.array([np.nan, np.nan, 0.5]),
            names=("v/000000.jpg", "v/000001.jpg", "v/000002.jpg"),
            ids=np.array([5, 6, 9]),
            labeled=np.array([True, False, True]),
            ignore_regions={2: (np.array([[0.0, 0], [5, 0], [5, 5]]),)},
        ),
        frame=np.array([0, 0, 2, 2, 2]),
        track_ids=np.array([0, 1, 1, 2, 3]),
        boxes=np.full((5, 4), np.nan, np.float32),
        scores=np.full(5, np.nan, np.float32),
        keypoints=keypoints,
        keypoint_scores=np.full((5, len(skeleton)), np.nan),
        head_boxes=np.array([[1.0, 2, 3, 4.5]] * 4 + [[np.nan] * 4]),
    )


def test_annotations_come_back_as_they_were_written(tmp_path: Path) -> None:
    truth = annotations()
    write_tracks(tmp_path / "a.json", truth)

    again = read(tmp_path / "a.json")

    for name in ("frame", "track_ids", "boxes", "scores", "keypoints", "head_boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(truth, name), err_msg=name)
    assert again.frames.names == truth.frames.names
    for name in ("times", "ids", "labeled"):
        np.testing.assert_array_equal(getattr(again.frames, name), getattr(truth.frames, name))
    np.testing.assert_array_equal(
        again.frames.ignore_regions[2][0], truth.frames.ignore_regions[2][0]
    )


def test_fifteen_joints_come_back_by_name(tmp_path: Path) -> None:
    truth = annotations(POSETRACK15)
    write_tracks(tmp_path / "a.json", truth)

    again = read(tmp_path / "a.json")

    columns = [POSETRACK17SLOTS.index(joint) for joint in POSETRACK15.joints]
    np.testing.assert_array_equal(again.keypoints[:, columns], truth.keypoints)


def test_identities_that_the_reference_refuses_are_numbered_anew(tmp_path: Path) -> None:
    truth = annotations()
    large = replace(truth, track_ids=truth.track_ids + 10_000)
    for module in (posetrack18_writer, posetrack17):
        module.write_tracks(tmp_path / "a.json", large)
        again = read if module is posetrack18_writer else posetrack17.read
        assert again(tmp_path / "a.json").track_ids.tolist() == [1, 2, 2, 3, 4]


def test_more_people_than_the_reference_tells_apart_are_refused(tmp_path: Path) -> None:
    crowd = annotations().select(np.zeros(10_000, np.int64))
    many = replace(crowd, track_ids=np.arange(1, 10_001))
    for module in (posetrack18_writer, posetrack17, posetrack21):
        with pytest.raises(InputError, match="10000 people, but PoseTrack's tools tell at most"):
            module.write_tracks(tmp_path / "a.json", many)
    assert not list(tmp_path.iterdir())
    assert posetrack18_writer.accepted_ids(many.track_ids - 1, path="a.json").max() == 9_999


def test_a_stream_keeps_identities_and_frames_beyond_the_reference_s_range(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    with PoseTrack18Writer(path, skeleton=COCO17, name="film") as out:
        out.add(poses(0, [1]))
        out.add(poses(10_001, [12_345]))

    tracks = read(path)

    assert tracks.track_ids.tolist() == [1, 12_345]
    assert tracks.frame.tolist() == [0, 10_001]
    assert len(tracks.frames) == 10_002


def test_a_person_without_identity_cannot_be_written(tmp_path: Path) -> None:
    truth = annotations()
    truth.track_ids[2] = -1
    with pytest.raises(InputError, match="frame 2: a person has no track id"):
        write_tracks(tmp_path / "a.json", truth)


def test_a_joint_is_absent_only_where_all_three_numbers_are_zero(tmp_path: Path) -> None:
    path = file_with(
        tmp_path / "a.json",
        person(keypoints=[0, 0, 0, 0, 0, 1, 3, 0, 0, 4, 5, 2] + [0] * 39),
    )

    tracks = read(path)

    assert np.isnan(tracks.keypoints[0, 0]).all()
    assert tracks.keypoints[0, 1:4].tolist() == [[0, 0], [3, 0], [4, 5]]
    assert tracks.joint_states is not None
    assert tracks.joint_states[0, :4].tolist() == [
        JointState.ABSENT,
        JointState.VISIBLE,
        JointState.OCCLUDED,
        JointState.VISIBLE,
    ]


def test_people_of_images_that_are_not_listed_are_left_out(tmp_path: Path) -> None:
    path = file_with(tmp_path / "a.json", person(image_id=8), person(track_id=4))
    assert read(path).track_ids.tolist() == [4]


def test_person_ids_come_with_the_video_sorted_like_its_rows(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in (7, 8)]
    people = [person(image_id=8, track_id=1, person_id=900), person(image_id=7, track_id=2)]
    path = file_with(tmp_path / "a.json", *people, images=images)

    video = read_video(OpenedFile(path))

    assert video.tracks.track_ids.tolist() == [2, 1]
    assert video.person_ids is not None
    assert video.person_ids.tolist() == [-1, 900]
    assert read_video(OpenedFile(file_with(path, person()))).person_ids is None


def test_a_single_ignore_region_may_be_flat_where_that_is_allowed(tmp_path: Path) -> None:
    image = {"id": 7, "file_name": "x.jpg"}
    image |= {"ignore_regions_x": [0, 9, 9], "ignore_regions_y": [0, 0, 9]}
    path = file_with(tmp_path / "a.json", images=[image])

    assert read(path).frames.ignore_regions[0][0].tolist() == [[0, 0], [9, 0], [9, 9]]
    assert read_video(OpenedFile(path)).flat_regions == "x.jpg"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"track_id": "3"}, r"frame images/.*0.jpg, person in annotations\[0\]: Expected `?float"),
        ({"track_id": 2.5}, r"track id must be a whole number from 0, got 2.5"),
        ({"keypoints": [1, 2, 3]}, "expected 3 x 17 numbers for its joints, got 3"),
        ({"keypoints": ["1"] * 51}, r"Expected float \| null, got str, at keypoints\[0\]"),
        ({"scores": [0.5]}, "expected 17 joint scores, got 1"),
        ({"bbox_head": [1, 2]}, "expected 4 numbers in bbox_head, got 2"),
        ({"image_id": []}, r"a.json: person in annotations\[0\]: Expected int"),
    ],
)
def test_a_broken_person_is_named(tmp_path: Path, broken: dict[str, Any], message: str) -> None:
    path = file_with(tmp_path / "a.json", person(**broken))
    with pytest.raises(FormatError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.json: the file is empty"),
        ('{"images": [{"id"', "not valid JSON: .*cut short"),
        ('{"images": [], "annotations": [NaN]}', "not valid JSON"),
        ("[1, 2]", "Expected object, got array"),
        ('{"images": [{"id": "7", "file_name": ""}]}', r"Expected int, got str, at images\[0\].id"),
        ('{"images": []}', "no 'categories' that name the joints"),
        ('{"images": ' + "[" * 100_000, "nested too deeply|not valid JSON|Expected"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        read(tmp_path / "none.json")


def test_a_polygon_needs_three_corners(tmp_path: Path) -> None:
    image = {"id": 7, "file_name": "x.jpg", "ignore_regions_x": [[1, 2]]}
    path = file_with(tmp_path / "a.json", images=[image | {"ignore_regions_y": [[1, 2]]}])
    with pytest.raises(FormatError, match="frame x.jpg: ignore_regions: a polygon needs 3 corners"):
        read(path)


def test_numbers_that_no_picture_has_are_refused(tmp_path: Path) -> None:
    path = file_with(tmp_path / "a.json", person(), person(bbox=[0, 0, 1e300, 1]))
    with pytest.raises(FormatError, match=r"person 2 of the file: a number is beyond 1e\+06"):
        read(path)
    corners = {"ignore_regions_x": [[1, 2, 1e9]], "ignore_regions_y": [[1, 2, 3]]}
    path = file_with(tmp_path / "a.json", images=[{"id": 7, "file_name": "x.jpg"} | corners])
    with pytest.raises(FormatError, match=r"ignore_regions: a number is beyond 1e\+06"):
        read(path)


def test_image_ids_must_differ(tmp_path: Path) -> None:
    path = file_with(tmp_path / "a.json", images=[{"id": 7, "file_name": "x.jpg"}] * 2)
    with pytest.raises(FormatError, match="two images have the same id"):
        read(path)


def test_a_frame_with_absurdly_many_people_is_refused(tmp_path: Path) -> None:
    one = json.dumps(person())
    text = json.dumps({"images": [{"id": 7, "file_name": "x.jpg"}], "annotations": [],
                       "categories": [{"keypoints": POSETRACK17SLOTS.joints}]})  # fmt: skip
    path = tmp_path / "a.json"
    path.write_text(text.replace("[]", "[" + ",".join([one] * 1_001) + "]", 1))
    with pytest.raises(FormatError, match="the frame has more than 1000 people"):
        read(path)


def shuffled(path: Path, source: Path, *, seed: int, key: str, **change: Any) -> Path:
    """The same file with its frames in another order."""
    content = json.loads(source.read_text())
    order = np.random.default_rng(seed).permutation(len(content[key]))
    content[key] = [content[key][i] for i in order]
    for image in content[key]:
        image |= {name: make(image) for name, make in change.items()}
    path.write_text(json.dumps(content))
    return path


def walked(path: Path, *, frames: int = 9) -> Path:
    with PoseTrack18Writer(path, skeleton=COCO17, name="dance", size=(480, 640)) as out:
        for frame in range(frames):
            out.add(poses(frame, [1, 2] if frame % 3 else [2]))
    return path


ORDERED = {
    "frame_id": {},
    "names": {"frame_id": lambda image: None},
    "equal frame_ids": {"frame_id": lambda image: 1},
    "ids": {"frame_id": lambda image: None, "file_name": lambda image: f"v/{image['id']:x}g.jpg"},
}
"""What of an image says which frame it is."""


@pytest.mark.parametrize("change", ORDERED.values(), ids=ORDERED)
def test_frames_are_in_order_whatever_the_order_of_the_file(
    change: dict[str, Any], tmp_path: Path
) -> None:
    whole = read(walked(tmp_path / "a.json"))
    video = read_video(
        OpenedFile(
            shuffled(tmp_path / "b.json", tmp_path / "a.json", seed=3, key="images", **change)
        )
    )

    np.testing.assert_array_equal(video.tracks.frames.ids, whole.frames.ids)
    np.testing.assert_array_equal(video.tracks.frames.times, whole.frames.times)
    for name in ("frame", "track_ids", "boxes", "keypoints", "scores"):
        np.testing.assert_array_equal(getattr(video.tracks, name), getattr(whole, name))
    listed = json.loads((tmp_path / "b.json").read_text())["images"]
    again = video.in_file_order()
    assert list(again.tracks.frames.names) == [image["file_name"] for image in listed]
    np.testing.assert_array_equal(again.tracks.frames.ids, [image["id"] for image in listed])


def test_a_file_in_order_has_no_other_order(tmp_path: Path) -> None:
    assert read_video(OpenedFile(walked(tmp_path / "a.json"))).file_order is None


def test_frames_of_several_sequences_are_in_order_in_each(tmp_path: Path) -> None:
    walked(tmp_path / "a.json", frames=10)
    whole = read(tmp_path / "a.json")
    file = shuffled(
        tmp_path / "b.json",
        tmp_path / "a.json",
        seed=1,
        key="images",
        file_name=lambda image: f"images/{image['id'] % 2}/{image['id'] % 1000:06d}.jpg",
    )
    listed = [image["file_name"] for image in json.loads(file.read_text())["images"]]

    for video in posetrack18.read_videos(OpenedFile(file)):
        names = video.tracks.frames.names
        assert list(names) == sorted(names)
        again = video.in_file_order()
        assert list(again.tracks.frames.names) == [n for n in listed if n in names]
        ids = video.tracks.frames.ids
        assert ids is not None
        assert whole.frames.ids is not None
        for index, frame_id in enumerate(ids):
            there = whole.keypoints[whole.frames.ids[whole.frame] == frame_id]
            rows = video.tracks.rows_of(index)
            np.testing.assert_array_equal(video.tracks.keypoints[rows], there)


def test_posetrack17s_frames_are_in_order_too(tmp_path: Path) -> None:
    tracks = read(walked(tmp_path / "a.json"))
    posetrack17.write_tracks(tmp_path / "b.json", tracks)
    file = shuffled(tmp_path / "c.json", tmp_path / "b.json", seed=2, key="annolist")

    found, whole = posetrack17.read(file), posetrack17.read(tmp_path / "b.json")

    assert found.frames.names == whole.frames.names
    np.testing.assert_array_equal(found.keypoints, whole.keypoints)
    np.testing.assert_array_equal(found.track_ids, whole.track_ids)
