"""Reads the HDF5 of the stacked-hourglass program, in which it publishes FLIC and MPII.

``imgname``, ``part`` and ``visible`` have a row per person; a name is bytes, or a row of numbers,
one per letter.

Not here: what a joint that is not labelled holds, and whether positions count from 1, which differ.

Source: Newell, Yang and Deng, "Stacked Hourglass Networks", ECCV 2016; the published files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posetube.structures import BoolArray, DoubleArray

from ..files.checked_values import numbers, relative_path
from ..files.hdf5_files import read_hdf5


@dataclass(frozen=True, kw_only=True)
class HourglassPeople:
    """N people of one file, K joints each."""

    names: tuple[str, ...]
    """File of each person's picture, under the folder of pictures."""

    points: DoubleArray
    """(N, K, 2) as in the file; may hold NaN."""

    seen: BoolArray
    """(N, K) whether the file calls a joint visible."""

    sizes: DoubleArray
    """(N,) ``normalize``, the length that the official score divides by, pixels; NaN where the
    file is not asked for it."""


def read_hourglass(path: Path, *, joints: int, sizes: bool = False) -> HourglassPeople:
    """Read a file.

    Args:
        path: A ``.h5`` file.
        joints: How many a person has.
        sizes: Also read ``normalize``.

    Raises:
        FormatError: If the file is damaged, or an array has another shape.
        MissingExtraError: If h5py is not installed.
    """
    wanted = ("imgname", "part", "visible", *(["normalize"] if sizes else []))
    arrays = read_hdf5(path, *wanted)
    raw = arrays["imgname"]
    n = len(raw)
    shape = (n, joints, 2)
    points = numbers(arrays["part"], shape=shape, where=f"{path}: part", finite=False)
    seen = numbers(arrays["visible"], shape=(n, joints), where=f"{path}: visible") > 0
    lengths = np.full(n, np.nan)
    if sizes:
        lengths = numbers(arrays["normalize"], shape=(n,), where=f"{path}: normalize")
    names = (relative_path(_text(raw[i]), where=f"{path}: imgname {i}") for i in range(n))
    return HourglassPeople(names=tuple(names), points=points, seen=seen, sizes=lengths)


def _text(value: Any) -> str:
    raw = bytes(value) if isinstance(value, bytes) else bytes(np.asarray(value).astype(np.uint8))
    return raw.rstrip(b"\0").decode("utf-8", errors="replace")
