"""Numbers the tubes of overlapping clips, so that one person has one number over the whole video.

A network that looks at several frames at once follows people within its clip. Where two clips share
frames, a tube of the second continues the tube of the first that it overlaps there.
``LinkConfig.tube_trust`` says how far the tracker believes these numbers.
"""

import numpy as np

from posetube.errors import InputError
from posetube.structures import FloatArray, IntArray, PoseTubes

from .assignment import solve
from .similarity import tube_overlap

MIN_OVERLAP = 0.5
"""Two tubes can be one person if their mean box overlap on the shared frames is at least this."""

MIN_PRESENCE = 0.5
"""A person is in a frame if the network's probability is at least this."""


def continued(before: PoseTubes, after: PoseTubes) -> IntArray:
    """Find for each tube of a clip the tube of the previous clip that it continues.

    Args:
        before: N people.
        after: M people, of a clip that shares frames with ``before``.

    Returns:
        (M,) row in ``before``, -1 for none.
    """
    rows = np.full(len(after), -1)
    (one, first), (two, second) = (_by_frame(clip) for clip in (before, after))
    _, old, new = np.intersect1d(one, two, return_indices=True)
    if len(old) and len(before) and len(after):
        # One to one and by the best total: two people who cross must not continue one tube.
        overlap = tube_overlap(first[:, old], second[:, new])
        found, columns = solve(1 - overlap, limit=1 - MIN_OVERLAP)
        rows[columns] = found
    return rows


def _by_frame(clip: PoseTubes) -> tuple[IntArray, FloatArray]:
    """The clip's frames, each once, and (N, frames, 4) boxes, NaN where the person is absent."""
    frames, places = np.unique(clip.frames, return_index=True)
    here = clip.presence[:, places] >= MIN_PRESENCE
    return frames, np.where(here[..., None], clip.boxes[:, places], np.float32(np.nan))


class TubeNumbers:
    """Numbers the tubes of the clips of one video, given in order."""

    def __init__(self) -> None:
        self._numbers = np.zeros(0, np.int64)
        self._next = 0

    def number(self, rows: IntArray) -> IntArray:
        """Number the tubes of the next clip.

        Args:
            rows: (N,) the tube of the previous clip that each tube continues, -1 for none; see
                :func:`continued`.

        Returns:
            (N,) the number of that tube, or a new one.

        Raises:
            InputError: If the previous clip has no such row.
        """
        if len(rows) and rows.max() >= len(self._numbers):
            raise InputError(
                f"TubeNumbers: the previous clip has {len(self._numbers)} tubes, "
                f"got row {rows.max()}"
            )
        numbers = np.full(len(rows), -1)
        old = rows >= 0
        numbers[old] = self._numbers[rows[old]]
        fresh = np.flatnonzero(~old)
        numbers[fresh] = self._next + np.arange(len(fresh))
        self._next += len(fresh)
        self._numbers = numbers
        return numbers
