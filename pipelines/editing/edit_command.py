"""``posetube edit RUN``: corrects who is who in a run, and joints; undoes and lists corrections."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.errors import InputError
from posetube.skeletons import skeleton

from ...datasets.people import one_video
from ...tracker.edits import Edit, joint_of
from ..interrupt import catching_interrupts
from ..opened_people import open_people_or_run, run_of
from ..progress import ProgressKind, showing_progress
from ..storage.edit_journal import EditStep, add_step, read_steps, steps_in_force
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_tracks
from ..tracking.run_session import RunSession, open_session, summary
from .corrected_tracks import differences
from .edit_words import parse_edit, spelled
from .edited_run import replay


def edit_command(
    run: Path,
    /,
    *words: Annotated[str, Parameter(allow_leading_hyphen=True)],
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    progress: ProgressKind = "auto",
) -> int:
    """Correct who is who in a run; the corrections are kept, and done again after each linking.

    Exports, overlay and evaluation see the corrected tracks. Times are seconds, or have a unit, as
    in the table and the overlay; a stretch includes both ends. What was made of the old tracks, the
    overlay and exports in the run's folder, is removed.

    Args:
        run: A run's directory.
        words: `merge 3 5` (5 becomes part of 3), `split 3 @12.4s` (a new track from then on),
            `swap 2 4 @7s` (they change places from then on), `delete 7 [@2s..5s]`, `keep 1,2`,
            `rename 3 anna`, `assign 3 8 @2s..5s` (this stretch of 3 belongs to 8), `move 3
            left_wrist @12.4s 310,220`; `undo`, `redo`; `list` or nothing shows the corrections.
        from_: The run's tracks as you corrected them elsewhere, in any format that holds people
            (CSV, Parquet, SLEAP, CVAT ...): the differences become corrections.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
    """
    folder = run_of(run)
    if folder is None:
        raise InputError(f"{run} is no run; `posetube link {run}` makes one of a file")
    directory, text = RunDirectory(folder), " ".join(words)
    if text in ("", "list") and from_ is None:
        print("\n".join(listed(directory)))  # noqa: T201
        return 0
    if text and from_ is not None:
        raise InputError("--from takes the corrections from a file; type none beside it")
    with (
        showing_progress(progress) as listener,
        catching_interrupts() as interrupt,
        open_session(directory, listeners=[listener], interrupt=interrupt) as session,
    ):
        session.require("link")
        step = _step(session, text, from_)
        if not step.edits and not step.change:
            session.record.say(f"{from_}: holds the run's tracks as they are; nothing to do")
            return 0
        add_step(directory, step)
        names = [*dict.fromkeys(["edit", *session.after_linking()])]
        done = session.run_stages(*names, anew=True)
        line = summary(directory, done, stages=names)
    print(line, file=sys.stderr if progress == "json" else sys.stdout)
    return 0


def listed(run: RunDirectory) -> list[str]:
    """The corrections in force, a line each, and those that could be brought back."""
    done, undone = steps_in_force(read_steps(run))
    lines = [f"{number}. {_told(step)}" for number, step in enumerate(done, start=1)]
    return [*lines, *(f"undone: {_told(step)}" for step in reversed(undone))] or ["no corrections"]


def _told(step: EditStep) -> str:
    told = "; ".join(spelled(kept.edit) for kept in step.edits)
    return f"{told} (from {step.source})" if step.source else told


def _step(session: RunSession, text: str, source: Path | None) -> EditStep:
    """The step of the journal that was asked for.

    Raises:
        InputError: If it cannot be done.
    """
    if text in ("undo", "redo"):
        return EditStep(change=text)
    run = session.record.run
    edits = [parse_edit(text)] if source is None else _differences(session, source)
    edited, kept = replay(run, steps_in_force(read_steps(run))[0]), []
    for edit in edits:
        if edit.verb == "move":
            joint_of(edit, skeleton(session.manifest.skeleton))
        edited, anchors = edited.with_edit(edit)
        kept.append(anchors)
    return EditStep(edits=tuple(kept), source="" if source is None else source.name)


def _differences(session: RunSession, source: Path) -> Sequence[Edit]:
    run = session.record.run
    theirs = one_video(open_people_or_run(source), where=source, video=None).tracks
    found = differences(read_tracks(run.path), replace(theirs, source=str(source)))
    if found.strangers:
        rows = f"{found.strangers} rows are nobody's of the run"
        session.record.say(f"{source}: {rows}; they are left out: corrections add nobody")
    if found.emptied:
        session.record.say(
            f"{source}: {found.emptied} joints are missing there; they stay: joints are only moved"
        )
    return found.edits
