"""``posetube data check NAME ROOT``: reports what of a data set is there, missing or broken.

Not here: how it is checked (:mod:`posetube.datasets.published.dataset_check`).
"""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console

from posetube.atomic_files import write_bytes

from ...datasets.files.json_files import encode
from ...datasets.published.dataset_check import DatasetReport, check_dataset
from ...datasets.published.dataset_table import dataset_names, open_dataset
from ..failures import COMPLETE, MARKED_PROBLEMS
from ..storage.run_directory import refuse_own_files

SHOWN = 20
"""Problems that are printed; the JSON has all."""


def check(
    name: Annotated[str, Parameter(help=f"{dataset_names()}.")],
    root: Path,
    /,
    *,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
) -> int:
    """Read every annotation of a data set and look for its pictures.

    Exits with 0 if all is well, 3 if there are problems.

    Parameters
    ----------
    name
        The data set.
    root
        Its folder.
    json
        Also write the whole report to this file.
    """
    refuse_own_files(json)
    report = check_dataset(open_dataset(name, root), root=root)
    if json is not None:
        content = msgspec.json.format(encode(report), indent=2)
        write_bytes(json, content + b"\n")
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
