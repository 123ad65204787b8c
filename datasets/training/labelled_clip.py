"""Defines a clip and what is known of its people: what networks are trained on.

A picture is a clip of one frame. Not here: how clips are varied
(:mod:`posetube.datasets.training.augment`), where they come from
(:mod:`posetube.datasets.training.clip_index`, :mod:`posetube.datasets.training.picture_archive`,
:mod:`posetube.datasets.synthetic`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from posetube import boxes as box
from posetube.errors import InputError
from posetube.records import check_shapes, join_records, take_rows
from posetube.skeletons import Skeleton, apply, convert
from posetube.structures import (
    BoolArray,
    ByteArray,
    DoubleArray,
    FloatArray,
    JointState,
)

PER_PERSON = ("boxes", "keypoints", "joint_states", "keypoint_weights", "masks", "scores")
"""The fields of a clip that have a row per person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledClip:
    """T frames and the N people in them, each in the same row of every array."""

    images: ByteArray
    """(T, H, W, 3) RGB."""

    times: DoubleArray
    """(T,) presentation times, seconds, not decreasing."""

    skeleton: Skeleton
    """Names and order of the K joints."""

    boxes: FloatArray
    """(N, T, 4) pixels; NaN where the person is not in the frame."""

    keypoints: FloatArray
    """(N, T, K, 2) pixels; NaN where a joint is not known."""

    joint_states: ByteArray
    """(N, T, K) :class:`posetube.structures.JointState`."""

    ignore: FloatArray
    """(M, T, 4) regions where people are not labelled, pixels; NaN in frames without the region."""

    keypoint_weights: FloatArray | None = None
    """(N, T, K) how much each joint counts, in [0, 1]; None: all known joints count fully."""

    masks: BoolArray | None = None
    """(N, T, H, W) the pixels of each person that are seen; None where nobody has drawn them."""

    scores: FloatArray | None = None
    """(N,) how sure it is that each is a person, in [0, 1]; None: quite."""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[3] != 3:
            raise InputError(f"LabelledClip.images: expected (T, H, W, 3), got {self.images.shape}")
        if self.boxes.ndim != 3:
            raise InputError(f"LabelledClip.boxes: expected (N, T, 4), got {self.boxes.shape}")
        n, k = len(self.boxes), len(self.skeleton)
        t, height, width, _ = self.images.shape
        check_shapes(
            self,
            times=(t,),
            boxes=(n, t, 4),
            keypoints=(n, t, k, 2),
            joint_states=(n, t, k),
            ignore=(len(self.ignore), t, 4),
            keypoint_weights=(n, t, k),
            masks=(n, t, height, width),
            scores=(n,),
        )
        if np.any(np.diff(self.times) < 0):
            raise InputError(f"LabelledClip.times must not decrease, got {self.times.tolist()}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """H, W of the frames, pixels."""
        return self.images.shape[1], self.images.shape[2]

    @property
    def boxes_inside(self) -> FloatArray:
        """(N, T, 4) boxes that end where the picture does; without area where nothing is inside."""
        height, width = self.size
        return np.asarray(box.clip(self.boxes, height=height, width=width), np.float32)

    @property
    def present(self) -> BoolArray:
        """(N, T) whether each person has a box in each frame, at least partly inside."""
        return np.asarray(box.area(self.boxes_inside) > 0)

    @property
    def weights(self) -> FloatArray:
        """(N, T, K) how much each joint counts, in [0, 1]; 0 where absent, hidden ones count."""
        known = self.joint_states != JointState.ABSENT
        weights = 1.0 if self.keypoint_weights is None else self.keypoint_weights
        return np.where(known, weights, 0).astype(np.float32)

    def people(self, rows: Any) -> "LabelledClip":
        """The same clip with some of its people; ``rows`` is a mask, indices or a slice."""
        return take_rows(self, rows, columns=PER_PERSON)

    def joints_of(self, skeleton: Skeleton) -> tuple[FloatArray, FloatArray]:
        """The joints that a network is to find.

        Returns:
            (N, T, K, 2) positions by name, NaN where the clip does not know them, and (N, T, K)
            how much each counts, in [0, 1].

        Raises:
            InputError: If the two joint sets share no joint.
        """
        plan = convert(self.skeleton, skeleton, derive=False)
        if not plan.kept:
            raise InputError(
                f"pictures of {self.skeleton.name} have no joint that a network of {skeleton.name} "
                "finds; start from a model of another joint set"
            )
        points, weights = apply(plan, self.keypoints, self.weights)
        unknown = np.isnan(points).any(axis=-1)
        return np.asarray(points, np.float32), np.where(unknown, 0, weights).astype(np.float32)


class ClipSource(Protocol):
    """Where training clips come from."""

    def draw(self, rng: np.random.Generator) -> LabelledClip:
        """A random clip."""


def join_clips(clips: Sequence[LabelledClip]) -> LabelledClip:
    """The people and regions of all clips over the pictures of the first.

    Masks are kept where all clips have them.

    Args:
        clips: At least one; of one size, length and joint set.
    """
    # Joining drops weights that one clip lacks, so each says its own.
    weighted = [replace(clip, keypoint_weights=clip.weights) for clip in clips]
    return join_records(weighted, columns=(*PER_PERSON, "ignore"))
