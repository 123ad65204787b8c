"""Reads and writes ``edits.jsonl``: the corrections of a run, in the order in which they were made.

Each line is a step: corrections that were made together, or an undo or redo. Nothing is ever taken
out, so that the file says who changed what; a step more is written aside and takes the old file's
place, so that a kill loses none.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from posetube.atomic_files import write_bytes
from posetube.errors import FormatError, InputError

from ...tracker.edit_anchors import AnchoredEdit
from .manifest import Manifest
from .run_directory import RunDirectory


class EditStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal."""

    edits: tuple[AnchoredEdit, ...] = ()
    """Corrections that belong together: undone by one undo. Empty for an undo or redo."""

    source: str = ""
    """The file that they were taken from, if any."""

    change: str = ""
    """``undo`` or ``redo``."""


def read_steps(run: RunDirectory) -> list[EditStep]:
    """All steps of a run's journal; none where nothing was corrected.

    Raises:
        FormatError: If a line is no step.
    """
    try:
        lines = run.edits.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    steps = []
    for number, line in enumerate(lines, start=1):
        try:
            steps.append(msgspec.json.decode(line, type=EditStep))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FormatError(
                f"{run.edits}: line {number} is no correction ({error}); remove the line, or the "
                "file if no correction is to stay"
            ) from None
    return steps


def steps_in_force(steps: Sequence[EditStep]) -> tuple[list[EditStep], list[EditStep]]:
    """The steps that count, in order, and those that a redo would bring back, the next one last."""
    done: list[EditStep] = []
    undone: list[EditStep] = []
    for step in steps:
        if step.change == "undo" and done:
            undone.append(done.pop())
        elif step.change == "redo" and undone:
            done.append(undone.pop())
        elif step.edits:
            done.append(step)
            undone.clear()
    return done, undone


def corrections_of(run: RunDirectory) -> list[EditStep]:
    """The corrections of a run that count, in order.

    Raises:
        FormatError: See :func:`read_steps`.
    """
    return steps_in_force(read_steps(run))[0]


def add_step(run: RunDirectory, step: EditStep) -> None:
    """Append a step to a run's journal.

    Raises:
        InputError: If there is nothing to undo or redo.
    """
    steps = read_steps(run)
    done, undone = steps_in_force(steps)
    if step.change and not (done if step.change == "undo" else undone):
        raise InputError(f"{run.path}: there is nothing to {step.change}")
    lines = [msgspec.json.encode(one) + b"\n" for one in (*steps, step)]
    write_bytes(run.edits, b"".join(lines))


def corrections_wait(run: RunDirectory, manifest: Manifest) -> bool:
    """Whether a run has corrections that its tracks do not have yet: a job was stopped."""
    return digest(corrections_of(run)) != manifest.edited


def digest(steps: Sequence[EditStep]) -> str:
    """What tells the corrections in force from others; empty where there are none."""
    edits = [step.edits for step in steps]
    return hashlib.sha256(msgspec.json.encode(edits)).hexdigest()[:16] if edits else ""
