"""``posetube measure RUN``: angles, lengths, speeds, steps and zones as tables and plots."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from posetube.atomic_files import check_folder_of, replacing
from posetube.data_frames import Columns
from posetube.errors import InputError

from ...datasets.people import one_video
from ...tracker.measures.zones import Zone
from ..opened_people import open_people_or_run, run_of
from ..storage.run_directory import guarding_runs
from .measured_tables import Measures, Scale, measured


def measure_command(
    run: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    zone: Annotated[list[str] | None, Parameter(negative=())] = None,
    metres_per_pixel: float | None = None,
    height: Annotated[list[str] | None, Parameter(negative=())] = None,
    to: Literal["csv", "parquet"] = "csv",
    plots: bool = False,
    video: str | None = None,
) -> int:
    """Measure people: joint angles, lengths, speeds, way, steps, and who is where.

    Writes frames (a row per person and frame), people, events (steps, entries and exits) and zones
    (people in each zone and frame). Angles are 0 for somebody who stands straight.

    Args:
        run: A run's directory, or whatever holds people.
        out: Folder for the tables [default: RUN/measures].
        zone: A part of the picture and its corners in pixels, name=x,y,x,y,x,y; may be repeated.
            Somebody is in it who has the feet in it.
        metres_per_pixel: How large a pixel is, for measures in metres.
        height: A person's height in metres, 3=1.80 of track 3, for the same; may be repeated.
        to: csv or parquet.
        plots: Draw angles, speeds and ways as PNG, too; needs matplotlib.
        video: Which video, where there are several.
    """
    people = one_video(open_people_or_run(run), where=run, video=video)
    folder = out or _beside(run)
    check_folder_of(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the tables")
    zones = [parse_zone(text) for text in zone or ()]
    scale = Scale(metres_per_pixel=metres_per_pixel, heights=dict(map(parse_height, height or ())))
    found = measured(people.tracks, zones=zones, scale=scale)
    with guarding_runs(folder):
        if out is None:
            _remove_old(folder)
        for name, columns in found.tables().items():
            with replacing(folder / f"{name}.{to}") as aside:
                WRITERS[to](aside, columns)
        if plots:
            from .measure_plots import draw_measures

            draw_measures(found, folder, size=people.tracks.size)
    print(told(found, folder))  # noqa: T201
    return 0


def _beside(run: Path) -> Path:
    folder = run_of(run)
    if folder is None:
        raise InputError(f"{run}: no run; say with -o where to write")
    return folder / "measures"


def _remove_old(folder: Path) -> None:
    """Remove what an earlier call left beside the run: it may belong to other settings."""
    tables = (
        f"{name}.{form}" for name in ("frames", "people", "events", "zones") for form in WRITERS
    )
    for pattern in (*tables, "person-*.png", "ways.png", "zones.png"):
        for old in folder.glob(pattern):
            old.unlink()


def told(found: Measures, folder: Path) -> str:
    """One line that says what was measured."""
    people, steps = len(found.people["track_id"]), int(found.people["steps"].sum())
    return f"{people} people, {steps} steps, lengths in {found.unit} -> {folder}"


def parse_zone(text: str) -> Zone:
    """Read a zone as it is typed.

    Raises:
        InputError: If it is none.
    """
    name, _, numbers = text.partition("=")
    try:
        corners = np.array(list(map(float, numbers.split(",")))).reshape(-1, 2)
    except ValueError:
        corners = np.empty((0, 2))
    if not name.strip() or len(corners) < 3:
        raise InputError(f"expected a zone such as door=10,20,200,20,200,90, got {text!r}")
    return Zone(name=name.strip(), corners=corners)


def parse_height(text: str) -> tuple[int, float]:
    """Read a person's track id and height, ``3=1.80``.

    Raises:
        InputError: If it is none.
    """
    track, _, metres = text.partition("=")
    try:
        return int(track), float(metres)
    except ValueError:
        raise InputError(
            f"expected a track and its height in metres, such as 3=1.80, got {text!r}"
        ) from None


def write_csv(path: Path, columns: Columns) -> None:
    """Write columns as CSV; what is not known stays empty."""
    import pyarrow as pa
    import pyarrow.csv as pc

    arrays = {name: pa.array(_short(values), from_pandas=True) for name, values in columns.items()}
    pc.write_csv(pa.table(arrays), path)


def _short(values: np.ndarray) -> np.ndarray:
    """Numbers with the digits that mean something."""
    return np.round(values.astype(np.float64), 5) if values.dtype.kind == "f" else values


def write_parquet(path: Path, columns: Columns) -> None:
    """Write columns as Parquet; what is not known is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), path, compression="zstd")


WRITERS: dict[str, Callable[[Path, Columns], None]] = {"csv": write_csv, "parquet": write_parquet}
