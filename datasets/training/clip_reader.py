"""Reads some frames of an annotated video as a labelled clip.

Not here: which frames (:mod:`posetube.datasets.training.clip_frames`), the clips of a whole data
set (:mod:`posetube.datasets.training.clip_index`).
"""

from collections.abc import Sequence

import numpy as np

from posetube import boxes as box
from posetube.errors import MediaError
from posetube.masks import decode_mask
from posetube.structures import (
    BoolArray,
    ByteArray,
    DoubleArray,
    FloatArray,
    IntArray,
    VideoTracks,
)

from ..annotated_video import AnnotatedVideo
from ..formats.numbers import states_of
from ..video import open_video
from ..video.frame_folder import RATE
from ..video.picture import read_picture
from .labelled_clip import LabelledClip

MAX_PIXELS = 40_000_000
"""Larger pictures are refused."""


def read_clip(
    video: AnnotatedVideo,
    frames: Sequence[int] | IntArray,
    *,
    pose_margin: float = 1.2,
    masks: bool = False,
) -> LabelledClip:
    """Read the pictures and labels of some frames.

    Args:
        video: An annotated video whose pictures are there.
        frames: (T,) indices, not decreasing.
        pose_margin: A person without a box gets the joints' extent, this many times as large.
        masks: Whether to read people's masks; whose is not known covers no pixel.

    Returns:
        A row per person; someone without an identity has a row for each frame.

    Raises:
        MediaError: If a picture is missing or damaged, or the frames differ in size.
    """
    wanted = np.asarray(frames, np.int64)
    images = _images(video, wanted)
    tracks = video.tracks
    rows, steps = _rows(tracks, wanted)
    person = _people(tracks.track_ids[rows], rows)
    n, t, k = max(person, default=-1) + 1, len(wanted), len(tracks.skeleton)
    boxes = np.full((n, t, 4), np.nan, np.float32)
    points = np.full((n, t, k, 2), np.nan, np.float32)
    states = np.zeros((n, t, k), np.uint8)
    boxes[person, steps] = _boxes(tracks, rows, pose_margin)
    points[person, steps] = tracks.keypoints[rows]
    states[person, steps] = _states(tracks, rows)
    times, size = tracks.frames.times[wanted], (images.shape[1], images.shape[2])
    return LabelledClip(
        images=images,
        times=wanted / RATE if np.isnan(times).any() else times,
        skeleton=tracks.skeleton,
        boxes=boxes,
        keypoints=points,
        joint_states=states,
        masks=_masks(tracks, rows, (person, steps), shape=(n, t, *size)) if masks else None,
        ignore=_ignored(video, wanted, size=size),
    )


def labeled_mask(video: AnnotatedVideo) -> BoolArray:
    """(F,) whether somebody labelled each frame, with people or without."""
    mask = np.zeros(len(video.tracks.frames), np.bool_)
    mask[video.labeled_frames] = True
    return mask


def _rows(tracks: VideoTracks, frames: IntArray) -> tuple[IntArray, IntArray]:
    """The table's rows of some frames, and to which of the frames each belongs."""
    found = [tracks.rows_of(frame) for frame in frames.tolist()]
    rows = [np.arange(each.start, each.stop) for each in found]
    steps = np.repeat(np.arange(len(frames)), [len(each) for each in rows])
    return np.concatenate(rows), steps


def _people(track_ids: IntArray, rows: IntArray) -> IntArray:
    """(R,) number of each row's person, from 0 by first appearance."""
    # Negative keys tell people without an identity apart.
    keys = np.where(track_ids >= 0, track_ids, -1 - rows).tolist()
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], np.int64)


def _boxes(tracks: VideoTracks, rows: IntArray, margin: float) -> FloatArray:
    """(R, 4) boxes, the joints' extent where there is none."""
    boxes = box.or_around(tracks.boxes[rows], tracks.keypoints[rows], scale=margin)
    return boxes.astype(np.float32)


def _masks(
    tracks: VideoTracks,
    rows: IntArray,
    places: tuple[IntArray, IntArray],
    *,
    shape: tuple[int, int, int, int],
) -> BoolArray:
    """(N, T, H, W) the masks of some rows, each at its person and step."""
    found = np.zeros(shape, np.bool_)
    if tracks.masks is None:
        return found
    for mask, person, step in zip(tracks.masks[rows].tolist(), *places, strict=True):
        if mask and (inside := decode_mask(mask)).shape == shape[2:]:
            found[person, step] = inside
    return found


def _states(tracks: VideoTracks, rows: IntArray) -> ByteArray:
    known = tracks.joint_states
    return states_of(tracks.keypoints[rows]) if known is None else known[rows]


def _ignored(video: AnnotatedVideo, frames: IntArray, *, size: tuple[int, int]) -> FloatArray:
    """(M, T, 4) boxes around ignore regions; all of the picture where a frame is not labelled."""
    whole = np.array([0, 0, size[1], size[0]], np.float64)
    regions, labeled = video.tracks.frames.ignore_regions, labeled_mask(video)
    of_frames = [
        [_around(region) for region in regions.get(frame, ())] if labeled[frame] else [whole]
        for frame in frames.tolist()
    ]
    found = np.full((max(map(len, of_frames)), len(frames), 4), np.nan, np.float32)
    for step, boxes in enumerate(of_frames):
        found[: len(boxes), step] = boxes or np.zeros((0, 4))
    return found


def _around(region: DoubleArray) -> DoubleArray:
    return np.concatenate([region.min(axis=0), region.max(axis=0)])


def _images(video: AnnotatedVideo, frames: IntArray) -> ByteArray:
    """(T, H, W, 3) the pictures of some frames; each is read once."""
    unique = np.unique(frames)
    if video.media is None:
        raise MediaError(f"{video.name}: its pictures are not there")
    found: dict[int, ByteArray] = {}
    if video.media.is_dir():
        for frame in unique.tolist():
            path = video.picture(frame)
            if path is None:
                raise MediaError(f"{video.name}: frame {frame} has no picture")
            found[frame] = read_picture(path, max_pixels=MAX_PIXELS)[0]
    else:
        found = _decoded(video, unique)
    if len({image.shape for image in found.values()}) > 1:
        raise MediaError(f"{video.name}: its frames differ in size")
    return np.stack([found[frame] for frame in frames.tolist()])


def _decoded(video: AnnotatedVideo, frames: IntArray) -> dict[int, ByteArray]:
    found: dict[int, ByteArray] = {}
    assert video.media is not None
    with open_video(video.media) as media:
        for frame in media.frames(int(frames[0])):
            if frame.index in frames and frame.image is not None:
                found[frame.index] = frame.image
            if frame.index >= frames[-1]:
                break
    missing = set(frames.tolist()) - found.keys()
    if missing:
        raise MediaError(f"{video.media}: frame {min(missing)} cannot be decoded")
    return found
