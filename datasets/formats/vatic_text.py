"""Reads VATIC's text: a line per box.

A line is ``id xmin ymin xmax ymax frame lost occluded generated``, then the label of the object and
its attributes in quotes; neither is kept, nor is it asked whether the object is a person. Frames
and pixels count from 0. A box that is lost (1) has left the picture and is left out; one that was
generated (1) lies between two that somebody drew. Boxes and identities only.

Source: VATIC's description of its text output, and py-motmetrics, which reads it.
"""

import re
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posetube.structures import RowState, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.json_files import read_bytes
from ..files.opened_file import OpenedFile
from .annotation_rows import NO_JOINTS, AnnotationRows, located

LINE = re.compile(rb'\s*((?:\S+\s+){9})".*')
"""Nine numbers, then the label in quotes."""


def recognise(file: OpenedFile) -> bool:
    """Whether a text begins with a line of this format."""
    return LINE.match(file.start[:1000].lstrip()) is not None


def read(path: Path | str) -> VideoTracks:
    """Read one video's boxes.

    Raises:
        FormatError: If a line is not of this format; names file and line.
        InputError: If the file cannot be opened.
    """
    path = Path(path)
    rows, last = AnnotationRows(NO_JOINTS), -1
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        if line.strip():
            with located(f"{path}: line {number}"):
                last = max(last, _add(rows, line))
    return rows.table(path, last + 1)


def _add(rows: AnnotationRows, line: bytes) -> int:
    """Append a line's box and return its frame; ValueError says what is wrong."""
    identity, *box, frame, lost, occluded, generated = _numbers(line)
    if frame != int(frame) or not 0 <= frame < MAX_FRAMES:
        raise ValueError(f"frame must be a whole number in [0, {MAX_FRAMES}), got {frame:g}")
    if not {lost, occluded, generated} <= {0, 1}:
        raise ValueError("lost, occluded and generated must be 0 or 1")
    state = RowState.INTERPOLATED if generated else RowState.DETECTED
    if not lost:
        rows.add(frame=int(frame), track_id=identity, points=(), box=box, state=state)
    return int(frame)


def _numbers(line: bytes) -> Sequence[float]:
    found = LINE.fullmatch(line)
    shown = line[:60].decode(errors="replace")
    if not found:
        raise ValueError(f"expected nine numbers and a label in quotes, got {shown!r}")
    try:
        numbers = array("d", map(float, found[1].split()))
    except ValueError:
        raise ValueError(f"expected numbers before the label, got {shown!r}") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"a number is not finite in {shown!r}")
    return numbers
