"""Wraps trackers of other projects in the interface of ours, for the benchmarks of linking.

They get the same boxes and scores as ours, in the same order. Each keeps its own settings, with two
exceptions that make the comparison fair: trackers that ask for the frame rate get it, and norfair,
which cannot use doubtful detections, gets only those that may start a track in ours.

    pip install trackers norfair
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import numpy as np

from posetube.structures import Detections, FramePoses

SURE_SCORE = 0.4


class Follower(Protocol):
    """The interface of every tracker in this comparison."""

    def update(self, people: Detections, *, frame: int, time: float) -> list[FramePoses]:
        """Link one frame."""
        ...

    def finish(self) -> list[FramePoses]:
        """End the video."""
        ...


class Supervised:
    """A tracker of roboflow's ``trackers``."""

    def __init__(self, name: str, **settings: Any) -> None:
        self._boxes = import_module("supervision").Detections
        self._tracker = getattr(import_module("trackers"), name)(**settings)

    def update(self, people: Detections, *, frame: int, time: float) -> list[FramePoses]:
        """Link one frame."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._tracker.update(
                self._boxes(
                    xyxy=people.boxes.astype(np.float64),
                    confidence=people.scores,
                    class_id=np.zeros(len(people), np.int64),
                )
            )
        ids = np.asarray(found.tracker_id, np.float64).reshape(-1)
        known = ids >= 0
        boxes = np.asarray(found.xyxy).reshape(-1, 4)[known]
        return [poses(frame, time, ids[known].astype(np.int64), boxes, people)]

    def finish(self) -> list[FramePoses]:
        """End the video."""
        return []


class Norfair:
    """Norfair on boxes."""

    def __init__(self, **settings: Any) -> None:
        self._norfair = import_module("norfair")
        self._tracker = self._norfair.Tracker(**settings)

    def update(self, people: Detections, *, frame: int, time: float) -> list[FramePoses]:
        """Link one frame; as with all others, people whom norfair only predicts are left out."""
        given = [
            self._norfair.Detection(points=box.reshape(2, 2).astype(np.float64))
            for box, score in zip(people.boxes, people.scores, strict=True)
            if score >= SURE_SCORE
        ]
        marks = {id(detection) for detection in given}
        seen = [
            one for one in self._tracker.update(detections=given) if id(one.last_detection) in marks
        ]
        ids = np.array([one.id for one in seen], np.int64)
        boxes = np.array([one.last_detection.points.ravel() for one in seen]).reshape(-1, 4)
        return [poses(frame, time, ids, boxes, people)]

    def finish(self) -> list[FramePoses]:
        """End the video."""
        return []


def poses(frame: int, time: float, ids: Any, boxes: Any, people: Detections) -> FramePoses:
    """A frame with only ids and boxes known."""
    n, joints = len(ids), people.keypoints.shape[1]
    return FramePoses(
        frame=frame,
        time=time,
        track_ids=ids,
        people=Detections(
            boxes=boxes.astype(np.float32),
            scores=np.ones(n, np.float32),
            keypoints=np.full((n, joints, 2), np.nan, np.float32),
            keypoint_scores=np.zeros((n, joints), np.float32),
        ),
        states=np.zeros(n, np.uint8),
        link_margins=np.full(n, np.nan, np.float32),
    )


def peers(frame_rate: float) -> dict[str, Callable[[], Follower]]:
    """The trackers that are installed, by name."""
    found: dict[str, Callable[[], Follower]] = {}
    if installed("trackers"):
        found["bytetrack"] = lambda: Supervised("ByteTrackTracker", frame_rate=frame_rate)
        found["sort"] = lambda: Supervised("SORTTracker", frame_rate=frame_rate)
    if installed("norfair"):
        found["norfair"] = lambda: Norfair(distance_function="iou", distance_threshold=0.7)
    return found


def installed(package: str) -> str | None:
    """A package's version, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
