"""``posetube edit RUN``: corrects who is who in a run, and joints; undoes and lists corrections."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.errors import InputError
from posetube.file_names import printable

from ..opened_people import run_of
from ..progress import ProgressKind
from ..storage.edit_journal import EditStep, read_steps, steps_in_force
from ..storage.run_directory import RunDirectory
from ..watch import print_result, watching
from .correct_run import catch_up, correct_run
from .edit_words import spelled


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
        with watching(progress) as watch:
            catch_up(directory, watch=watch)
        print("\n".join(listed(directory)))  # noqa: T201
        return 0
    if text and from_ is not None:
        raise InputError("--from takes the corrections from a file; type none beside it")
    with watching(progress) as watch:
        line = correct_run(directory, text, source=from_, watch=watch)
    print_result(line, progress)
    return 0


def listed(run: RunDirectory) -> list[str]:
    """The corrections in force, and those that could be brought back: a line each."""
    done, undone = steps_in_force(read_steps(run))
    lines = [
        line for number, step in enumerate(done, start=1) for line in _told(step, f"{number}.")
    ]
    lines += [line for step in reversed(undone) for line in _told(step, "undone:")]
    return lines or ["no corrections"]


def _told(step: EditStep, mark: str) -> list[str]:
    """A step in words: those of a file have a line each under the file's."""
    told = [spelled(kept.edit) for kept in step.edits]
    if step.source:
        told = [f"from {step.source}", *(f"  {one}" for one in told)]
    return [printable(f"{mark} {told[0]}"), *(printable(f"   {one}") for one in told[1:])]
