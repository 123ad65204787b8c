"""Which tubes of overlapping clips are one person: those that agree on the frames they share.

A network that looks at several frames at once says itself who is who within a clip. Where the next
clip begins before the last one ended, its tubes are told by the old ones they lie on, and numbered
so that this knowledge reaches over the whole video; the tracker then trusts it as far as its
settings say.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.structures import FloatArray, IntArray, PoseTubes

from .assignment import solve
from .similarity import tube_overlap


def continued(
    before: PoseTubes, after: PoseTubes, *, min_overlap: float = 0.5, min_presence: float = 0.5
) -> IntArray:
    """Which tube of a clip each tube of the next clip continues.

    Args:
        before: N people.
        after: M people, of a clip that shares frames with the one before.
        min_overlap: Mean box overlap on the shared frames, in [0, 1], from which two tubes may be
            one person.
        min_presence: Probability, in [0, 1], from which a person counts as being in a frame.

    Returns:
        (M,) row in ``before``, -1 where there is none.

    Raises:
        InputError: If a setting is not in [0, 1].
    """
    for name, value in (("min_overlap", min_overlap), ("min_presence", min_presence)):
        if not 0 <= value <= 1:
            raise InputError(f"continued: {name} must be in [0, 1], got {value}")
    rows = np.full(len(after), -1)
    (one, first), (two, second) = (_by_frame(clip, min_presence) for clip in (before, after))
    _, old, new = np.intersect1d(one, two, return_indices=True)
    if len(old) and len(before) and len(after):
        overlap = tube_overlap(first[:, old], second[:, new])
        found, columns = solve(1 - overlap, limit=1 - min_overlap)
        rows[columns] = found
    return rows


def _by_frame(clip: PoseTubes, min_presence: float) -> tuple[IntArray, FloatArray]:
    """The clip's frames, each once, and the (N, frames, 4) boxes there, NaN where absent."""
    frames, places = np.unique(clip.frames, return_index=True)
    here = clip.presence[:, places] >= min_presence
    return frames, np.where(here[..., None], clip.boxes[:, places], np.float32(np.nan))


class TubeNumbers:
    """Numbers the tubes of the clips of one video, given in order."""

    def __init__(self) -> None:
        self._numbers = np.zeros(0, np.int64)
        self._next = 0

    def number(self, rows: IntArray) -> IntArray:
        """Number the tubes of the next clip.

        Args:
            rows: (N,) which tube of the clip before each continues, see :func:`continued`.

        Returns:
            (N,) the number of that tube, or a new one.

        Raises:
            InputError: If a row is none of the clip before.
        """
        if len(rows) and rows.max() >= len(self._numbers):
            raise InputError(
                f"TubeNumbers: the clip before has {len(self._numbers)} tubes, got row {rows.max()}"
            )
        numbers = np.full(len(rows), -1)
        old = rows >= 0
        numbers[old] = self._numbers[rows[old]]
        fresh = np.flatnonzero(~old)
        numbers[fresh] = self._next + np.arange(len(fresh))
        self._next += len(fresh)
        self._numbers = numbers
        return numbers

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later: see :meth:`restore`."""
        return {"numbers": self._numbers, "next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state` was taken."""
        self._numbers, self._next = state["numbers"], int(state["next"])
