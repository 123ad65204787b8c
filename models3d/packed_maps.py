"""Keeps a person's heatmaps in a few kilobytes, for refiners that come later.

Of every map only the window is kept in which it is not low beside its own peak, in 256 steps of
that peak, and the whole is compressed. A joint that is read from kept maps lies a hundredth of a
cell beside where it was; 19 joints take 3 to 4 kB.
"""

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from posetube.errors import FormatError
from posetube.network import TubeHeatmaps
from posetube.structures import BytesArray, FloatArray

from .refiners.evidence import evidence_of

LEAST_SHARE = 0.02
"""What is lower than this share of a map's peak is not kept."""

STEPS = 255
"""Of a peak's height between nothing and the peak."""

HEADER = struct.Struct("<HHH4f2f")
"""K, h, w; the box that the maps cover; the calibration, NaN if there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonMaps:
    """One person's heatmaps in one frame."""

    evidence: FloatArray
    """(K, h, w) in [0, 1]."""

    region: FloatArray
    """(4,) the box that the maps cover, pixels."""

    calibration: tuple[float, float] | None
    """As :class:`posetube.network.TubeHeatmaps` has it."""


def packed_maps(maps: TubeHeatmaps) -> BytesArray:
    """(N, T) the maps of each person in each frame, packed."""
    evidence = evidence_of(maps)
    packed = np.empty(evidence.shape[:2], object)
    for place in np.ndindex(packed.shape):
        packed[place] = pack(
            PersonMaps(
                evidence=evidence[place],
                region=maps.regions[place],
                calibration=maps.calibration,
            )
        )
    return packed


def pack(maps: PersonMaps) -> bytes:
    """The maps in bytes; :func:`unpack` reads them."""
    evidence = maps.evidence
    tops = np.ceil(evidence.max(axis=(1, 2)) * STEPS).clip(1, STEPS).astype(np.uint8)
    levels = np.rint(evidence * (STEPS * STEPS / tops[:, None, None])).astype(np.uint8)
    levels[levels < LEAST_SHARE * STEPS] = 0
    windows = np.array([_window(one) for one in levels], "<u2")
    inside = b"".join(
        one[top:bottom, left:right].tobytes()
        for one, (top, bottom, left, right) in zip(levels, windows.tolist(), strict=True)
    )
    calibration = maps.calibration or (math.nan, math.nan)
    header = HEADER.pack(*evidence.shape, *maps.region.tolist(), *calibration)
    return zlib.compress(header + tops.tobytes() + windows.tobytes() + inside, level=6)


def unpack(packed: bytes) -> PersonMaps:
    """Read what :func:`pack` wrote.

    Raises:
        FormatError: If that is not what it is.
    """
    try:
        return _unpacked(zlib.decompress(packed))
    except (zlib.error, struct.error, ValueError, IndexError) as error:
        raise FormatError(f"these are no heatmaps that were kept: {error}") from None


def _unpacked(content: bytes) -> PersonMaps:
    joints, height, width, *numbers = HEADER.unpack_from(content)
    tops = np.frombuffer(content, np.uint8, joints, HEADER.size)
    windows = np.frombuffer(content, "<u2", 4 * joints, HEADER.size + joints).reshape(joints, 4)
    levels, place = np.zeros((joints, height, width), np.uint8), HEADER.size + 9 * joints
    for one, (top, bottom, left, right) in zip(levels, windows.tolist(), strict=True):
        size = (bottom - top) * (right - left)
        inside = np.frombuffer(content, np.uint8, size, place)
        one[top:bottom, left:right] = inside.reshape(bottom - top, right - left)
        place += size
    scale = (tops.astype(np.float32) / STEPS**2)[:, None, None]
    calibration = (numbers[4], numbers[5])
    return PersonMaps(
        evidence=np.multiply(levels, scale, dtype=np.float32),
        region=np.array(numbers[:4], np.float32),
        calibration=None if math.isnan(numbers[4]) else calibration,
    )


def _window(levels: np.ndarray) -> tuple[int, int, int, int]:
    """First row, the one behind the last, and likewise columns, of what is above 0."""
    rows, columns = (np.flatnonzero(levels.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
