"""Filters the joints of every track over time, in whole stretches without a cut or a long gap."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from posetube.structures import DoubleArray, VideoTracks

from ..filters.gaps import fill_gaps
from ..filters.kalman import kalman_smoother
from ..filters.local import median, savitzky_golay
from ..tracklets import stretches
from .confidence import confidences
from .person_sizes import person_sizes
from .refine_config import RefineConfig, RefinerName

FEWEST = 5
"""Joints that are known in all frames, for their mean to be the person's middle: the mean of fewer
trembles with each of them."""

JointFilter = Callable[[DoubleArray, DoubleArray, DoubleArray, RefineConfig], DoubleArray]
"""From (F,) times, seconds, (F, K, 2) places, sizes of the person, and (F, K, 1) confidences in
[0, 1] to places."""


def _by_kalman(
    times: DoubleArray, places: DoubleArray, sure: DoubleArray, config: RefineConfig
) -> DoubleArray:
    """Each joint's path by itself, then as seen from the person's middle.

    Whoever walks carries all joints along, hidden ones too; from the middle, they move less.
    """
    own = config.kalman
    smooth = partial(kalman_smoother, times, confidence=sure, noise=own.noise, tail=own.tail)
    paths = smooth(places, restlessness=own.restlessness)
    known = ~np.isnan(paths[..., 0]).any(axis=0)
    if known.sum() < FEWEST:
        return paths
    middle = paths[:, known].mean(axis=1, keepdims=True)
    return np.asarray(middle + smooth(places - middle, restlessness=own.limb_restlessness))


def _by_savitzky_golay(
    times: DoubleArray, places: DoubleArray, _: DoubleArray, config: RefineConfig
) -> DoubleArray:
    own = config.savitzky_golay
    return savitzky_golay(times, places, window=own.window, order=own.order)


def _by_median(
    times: DoubleArray, places: DoubleArray, _: DoubleArray, config: RefineConfig
) -> DoubleArray:
    return median(times, places, window=config.median.window)


def _filled(
    times: DoubleArray, places: DoubleArray, _: DoubleArray, config: RefineConfig
) -> DoubleArray:
    return fill_gaps(times, places, max_gap=config.fill_gaps.longest)


JOINT_FILTERS: dict[RefinerName, JointFilter] = {
    "kalman": _by_kalman,
    "savitzky-golay": _by_savitzky_golay,
    "median": _by_median,
    "fill-gaps": _filled,
}
"""The refiners that see a stretch of a track as a whole."""

OF_SIZES: tuple[RefinerName, ...] = ("kalman",)
"""Those whose settings are lengths; the others do the same at any size."""


def filter_joints(
    tracks: VideoTracks, *, by: RefinerName, config: RefineConfig, cuts: Sequence[int] = ()
) -> VideoTracks:
    """Filter the joints of every track.

    Args:
        tracks: Frames have times.
        by: Which filter, one of :data:`JOINT_FILTERS`.
        config: How strongly.
        cuts: Index of the first frame of each new scene.

    Returns:
        The same rows. Joints that were unknown stay unknown, except in gaps that are filled. By
        ``kalman``, joints of people whose size nothing tells stay as they are.
    """
    # what is infinite in somebody's file is nowhere
    joints = np.where(np.isfinite(tracks.keypoints), tracks.keypoints, np.float32(np.nan))
    sure = confidences(tracks.keypoint_scores, tracks.states, config=config)
    sizes = person_sizes(tracks.boxes, joints)
    for rows in stretches(tracks, max_gap=config.max_gap, cuts=cuts):
        times = _rising(tracks.frames.times[tracks.frame[rows]])
        known = sizes[rows][~np.isnan(sizes[rows])]
        if not len(known) and by in OF_SIZES:
            continue
        size = float(np.median(known)) if len(known) else 1.0
        places = joints[rows].astype(np.float64) / size
        joints[rows] = size * JOINT_FILTERS[by](times, places, sure[rows], config)
    return replace(tracks, keypoints=joints)


def _rising(times: DoubleArray) -> DoubleArray:
    """Times that rise strictly, where a file repeats some: a microsecond apart, then."""
    if (np.diff(times) > 0).all():
        return times
    return np.asarray(np.maximum.accumulate(times) + 1e-6 * np.arange(len(times)))
