"""A short clip with everything that is known of its people: what networks are trained on.

Not here: how it is varied (:mod:`posetube.datasets.training.augment`), where it comes from (the
readers, and :mod:`posetube.datasets.synthetic`).
"""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.records import check_shapes
from posetube.skeletons import Skeleton, apply, convert
from posetube.structures import (
    BoolArray,
    ByteArray,
    DoubleArray,
    FloatArray,
    JointState,
)


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

    masks: BoolArray | None = None
    """(N, T, H, W) the pixels of each person that are seen; None where nobody has drawn them."""

    ignore: FloatArray | None = None
    """(M, T, 4) regions where people are not labelled, pixels; NaN in frames without the region."""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[3] != 3:
            raise InputError(f"LabelledClip.images: expected (T, H, W, 3), got {self.images.shape}")
        if self.boxes.ndim != 3:
            raise InputError(f"LabelledClip.boxes: expected (N, T, 4), got {self.boxes.shape}")
        n, k = len(self.boxes), len(self.skeleton)
        t, height, width, _ = self.images.shape
        m = 0 if self.ignore is None else len(self.ignore)
        check_shapes(
            self,
            times=(t,),
            boxes=(n, t, 4),
            keypoints=(n, t, k, 2),
            joint_states=(n, t, k),
            masks=(n, t, height, width),
            ignore=(m, t, 4),
        )
        if np.any(np.diff(self.times) < 0):
            raise InputError(f"LabelledClip.times must not decrease, got {self.times.tolist()}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """H, W of the frames, pixels."""
        return self.images.shape[1], self.images.shape[2]

    def joints_of(self, skeleton: Skeleton) -> tuple[FloatArray, FloatArray]:
        """The joints that a network is to find; hidden ones count like visible ones.

        Returns:
            (N, T, K) positions by name, NaN where the clip does not know them, and 1 where it does.

        Raises:
            InputError: If the two joint sets share no joint.
        """
        plan = convert(self.skeleton, skeleton, derive=False)
        if not plan.kept:
            raise InputError(
                f"pictures of {self.skeleton.name} have no joint that a network of {skeleton.name} "
                "finds; start from a model of another joint set"
            )
        known = (self.joint_states != JointState.ABSENT).astype(np.float32)
        points, weights = apply(plan, self.keypoints, known)
        unknown = np.isnan(points).any(axis=-1)
        return np.asarray(points, np.float32), np.where(unknown, 0, weights).astype(np.float32)
