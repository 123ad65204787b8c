"""Motion capture that synthetic people can follow: CMU's database, BVH files, or arrays.

Positions are metres, y up, feet on the ground y = 0, for the 17 joints of
:data:`posetube.datasets.synthetic.rig.JOINTS`. CMU's data is free to use; please acknowledge
mocap.cs.cmu.edu (NSF EIA-0196217). The text formats are read in :mod:`.amc` and :mod:`.bvh`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posetube.errors import FormatError, InputError, MissingFileError

from ..files.npz_files import read_npz
from .amc import RATE, read_amc
from .bvh import MAX_FRAMES, read_bvh
from .rig import JOINTS, STATURE, stature
from .vector_math import Array

SUFFIXES = (".npz", ".amc", ".bvh")
"""File name suffixes of the formats that are read."""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A motion capture."""

    positions: Array
    """(F, 17, 3) metres, scaled to a person of 1.72 m."""

    rate: float
    """Frames per second."""

    def at(self, times: Array) -> Array:
        """Positions (T, 17, 3) at times (T,), seconds; forwards and backwards in turns."""
        # Reversing at the ends avoids the jump that starting over would make.
        last = len(self.positions) - 1
        place = np.abs((times * self.rate + last) % (2 * last) - last)
        low = np.minimum(place.astype(int), last - 1)
        share = (place - low)[:, None, None]
        return np.asarray(self.positions[low] * (1 - share) + self.positions[low + 1] * share)


def read_capture(path: Path) -> Capture:
    """Read one motion capture.

    Args:
        path: An ``.npz`` with ``positions`` (F, 17, 3), ``fps`` and ``joints``, a ``.bvh``, or
            CMU's ``02_01.amc`` with its ``02.asf`` beside it.

    Raises:
        FormatError: If the file is something else; the message says what is wrong.
    """
    if path.suffix.lower() == ".amc":
        skeleton = path.with_name(f"{path.stem.partition('_')[0]}.asf")
        positions, rate = read_amc(path, skeleton), RATE
    elif path.suffix.lower() == ".bvh":
        positions, rate = read_bvh(path)
    else:
        positions, rate = _read_arrays(path)
    if not 2 <= len(positions) <= MAX_FRAMES or not np.isfinite(positions).all() or not rate > 0:
        raise FormatError(
            f"{path}: expected 2 to {MAX_FRAMES} frames of finite positions at a rate above 0, "
            f"got {len(positions)} at {rate}"
        )
    return Capture(positions=positions * (STATURE / max(stature(positions), 0.1)), rate=rate)


def read_captures(folder: Path) -> tuple[Capture, ...]:
    """All motion captures of a folder, sorted by name.

    Raises:
        InputError: If the folder has none.
        FormatError: If a file is not a motion capture.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: no such folder")
    if not files:
        raise InputError(f"{folder}: no {', '.join(SUFFIXES)} with captured motion")
    return tuple(read_capture(path) for path in files)


def _read_arrays(path: Path) -> tuple[Array, float]:
    """Positions (F, 17, 3) and frames per second of an ``.npz``."""
    arrays = read_npz(path, "positions", "fps", "joints")
    try:
        positions, rate = np.asarray(arrays["positions"], np.float64), float(arrays["fps"])
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: positions and fps must be numbers ({error})") from error
    names = arrays["joints"].astype(str).ravel().tolist()
    if positions.ndim != 3 or positions.shape[1:] != (len(names), 3):
        raise FormatError(
            f"{path}: expected positions of shape (F, {len(names)}, 3), got {positions.shape}"
        )
    missing = [joint for joint in JOINTS if joint not in names]
    if missing:
        raise FormatError(f"{path}: joints {', '.join(missing)} are missing")
    return positions[:, [names.index(joint) for joint in JOINTS]], rate
