"""Checks the parts of a run's detections against its manifest.

A run is linked only if all of its parts are there and whole. With fewer frames it would get other
tracks, and nobody would notice.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from posetube.errors import FormatError
from posetube.structures import FrameTable

from .detections_store import (
    PartFile,
    PartFrames,
    frame_table,
    open_part,
    part_key,
    part_path,
)
from .manifest import Manifest
from .run_directory import RunDirectory


def check_parts(run: RunDirectory, manifest: Manifest) -> None:
    """Refuse parts that are missing, damaged, or not those of this run.

    Raises:
        FormatError: If there is one; names the first, and the command that makes it again.
    """
    for _ in _whole_run(run, manifest):
        pass


def frames_of_run(run: RunDirectory, manifest: Manifest) -> FrameTable:
    """Times and states of all frames of a run.

    Raises:
        FormatError: See :func:`check_parts`: with a part less, frames would have no times, or would
            be missing at the end.
    """
    return frame_table(_whole_run(run, manifest))


def _whole_run(run: RunDirectory, manifest: Manifest) -> Iterator[PartFrames]:
    """The frames of each part, held against the manifest."""
    try:
        yield from _checked(run.detections, manifest)
    except FormatError as error:
        raise FormatError(
            f"{error}. {remedy(run, manifest)} makes it again; the tracks stay until then"
        ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPart:
    """What is known of a part that is whole."""

    first: int
    """Index of its first frame."""

    last: int
    """Index of its last frame."""

    states: Counter[str]
    """How many of its frames have each state."""

    rows: int
    """Number of detections."""

    @classmethod
    def of(cls, part: PartFile) -> "KeptPart":
        """Without the table, so that all parts of a long video take little memory."""
        frame, states = part.frames.frame, Counter[str](part.frames.state)
        return cls(first=frame[0], last=frame[-1], states=states, rows=part.rows)


def whole_parts(
    run: RunDirectory, manifest: Manifest, *, first: int = 0, end: int | None = None
) -> dict[int, KeptPart]:
    """By number, the parts that are whole and belong to this run; some may be missing between.

    Args:
        run: The run's directory.
        manifest: The run's.
        first: Number of the first part to look at.
        end: Number of the part behind the last one to look at; None: look at all.
    """
    found, last = {}, -1
    for number in sorted(_numbers(run.detections)):
        if number < first or (end is not None and number >= end):
            continue
        # A bad part is a gap, to be filled; why it is bad does not matter any more.
        with suppress(FormatError):
            found[number] = KeptPart.of(_own_part(run.detections, number, manifest, after=last))
            last = found[number].last
    return found


def remedy(run: RunDirectory, manifest: Manifest) -> str:
    """The command that makes what is missing again."""
    command = "link" if manifest.source.kind == "detections" else "track"
    return (
        f"`posetube {command} {manifest.source.path} -o {run.path}` with the options that the run "
        "was made with"
    )


def _checked(folder: Path, manifest: Manifest) -> Iterator[PartFrames]:
    numbers = _numbers(folder)
    last, frames, rows = -1, 0, 0
    for number in range(max(numbers, default=-1) + 1):
        if number not in numbers:
            raise FormatError(f"{part_path(folder, number)} is missing")
        part = _own_part(folder, number, manifest, after=last)
        last = part.frames.frame[-1]
        frames += len(part.frames.frame)
        rows += part.rows
        yield part.frames
    known = manifest.frames
    if frames != known.done:
        raise FormatError(
            f"{part_path(folder, len(numbers))} is missing: the parts hold {frames} frames, "
            f"run.json counts {known.done}"
        )
    if known.detections not in (None, rows):
        raise FormatError(
            f"{folder}: the parts hold {rows} people, run.json counts {known.detections}"
        )


def _own_part(folder: Path, number: int, manifest: Manifest, *, after: int) -> PartFile:
    """Open a part, and look whether it is the one that the run has at this place.

    Args:
        folder: The run's ``detections/``.
        number: Of the part.
        manifest: The run's.
        after: Index of the last frame of the part before it, for parts without a key.
    """
    part = open_part(part_path(folder, number))
    if part.key and part.key != part_key(manifest.detections_key, number):
        raise FormatError(f"{part.path}: belongs to another run, or to another place in this one")
    if not part.frames.frame or part.frames.frame[0] <= after:
        raise FormatError(f"{part.path}: its frames do not come after frame {after}")
    return part


def _numbers(folder: Path) -> set[int]:
    return {int(path.stem[5:]) for path in folder.glob("part-*.parquet") if path.stem[5:].isdigit()}
