"""Replays the corrections of a run on its tracks as they were linked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, FloatArray, FramePoses, IntArray, RowState

from ...tracker.edit_anchors import AnchoredEdit, Reapplied, anchored, reapplied
from ...tracker.edits import Edit, Identities, edit_identities, joined_by_hand, moved_joints, row_at
from ..storage.edit_journal import EditStep
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_rows
from .edit_words import spelled


@dataclass(frozen=True, kw_only=True)
class EditedRun:
    """Who is who in a run after its corrections."""

    linked: Identities
    """As linked."""

    people: Identities
    """As corrected; the same rows."""

    boxes: FloatArray
    """(R, 4) pixels."""

    detected: BoolArray
    """(R,) whether somebody was found there; the others are filled in by the linking."""

    moves: tuple[tuple[int, Edit], ...] = ()
    """Joints that people placed: the row, and the correction."""

    problems: tuple[str, ...] = ()
    """Corrections that make no sense after another linking, and why."""

    @property
    def names(self) -> dict[int, str]:
        """What people call the tracks that are left."""
        left = {*self.people.ids[self.people.kept].tolist()}
        return {track: name for track, name in self.people.names.items() if track in left}

    @property
    def touched(self) -> BoolArray:
        """(R,) rows of tracks that have other rows than as linked."""
        touched = np.zeros(len(self.linked.ids), bool)
        as_linked = {rows.tobytes() for rows in _rows_by_track(self.linked)}
        for rows in _rows_by_track(self.people):
            touched[rows] = rows.tobytes() not in as_linked
        return touched

    def with_edit(self, edit: Edit) -> tuple["EditedRun", AnchoredEdit]:
        """One correction more, and by which rows to find its tracks again.

        Raises:
            InputError: If it cannot be done.
        """
        people = edit_identities(self.people, edit)
        kept = anchored(edit, self.people, self.boxes, self.detected)
        return self._after(Reapplied(people=people, edit=edit)), kept

    def with_step(self, step: EditStep) -> "EditedRun":
        """The corrections of a step, as far as they make sense."""
        run = self
        for kept in step.edits:
            result = reapplied(kept, run.people, run.boxes)
            run = run._after(result)
            if result.problem:
                problem = f"left out {spelled(kept.edit)!r}: {result.problem}"
                run = replace(run, problems=(*run.problems, problem))
        return run

    def _after(self, result: Reapplied) -> "EditedRun":
        moves, edit = self.moves, result.edit
        if edit is not None and edit.verb == "move":
            moves = (*moves, (row_at(result.people, edit), edit))
        return replace(self, people=result.people, moves=moves)


def _rows_by_track(people: Identities) -> list[IntArray]:
    """The rows of each track that are still there, in order."""
    rows = np.flatnonzero(people.kept)
    rows = rows[np.argsort(people.ids[rows], kind="stable")]
    return np.split(rows, np.flatnonzero(np.diff(people.ids[rows])) + 1)


def replay(run: RunDirectory, steps: Sequence[EditStep]) -> EditedRun:
    """Do the corrections that are in force on a run's tracks as linked.

    Raises:
        FormatError: If the tracks are missing or damaged.
    """
    rows = read_rows(linked_tracks(run))
    linked = Identities(
        frame=rows.frame, times=rows.times, ids=rows.track_ids, kept=np.ones(len(rows.frame), bool)
    )
    detected = rows.states == RowState.DETECTED
    edited = EditedRun(linked=linked, people=linked, boxes=rows.boxes, detected=detected)
    for step in steps:
        edited = edited.with_step(step)
    return edited


def linked_tracks(run: RunDirectory) -> Path:
    """The file of a run's tracks as linked: a file of their own only where they were corrected."""
    return run.linked if run.linked.exists() else run.tracks


def with_identities(frames: Iterable[FramePoses], edited: EditedRun) -> Iterator[FramePoses]:
    """The frames of a run as linked, with everybody under the corrected id; the deleted left out.

    Args:
        frames: Those that :func:`replay` saw, from the first on.
        edited: What came of it.
    """
    people, joined = edited.people, joined_by_hand(edited.linked.ids, edited.people)
    for poses, rows in with_rows(frames):
        margins = poses.link_margins.copy()
        margins[joined[rows]] = np.nan
        changed = replace(poses, track_ids=people.ids[rows], link_margins=margins)
        yield changed[people.kept[rows]]


def with_moves(
    frames: Iterable[FramePoses], edited: EditedRun, *, joints: Skeleton
) -> Iterator[FramePoses]:
    """Corrected frames with joints where people put them, with a score of 1.

    Args:
        frames: As :func:`with_identities` yields them, refined or not.
        edited: The corrections.
        joints: Names of the joints.
    """
    # by their place among the rows that are left
    places = np.cumsum(edited.people.kept) - 1
    moves: dict[int, list[Edit]] = {}
    for row, edit in edited.moves:
        if edited.people.kept[row]:
            moves.setdefault(int(places[row]), []).append(edit)
    for poses, rows in with_rows(frames):
        here = {
            row - rows.start: moves[row] for row in moves.keys() & {*range(rows.start, rows.stop)}
        }
        yield moved_joints(poses, here, joints) if here else poses


def with_rows(frames: Iterable[FramePoses]) -> Iterator[tuple[FramePoses, slice]]:
    """Frames, and which rows of the table each has."""
    first = 0
    for poses in frames:
        yield poses, slice(first, first + len(poses))
        first += len(poses)
