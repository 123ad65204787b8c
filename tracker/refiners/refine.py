"""A chain of refiners over the frames of a video."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from posetube.errors import InputError
from posetube.records import join_columns
from posetube.skeletons import Skeleton
from posetube.structures import Detections, FloatArray, FramePoses, VideoTracks

from .blocks import in_blocks
from .joint_filters import filter_joints
from .refine_config import RefineConfig
from .running_filters import RUNNING_FILTERS, run_filters


def refine_frames(
    frames: Iterable[FramePoses],
    *,
    config: RefineConfig,
    skeleton: Skeleton,
    cuts: Sequence[int] = (),
) -> Iterator[FramePoses]:
    """Refine the joints of everybody, frame by frame, by the refiners that need no heatmaps.

    Args:
        frames: Linked people in rising order, with finite times.
        config: Which refiners, and how strongly they work.
        skeleton: The joints.
        cuts: Index of the first frame of each new scene, where a track may go on across it.

    Yields:
        The same frames and rows, with what the joints were before; at once if all refiners are
        causal.
    """
    frames = (with_raw(poses) for poses in frames)
    for name in config.of_joints:
        if name in RUNNING_FILTERS:
            frames = run_filters(frames, by=name, config=config, cuts=cuts)
        else:
            change = partial(filter_joints, by=name, config=config)
            frames = in_blocks(frames, change, skeleton=skeleton, cuts=cuts)
    yield from frames


class RefinerChain(Protocol):
    """Refines the frames of a video; :func:`refine_frames`, or what puts more before it."""

    def __call__(
        self,
        frames: Iterable[FramePoses],
        *,
        config: RefineConfig,
        skeleton: Skeleton,
        cuts: Sequence[int] = (),
    ) -> Iterator[FramePoses]:
        """As :func:`refine_frames`."""


def refine_tracks(
    tracks: VideoTracks,
    *,
    config: RefineConfig,
    cuts: Sequence[int] = (),
    chain: RefinerChain = refine_frames,
) -> VideoTracks:
    """Refine the joints of finished tracks; those that were refined before, from the start.

    Args:
        tracks: Frames have times.
        config: As for :func:`refine_frames`.
        cuts: As for :func:`refine_frames`.
        chain: What refines the frames.

    Returns:
        The same rows, with what the joints were before.

    Raises:
        InputError: If frames have no times.
    """
    if np.isnan(tracks.frames.times[tracks.frame]).any():
        raise InputError(f"{tracks.source}: frames without times; refiners need seconds")
    if not len(tracks.frames):
        return tracks
    found = list(
        chain(map(unrefined, tracks.poses()), config=config, skeleton=tracks.skeleton, cuts=cuts)
    )
    everybody = Detections.join([poses.people for poses in found], joints=len(tracks.skeleton))
    return replace(
        tracks,
        keypoints=everybody.keypoints,
        keypoint_scores=everybody.keypoint_scores,
        **join_columns(found, ("keypoints_raw",)),
    )


def with_raw(poses: FramePoses) -> FramePoses:
    """The same people, whose joints are kept as what they were before refining."""
    if poses.keypoints_raw is not None:
        return poses
    return replace(poses, keypoints_raw=joints_of(poses.people))


def unrefined(poses: FramePoses) -> FramePoses:
    """The people as they were before their joints were refined, if they were."""
    if poses.keypoints_raw is None:
        return poses
    raw = poses.keypoints_raw
    people = replace(poses.people, keypoints=raw[..., :2], keypoint_scores=raw[..., 2])
    return replace(poses, people=people, keypoints_raw=None)


def joints_of(people: Detections) -> FloatArray:
    """(N, K, 3) x, y and score of the joints."""
    return np.concatenate([people.keypoints, people.keypoint_scores[..., None]], axis=-1)
