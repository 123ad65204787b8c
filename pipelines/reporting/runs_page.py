"""Makes the page of a folder of runs: a table with a small picture of each."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from posetube.atomic_files import write_bytes
from posetube.errors import PoseTubeError
from posetube.file_names import readable

from ...datasets.video import open_video
from ...datasets.video.picture import fitted
from ..storage.run_directory import RunDirectory
from .page_file import build_page
from .report_pictures import data_url

PICTURE = 128
"""Longest side of a run's picture, pixels."""

NAME = "report.html"


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table."""

    name: str
    url: str = ""
    """Of the run's own page, relative to this one; empty if it has none."""

    video: str = ""
    """Name of the video, or of the file of detections; empty if it is not known."""

    state: str
    people: int | None = None
    frames: int = 0
    lost: int = 0
    seconds: float = 0
    """That the run took."""

    problems: tuple[str, ...]
    picture: str = ""


class FolderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows."""

    name: str
    runs: list[RunFacts]


def write_runs_page(folder: Path, runs: Sequence[RunDirectory]) -> Path:
    """Write the page that lists runs.

    Returns:
        The page.

    Raises:
        InputError: If it cannot be written.
    """
    name = readable(folder.resolve().name)
    facts = FolderFacts(name=name, runs=[run_facts(run, folder) for run in runs])
    page = folder / NAME
    html = build_page("runs", facts=msgspec.json.encode(facts))
    write_bytes(page, html.encode())
    return page


def run_facts(run: RunDirectory, folder: Path) -> RunFacts:
    """What the table says of a run, one that failed included."""
    try:
        manifest = run.read()
    except PoseTubeError as error:
        name = readable(run.path.name)
        return RunFacts(name=name, state="damaged", problems=(str(error),))
    frames = manifest.frames
    way = quote(os.fsencode(run.report.relative_to(folder).as_posix()))
    return RunFacts(
        name=readable(run.path.name),
        video=manifest.source.name,
        url=way if run.report.exists() else "",
        state=manifest.state,
        people=manifest.tracks,
        frames=frames.done,
        lost=frames.corrupt + frames.missing,
        seconds=round(sum(stage.seconds for stage in manifest.stages.values()), 1),
        problems=(*manifest.warnings, *filter(None, [manifest.error])),
        picture=_picture(run, manifest.source.path, middle=frames.done // 2),
    )


def _picture(run: RunDirectory, source: str, *, middle: int) -> str:
    """A frame from the middle as a data URL, with people where there is an overlay; or empty."""
    path = str(run.overlay) if run.overlay.exists() else source
    if "://" in path or not Path(path).exists():
        return ""
    try:
        with open_video(path) as video:
            frame = next(video.frames(middle), None)
    except (PoseTubeError, OSError):
        return ""
    if frame is None or frame.image is None:
        return ""
    return data_url(fitted(frame.image, (PICTURE, PICTURE))[0])
