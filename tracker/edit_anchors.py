"""Finds the people of a correction again, after a run was linked anew and ids mean others.

A correction remembers a few rows of each of its tracks: the frame, and the box in it, which linking
leaves alone. After another linking the track that has these rows now is meant. Where they belong to
different tracks, the correction makes no sense any more; where what it asks for is so already, it
has nothing to do.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.errors import InputError
from posetube.structures import BoolArray, FloatArray, IntArray

from .edits import (
    AS_SHOWN,
    Edit,
    Identities,
    edit_identities,
    row_at,
    rows_between,
    unused_id,
)

PIVOTED = ("split", "swap")
"""Corrections that say what follows what at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """A row that tells a track."""

    frame: int
    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchoredEdit:
    """A correction, and how to find its tracks again."""

    edit: Edit
    seen: tuple[tuple[Anchor, ...], ...]
    """For each of its tracks, rows of the stretch that it is about; of ``split`` and ``swap`` the
    last row before their time."""

    later: tuple[tuple[Anchor, ...], ...] = ()
    """Of ``split`` and ``swap``, for each of their tracks the first row from their time on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reapplied:
    """What became of a correction."""

    people: Identities
    """Who is who after it."""

    edit: Edit | None = None
    """The correction with the ids of today; None if it was left out, or there was nothing to do."""

    problem: str = ""
    """Why it was left out; empty if it was not."""


def anchored(
    edit: Edit, people: Identities, boxes: FloatArray, detected: BoolArray
) -> AnchoredEdit:
    """Note by which rows the tracks of a correction are found again.

    Args:
        edit: The correction; it must be possible.
        people: Who is who before it.
        boxes: (R, 4) box of each row, pixels.
        detected: (R,) whether somebody was found there; other rows depend on the linking.
    """

    def anchors(rows: IntArray) -> tuple[Anchor, ...]:
        return tuple(
            Anchor(frame=int(people.frame[row]), box=(x1, y1, x2, y2))
            for row in dict.fromkeys(rows.tolist())
            for x1, y1, x2, y2 in [boxes[row].tolist()]
        )

    if edit.verb in PIVOTED:
        assert edit.start is not None
        before = people.times < edit.start - AS_SHOWN
        of_tracks = [np.flatnonzero(people.rows_of(track) & detected) for track in edit.tracks]
        return AnchoredEdit(
            edit=edit,
            seen=tuple(anchors(rows[before[rows]][-1:]) for rows in of_tracks),
            later=tuple(anchors(rows[~before[rows]][:1]) for rows in of_tracks),
        )
    known = [t for t in edit.tracks if edit.verb != "assign" or _there(people, t)]
    spans = [np.flatnonzero(_span(people, edit, track) & detected) for track in known]
    few = [rows[[0, len(rows) // 2, -1]] if len(rows) else rows for rows in spans]
    return AnchoredEdit(edit=edit, seen=tuple(map(anchors, few)))


def reapplied(kept: AnchoredEdit, people: Identities, boxes: FloatArray) -> Reapplied:
    """Do a correction again, for the tracks that have its rows now.

    Args:
        kept: The correction as it was made.
        people: Who is who now, earlier corrections included.
        boxes: (R, 4) box of each row, pixels.
    """
    try:
        edit = _of_today(kept, people, boxes)
        changed = people if edit is None else edit_identities(people, edit)
    except InputError as error:
        return Reapplied(people=people, problem=str(error))
    return Reapplied(people=changed, edit=edit)


def _of_today(kept: AnchoredEdit, people: Identities, boxes: FloatArray) -> Edit | None:
    """The correction with the ids of today; None if what it asks for is so already.

    Raises:
        InputError: If its rows belong to other tracks now.
    """
    edit = kept.edit
    seen = [_track_of(rows, people, boxes) for rows in kept.seen]
    later = [_track_of(rows, people, boxes) for rows in kept.later]
    if edit.verb == "split":
        return None if seen != later else replace(edit, tracks=tuple(_known(seen)))
    if edit.verb == "swap":
        if _agree(seen, later):
            pairs = zip(seen, later, strict=True)
            return replace(edit, tracks=tuple(_known(two if a is None else a for a, two in pairs)))
        if _agree(seen, later[::-1]):
            return None
        raise InputError(OTHERS)
    if edit.verb in ("merge", "assign"):
        # a new track keeps the id that people gave it, unless somebody has it now
        new = unused_id(people) if _there(people, edit.tracks[1]) else edit.tracks[1]
        first, second = (*seen, new)[:2]
        return None if first == second else replace(edit, tracks=tuple(_known((first, second))))
    return replace(edit, tracks=tuple(dict.fromkeys(_known(seen))))


OTHERS = "its tracks are other ones now"


def _agree(seen: Sequence[int | None], later: Sequence[int | None]) -> bool:
    """Whether tracks before and after a time are the same, as far as they are there."""
    return all(a == b for a, b in zip(seen, later, strict=True) if None not in (a, b))


def _known(tracks: Iterable[int | None]) -> Iterator[int]:
    for track in tracks:
        if track is None:
            raise InputError(OTHERS)
        yield track


def _there(people: Identities, track: int) -> bool:
    return bool((people.kept & (people.ids == track)).any())


def _span(people: Identities, edit: Edit, track: int) -> BoolArray:
    """The rows by which a track of a correction is told."""
    if edit.verb == "delete" or (edit.verb == "assign" and track == edit.tracks[0]):
        return rows_between(people, edit)
    rows = people.rows_of(track)
    if edit.verb == "move":
        only = np.zeros_like(rows)
        only[row_at(people, edit)] = True
        return only
    return rows


def _track_of(anchors: Sequence[Anchor], people: Identities, boxes: FloatArray) -> int | None:
    """The track that rows belong to now; None if there are no rows to tell it by.

    Raises:
        InputError: If they belong to several tracks, or to none.
    """
    found: set[int] = set()
    for anchor in anchors:
        rows = slice(*np.searchsorted(people.frame, [anchor.frame, anchor.frame + 1]).tolist())
        same = (boxes[rows] == np.asarray(anchor.box, boxes.dtype)).all(axis=1) & people.kept[rows]
        found |= set(people.ids[rows][same].tolist())
    if anchors and (len(found) != 1 or found == {-1}):
        raise InputError(OTHERS)
    return found.pop() if found else None
