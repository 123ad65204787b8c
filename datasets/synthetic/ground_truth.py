"""Gathers the ground truth of synthetic frames: as tracks, or as a labelled clip to train on."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from posetube.skeletons import COCO17, apply, convert
from posetube.skeletons import skeleton as skeleton_called
from posetube.structures import DoubleArray, FrameTable, VideoTracks

from ..training.labelled_clip import LabelledClip
from .render import SyntheticFrame


def collect_tracks(
    frames: Iterable[SyntheticFrame],
    *,
    source: str,
    size: tuple[int, int],
    times: DoubleArray,
    skeleton: str = "coco17",
    min_visibility: float = 0.1,
) -> VideoTracks:
    """Gather the ground truth of a clip's frames as tracks; keeps none of their pictures.

    Args:
        frames: All frames, in order.
        source: Name of the video.
        size: (H, W), pixels.
        times: (F,) presentation times, seconds.
        skeleton: Joint set to convert to, by name.
        min_visibility: People of whom less than this share is visible are left out.

    Raises:
        InputError: If no skeleton has this name.
    """
    target = skeleton_called(skeleton)
    plan = convert(COCO17, target)
    found = [(frame.index, frame.people) for frame in frames]
    kept = [(index, people, people.visibility >= min_visibility) for index, people in found]

    def gather(name: str) -> Any:
        return np.concatenate([getattr(people, name)[rows] for _, people, rows in kept])

    states = gather("joint_states").astype(np.float64)
    points, scores = apply(plan, gather("keypoints").astype(np.float64), np.minimum(states, 1))
    _, weakest = apply(plan, np.zeros((*states.shape, 2)), states)
    counts = [int(rows.sum()) for _, _, rows in kept]
    return VideoTracks(
        source=source,
        size=size,
        skeleton=target,
        frames=FrameTable(times=times),
        frame=np.repeat(np.array([index for index, _, _ in kept], np.int64), counts),
        track_ids=gather("track_ids"),
        boxes=gather("boxes"),
        scores=np.ones(sum(counts), np.float32),
        keypoints=points.astype(np.float64),
        keypoint_scores=scores.astype(np.float64),
        joint_states=weakest.astype(np.uint8),
        head_boxes=gather("head_boxes").astype(np.float64),
    )


def labelled_clip(frames: Sequence[SyntheticFrame]) -> LabelledClip:
    """Make T frames a clip to train on, with a row for everybody who is in one of them.

    Boxes are around the whole person; joints are COCO's.

    Args:
        frames: At least one, in order.
    """
    ids = np.unique(np.concatenate([frame.people.track_ids for frame in frames]))
    n, t = len(ids), len(frames)
    boxes = np.full((n, t, 4), np.nan, np.float32)
    keypoints = np.full((n, t, 17, 2), np.nan, np.float32)
    states = np.zeros((n, t, 17), np.uint8)
    masks = np.zeros((n, t, *frames[0].owner.shape), np.bool_)
    for step, frame in enumerate(frames):
        rows = np.searchsorted(ids, frame.people.track_ids)
        boxes[rows, step] = frame.people.boxes
        keypoints[rows, step] = frame.people.keypoints
        states[rows, step] = frame.people.joint_states
        masks[rows, step] = frame.masks
    return LabelledClip(
        images=np.stack([frame.image for frame in frames]),
        times=np.array([frame.time for frame in frames]),
        skeleton=COCO17,
        boxes=boxes,
        keypoints=keypoints,
        joint_states=states,
        ignore=np.zeros((0, t, 4), np.float32),
        masks=masks,
    )
