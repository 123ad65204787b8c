"""Which tubes of overlapping clips are one person: those that agree on the frames they share.

A network that looks at several frames at once says itself who is who within a clip. Where the next
clip begins before the last one ended, its tubes are numbered by the old ones they lie on, so that
this knowledge reaches over the whole video; the tracker then trusts it as far as its settings say.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.structures import IntArray, PoseTubes

from .assignment import solve
from .cost import tube_overlap


class TubeNumbers:
    """Numbers the tubes of the clips of one video, given in order.

    Args:
        min_overlap: Mean box overlap on the shared frames, in [0, 1], from which two tubes may be
            one person.
        min_presence: Probability, in [0, 1], from which a person counts as being in a frame.

    Raises:
        InputError: If a setting is not in [0, 1].
    """

    def __init__(self, *, min_overlap: float = 0.5, min_presence: float = 0.5) -> None:
        for name, value in (("min_overlap", min_overlap), ("min_presence", min_presence)):
            if not 0 <= value <= 1:
                raise InputError(f"TubeNumbers: {name} must be in [0, 1], got {value}")
        self._gate = 1 - min_overlap
        self._min_presence = min_presence
        self._frames = np.zeros(0, np.int64)
        self._boxes = np.zeros((0, 0, 4), np.float32)
        self._numbers = np.zeros(0, np.int64)
        self._next = 0

    def number(self, tubes: PoseTubes) -> IntArray:
        """Number the tubes of the next clip.

        Args:
            tubes: N people over the clip's T frames.

        Returns:
            (N,) the number of the tube of the clip before that each continues, or a new one.
        """
        frames, places = np.unique(tubes.frames, return_index=True)
        here = tubes.presence[:, places] >= self._min_presence
        boxes = np.where(here[..., None], tubes.boxes[:, places], np.float32(np.nan))
        numbers = np.full(len(tubes), -1)
        _, old, new = np.intersect1d(self._frames, frames, return_indices=True)
        if len(old) and len(numbers) and len(self._numbers):
            overlap = tube_overlap(self._boxes[:, old], boxes[:, new])
            rows, columns = solve(1 - overlap, limit=self._gate)
            numbers[columns] = self._numbers[rows]
        fresh = np.flatnonzero(numbers < 0)
        numbers[fresh] = self._next + np.arange(len(fresh))
        self._next += len(fresh)
        self._frames, self._boxes, self._numbers = frames, boxes, numbers
        return numbers

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later: see :meth:`restore`."""
        return {
            "frames": self._frames,
            "boxes": self._boxes,
            "numbers": self._numbers,
            "next": self._next,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state` was taken."""
        self._frames, self._boxes, self._numbers = (
            state[name] for name in ("frames", "boxes", "numbers")
        )
        self._next = int(state["next"])
