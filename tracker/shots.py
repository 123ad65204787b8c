"""Detects cuts, where a new scene begins, from the colours of the frames.

A cut changes the colours of the whole picture at once; even fast movement changes them far less. A
frame is a cut if it differs much from each of the last few frames, and far more than successive
frames usually differ. Comparing with several frames makes the frame after a flash no cut; comparing
with the usual change tolerates flicker and fast pans.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import ByteArray, DoubleArray

LEVELS = 4
"""Levels per channel of a colour histogram."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CutConfig:
    """What counts as a cut."""

    min_change: float = 0.25
    """At a cut, at least this share of the pixels, in (0, 1], changes its colour."""

    times_usual: float = 3.0
    """At a cut, the colours change at least this many times more than usual, 1 or more."""

    memory: int = 4
    """Number of previous frames to compare with, 1 or more."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_change", above=0, high=1)
        check_numbers(self, "times_usual", "memory", low=1)


DEFAULTS = CutConfig()


class CutDetector:
    """Detects the cuts of one video, frame by frame.

    Args:
        config: What counts as a cut.
    """

    def __init__(self, *, config: CutConfig = DEFAULTS) -> None:
        self.found: list[int] = []
        """Place, among the frames given so far, of each frame that begins a new scene."""
        self._config = config
        self._given = 0
        self._last: deque[DoubleArray] = deque(maxlen=config.memory)
        self._changes: deque[float] = deque(maxlen=config.memory)

    def update(self, histogram: npt.NDArray[np.floating] | None) -> bool:
        """Compare the next frame with the previous ones.

        Args:
            histogram: (B,) counts or shares of colours, the same bins in each frame. None: the
                colours are not known, so that the frame is no cut.

        Returns:
            Whether a new scene begins with this frame.

        Raises:
            InputError: If the number of bins changes, or all bins are empty.
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
        usual = median(self._changes) if self._changes else 0.0
        least = max(self._config.min_change, self._config.times_usual * usual)
        cut = bool(changes) and min(changes) >= least
        # A cut is no usual change; a series of cuts must not hide the next one.
        if changes and not cut:
            self._changes.append(changes[-1])
        self._last.append(shares)
        return cut


def colour_histogram(image: ByteArray, *, step: int = 4) -> DoubleArray:
    """Share of each colour in a picture.

    Args:
        image: (H, W, 3) RGB.
        step: Use only every ``step``-th row and column.

    Returns:
        (B,) shares that sum to 1, 4 levels per channel.
    """
    # channel by channel: arithmetic along an axis of three is slow
    red, green, blue = (image[::step, ::step, channel] // (256 // LEVELS) for channel in range(3))
    index = (red * LEVELS + green) * LEVELS + blue
    return _shares(np.bincount(index.ravel(), minlength=LEVELS**3))


def _shares(histogram: npt.NDArray[np.floating | np.integer]) -> DoubleArray:
    counts = np.asarray(histogram, np.float64)
    total = counts.sum()
    if counts.ndim != 1 or not np.isfinite(total) or total <= 0:
        raise InputError(
            f"CutDetector.update: expected a histogram (B,) of finite counts, got "
            f"shape {counts.shape} with sum {total}"
        )
    return np.asarray(counts / total)
