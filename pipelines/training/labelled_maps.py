"""The heatmaps of people as tracking found them, with their true joints: what refiners learn from.

A video is tracked like anybody's; the network then draws everybody's heatmaps, at boxes that are
moved a little. Truth comes with drawn clips. Videos without any are given the tracks' own joints,
smoothed from past and future.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.boxes import iou
from posetube.errors import InputError
from posetube.structures import FloatArray, Frame, FramePoses, IntArray, VideoTracks

from ...datasets.training.labelled_clip import LabelledClip
from ...tracker.assignment import solve
from ...tracker.refiners.refine import refine_tracks
from ...tracker.refiners.refine_config import RefineConfig
from ..api.track import track
from ..loaded_model import LoadedModel
from ..refining.drawn_maps import MapSource, drawn_maps
from ..settings import DetectConfig

LEAST_OVERLAP = 0.5
"""Of somebody's box with that of a true person, to be the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledMaps:
    """R rows, one per person and frame, sorted by track and frame."""

    track_ids: IntArray
    """(R,)."""

    frames: IntArray
    """(R,) index of the frame in its video."""

    evidence: FloatArray
    """(R, K, h, w) in [0, 1], half precision."""

    regions: FloatArray
    """(R, 4) the boxes that the maps cover, pixels."""

    keypoints: FloatArray
    """(R, K, 2) where the joints are in truth, pixels; NaN where nobody knows."""


def maps_of_clip(
    clip: LabelledClip, model: LoadedModel, *, jitter: float, rng: np.random.Generator
) -> LabelledMaps:
    """Track a clip whose truth is known, and draw the heatmaps.

    Args:
        clip: The pictures and the people.
        model: Finds people and draws the maps.
        jitter: Standard deviation of the boxes' edges, as a share of their sides.
        rng: Source of chance.

    Raises:
        InputError: If nobody is followed.
    """
    pictures = [
        Frame(index=index, time=float(time), image=image)
        for index, (time, image) in enumerate(zip(clip.times, clip.images, strict=True))
    ]
    tracks = _tracked(pictures, model)
    keypoints, weights = clip.joints_of(tracks.skeleton)
    keypoints = np.where(weights[..., None] > 0, keypoints, np.float32(np.nan))
    labels = np.full(tracks.keypoints.shape, np.nan, np.float32)
    for index in np.unique(tracks.frame):
        mine = tracks.rows_of(index)
        theirs = np.flatnonzero(clip.present[:, index])
        overlap = iou(tracks.boxes[mine], clip.boxes[theirs, index]).astype(np.float64)
        rows, columns = solve(1 - overlap, limit=1 - LEAST_OVERLAP)
        labels[mine.start + rows] = keypoints[theirs[columns], index]
    return _drawn(tracks, labels, pictures, model, jitter, rng)


def maps_of_video(
    pictures: Sequence[Frame],
    model: LoadedModel,
    *,
    jitter: float,
    rng: np.random.Generator,
) -> LabelledMaps:
    """Track a video without truth; its own joints, smoothed, are the labels.

    Arguments and errors as for :func:`maps_of_clip`.
    """
    tracks = _tracked(pictures, model)
    smooth = refine_tracks(tracks, config=RefineConfig(refiners=("kalman",)))
    sure = tracks.keypoint_scores >= (model.min_joint or 0.0)
    labels = np.where(sure[..., None], smooth.keypoints, np.nan).astype(np.float32)
    return _drawn(tracks, labels, pictures, model, jitter, rng)


def _tracked(pictures: Sequence[Frame], model: LoadedModel) -> VideoTracks:
    """Everybody with all joints, found in a third of the time."""
    detect = DetectConfig(detector_every=3)
    return track(pictures, model=model, detect=detect, refine="none", min_joint=0.0)


def _drawn(
    tracks: VideoTracks,
    labels: FloatArray,
    pictures: Sequence[Frame],
    model: LoadedModel,
    jitter: float,
    rng: np.random.Generator,
) -> LabelledMaps:
    people = (_shaken(poses, jitter, rng) for poses in tracks.poses())
    source = MapSource(pictures=pictures, model=model)
    mapped = [
        replace(frame, evidence=frame.evidence.astype(np.float16))
        for frame in drawn_maps(people, source, flow=None, asked_by="learned")
        if frame.seen
    ]
    if not mapped:
        raise InputError("nobody is followed here; take longer clips, or leave the video out")
    rows = np.flatnonzero(np.isin(tracks.frame, [frame.poses.frame for frame in mapped]))
    order = np.lexsort((tracks.frame[rows], tracks.track_ids[rows]))
    return LabelledMaps(
        track_ids=tracks.track_ids[rows][order],
        frames=tracks.frame[rows][order],
        evidence=np.concatenate([frame.evidence for frame in mapped])[order],
        regions=np.concatenate([frame.regions for frame in mapped])[order],
        keypoints=labels[rows][order],
    )


def _shaken(poses: FramePoses, jitter: float, rng: np.random.Generator) -> FramePoses:
    boxes = poses.people.boxes
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    shaken = (boxes + jitter * sides * rng.standard_normal(boxes.shape)).astype(np.float32)
    return replace(poses, people=replace(poses.people, boxes=shaken))
