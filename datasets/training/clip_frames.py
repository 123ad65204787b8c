"""Says which frames of a video make a clip.

Training clips begin every few frames and must be labelled where the rule says. Evaluation clips
stand around every frame, so that each frame is seen with the same surroundings. Both are arrays of
indices. Where a clip would run over the video's ends, a frame is repeated.

Not here: reading clips (:mod:`posetube.datasets.training.clip_reader`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from posetube.setting_checks import check_numbers
from posetube.structures import BoolArray, IntArray


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
        check_numbers(self, "length", "stride", "step", low=1)
        check_numbers(self, "pose_margin", above=0)


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
    known = labeled[clips]
    centre = known[:, config.length // 2]
    keep = {"all": known.all(axis=1), "any": known.any(axis=1), "centre": centre}
    kept = keep[config.labeled]
    if config.people:
        kept &= (known & occupied[clips]).any(axis=1)
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
