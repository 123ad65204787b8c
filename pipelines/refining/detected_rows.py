"""Which detection each linked person of a frame is."""

import numpy as np

from posetube.structures import DetectedFrame, FloatArray, FramePoses, IntArray


def detected_rows(poses: FramePoses, found: DetectedFrame) -> IntArray:
    """(N,) row of each person among the detections; -1 for those who were filled in.

    A detection is told by its box and score, which linking leaves alone.
    """
    wanted, known = (_marks(poses), _marks(found))
    places = {mark.tobytes(): row for row, mark in enumerate(known)}
    return np.array([places.get(mark.tobytes(), -1) for mark in wanted], np.int64)


def _marks(frame: FramePoses | DetectedFrame) -> FloatArray:
    """(N, 5) box and score."""
    people = frame.people
    marks = np.concatenate([people.boxes, people.scores[:, None]], axis=1)
    return np.ascontiguousarray(marks, np.float32)
