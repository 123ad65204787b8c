"""``posetube data check SOURCE``: reports what of a data set is there, missing or broken.

Not here: how it is checked (:mod:`posetube.datasets.published.dataset_check`).
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from posetube.atomic_files import write_bytes

from ...datasets.files.json_files import encode_indented
from ...datasets.people import PeopleFile, PeopleFolder
from ...datasets.published.dataset_check import DatasetReport, check_dataset
from ..failures import COMPLETE, MARKED_PROBLEMS
from ..opened_people import open_people_or_run
from ..storage.run_directory import refuse_own_files

SHOWN = 20
"""Problems that are printed; the JSON has all."""


def check(
    source: Path,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
) -> int:
    """Read every annotation of a data set, a file or a run, and look for its pictures.

    Exits with 0 if all is well, 3 if there are problems.

    Args:
        source: A data set's folder, or whatever else holds people.
        from_: Name of the data set or of the format [default: told by names and content].
        json: Also write the whole report to this file.
    """
    refuse_own_files(json)
    people = open_people_or_run(source, form=from_)
    # Files of results stand alone; a data set's labels without its pictures are half of it.
    alone = isinstance(people, PeopleFile | PeopleFolder)
    report = check_dataset(people, root=source, with_pictures=not alone)
    if json is not None:
        write_bytes(json, encode_indented(report))
    _show(report)
    return MARKED_PROBLEMS if report.problems else COMPLETE


def _show(report: DatasetReport) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{report.dataset} in {report.root}: {report.videos} videos, {report.frames} frames "
        f"({report.labeled_frames} labelled, {report.pictures} pictures or files there), "
        f"{report.people} people, {report.poses} poses",
        markup=False,
    )
    for problem in report.problems[:SHOWN]:
        place = ", ".join(part for part in (problem.file, problem.where) if part)
        console.print(f"  {place + ': ' if place else ''}{problem.what}", markup=False)
    hidden = len(report.problems) - SHOWN
    if hidden > 0:
        console.print(f"  and {hidden} more; --json FILE has all of them", markup=False)
