"""Links detections, refines joints, takes absent ones out: every track comes from here.

Detections keep all of a person's joints, also those below the picture's edge or behind a table:
linking compares whole poses, and refiners go by all that is known. In a track such a joint is NaN,
so that tables, overlays, exports and measures agree on it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, DetectedFrame, Detections, FramePoses, RowState

from ...tracker.presets import link_frames
from ...tracker.refiners.refine import joints_of, unrefined
from ..refining.drawn_maps import MapSource
from ..refining.refined_frames import refined_frames
from ..settings import TrackConfig
from .score_limit import LimitedPeople

log = logging.getLogger(__name__)

EDGE = 0.02
"""A box that ends this share of its height above the picture's lower edge ends at it."""

ABOVE = {"knee": "hip", "ankle": "knee"}
"""Of the legs' joints, which one comes before each."""


def link_people(
    frames: Iterable[DetectedFrame],
    *,
    config: TrackConfig,
    skeleton: Skeleton,
    size: tuple[int, int] | None,
    warn: Callable[[str], object] = log.warning,
) -> Iterator[FramePoses]:
    """Give the people of each frame their track ids, and only the joints that are there.

    Args:
        frames: The detections of one video, in rising order.
        config: How to link, and how sure a joint must be (``min_joint``; None: 0).
        skeleton: The joints of the detections.
        size: (H, W) of the picture, pixels; None: no joint is outside.
        warn: Told, after the last frame, if the preset's score limit left nearly nobody.

    Yields:
        Every frame, in order, as :func:`posetube.tracker.presets.link_frames` does.
    """
    for poses in _linked(frames, config=config, skeleton=skeleton, size=size, warn=warn):
        yield presented(poses, config=config, skeleton=skeleton, size=size)


def refined_people(
    frames: Iterable[DetectedFrame],
    *,
    config: TrackConfig,
    skeleton: Skeleton,
    size: tuple[int, int] | None,
    maps: MapSource | None = None,
) -> Iterator[FramePoses]:
    """:func:`link_people`, and the refiners of the settings before absent joints are taken out."""
    linked = _linked(frames, config=config, skeleton=skeleton, size=size, warn=log.warning)
    if config.refine.refiners:
        linked = (
            _as_stored(poses, config=config, skeleton=skeleton, size=size) for poses in linked
        )
    for poses in refined_frames(linked, config=config.refine, skeleton=skeleton, maps=maps):
        yield presented(poses, config=config, skeleton=skeleton, size=size)


def _linked(
    frames: Iterable[DetectedFrame],
    *,
    config: TrackConfig,
    skeleton: Skeleton,
    size: tuple[int, int] | None,
    warn: Callable[[str], object],
) -> Iterator[FramePoses]:
    """Every frame with its people and all joints of theirs."""
    limited = LimitedPeople(config.link)
    link = partial(link_frames, config=config.link, skeleton=skeleton, size=size)
    found = limited.counted(frames)
    yield from _each_alone(found, link) if config.video.as_one else link(found)
    if limited.note is not None:
        warn(limited.note)


def _each_alone(
    photographs: Iterable[DetectedFrame],
    link: Callable[[Iterable[DetectedFrame]], Iterator[FramePoses]],
) -> Iterator[FramePoses]:
    """The people of photographs, each a video of its own; ids go on from one to the next."""
    last = 0
    for photograph in photographs:
        [poses] = link([photograph])
        poses = replace(poses, track_ids=poses.track_ids + last)
        last = int(poses.track_ids.max(initial=last))
        yield poses


def _as_stored(
    poses: FramePoses, *, config: TrackConfig, skeleton: Skeleton, size: tuple[int, int] | None
) -> FramePoses:
    """The people, those who were filled in without absent joints.

    A run that is refined has all joints of people who were detected, from its detections, but of
    the others only what its tracks keep. Without a run the result must be the same.
    """
    filled = poses.states == RowState.INTERPOLATED
    if not filled.any():
        return poses
    shown = presented(poses, config=config, skeleton=skeleton, size=size).people
    joints = np.where(filled[:, None, None], shown.keypoints, poses.people.keypoints)
    return replace(poses, people=replace(poses.people, keypoints=joints))


def presented(
    poses: FramePoses, *, config: TrackConfig, skeleton: Skeleton, size: tuple[int, int] | None
) -> FramePoses:
    """Linked people with the joints that are there, refined or not."""
    if not config.min_joint:
        return poses
    present = partial(without_absent, min_joint=config.min_joint, skeleton=skeleton, size=size)
    if poses.keypoints_raw is None:
        return replace(poses, people=present(poses.people))
    raw = joints_of(present(unrefined(poses).people))
    return replace(poses, people=present(poses.people), keypoints_raw=raw)


def without_absent(
    people: Detections, *, min_joint: float, skeleton: Skeleton, size: tuple[int, int] | None
) -> Detections:
    """The people with NaN for the places of joints that are absent.

    The scores stay: they say how unsure the network was.

    Args:
        people: N people.
        min_joint: Joints with a lower score, in [0, 1], are absent.
        skeleton: Their joints.
        size: (H, W) of the picture, pixels; joints outside are absent. None: not known.
    """
    absent = people.keypoint_scores < min_joint
    if size is not None:
        height, width = size
        outside = (people.keypoints < 0) | (people.keypoints > np.array([width, height]))
        absent |= outside.any(axis=-1)
        below = people.boxes[:, 3] > height - EDGE * (people.boxes[:, 3] - people.boxes[:, 1])
        if below.any():
            absent |= _cut_off(absent, skeleton) & below[:, None]
    return replace(
        people, keypoints=np.where(absent[..., None], np.float32(np.nan), people.keypoints)
    )


def _cut_off(absent: BoolArray, skeleton: Skeleton) -> BoolArray:
    """(N, K) knees and ankles of which the one on the other side or the joint above is absent.

    Where a person is cut off at the picture's lower edge, the network takes a hand or a fold for
    the knee that it misses. Legs are cut off together: one knee below the edge speaks against the
    other one.
    """
    cut = np.zeros_like(absent)
    for place, joint in enumerate(skeleton.joints):
        side, _, part = joint.partition("_")
        if part in ABOVE:
            around = [skeleton.flip[place]]
            if (above := f"{side}_{ABOVE[part]}") in skeleton.joints:
                around.append(skeleton.index(above))
            cut[:, place] = absent[:, around].any(axis=1)
    return cut
