"""``posetube report``: makes the page of a run, or of a folder of runs."""

import sys
from collections.abc import Sequence
from pathlib import Path

from posetube.errors import InputError, MissingFileError, PoseTubeError

from ..failures import COMPLETE, SOME_FAILED, explain
from ..opened_people import run_of
from ..progress import ProgressKind
from ..storage.run_directory import RunDirectory
from ..tracking.run_session import open_session
from ..watch import Watch, print_result, watching
from .runs_page import write_runs_page


def report_command(run: Path, /, *, progress: ProgressKind = "auto") -> int:
    """Make a page that shows a run: report.html in its folder, which opens from disk.

    The page shows the video with everybody in it, a timeline, doubtful links, and each person's
    movement; it needs no network. Of a folder of runs: a page for each that has none yet, and one
    that lists them.

    Args:
        run: A run's directory, or a folder with several.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
    """
    with watching(progress) as watch:
        folder = run_of(run)
        if folder is not None:
            page = report_run(RunDirectory(folder), anew=True, watch=watch)
            failed = False
        else:
            runs = runs_in(run)
            failed = not _report_each(runs, watch)
            page = write_runs_page(run, runs)
    print_result(page, progress)
    return SOME_FAILED if failed else COMPLETE


def report_run(run: RunDirectory, *, anew: bool, watch: Watch) -> Path:
    """Make the page of a run.

    Args:
        run: The run.
        anew: Make it again where it is there.
        watch: Who is told how far it is, and may ask to stop.

    Returns:
        The page.

    Raises:
        InputError: If this is no run, or it is not linked yet.
        FormatError: If its tracks or detections are damaged.
        Interrupted: If somebody asked to stop; an old page stays.
    """
    with open_session(run, watch=watch) as session:
        session.run_stages("report", anew=anew)
    return run.report


def runs_in(folder: Path) -> list[RunDirectory]:
    """The runs that lie in a folder, by name.

    Raises:
        MissingFileError: If there is no such folder.
        InputError: If there is no run in it.
    """
    if not folder.exists():
        raise MissingFileError(f"{folder}: no such file or folder")
    found = sorted(path.parent for path in folder.glob("*/run.json"))
    if not found:
        raise InputError(f"{folder} is no run, and none lies in it; `posetube track` makes one")
    return [RunDirectory(path) for path in found]


def _report_each(runs: Sequence[RunDirectory], watch: Watch) -> bool:
    """Make the pages that are not there; whether all could be made."""
    problems = []
    for run in runs:
        try:
            report_run(run, anew=False, watch=watch)
        except PoseTubeError as error:
            problems.append(explain(error).line)
    for line in problems:
        print(f"posetube report: {line}", file=sys.stderr)  # noqa: T201
    return not problems
