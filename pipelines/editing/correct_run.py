"""Makes one correction of a run: notes it in the journal, and makes the tracks anew."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from posetube.skeletons import skeleton

from ...datasets.people import one_video
from ...tracker.edits import Edit, check_move
from ..failures import Interrupted
from ..opened_people import open_people_or_run
from ..storage.edit_journal import (
    EditStep,
    add_step,
    corrections_of,
    corrections_wait,
)
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_tracks
from ..tracking.run_session import RunSession, open_session, summary
from ..watch import Watch
from .corrected_tracks import differences
from .edit_words import parse_edit
from .edited_run import replay


def correct_run(
    run: RunDirectory,
    words: str,
    *,
    source: Path | None = None,
    watch: Watch | None = None,
) -> str:
    """Correct a run; what was made of its old tracks is removed.

    Args:
        run: The run.
        words: A correction as people type it, ``undo`` or ``redo``; empty with ``source``.
        source: A file of the tracks as corrected elsewhere: the differences become corrections.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Returns:
        A line that says what came out.

    Raises:
        InputError: If this is no run, it is not linked yet, or the correction cannot be made.
        FormatError: If the tracks, the journal or the file is damaged.
        Interrupted: If somebody asked to stop; the tracks stay as they were.
    """
    with open_session(run, watch=watch) as session:
        session.require("link")
        step = _step(session, words, source)
        if not step.edits and not step.change:
            session.record.say(f"{source}: holds the run's tracks as they are; nothing to do")
            return summary(run, session.manifest)
        add_step(run, step)
        names = [*dict.fromkeys(["edit", *session.after_linking()])]
        try:
            done = session.run_stages(*names, anew=True)
        except Interrupted as stop:  # the correction is noted: once is enough
            raise Interrupted(str(stop), again=("edit", str(run.path))) from None
        return summary(run, done, stages=names)


def catch_up(run: RunDirectory, *, watch: Watch | None = None) -> None:
    """Finish what a stopped job left of a run's corrections: tracks without them, or not refined.

    Raises:
        InputError: If this is no run, or it is not linked yet.
        FormatError: If the tracks or the journal are damaged.
        Interrupted: If somebody asked to stop; the tracks stay as they were.
    """
    manifest = run.read()
    refined = manifest.finished("refine") or not manifest.settings.refine.refiners
    if not corrections_wait(run, manifest) and (refined or not manifest.finished("edit")):
        return
    with open_session(run, watch=watch) as session:
        session.require("link")
        session.run_stages(*dict.fromkeys(["edit", *session.after_linking()]))


def _step(session: RunSession, text: str, source: Path | None) -> EditStep:
    """The step of the journal that was asked for.

    Raises:
        InputError: If it cannot be done.
    """
    if text in ("undo", "redo"):
        return EditStep(change=text)
    run = session.record.run
    edits = [parse_edit(text)] if source is None else _differences(session, source)
    edited, kept = replay(run, corrections_of(run)), []
    joints = skeleton(session.manifest.skeleton)
    for edit in edits:
        if edit.verb == "move":
            check_move(edit, joints=joints, size=session.manifest.source.size)
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
    if found.gone:
        session.record.say(f"{source}: {found.gone} rows of the run are not there: deleted")
    if found.emptied:
        session.record.say(
            f"{source}: {found.emptied} joints are missing there; they stay: joints are only moved"
        )
    return found.edits
