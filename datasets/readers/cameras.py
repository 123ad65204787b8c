"""Calibrated cameras of data sets with 3D joints: read, and used to project joints into pictures.

Two spellings of the same parameters: the pickle of Human3.6M's cameras by actor and number (``R, T,
c, f, k, p``, sizes ``w`` and ``h``), and the JSON of Shelf and Campus by number (``R, T, cx, cy,
fx, fy, k, p``). Lengths are metres or millimetres as in the file.

Not here: joints (:mod:`posetube.datasets.readers.human36m`).

Source: Martinez et al., "A simple yet effective baseline for 3D human pose estimation", ICCV 2017,
whose camera model adds the tangential terms once, not twice as OpenCV does; mmpose's files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.restricted_pickle import load_plain
from posetube.structures import DoubleArray

from ..files.checked_values import number, numbers
from ..files.json_files import decode, read_bytes

MAX_BYTES = 16 * 2**20
"""Larger pickles are refused."""

LARGEST = 1e6
"""A parameter beyond this is refused."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One camera; a point of the world is at R (point - T) before it: x right, y down, z away."""

    rotation: DoubleArray
    """(3, 3) R."""

    place: DoubleArray
    """(3,) T, where the camera stands, in the world's lengths."""

    focal: DoubleArray
    """(2,) pixels."""

    centre: DoubleArray
    """(2,) x, y of the optical axis, pixels."""

    radial: DoubleArray
    """(3,) bending with the 2nd, 4th and 6th power of the distance from the axis."""

    tangential: DoubleArray
    """(2,) bending of a lens that is not parallel to the sensor."""

    size: tuple[int, int] | None = None
    """(H, W) pixels, where known."""

    def before(self, points: DoubleArray) -> DoubleArray:
        """Points (..., 3) of the world as the camera has them before it, same lengths."""
        return np.asarray((points - self.place) @ self.rotation.T)

    def project(self, points: DoubleArray) -> DoubleArray:
        """Pixels (..., 2) of points (..., 3) before the camera; NaN for those behind it."""
        depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        flat = points[..., :2] / depth
        square = (flat**2).sum(axis=-1, keepdims=True)
        bend = 1 + square * (self.radial[0] + square * (self.radial[1] + square * self.radial[2]))
        tilt = (flat * self.tangential[::-1]).sum(axis=-1, keepdims=True)
        return np.asarray(
            (flat * (bend + tilt) + square * self.tangential[::-1]) * self.focal + self.centre
        )


def read_cameras(path: Path | str) -> dict[str, Camera]:
    """Read a file of cameras.

    Args:
        path: A ``.json`` file, or a pickle, which is read without running it.

    Returns:
        Cameras by name, such as ``S1/54138969`` or ``0``.

    Raises:
        FormatError: If the file is damaged, or a parameter is missing; names the camera.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    content: Any
    if path.suffix == ".json":
        content = decode(read_bytes(path), dict[str, dict[str, Any]], path=path)
    else:
        content = load_plain(path, max_bytes=MAX_BYTES)
    if not isinstance(content, dict) or not content:
        raise FormatError(f"{path}: expected cameras by name, got {type(content).__name__}")
    return {_name(key): _camera(entry, where=f"{path}: camera {_name(key)}")
            for key, entry in content.items()}  # fmt: skip


def _name(key: Any) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _camera(entry: Any, *, where: str) -> Camera:
    if not isinstance(entry, dict):
        raise FormatError(f"{where}: expected its parameters, got {type(entry).__name__}")
    return Camera(
        rotation=_values(entry, "R", shape=(3, 3), where=where),
        place=_flat(entry, "T", count=3, where=where),
        focal=_pair(entry, "f", where=where),
        centre=_pair(entry, "c", where=where),
        radial=_flat(entry, "k", count=3, where=where),
        tangential=_flat(entry, "p", count=2, where=where),
        size=_size(entry, where=where),
    )


def _values(entry: dict[str, Any], name: str, *, shape: tuple[int, ...], where: str) -> DoubleArray:
    if name not in entry:
        raise FormatError(f"{where}: no {name}; it has {', '.join(sorted(map(str, entry))[:20])}")
    try:
        value = np.asarray(entry[name])
    except ValueError:
        raise FormatError(f"{where}: {name}: lists of different lengths") from None
    return numbers(value, shape=shape, where=f"{where}: {name}", limit=LARGEST)


def _flat(entry: dict[str, Any], name: str, *, count: int, where: str) -> DoubleArray:
    """A column of numbers, or a list of them."""
    found = _values(entry, name, shape=(count, 1), where=where)
    return found[:, 0]


def _pair(entry: dict[str, Any], name: str, *, where: str) -> DoubleArray:
    """``f``, or ``fx`` and ``fy``."""
    if name in entry:
        return _flat(entry, name, count=2, where=where)
    sides = (_values(entry, f"{name}{axis}", shape=(1, 1), where=where) for axis in "xy")
    return np.concatenate([side.ravel() for side in sides])


def _size(entry: dict[str, Any], *, where: str) -> tuple[int, int] | None:
    if "w" not in entry or "h" not in entry:
        return None
    height, width = (
        number(entry[side], where=f"{where}: {side}", low=1, high=100_000) for side in "hw"
    )
    return int(height), int(width)
