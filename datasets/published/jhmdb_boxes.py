"""Reads JHMDB's boxes as Action Tubes publishes them: ``jhmdb_annot.mat``, a row per frame.

``annot`` has ``action``, ``video_id`` and ``frame`` (from 1), and in ``bound`` the box around the
puppet, x and y counted from 1, width, height.

Not here: the data set's own files (:mod:`posetube.datasets.published.jhmdb`).

Source: Gkioxari and Malik, "Finding Action Tubes", CVPR 2015, and the published file.
"""

from pathlib import Path
from typing import Any

import numpy as np

from posetube import boxes as box
from posetube.errors import FormatError
from posetube.structures import DoubleArray

from ..files.checked_values import entries, numbers, structs, text, variable
from ..files.mat_files import read_mat

MAX_FRAMES = 10_000
"""More frames than this in one clip are refused; the longest has 40."""


def read_boxes(path: Path) -> dict[str, DoubleArray]:
    """Boxes (F, 4) of every clip, NaN in frames without one, by names such as ``catch/<clip>``.

    Raises:
        FormatError: If the file is damaged, or something else; names the row.
        InputError: If it cannot be opened.
    """
    fields = ("action", "video_id", "frame", "bound")
    found = structs(variable(read_mat(path), "annot", where=str(path)), *fields, where=str(path))
    if len(found) != 1:
        raise FormatError(f"{path}: annot: expected one struct, got {len(found)}")
    annot = found[0]
    names = [_texts(annot[field], where=f"{path}: {field}") for field in ("action", "video_id")]
    rows = len(names[0])
    frame = numbers(annot["frame"], shape=(rows, 1), where=f"{path}: frame")[:, 0]
    bound = numbers(annot["bound"], shape=(rows, 4), where=f"{path}: bound")
    if len(names[1]) != rows or not ((frame >= 1) & (frame <= MAX_FRAMES)).all():
        raise FormatError(
            f"{path}: expected as many clips as actions, and frames in [1, {MAX_FRAMES}]"
        )
    places: dict[str, list[int]] = {}
    for row, (action, clip) in enumerate(zip(*names, strict=True)):
        places.setdefault(f"{action}/{clip}", []).append(row)
    corners = box.from_xywh(bound - [1, 1, 0, 0])
    clips = {}
    for name, listed in places.items():
        at = frame[listed].astype(int) - 1
        clips[name] = np.full((at.max() + 1, 4), np.nan)
        clips[name][at] = corners[listed]
    return clips


def _texts(value: Any, *, where: str) -> list[str]:
    return [text(entry, where=where) for entry in entries(value, where=where)]
