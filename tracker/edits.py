"""Corrections by people: who is who, and where a joint is. Pure functions on tracks.

A correction of identity works on :class:`Identities`, the rows of a video's tracks without their
poses, so that an hour of people can be corrected in a moment. A correction of a joint works on the
tracks themselves, after everything else (:func:`moved_joints`).

Not here: finding the people of a correction again after another linking (:mod:`.edit_anchors`), and
how corrections are spelled and kept (:mod:`posetube.pipelines.editing`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, DoubleArray, FramePoses, IntArray, VideoTracks

Verb = Literal["merge", "split", "swap", "delete", "rename", "keep", "assign", "move"]

AS_SHOWN = 0.0006
"""Seconds by which a frame may lie before a time and still be meant: times are shown rounded to
thousandths."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One correction. Times are presentation times, seconds."""

    verb: Verb
    """What to do:

    - ``merge``: the second track becomes part of the first;
    - ``split``: a new track from ``start`` on;
    - ``swap``: two tracks change places from ``start`` on;
    - ``delete``: the track, or its rows from ``start`` to ``stop``;
    - ``rename``: people call the track ``name``;
    - ``keep``: all other tracks are deleted;
    - ``assign``: the first track's rows from ``start`` to ``stop`` belong to the second, which
      need not be there yet;
    - ``move``: a joint of the frame at ``start`` is at ``place``.
    """

    tracks: tuple[int, ...]
    """Ids of the tracks that it is about."""

    start: float | None = None
    stop: float | None = None
    name: str = ""
    joint: str = ""
    place: tuple[float, float] | None = None
    """x, y in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identities:
    """Who is who in a video: what corrections of identity change."""

    frame: IntArray
    """(R,) index of each row's frame."""

    times: DoubleArray
    """(R,) presentation times, seconds."""

    ids: IntArray
    """(R,) track id, -1 for rows that belong to no track."""

    kept: BoolArray
    """(R,) whether the row is still there."""

    names: dict[int, str] = field(default_factory=dict)
    """What people call some tracks."""

    def rows_of(self, track: int) -> BoolArray:
        """(R,) which rows are a track's.

        Raises:
            InputError: If there are none.
        """
        rows: BoolArray = self.kept & (self.ids == track)
        if track < 0 or not rows.any():
            raise InputError(f"there is no track {track}; there are {self._known()}")
        return rows

    def _known(self) -> str:
        known = np.unique(self.ids[self.kept & (self.ids >= 0)]).tolist()
        more = f" and {len(known) - 20} more" if len(known) > 20 else ""
        return ", ".join(map(str, known[:20])) + more or "none"


def identities_of(tracks: VideoTracks) -> Identities:
    """Who is who in some tracks."""
    return Identities(
        frame=tracks.frame,
        times=tracks.frames.times[tracks.frame],
        ids=tracks.track_ids,
        kept=np.ones(len(tracks.frame), bool),
        names=tracks.track_names,
    )


def edit_identities(people: Identities, edit: Edit) -> Identities:
    """Do one correction of identity; ``move`` changes nothing here.

    Raises:
        InputError: If a track or a stretch of it is not there, or one person would be in two places
            in a frame; names the frames.
    """
    return VERBS[edit.verb](people, edit)


def edit_tracks(tracks: VideoTracks, edits: Iterable[Edit]) -> VideoTracks:
    """Tracks with corrections, one after the other.

    Raises:
        InputError: See :func:`edit_identities` and :func:`check_move`.
    """
    people = identities_of(tracks)
    keypoints, scores = tracks.keypoints.copy(), tracks.keypoint_scores.copy()
    for edit in edits:
        people = edit_identities(people, edit)
        if edit.verb == "move":
            check_move(edit, joints=tracks.skeleton, size=tracks.size)
            row, joint = row_at(people, edit), joint_of(edit, tracks.skeleton)
            keypoints[row, joint], scores[row, joint] = edit.place, 1
    margins = tracks.link_margins
    if margins is not None:
        margins = margins.copy()
        margins[joined_by_hand(tracks.track_ids, people)] = np.nan
    changed = replace(
        tracks,
        track_ids=people.ids,
        track_names=people.names,
        keypoints=keypoints,
        keypoint_scores=scores,
        link_margins=margins,
    )
    return changed.select(people.kept)


def joined_by_hand(before: IntArray, people: Identities) -> BoolArray:
    """(R,) rows that follow another row of their track than they did when they were linked.

    What the linker knew of such a link says nothing about it any more.

    Args:
        before: (R,) the ids as linked.
        people: The same rows, corrected.
    """
    joined: BoolArray = _previous(before, np.ones(len(before), bool)) != _previous(
        people.ids, people.kept
    )
    return joined


def _previous(ids: IntArray, kept: BoolArray) -> IntArray:
    """(R,) the row before each row in its track, -1 where it is the first."""
    rows = np.flatnonzero(kept & (ids >= 0))
    order = rows[np.argsort(ids[rows], kind="stable")]
    found = np.full(len(ids), -1, np.int64)
    same = ids[order[1:]] == ids[order[:-1]]
    found[order[1:][same]] = order[:-1][same]
    return found


def moved_joints(
    poses: FramePoses, moves: Mapping[int, Sequence[Edit]], joints: Skeleton
) -> FramePoses:
    """A frame with joints where people put them, with a score of 1.

    Args:
        poses: The people of a frame.
        moves: By row of this frame, the corrections of its joints.
        joints: Names of the joints.
    """
    keypoints, scores = poses.people.keypoints.copy(), poses.people.keypoint_scores.copy()
    for row, edits in moves.items():
        for edit in edits:
            joint = joint_of(edit, joints)
            keypoints[row, joint], scores[row, joint] = edit.place, 1
    people = replace(poses.people, keypoints=keypoints, keypoint_scores=scores)
    return replace(poses, people=people)


def row_at(people: Identities, edit: Edit) -> int:
    """The row of a track in the frame that is shown at a correction's time.

    Raises:
        InputError: If the track is not in that frame.
    """
    assert edit.start is not None
    rows = people.rows_of(edit.tracks[0])
    shown = people.times <= edit.start + AS_SHOWN
    at = np.flatnonzero(shown)
    frame = people.frame[at[np.argmax(people.times[at])]] if len(at) else -1
    found = np.flatnonzero(rows & (people.frame == frame))
    if not len(found):
        raise InputError(f"track {edit.tracks[0]} is not there at {edit.start:g} s")
    return int(found[0])


def joint_of(edit: Edit, joints: Skeleton) -> int:
    """The index of a correction's joint.

    Raises:
        InputError: If there is none of that name.
    """
    if edit.joint not in joints.joints:
        raise InputError(f"there is no joint {edit.joint}; there are {', '.join(joints.joints)}")
    return joints.joints.index(edit.joint)


def check_move(edit: Edit, *, joints: Skeleton, size: tuple[int, int] | None) -> None:
    """Refuse to put a joint where none can be.

    Args:
        edit: The correction.
        joints: Names of the joints.
        size: (H, W) of the picture, pixels; None: not known.

    Raises:
        InputError: If there is no joint of that name, or the place is outside the picture.
    """
    joint_of(edit, joints)
    assert edit.place is not None
    (x, y), (height, width) = edit.place, size or (np.inf, np.inf)
    if not (0 <= x <= width and 0 <= y <= height):
        raise InputError(f"{x:g},{y:g} is outside the picture: {width} x {height} pixels")


def rows_between(people: Identities, edit: Edit) -> BoolArray:
    """(R,) the rows of a correction's first track from its start to its stop, both included.

    Raises:
        InputError: If there are none.
    """
    rows = people.rows_of(edit.tracks[0])
    if edit.start is not None:
        rows &= people.times >= edit.start - AS_SHOWN
    if edit.stop is not None:
        rows &= people.times <= edit.stop + AS_SHOWN
    if not rows.any():
        raise InputError(f"track {edit.tracks[0]} is not there {_span(edit)}")
    return rows


def _span(edit: Edit) -> str:
    start = "" if edit.start is None else f"from {edit.start:g} s "
    return f"{start}to {edit.stop:g} s" if edit.stop is not None else f"{start}on"


def two_tracks(edit: Edit) -> tuple[int, int]:
    """The tracks of a correction that is about two.

    Raises:
        InputError: If they are one.
    """
    if len({*edit.tracks}) != 2:
        raise InputError(f"{edit.verb} needs two tracks, got {edit.tracks[0]} twice")
    return edit.tracks[0], edit.tracks[1]


def _merge(people: Identities, edit: Edit) -> Identities:
    first, second = two_tracks(edit)
    people.rows_of(first)
    merged = _given(people, people.rows_of(second), first)
    names = {first if known == second else known: name for known, name in people.names.items()}
    return replace(merged, names={**names, **_only(people.names, first)})


def _only(names: dict[int, str], track: int) -> dict[int, str]:
    return {track: names[track]} if track in names else {}


def _split(people: Identities, edit: Edit) -> Identities:
    [track] = edit.tracks
    later = rows_between(people, edit)
    if later.sum() == people.rows_of(track).sum():
        raise InputError(f"track {track} has no rows before {edit.start:g} s")
    return _given(people, later, unused_id(people))


def unused_id(people: Identities) -> int:
    """An id that no row ever had."""
    return int(people.ids.max(initial=-1)) + 1


def _swap(people: Identities, edit: Edit) -> Identities:
    one, other = two_tracks(edit)
    assert edit.start is not None
    later = people.times >= edit.start - AS_SHOWN
    ones, others = people.rows_of(one) & later, people.rows_of(other) & later
    if not (ones | others).any():
        raise InputError(f"neither track {one} nor {other} is there from {edit.start:g} s on")
    return replace(people, ids=np.where(ones, other, np.where(others, one, people.ids)))


def _delete(people: Identities, edit: Edit) -> Identities:
    return replace(people, kept=people.kept & ~rows_between(people, edit))


def _rename(people: Identities, edit: Edit) -> Identities:
    [track] = edit.tracks
    people.rows_of(track)
    if edit.name.isdecimal():
        raise InputError(f"a name must not be a number, got {edit.name}: ids are numbers")
    taken = [known for known, name in people.names.items() if name == edit.name != ""]
    if taken and taken != [track]:
        raise InputError(f"track {taken[0]} is called {edit.name} already")
    others = {known: name for known, name in people.names.items() if known != track}
    return replace(people, names={**others, track: edit.name} if edit.name else others)


def _keep(people: Identities, edit: Edit) -> Identities:
    wanted = np.logical_or.reduce([people.rows_of(track) for track in edit.tracks])
    return replace(people, kept=people.kept & wanted)


def _assign(people: Identities, edit: Edit) -> Identities:
    return _given(people, rows_between(people, edit), two_tracks(edit)[1])


def _given(people: Identities, rows: BoolArray, track: int) -> Identities:
    """The rows belong to a track from now on."""
    there = people.kept & (people.ids == track) & ~rows
    twice = np.intersect1d(people.frame[there], people.frame[rows])
    if len(twice):
        raise InputError(
            f"track {track} would be twice in {len(twice)} frames: {_runs(twice)}; "
            "split or delete the part that is wrong first"
        )
    return replace(people, ids=np.where(rows, track, people.ids))


def _runs(numbers: IntArray) -> str:
    """Rising numbers in words, those that follow each other as a stretch: ``0 to 39, 44``."""
    parts = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(
        str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts
    )


def _unchanged(people: Identities, edit: Edit) -> Identities:
    row_at(people, edit)  # whether it can be done
    return people


VERBS: dict[Verb, Callable[[Identities, Edit], Identities]] = {
    "merge": _merge,
    "split": _split,
    "swap": _swap,
    "delete": _delete,
    "rename": _rename,
    "keep": _keep,
    "assign": _assign,
    "move": _unchanged,
}
"""What each correction does."""
