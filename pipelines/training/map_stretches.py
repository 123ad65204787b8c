"""Heatmaps of labelled people over stretches of frames: what refiners are trained on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from posetube.structures import FloatArray, Frame, FramePoses, VideoTracks

from ...models3d.refiners.mapped_frame import MappedFrame
from ..loaded_model import LoadedModel
from ..refining.drawn_maps import MapSource, drawn_maps


@dataclass(frozen=True, kw_only=True, slots=True)
class MapStretch:
    """One person in T frames that follow each other."""

    evidence: FloatArray
    """(T, K, h, w) in [0, 1], half precision."""

    regions: FloatArray
    """(T, 4) the boxes that the maps cover, pixels."""

    keypoints: FloatArray
    """(T, K, 2) where the joints are in truth, pixels; NaN where nobody knows."""


def map_stretches(
    truth: VideoTracks,
    pictures: Iterable[Frame],
    model: LoadedModel,
    *,
    length: int,
    jitter: float,
    rng: np.random.Generator,
) -> Iterator[MapStretch]:
    """Draw the heatmaps of a video's labelled people, at boxes as unsteady as a detector's.

    Args:
        truth: The people, with the network's joints.
        pictures: The video's frames.
        model: Draws the maps.
        length: T; a shorter rest of a track is left out.
        jitter: Standard deviation of the boxes' edges, as a share of their sides.
        rng: Source of chance.

    Yields:
        Stretches that do not overlap.
    """
    people = (_shaken(poses, jitter, rng) for poses in truth.poses())
    frames = drawn_maps(
        people, MapSource(pictures=pictures, model=model), flow=None, asked_by="in training"
    )
    running: dict[int, list[tuple[MappedFrame, int]]] = {}
    for frame in frames:
        ids = frame.poses.track_ids.tolist() if frame.seen else []
        running = {person: running.get(person, []) for person in ids}
        for row, person in enumerate(ids):
            running[person].append((frame, row))
            if len(running[person]) == length:
                yield _stretch(running.pop(person))


def _shaken(poses: FramePoses, jitter: float, rng: np.random.Generator) -> FramePoses:
    boxes = poses.people.boxes
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    shaken = (boxes + jitter * sides * rng.standard_normal(boxes.shape)).astype(np.float32)
    return replace(poses, people=replace(poses.people, boxes=shaken))


def _stretch(rows: list[tuple[MappedFrame, int]]) -> MapStretch:
    return MapStretch(
        evidence=np.stack([frame.evidence[row].astype(np.float16) for frame, row in rows]),
        regions=np.stack([frame.regions[row] for frame, row in rows]),
        keypoints=np.stack([frame.poses.people.keypoints[row] for frame, row in rows]),
    )
