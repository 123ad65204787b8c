import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.errors import InputError, MissingExtraError
from posetube.skeletons import COCO17
from posetube.structures import (
    Clip,
    DetectedFrame,
    Detections,
    Frame,
    FramePoses,
    FrameTable,
    PoseTrack,
    PoseTubes,
    RowState,
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


def same(one: Any, other: Any) -> bool:
    """Whether two records hold equal numbers."""
    return all(
        same(a, b) if isinstance(a, Detections) else np.array_equal(a, b, equal_nan=True)
        for a, b in ((getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
        if a is not None or b is not None
    )


@st.composite
def tracked_frames(draw: st.DrawFn) -> list[FramePoses]:
    """What a tracker may yield for a video of up to six frames."""
    known = draw(st.booleans())
    found = []
    for frame in range(draw(st.integers(0, 6))):
        ids = draw(st.lists(st.integers(1, 9), unique=True, max_size=4))
        numbers = np.random.default_rng(draw(st.integers(0, 99)))
        n = len(ids)
        people = Detections(
            boxes=numbers.random((n, 4), np.float32),
            scores=numbers.random(n, np.float32),
            keypoints=numbers.random((n, 17, 2), np.float32),
            keypoint_scores=numbers.random((n, 17), np.float32),
        )
        links = numbers.random((3, n), np.float32)
        found.append(
            FramePoses(
                frame=frame,
                time=frame / 25,
                track_ids=np.array(ids, np.int64),
                people=people,
                states=numbers.integers(0, 2, n, np.uint8),
                link_margins=links[0],
                link_costs=links[1] if known else None,
                link_gates=links[2] if known else None,
            )
        )
    return found


@given(tracked_frames())
def test_frames_of_tracks_are_those_that_the_tracks_were_made_of(found: list[FramePoses]) -> None:
    tracks = VideoTracks.from_frames(
        found,
        source="clip",
        size=(48, 64),
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(len(found)) / 25),
    )

    again = list(tracks.poses())

    assert len(again) == len(found)
    assert all(same(one, other) for one, other in zip(found, again, strict=True))


def test_frames_without_anybody_are_among_the_frames_of_tracks() -> None:
    tracks = replace(video(poses(1, [4])), states=None, link_margins=None)

    found = list(tracks.poses())

    assert [len(one) for one in found] == [0, 1, 0, 0]
    assert [one.time for one in found] == [0, 0.1, 0.2, 0.3]
    assert found[1].states.tolist() == [RowState.DETECTED]
    assert np.isnan(found[1].link_margins).all()
    assert same(found[0], FramePoses.empty(frame=0, time=0.0, joints=17))


def test_people_of_several_frames_are_joined_with_appearance_where_all_have_it() -> None:
    looks = replace(people(2), embeddings=np.ones((2, 3), np.float32))

    assert len(Detections.join([people(2), people(1)], joints=17)) == 3
    assert len(Detections.join([], joints=17)) == 0
    joined = Detections.join([looks, Detections.empty(17), looks], joints=17)
    assert joined.embeddings is not None
    assert joined.embeddings.shape == (4, 3)
    assert Detections.join([looks, people(1)], joints=17).embeddings is None


def test_poses_let_go_of_appearance_alone() -> None:
    known = replace(
        poses(0, [1, 2]), people=replace(people(2), embeddings=np.ones((2, 3), np.float32))
    )

    assert known.without_appearance().people.embeddings is None
    assert same(known.without_appearance(), replace(known, people=people(2)))


def test_records_say_in_a_line_or_two_what_they_hold() -> None:
    tracks = video(poses(0, [2, 1]), poses(3, [1]))

    assert repr(tracks) == (
        "<VideoTracks 'clip': 2 tracks, 3 rows in 4 frames, 0.00 to 0.30 s\n"
        " 64 x 48 pixels, skeleton coco17>"
    )
    assert repr(tracks[1]) == "<PoseTrack 1: 2 frames, 0.00 to 0.30 s, 17 joints>"
    assert repr(tracks.frames) == "<FrameTable: 4 frames, 0.00 to 0.30 s>"
    assert repr(poses(3, [1])) == "<FramePoses 3 at 0.300 s: 1 person, ids 1>"
    assert repr(poses(0, [])) == "<FramePoses 0 at 0.000 s: 0 people>"
    assert repr(people(3)) == "<Detections: 3 people, 17 joints>"
    assert repr(tubes()) == "<PoseTubes: 2 people in frames 0, 1, 2, 17 joints>"
    assert repr(clip()) == "<Clip: 3 frames, 0.00 to 0.20 s, 8 x 8 pixels>"
    frame = Frame(index=7, time=0.28, image=None, state="corrupt")
    assert repr(frame) == "<Frame 7 at 0.280 s: no picture, corrupt>"
    detected = DetectedFrame(frame=7, time=0.28, state="ok", people=people(2))
    assert repr(detected) == "<DetectedFrame 7 at 0.280 s: 2 people, ok>"
    unknown = replace(tracks, size=None, frames=FrameTable(times=np.full(4, np.nan)))
    assert "4 frames, times unknown\n size unknown" in repr(unknown)
    assert repr(poses(1, list(range(1, 31)))).endswith("30 people, ids 1, 2, 3, 4, 5, 6, 7, 8 ...>")


def test_a_notebook_shows_a_small_table_without_markup_from_the_source() -> None:
    tracks = replace(video(poses(0, list(range(1, 31)))), source="<b>clip</b>")

    html = tracks._repr_html_()

    assert "&lt;b&gt;clip&lt;/b&gt;: 30 tracks" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 1 + 10 + 1
    assert "<td>1</td><td>1</td><td>0.00 to 0.00 s</td><td>0.90</td>" in html
    assert "20 more" in html


def test_tracks_become_a_dense_array_with_gaps() -> None:
    tracks = video(poses(0, [2, 7]), poses(3, [7, -1]))

    keypoints, ids, times = tracks.to_arrays()

    assert keypoints.shape == (4, 2, 17, 3)
    assert ids.tolist() == [2, 7]
    assert times.tolist() == tracks.frames.times.tolist()
    assert keypoints[3, 1, 0].tolist() == [3, 3, np.float32(0.8)]
    assert np.isnan(keypoints[1:3]).all()
    assert np.isnan(keypoints[3, 0]).all()
    assert video().to_arrays().keypoints.shape == (4, 0, 17, 3)


def test_a_person_twice_in_a_frame_fits_no_dense_array() -> None:
    with pytest.raises(InputError, match="clip: expected each track once per frame, got track 1"):
        video(poses(2, [1, 1])).to_arrays()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_have_a_column_for_each_number_of_a_joint(library: str) -> None:
    pytest.importorskip(library)
    tracks = replace(video(poses(0, [2, 1]), poses(3, [1])), states=np.array([0, 0, 1], np.uint8))

    table = getattr(tracks, f"to_{library}")()

    columns = list(table.columns)
    facts = ["frame", "time", "track_id", "x1", "y1", "x2", "y2", "score", "state"]
    assert columns[:9] == facts
    assert columns[9:12] == ["nose_x", "nose_y", "nose_score"]
    assert len(columns) == 9 + 17 * 3
    assert table["frame"].to_list() == [0, 0, 3]
    assert table["time"].to_list() == [0, 0, tracks.frames.times[3]]
    assert table["state"].to_list() == ["detected", "detected", "interpolated"]
    assert table["left_knee_y"].to_list() == [0, 0, 3]
    assert table["left_knee_score"].to_list() == [np.float32(0.8)] * 3


def test_a_data_frame_has_the_names_that_a_source_gives_to_people() -> None:
    pytest.importorskip("pandas")
    tracks = replace(video(poses(0, [2, 1])), track_names={2: "Ada"})

    assert tracks.to_pandas()["name"].to_list() == ["Ada", ""]
    assert "name" not in video(poses(0, [2, 1])).to_pandas()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_missing_library_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=f"needs .* {library}; .*pip install {library}"):
        getattr(video(), f"to_{library}")()
