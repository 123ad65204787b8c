"""Prepares a sequence for the metrics: the people of both sides in the frames that count.

An :class:`EvalSequence` is one sequence after clean-up: frames chosen, joints in one order, joints
inside ignore regions removed. Each protocol cleans by its own :class:`Rules`; the metrics need not
know where the people came from.

Not here: reading files, and matching the frames of two files
(:mod:`posetube.pipelines.evaluation.frame_matching`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from posetube import skeletons
from posetube.records import take_rows
from posetube.skeletons import POSETRACK15, Skeleton
from posetube.structures import BoolArray, DoubleArray, IntArray, VideoTracks

from .polygons import inside

HEAD_SIZE = 0.6
"""Size of a head as a fraction of its box's diagonal."""

ROWS = ("ids", "points", "scores", "sizes", "rows", "boxes")
"""Columns of :class:`EvalPeople` that have an entry per row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalPeople:
    """The people of one side, R rows sorted by frame, J joints."""

    starts: IntArray
    """(F + 1,) first row of each frame, then R."""

    ids: IntArray
    """(R,) identity of each person."""

    points: DoubleArray
    """(R, J, 2) pixels, NaN where a joint is absent."""

    scores: DoubleArray
    """(R, J) confidence, NaN where not given."""

    sizes: DoubleArray
    """(R,) size of the head, pixels; NaN where its box is not known."""

    rows: IntArray
    """(R,) row in the original table."""

    boxes: DoubleArray | None = None
    """(R, 4) pixels; None unless boxes are measured."""

    @property
    def known(self) -> BoolArray:
        """(R, J) which joints are present."""
        return ~np.isnan(self.points[..., 0])

    @property
    def identities(self) -> tuple[IntArray, IntArray]:
        """(I,) the distinct ids, rising, and (R,) the place of each row's id among them."""
        ids, places = np.unique(self.ids, return_inverse=True)
        return ids, places

    @property
    def per_identity(self) -> DoubleArray:
        """(I, J) number of joints of each identity."""
        ids, places = self.identities
        counts = np.zeros((len(ids), self.points.shape[1]))
        np.add.at(counts, places, self.known)
        return counts

    def frame(self, index: int) -> slice:
        """The rows of a frame."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    def keep(self, rows: BoolArray) -> "EvalPeople":
        """Some of the people, in the same F frames.

        Args:
            rows: (R,) True for the rows to keep.
        """
        # A frame's first row moves up by the number of rows dropped before it.
        before = np.concatenate([[0], np.cumsum(rows)])
        return replace(take_rows(self, rows, columns=ROWS), starts=before[self.starts])


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalSequence:
    """One sequence, ready to be measured."""

    name: str
    """Name of the sequence."""

    frames: IntArray
    """(F,) index in the truth's table of each frame that counts."""

    truth: EvalPeople
    """The annotated people."""

    found: EvalPeople
    """The predicted people."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a protocol cleans the data before it measures anything."""

    frames: Literal["with people", "labeled"] = "labeled"
    """Frames that count: those where the truth has people, or those marked as labelled."""

    positive_only: bool = False
    """A joint is present only if x > 0 and y > 0."""

    estimate_joints: bool = True
    """Estimate missing joints of a joint set from others; otherwise they are absent."""

    max_track_id: int | None = None
    """Largest identity that is accepted; None: any."""

    unique_ids: bool = True
    """Refuse two predictions with one identity in one frame."""

    joints: Skeleton = POSETRACK15
    """Names and order of the J joints that are measured."""


def pose_sequence(
    truth: VideoTracks,
    found: VideoTracks,
    *,
    name: str,
    rules: Rules,
    frame_of: IntArray,
    without_pointless: tuple[bool, bool] = (False, False),
) -> EvalSequence:
    """Clean up one sequence for the metrics of joints.

    Args:
        truth: Annotations.
        found: Predictions.
        name: Name of the sequence.
        rules: Rules of the protocol.
        frame_of: (F found,) the truth's frame of each predicted frame, -1 for none.
        without_pointless: Whether to drop people without any joint, in truth and in predictions.
            poseval drops them when it reads PoseTrack17's files, but not PoseTrack18's.
    """
    total = len(truth.frames)
    sides = (
        _people(truth, np.arange(total), total=total, rules=rules),
        _people(found, frame_of, total=total, rules=rules),
    )
    counted = _counted_frames(truth, rules)
    regions = truth.frames.ignore_regions
    for people in sides:
        _remove_ignored(people, regions)
    cleaned = [
        _keep(people, regions=regions, counted=counted, drop=drop)
        for people, drop in zip(sides, without_pointless, strict=True)
    ]
    return EvalSequence(name=name, frames=counted, truth=cleaned[0], found=cleaned[1])


def _people(tracks: VideoTracks, frame_of: IntArray, *, total: int, rules: Rules) -> EvalPeople:
    """All rows of one side, sorted by the truth's frames; rows without a frame are dropped."""
    frame = frame_of[tracks.frame]
    rows = np.argsort(frame, kind="stable")
    # Frames that the truth lacks are -1 and come first.
    rows = rows[np.searchsorted(frame[rows], 0) :]
    points, scores = _joints(tracks, rows, rules)
    if rules.positive_only:
        points[~(points > 0).all(axis=-1)] = np.nan
    sizes = np.full(len(rows), np.nan)
    if tracks.head_boxes is not None:
        sizes = _head_sizes(tracks.head_boxes[rows])
    return EvalPeople(
        starts=np.searchsorted(frame[rows], np.arange(total + 1)),
        ids=tracks.track_ids[rows],
        points=points,
        scores=scores,
        sizes=sizes,
        rows=rows,
    )


def _joints(tracks: VideoTracks, rows: IntArray, rules: Rules) -> tuple[DoubleArray, DoubleArray]:
    plan = skeletons.convert(tracks.skeleton, rules.joints, derive=rules.estimate_joints)
    points, scores = skeletons.apply(
        plan,
        tracks.keypoints[rows].astype(np.float64),
        tracks.keypoint_scores[rows].astype(np.float64),
    )
    return np.asarray(points), np.asarray(scores)


def _head_sizes(boxes: DoubleArray) -> DoubleArray:
    return HEAD_SIZE * np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def _counted_frames(truth: VideoTracks, rules: Rules) -> IntArray:
    if rules.frames == "with people":
        return np.unique(truth.frame)
    return truth.frames.labeled_indices


def _remove_ignored(people: EvalPeople, regions: dict[int, tuple[DoubleArray, ...]]) -> None:
    """Set joints inside a region to NaN, in place: the arrays belong to this module."""
    for index, polygons in regions.items():
        points = people.points[people.frame(index)]
        for polygon in polygons:
            points[inside(points, polygon)] = np.nan


def _keep(
    people: EvalPeople, *, regions: Collection[int], counted: IntArray, drop: bool
) -> EvalPeople:
    """The rows of the frames that count, without people without joints where these are dropped."""
    # poseval drops people who have no joints left after it removed those inside ignore regions. It
    # does so in all frames with a region, and so drops people who never had a joint, too.
    frame = np.repeat(np.arange(len(people.starts) - 1), np.diff(people.starts))
    cleaned = np.isin(frame, list(regions)) | drop
    stays = np.isin(frame, counted) & ~(cleaned & ~people.known.any(axis=1))
    kept = people.keep(stays)
    return replace(kept, starts=np.append(kept.starts[counted], len(kept.ids)))
