"""Which frames of a video make a clip, and the clips of a data set, read one after the other.

Training clips begin every few frames and must be labelled where the rule says; evaluation clips
stand one around every frame, so that each is looked at with the same surroundings. Both are index
arrays, made by pure functions. Where a clip would run over the video's ends, a frame is repeated.

Not here: variations of a clip (:mod:`posetube.datasets.training.augment`), batches of tensors
(:mod:`posetube.pipelines.training.clip_dataset`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from posetube import boxes as box
from posetube.errors import InputError, MediaError
from posetube.structures import (
    BoolArray,
    ByteArray,
    DoubleArray,
    FloatArray,
    IntArray,
    VideoTracks,
)

from ..annotated_video import AnnotatedVideo, Dataset, Split
from ..formats.numbers import joint_states
from ..video import open_video
from ..video.frame_folder import RATE
from ..video.picture import read_picture
from .labelled_clip import LabelledClip

MAX_PIXELS = 40_000_000
"""Larger pictures are refused."""


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Which frames belong together."""

    length: int = 3
    """T, frames in a clip, 1 or more."""

    stride: int = 1
    """Frames of the video from one frame of a clip to the next, 1 or more."""

    step: int = 1
    """Frames of the video from the start of one training clip to that of the next, 1 or more."""

    labeled: Literal["all", "centre", "any"] = "all"
    """Which frames of a training clip must be labelled; those that are not become regions to
    ignore."""

    edges: Literal["repeat", "drop"] = "repeat"
    """Training clips that run over the video's end: fill with its last frame, or leave out."""

    people: bool = True
    """Leave out training clips in whose labelled frames nobody is."""

    pose_margin: float = 1.2
    """A person without a box gets the joints' extent, this many times as wide and high."""

    def __post_init__(self) -> None:
        for name in ("length", "stride", "step"):
            value = getattr(self, name)
            if value < 1:
                raise InputError(f"ClipConfig.{name} must be 1 or more, got {value}")
        if not self.pose_margin > 0:
            raise InputError(f"ClipConfig.pose_margin must be above 0, got {self.pose_margin}")


def training_clips(labeled: BoolArray, occupied: BoolArray, config: ClipConfig) -> IntArray:
    """The clips of a video that can be trained on.

    Args:
        labeled: (F,) whether each frame is labelled.
        occupied: (F,) whether anybody is labelled in it.
        config: Length, stride, step and rules.

    Returns:
        (N, T) indices of frames; a video shorter than a clip gives one that repeats its last
        frame, or none.
    """
    count, span = len(labeled), (config.length - 1) * config.stride + 1
    if not count or (config.edges == "drop" and count < span):
        return np.zeros((0, config.length), np.int64)
    last = count - 1 if config.edges == "repeat" else count - span
    # Beyond the last full clip, clips would differ only in how often they repeat the last frame.
    starts = np.arange(0, min(last, max(count - span, 0)) + 1, config.step)
    following = starts[-1] + config.step
    if config.edges == "repeat" and starts[-1] + span < count and following < count:
        starts = np.append(starts, following)
    clips = np.minimum(starts[:, None] + np.arange(config.length) * config.stride, count - 1)
    told = labeled[clips]
    keep = {"all": told.all(axis=1), "any": told.any(axis=1), "centre": told[:, config.length // 2]}
    kept = keep[config.labeled]
    if config.people:
        kept &= (told & occupied[clips]).any(axis=1)
    return np.asarray(clips[kept], np.int64)


def evaluation_clips(count: int, config: ClipConfig, *, there: BoolArray | None = None) -> IntArray:
    """A clip around every frame.

    Args:
        count: F, frames of the video.
        config: Length and stride.
        there: (F,) which frames can be shown; None: all.

    Returns:
        (F, T) indices; clip i has frame i at place T // 2. A frame that cannot be shown, or would
        lie outside the video, is replaced by its neighbour towards the middle of the clip.
    """
    middle, frames = config.length // 2, np.arange(count)
    shown = np.ones(count, np.bool_) if there is None else there
    clips = np.repeat(frames[:, None], config.length, axis=1)
    for place in (*range(middle - 1, -1, -1), *range(middle + 1, config.length)):
        wanted = frames + (place - middle) * config.stride
        known = (wanted >= 0) & (wanted < count)
        known[known] = shown[wanted[known]]
        nearer = clips[:, place + 1 if place < middle else place - 1]
        clips[:, place] = np.where(known, wanted, nearer)
    return clips


@dataclass(frozen=True, kw_only=True)
class ClipIndex:
    """The training clips of a data set: a sequence that reads a clip when it is asked for."""

    dataset: Dataset
    """From :func:`posetube.datasets.published.dataset_table.open_dataset`."""

    config: ClipConfig
    """Which frames belong together."""

    split: Split = ""
    """Only videos of this part; empty: all."""

    @cached_property
    def places(self) -> list[tuple[str, IntArray]]:
        """Video and frames of each clip; videos without their pictures have none."""
        found = []
        for name in self.dataset.videos():
            video = self.dataset.read(name)
            if video.media is not None and self.split in ("", video.split):
                clips = training_clips(*_labels(video.tracks), self.config)
                found += [(name, frames) for frames in clips]
        return found

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: int) -> LabelledClip:
        """Read a clip.

        Raises:
            MediaError: If a picture cannot be read.
        """
        name, frames = self.places[place]
        return read_clip(self.dataset.read(name), frames, pose_margin=self.config.pose_margin)

    def shuffled(self, rng: np.random.Generator) -> Iterator[LabelledClip]:
        """Every clip once, in an order of chance."""
        for place in rng.permutation(len(self)):
            yield self[int(place)]

    def __iter__(self) -> Iterator[LabelledClip]:
        return (self[place] for place in range(len(self)))


def _labels(tracks: VideoTracks) -> tuple[BoolArray, BoolArray]:
    """(F,) whether each frame is labelled, and whether anybody is in it."""
    count = len(tracks.frames)
    occupied = np.bincount(tracks.frame, minlength=count) > 0
    told = tracks.frames.labeled
    return np.ones(count, np.bool_) if told is None else told, occupied


def read_clip(
    video: AnnotatedVideo, frames: Sequence[int] | IntArray, *, pose_margin: float = 1.2
) -> LabelledClip:
    """Read the pictures and labels of some frames.

    Args:
        video: An annotated video whose pictures are there.
        frames: (T,) indices, not decreasing.
        pose_margin: A person without a box gets the joints' extent, this many times as large.

    Returns:
        A row per person; someone without an identity has a row for each frame.

    Raises:
        MediaError: If a picture is missing or damaged, or the frames differ in size.
    """
    wanted = np.asarray(frames, np.int64)
    images = _images(video, wanted)
    tracks, (told, _) = video.tracks, _labels(video.tracks)
    times = tracks.frames.times[wanted]
    places = _rows(tracks, wanted)
    n, t, k = len(places), len(wanted), len(tracks.skeleton)
    boxes = np.full((n, t, 4), np.nan, np.float32)
    points = np.full((n, t, k, 2), np.nan, np.float32)
    states = np.zeros((n, t, k), np.uint8)
    everything, known = _boxes(tracks, pose_margin), joint_states(tracks)
    for person, seen in enumerate(places):
        for step, row in seen:
            boxes[person, step] = everything[row]
            points[person, step] = tracks.keypoints[row]
            states[person, step] = known[row]
    return LabelledClip(
        images=images,
        times=wanted / RATE if np.isnan(times).any() else times,
        skeleton=tracks.skeleton,
        boxes=boxes,
        keypoints=points,
        joint_states=states,
        ignore=_ignored(tracks, wanted, told, size=(images.shape[1], images.shape[2])),
    )


def _rows(tracks: VideoTracks, frames: IntArray) -> list[list[tuple[int, int]]]:
    """For each person of a clip the steps in which it is, and its row in each."""
    people: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for step, frame in enumerate(frames.tolist()):
        rows = tracks.rows_of(frame)
        for row in range(rows.start, rows.stop):
            track = int(tracks.track_ids[row])
            key = (track, 0) if track >= 0 else (-1, row)
            people.setdefault(key, []).append((step, row))
    return list(people.values())


def _boxes(tracks: VideoTracks, margin: float) -> FloatArray:
    """(R, 4) boxes, the joints' extent where there is none."""
    given = tracks.boxes
    extent = box.around(tracks.keypoints, scale=margin)
    missing = np.isnan(given).any(axis=1, keepdims=True)
    return np.where(missing, extent, given).astype(np.float32)


def _ignored(
    tracks: VideoTracks, frames: IntArray, told: BoolArray, *, size: tuple[int, int]
) -> FloatArray | None:
    """(M, T, 4) boxes around ignore regions; all of the picture where a frame is not labelled."""
    whole = np.array([0, 0, size[1], size[0]], np.float64)
    of_frames = [
        [_around(region) for region in tracks.frames.ignore_regions.get(frame, ())]
        if told[frame]
        else [whole]
        for frame in frames.tolist()
    ]
    most = max(map(len, of_frames), default=0)
    if not most:
        return None
    found = np.full((most, len(frames), 4), np.nan, np.float32)
    for step, regions in enumerate(of_frames):
        for place, region in enumerate(regions):
            found[place, step] = region
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
