"""How many people are covered by a number of proposed boxes.

Source: Hosang et al., "What Makes for Effective Detection Proposals?", PAMI 2016, for the average
recall over overlaps; here a proposal may cover several people.
"""

from collections.abc import Sequence

import numpy as np

from posetube.boxes import iou
from posetube.structures import DoubleArray, FloatArray

OVERLAPS = np.arange(50, 100, 5) / 100
"""Overlaps from which a box covers somebody."""

COUNTS = (1, 3, 10, 30, 100, 300, 1000)
"""Numbers of proposals per picture."""


def covered(boxes: FloatArray, people: FloatArray) -> DoubleArray:
    """(N, counts) the largest overlap of each person with the first so many boxes; 0 of none.

    Args:
        boxes: (R, 4) proposals, the surest first.
        people: (N, 4) true boxes.
    """
    overlaps = np.asarray(iou(people, boxes), np.float64).reshape(len(people), len(boxes))
    return np.stack([overlaps[:, :count].max(axis=1, initial=0) for count in COUNTS], axis=1)


def recalls(best: Sequence[DoubleArray]) -> dict[str, dict[int, float | None]]:
    """Shares of people covered, in percent, by number of proposals.

    Args:
        best: Of each picture, what :func:`covered` found.

    Returns:
        ``recall_50`` and ``recall_75`` at overlaps of 0.5 and 0.75, and ``average_recall`` over
        :data:`OVERLAPS`; None if there is nobody.
    """
    every = np.concatenate([*best, np.empty((0, len(COUNTS)))])
    found = every[:, :, None] >= OVERLAPS
    chosen = {"recall_50": found[:, :, :1], "recall_75": found[:, :, 5:6], "average_recall": found}
    return {
        name: {
            count: 100 * float(hits[:, place].mean()) if len(hits) else None
            for place, count in enumerate(COUNTS)
        }
        for name, hits in chosen.items()
    }
