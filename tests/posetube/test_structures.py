from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import (
    Clip,
    Detections,
    FramePoses,
    FrameTable,
    PoseTrack,
    PoseTubes,
    VideoTracks,
)


def people(n: int, *, x: float = 0) -> Detections:
    return Detections(
        boxes=np.full((n, 4), x, np.float32),
        scores=np.full(n, 0.9, np.float32),
        keypoints=np.full((n, 17, 2), x, np.float32),
        keypoint_scores=np.full((n, 17), 0.8, np.float32),
    )


def poses(frame: int, ids: list[int]) -> FramePoses:
    n = len(ids)
    return FramePoses(
        frame=frame,
        time=frame / 10,
        track_ids=np.array(ids, np.int64),
        people=people(n, x=frame),
        states=np.zeros(n, np.uint8),
        link_margins=np.full(n, np.nan, np.float32),
    )


def video(*frames: FramePoses, count: int = 4) -> VideoTracks:
    return VideoTracks.from_frames(
        frames,
        source="clip",
        size=(48, 64),
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(count) / 10),
    )


def test_tracks_are_rows_seen_by_person() -> None:
    tracks = video(poses(0, [2, 1]), poses(1, []), poses(3, [1]))

    assert len(tracks) == 2
    assert tracks.ids.tolist() == [1, 2]
    assert [track.frames.tolist() for track in tracks] == [[0, 3], [0]]
    assert tracks[1].times.tolist() == [0, 0.3]
    assert tracks.rows_of(0) == slice(0, 2)
    assert tracks.rows_of(2) == slice(2, 2)


def test_a_video_without_people_has_no_tracks() -> None:
    tracks = video()

    assert len(tracks) == 0
    assert list(tracks) == []


def test_selecting_rows_keeps_the_frames() -> None:
    tracks = video(poses(0, [2, 1]), poses(3, [1]))

    chosen = tracks.select(tracks.track_ids == 1)

    assert chosen.frame.tolist() == [0, 3]
    assert len(chosen.frames) == 4


def test_rows_without_an_id_are_in_no_track() -> None:
    assert video(poses(0, [-1, 5])).ids.tolist() == [5]
    assert [track.track_id for track in video(poses(0, [-1, 5]))] == [5]


def test_a_track_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(InputError, match=r"clip: no track 9; there are \[1, 2\]"):
        video(poses(0, [2, 1]))[9]


def test_a_person_twice_in_a_frame_is_no_track() -> None:
    with pytest.raises(InputError, match="frames of track 1 must increase strictly"):
        video(poses(0, [1, 1]))[1]


def test_rows_beyond_the_last_frame_are_refused() -> None:
    with pytest.raises(InputError, match=r"frame of clip: must be in \[0, 4\), got 4 to 4"):
        video(poses(4, [1]))


def test_rows_must_be_sorted_by_frame() -> None:
    with pytest.raises(InputError, match="VideoTracks.frame of clip must not decrease"):
        video(poses(2, [1]), poses(1, [1]))


def test_some_of_the_people_of_a_frame() -> None:
    chosen = people(3)[np.array([True, False, True])]

    assert len(chosen) == 2
    assert len(Detections.empty(17)) == 0


def clip(**changes: Any) -> Clip:
    fields: dict[str, Any] = {
        "frames": np.arange(3),
        "times": np.arange(3) / 10,
        "images": np.zeros((3, 8, 8, 3), np.uint8),
    }
    return Clip(**(fields | changes))


def tubes(**changes: Any) -> PoseTubes:
    fields: dict[str, Any] = {
        "frames": np.arange(3),
        "boxes": np.zeros((2, 3, 4), np.float32),
        "keypoints": np.zeros((2, 3, 17, 2), np.float32),
        "keypoint_scores": np.zeros((2, 3, 17), np.float32),
        "scores": np.zeros(2, np.float32),
        "presence": np.ones((2, 3), np.float32),
    }
    return PoseTubes(**(fields | changes))


def test_one_frame_of_the_tubes() -> None:
    assert len(tubes()) == 2
    assert tubes().at(1).keypoints.shape == (2, 17, 2)
    assert tubes().at(1).embeddings is None
    looks = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    shown = tubes(embeddings=looks).at(1).embeddings
    assert shown is not None
    assert np.array_equal(shown, looks[:, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: clip(times=np.zeros(2)), r"Clip.times: expected shape \(3,\), got \(2,\)"),
        (lambda: clip(images=np.zeros((3, 8, 8))), r"Clip.images: expected \(T, H, W, 3\)"),
        (lambda: clip(frames=np.array([2, 1, 3])), r"Clip.frames must not decrease, got \[2, 1, 3"),
        (lambda: tubes(scores=np.zeros(1)), r"PoseTubes.scores: expected shape \(2,\), got \(1,\)"),
        (lambda: tubes(keypoints=np.zeros(3)), r"PoseTubes.keypoints: expected 4 axes"),
        (lambda: tubes(frames=np.array([2, 1, 3])), "PoseTubes.frames must not decrease"),
        (
            lambda: tubes(embeddings=np.zeros((2, 8), np.float32)),
            r"PoseTubes.embeddings: expected \(2, 3, D\), got \(2, 8\)",
        ),
        (
            lambda: replace(people(2), scores=np.zeros(1, np.float32)),
            r"Detections.scores: expected shape \(2,\), got \(1,\)",
        ),
        (
            lambda: replace(people(2), keypoints=np.zeros((2, 17), np.float32)),
            "Detections.keypoints: expected 3 axes",
        ),
        (
            lambda: replace(people(2), embeddings=np.zeros((1, 8), np.float32)),
            "Detections.embeddings: expected 2 rows, got 1",
        ),
        (
            lambda: FrameTable(times=np.zeros(2), names=("a.jpg",)),
            "FrameTable.names: expected 2 names, got 1",
        ),
        (
            lambda: PoseTrack(
                track_id=1,
                frames=np.arange(2),
                times=np.zeros(2),
                boxes=np.zeros((2, 4), np.float32),
                scores=np.zeros(2, np.float32),
                keypoints=np.zeros((2, 34), np.float32),
                keypoint_scores=np.zeros((2, 17), np.float32),
                states=np.zeros(2, np.uint8),
                link_margins=np.zeros(2, np.float32),
            ),
            "PoseTrack.keypoints: expected 3 axes",
        ),
    ],
)
def test_wrong_shapes_name_field_and_both_shapes(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
