"""Gathers the ground truth of synthetic frames: as tracks, or as a labelled clip to train on."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from posetube.records import join_records, take_rows
from posetube.skeletons import COCO19
from posetube.skeletons import skeleton as skeleton_called
from posetube.structures import DoubleArray, FrameTable, VideoTracks

from ..formats.joint_sets import with_joints
from ..training.labelled_clip import LabelledClip
from .render import SyntheticFrame


def collect_tracks(
    frames: Iterable[SyntheticFrame],
    *,
    source: str,
    size: tuple[int, int],
    times: DoubleArray,
    names: tuple[str, ...] = (),
    each: Callable[[SyntheticFrame], object] = lambda frame: None,
    skeleton: str = "coco19",
    min_visibility: float = 0.1,
) -> VideoTracks:
    """Gather the ground truth of a clip's frames as tracks; keeps none of their pictures.

    Args:
        frames: All frames, in order.
        source: Name of the video.
        size: (H, W), pixels.
        times: (F,) presentation times, seconds.
        names: Of each frame's picture; empty: they have none.
        each: What else is done with every frame, such as to write it.
        skeleton: Joint set to convert to, by name.
        min_visibility: People are left out of frames in which less than this share is visible.

    Raises:
        InputError: If no skeleton has this name.
    """
    target = skeleton_called(skeleton)
    kept = []
    for frame in frames:
        each(frame)
        seen = frame.people.visibility >= min_visibility
        kept.append((frame.index, take_rows(frame.people, seen)))
    people = join_records([found for _, found in kept])
    tracks = VideoTracks(
        source=source,
        size=size,
        skeleton=COCO19,
        frames=FrameTable(times=times, names=names),
        frame=np.repeat([index for index, _ in kept], [len(found) for _, found in kept]),
        track_ids=people.track_ids,
        boxes=people.boxes,
        scores=np.ones(len(people), np.float32),
        keypoints=people.keypoints.astype(np.float64),
        keypoint_scores=np.minimum(people.joint_states, 1).astype(np.float64),
        joint_states=people.joint_states,
        head_boxes=people.head_boxes.astype(np.float64),
    )
    return with_joints(tracks, target)[0]


def labelled_clip(frames: Sequence[SyntheticFrame]) -> LabelledClip:
    """Make T frames a clip to train on, with a row for each person who is in one of them.

    Boxes are around the whole person; joints are those of ``coco19``.

    Args:
        frames: At least one, in order.
    """
    ids = np.unique(np.concatenate([frame.people.track_ids for frame in frames]))
    n, t = len(ids), len(frames)
    boxes = np.full((n, t, 4), np.nan, np.float32)
    keypoints = np.full((n, t, len(COCO19), 2), np.nan, np.float32)
    states = np.zeros((n, t, len(COCO19)), np.uint8)
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
        skeleton=COCO19,
        boxes=boxes,
        keypoints=keypoints,
        joint_states=states,
        ignore=np.zeros((0, t, 4), np.float32),
        masks=masks,
    )
