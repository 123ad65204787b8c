"""Corrections of who is who and of joints, on hand-made tracks and on random ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.edit_anchors import AnchoredEdit, anchored, reapplied
from posetube.tracker.edits import (
    Edit,
    Identities,
    edit_identities,
    edit_tracks,
    identities_of,
)

HANDS = Skeleton(name="hands", joints=("left_wrist", "right_wrist"))
RATE = 10


def tracks_of(*stretches: tuple[int, int, int]) -> VideoTracks:
    """Tracks ``(id, first frame, last frame)`` at 10 frames per second, everybody at a place of
    their own: the box tells who somebody really is."""
    rows = sorted(
        (frame, place, track)
        for place, (track, first, last) in enumerate(stretches)
        for frame in range(first, last + 1)
    )
    frame, place, ids = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    corner = np.stack([100.0 * place, frame], axis=1)
    joints = np.stack([corner + 10, corner + 20], axis=1)
    return VideoTracks(
        source="walk",
        size=(480, 640),
        skeleton=HANDS,
        frames=FrameTable(times=np.arange(frame.max() + 1) / RATE),
        frame=frame,
        track_ids=ids,
        boxes=np.concatenate([corner, corner + 50], axis=1).astype(np.float32),
        scores=np.full(len(frame), 0.9, np.float32),
        keypoints=joints.astype(np.float32),
        keypoint_scores=np.full((len(frame), 2), 0.5, np.float32),
        link_margins=np.full(len(frame), 0.3, np.float32),
    )


def spans(tracks: VideoTracks) -> dict[int, tuple[int, int, int]]:
    """By id: first frame, last frame, and how many frames."""
    return {t.track_id: (int(t.frames[0]), int(t.frames[-1]), len(t.frames)) for t in tracks}


def edit(verb: str, *tracks: int, **more: object) -> Edit:
    return Edit(verb=verb, tracks=tracks, **more)  # type: ignore[arg-type]


def test_a_merged_track_goes_on_under_the_first_id() -> None:
    tracks = tracks_of((3, 0, 4), (5, 8, 9))

    merged = edit_tracks(tracks, [edit("merge", 3, 5)])

    assert spans(merged) == {3: (0, 9, 7)}
    # the link across the gap is a person's, not the linker's
    assert merged.link_margins is not None
    assert np.flatnonzero(np.isnan(merged.link_margins)).tolist() == [5]
    assert spans(tracks) == {3: (0, 4, 5), 5: (8, 9, 2)}


def test_tracks_of_the_same_frames_are_not_merged() -> None:
    tracks = tracks_of((3, 0, 9), (5, 8, 20))

    with pytest.raises(InputError, match="track 3 would be twice in 2 frames: 8 to 9; split or"):
        edit_tracks(tracks, [edit("merge", 3, 5)])
    with pytest.raises(InputError, match="twice in 10 frames: 0 to 9; split"):
        edit_tracks(tracks_of((1, 0, 9), (2, 0, 9)), [edit("merge", 1, 2)])
    gaps = tracks_of((1, 0, 9), (2, 0, 9))
    gaps = gaps.select((gaps.track_ids == 1) | np.isin(gaps.frame, (2, 3, 7)))
    with pytest.raises(InputError, match="twice in 3 frames: 2 to 3, 7; split"):
        edit_tracks(gaps, [edit("merge", 1, 2)])


def test_a_split_gives_the_rest_an_id_that_nobody_had() -> None:
    tracks = tracks_of((3, 0, 9), (7, 0, 2))

    assert spans(edit_tracks(tracks, [edit("split", 3, start=0.4)])) == {
        3: (0, 3, 4),
        7: (0, 2, 3),
        8: (4, 9, 6),
    }
    # not even the id of a track that is deleted by now
    gone = [edit("delete", 7), edit("split", 3, start=0.4)]
    assert spans(edit_tracks(tracks, gone)) == {3: (0, 3, 4), 8: (4, 9, 6)}


def test_times_may_be_rounded_as_they_are_shown() -> None:
    tracks = tracks_of((3, 0, 9))
    times = np.arange(10) / 30
    tracks = tracks.__class__(
        **{
            **{name: getattr(tracks, name) for name in tracks.__slots__},
            "frames": FrameTable(times=times),
        }
    )

    assert spans(edit_tracks(tracks, [edit("split", 3, start=0.067)]))[3] == (0, 1, 2)


def test_swapped_tracks_change_places_from_then_on() -> None:
    tracks = tracks_of((2, 0, 9), (4, 0, 9))

    swapped = edit_tracks(tracks, [edit("swap", 2, 4, start=0.7)])

    assert swapped[2].boxes[:, 0].tolist() == [0] * 7 + [100] * 3
    assert swapped[4].boxes[:, 0].tolist() == [100] * 7 + [0] * 3


def test_a_swap_needs_no_partner_on_both_sides() -> None:
    tracks = tracks_of((2, 0, 9), (4, 7, 9))

    assert spans(edit_tracks(tracks, [edit("swap", 2, 4, start=0.5)])) == {
        2: (0, 9, 8),
        4: (5, 9, 5),
    }


def test_a_stretch_is_deleted_with_both_ends() -> None:
    tracks = tracks_of((2, 0, 9), (4, 0, 9))

    deleted = edit_tracks(tracks, [edit("delete", 2, start=0.3, stop=0.5), edit("delete", 4)])

    assert deleted[2].frames.tolist() == [0, 1, 2, 6, 7, 8, 9]
    assert deleted.ids.tolist() == [2]


def test_all_but_some_are_deleted() -> None:
    tracks = tracks_of((1, 0, 3), (2, 0, 3), (3, 0, 3))

    assert edit_tracks(tracks, [edit("keep", 1, 3)]).ids.tolist() == [1, 3]


def test_names_stay_with_their_tracks_and_go_with_a_merge() -> None:
    tracks = tracks_of((1, 0, 3), (2, 5, 6), (3, 0, 3))

    named = edit_tracks(tracks, [edit("rename", 2, name="anna"), edit("merge", 1, 2)])

    assert named.track_names == {1: "anna"}
    assert edit_tracks(named, [edit("rename", 1, name="")]).track_names == {}
    with pytest.raises(InputError, match="track 1 is called anna already"):
        edit_tracks(named, [edit("rename", 3, name="anna")])


def test_a_stretch_goes_to_another_track_or_a_new_one() -> None:
    tracks = tracks_of((1, 0, 9), (2, 0, 2))

    assert spans(edit_tracks(tracks, [edit("assign", 1, 2, start=0.4, stop=0.6)])) == {
        1: (0, 9, 7),
        2: (0, 6, 6),
    }
    assert 9 in edit_tracks(tracks, [edit("assign", 1, 9, start=0.4, stop=0.6)]).ids


def test_a_joint_is_where_it_was_put_and_sure() -> None:
    tracks = tracks_of((3, 0, 9))
    move = edit("move", 3, joint="right_wrist", start=0.47, place=(7.0, 8.0))

    moved = edit_tracks(tracks, [move, edit("split", 3, start=0.2)])

    # the frame on the screen at 0.47 s is the fourth, and the correction is about what was track 3
    assert moved.keypoints[4, 1].tolist() == [7, 8]
    assert moved.keypoint_scores[4].tolist() == [0.5, 1]
    assert (moved.keypoints != tracks.keypoints).any(axis=(1, 2)).sum() == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (edit("rename", 3, name="5"), "a name must not be a number, got 5"),
        (edit("merge", 3, 9), "there is no track 9; there are 3, 5"),
        (edit("merge", 3, 3), "merge needs two tracks, got 3 twice"),
        (edit("swap", 5, 5, start=0.1), "swap needs two tracks, got 5 twice"),
        (edit("swap", 3, 5, start=3.0), "neither track 3 nor 5 is there from 3 s on"),
        (edit("split", 3, start=0.0), "track 3 has no rows before 0 s"),
        (edit("split", 3, start=4.5), "track 3 is not there from 4.5 s on"),
        (edit("delete", 3, start=4.0, stop=5.0), "track 3 is not there from 4 s to 5 s"),
        (edit("move", 5, joint="nose", start=0.0, place=(1.0, 1.0)), "track 5 is not there at 0 s"),
        (
            edit("move", 3, joint="nose", start=0.0, place=(1.0, 1.0)),
            "there is no joint nose; there are left_wrist, right_wrist",
        ),
        (
            edit("move", 3, joint="left_wrist", start=0.0, place=(-1.0, 1.0)),
            r"-1,1 is outside the picture: \d+ x \d+ pixels",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(wrong: Edit, message: str) -> None:
    with pytest.raises(InputError, match=message):
        edit_tracks(tracks_of((3, 0, 9), (5, 5, 9)), [wrong])


def random_edits() -> st.SearchStrategy[list[Edit]]:
    track, time = st.integers(1, 6), st.floats(0, 1.2)
    two = st.tuples(track, track)
    return st.lists(
        st.one_of(
            st.builds(lambda ids: edit("merge", *ids), two),
            st.builds(lambda ids, t: edit("swap", *ids, start=t), two, time),
            st.builds(lambda i, t: edit("split", i, start=t), track, time),
            st.builds(lambda i, t: edit("delete", i, start=t, stop=t + 0.3), track, time),
            st.builds(lambda ids, t: edit("assign", *ids, start=t, stop=t + 0.3), two, time),
        ),
        max_size=8,
    )


@given(edits=random_edits())
def test_nobody_is_twice_in_a_frame_and_nobody_is_lost(edits: list[Edit]) -> None:
    tracks = tracks_of((1, 0, 9), (2, 0, 4), (3, 6, 11), (4, 2, 8))
    people, kept = identities_of(tracks), []
    for one in edits:
        try:
            after = edit_identities(people, one)
        except InputError:
            continue
        kept.append((anchored(one, people, tracks.boxes, np.ones(len(tracks.frame), bool)), after))
        people = after

    left = np.stack([people.frame, people.ids])[:, people.kept]
    assert len(np.unique(left, axis=1).T) == left.shape[1]
    deleting = any(note.edit.verb == "delete" for note, _ in kept)
    assert deleting or people.kept.all()
    # replayed by its rows on the same tracks, each correction does what it did
    again = identities_of(tracks)
    for note, after in kept:
        result = reapplied(note, again, tracks.boxes)
        again = result.people
        assert result.problem == ""
        np.testing.assert_array_equal(again.ids[again.kept], after.ids[after.kept])
        np.testing.assert_array_equal(again.kept, after.kept)


def note(tracks: VideoTracks, made: Edit) -> AnchoredEdit:
    return anchored(made, identities_of(tracks), tracks.boxes, np.ones(len(tracks.frame), bool))


def again(tracks: VideoTracks, kept: AnchoredEdit) -> tuple[Identities, str]:
    result = reapplied(kept, identities_of(tracks), tracks.boxes)
    return result.people, result.problem


def numbered(tracks: VideoTracks, **ids: int) -> VideoTracks:
    """The same people under other ids."""
    renamed = {int(old.removeprefix("_")): new for old, new in ids.items()}
    return tracks.__class__(
        **{
            **{name: getattr(tracks, name) for name in tracks.__slots__},
            "track_ids": np.array([renamed.get(i, i) for i in tracks.track_ids.tolist()]),
        }
    )


def test_a_correction_finds_its_people_under_other_ids() -> None:
    tracks = tracks_of((3, 0, 4), (5, 6, 9), (6, 0, 9))

    people, problem = again(numbered(tracks, _3=8, _5=1, _6=3), note(tracks, edit("merge", 3, 5)))

    assert problem == ""
    assert sorted({*people.ids.tolist()}) == [3, 8]
    assert (people.ids == 8).sum() == 9


@pytest.mark.parametrize(
    ("made", "linked_anew"),
    [
        (edit("merge", 3, 5), {"_5": 3}),
        (edit("assign", 5, 3, start=0.6, stop=0.9), {"_5": 3}),
    ],
)
def test_what_the_linking_does_itself_by_now_is_done(
    made: Edit, linked_anew: dict[str, int]
) -> None:
    tracks = tracks_of((3, 0, 4), (5, 6, 9))
    today = numbered(tracks, **linked_anew)

    people, problem = again(today, note(tracks, made))

    assert problem == ""
    assert people.ids.tolist() == today.track_ids.tolist()


def test_a_swap_is_left_alone_where_the_linking_swaps() -> None:
    tracks = tracks_of((2, 0, 9), (4, 0, 9))
    made = edit("swap", 2, 4, start=0.5)
    swapped = edit_tracks(tracks, [made])

    people, problem = again(swapped, note(tracks, made))

    assert (problem, people.ids.tolist()) == ("", swapped.track_ids.tolist())


def test_a_split_is_left_alone_where_the_tracks_are_two() -> None:
    tracks = tracks_of((2, 0, 9))
    made = edit("split", 2, start=0.5)
    parted = edit_tracks(tracks, [made])

    people, problem = again(parted, note(tracks, made))

    assert (problem, people.ids.tolist()) == ("", parted.track_ids.tolist())


def test_a_correction_of_people_who_are_parted_now_is_left_out() -> None:
    tracks = tracks_of((2, 0, 9), (4, 0, 9))
    parted = edit_tracks(tracks, [edit("split", 2, start=0.5)])

    for made in (edit("delete", 2), edit("keep", 2), edit("rename", 2, name="anna")):
        people, problem = again(parted, note(tracks, made))
        assert problem == "its tracks are other ones now"
        assert people.kept.all()
    gone = tracks.select(tracks.track_ids == 4)
    assert again(gone, note(tracks, edit("rename", 2, name="anna")))[1] != ""


def test_a_new_id_is_a_new_one_again() -> None:
    tracks = tracks_of((2, 0, 9), (4, 0, 9))
    made = edit("assign", 2, 5, start=0.5, stop=0.9)

    people, problem = again(numbered(tracks, _4=5), note(tracks, made))

    assert problem == ""
    assert sorted({*people.ids.tolist()}) == [2, 5, 6]
