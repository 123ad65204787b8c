"""Where a new scene begins, seen from the colours of each frame alone.

A cut changes the colours all over the picture from one frame to the next; movement, even fast, does
so far less. A frame counts as a cut when it differs much from every one of the last few frames, and
far more than these differ among one another, so that flicker and fast pans are borne with, and the
frame after a flash is recognised.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.structures import ByteArray, DoubleArray

LEVELS = 4
"""Levels per channel of a colour histogram."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CutConfig:
    """What counts as a cut."""

    min_change: float = 0.25
    """Least share of the pixels, in (0, 1], whose colour is another."""

    times_usual: float = 3.0
    """How many times more than the usual change between frames it must be, 1 or more."""

    memory: int = 4
    """How many frames before are compared, 1 or more."""

    def __post_init__(self) -> None:
        if not 0 < self.min_change <= 1:
            raise InputError(f"CutConfig.min_change must be in (0, 1], got {self.min_change}")
        for name in ("times_usual", "memory"):
            if getattr(self, name) < 1:
                raise InputError(f"CutConfig.{name} must be 1 or more, got {getattr(self, name)}")


DEFAULTS = CutConfig()


class CutDetector:
    """Tells cuts while the frames of one video go by.

    Args:
        config: What counts as a cut.
    """

    def __init__(self, *, config: CutConfig = DEFAULTS) -> None:
        self.found: list[int] = []
        """Place, among the frames given, of each that began a new scene."""
        self._config = config
        self._given = 0
        self._last: deque[DoubleArray] = deque(maxlen=config.memory)
        self._changes: deque[float] = deque(maxlen=config.memory)

    def update(self, histogram: npt.NDArray[np.floating] | None) -> bool:
        """Look at the next frame.

        Args:
            histogram: (B,) counts or shares of colours; the same bins each time. None: not known,
                so the frame begins no scene.

        Returns:
            Whether a new scene begins with this frame.

        Raises:
            InputError: If the bins are others than before, or hold nothing.
        """
        place, self._given = self._given, self._given + 1
        if histogram is None or not self._is_cut(_shares(histogram)):
            return False
        self.found.append(place)
        return True

    def _is_cut(self, shares: DoubleArray) -> bool:
        if self._last and shares.shape != self._last[-1].shape:
            raise InputError(
                f"CutDetector.update: expected {len(self._last[-1])} bins, got {len(shares)}"
            )
        changes = [float(np.abs(shares - old).sum() / 2) for old in self._last]
        usual = float(np.median(self._changes)) if self._changes else 0.0
        least = max(self._config.min_change, self._config.times_usual * usual)
        cut = bool(changes) and min(changes) >= least
        if changes and not cut:
            self._changes.append(changes[-1])
        self._last.append(shares)
        return cut


def colour_histogram(image: ByteArray, *, step: int = 4) -> DoubleArray:
    """Share of each colour in a picture.

    Args:
        image: (H, W, 3) RGB.
        step: Only every so many rows and columns are looked at.

    Returns:
        (B,) shares that sum to 1, 4 levels per channel.
    """
    levels = image[::step, ::step].astype(np.int64) * LEVELS // 256
    index = (levels * [LEVELS * LEVELS, LEVELS, 1]).sum(axis=-1).ravel()
    return _shares(np.bincount(index, minlength=LEVELS**3))


def _shares(histogram: npt.NDArray[np.floating | np.integer]) -> DoubleArray:
    counts = np.asarray(histogram, np.float64)
    total = counts.sum()
    if counts.ndim != 1 or not np.isfinite(total) or total <= 0:
        raise InputError(
            f"CutDetector.update: expected a histogram (B,) of finite counts, got "
            f"shape {counts.shape} with sum {total}"
        )
    return np.asarray(counts / total)
