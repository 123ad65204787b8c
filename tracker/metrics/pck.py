"""Computes the share of joints that are near enough to the truth: PCK, PCKh, accuracy in pixels.

A number means nothing without its normaliser (the box's longer side, the torso, the head) and its
rule for thresholds and averages; both are printed with every result.

Source: LSTM Pose Machines (``run_benchmark_GPU_PENN.m``, ``run_benchmark_GPU_JHMDB.m``), mmpose's
``keypoint_pck_accuracy``, poseval's ``evaluatePCKh.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from posetube.structures import BoolArray, DoubleArray

Rule = Literal["lstm-pm", "mmpose"]
"""``lstm-pm``: an error at the threshold is right; double precision; the total is over all joints
together. ``mmpose``: an error at the threshold is wrong; single precision; the total is the mean of
the joints' shares."""

SHORTEST_TORSO = 1.0
"""If the true torso is shorter than this, in pixels, the predicted one is used instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """Share of right joints, in [0, 1]."""

    joints: DoubleArray
    """(K,) share per joint; for a joint that is never labelled NaN, or 0 under ``lstm-pm``."""

    total: float
    """Share over all joints, as the rule defines it."""


def box_sizes(boxes: DoubleArray) -> DoubleArray:
    """Longer side of each box, (N, 4) to (N,) pixels."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def torso_sizes(truth: DoubleArray, found: DoubleArray, ends: tuple[int, int]) -> DoubleArray:
    """Length of each person's torso: the distance of a shoulder and the opposite hip.

    Args:
        truth: (N, K, 2) pixels.
        found: (N, K, 2) pixels; used where the true torso is shorter than a pixel.
        ends: Indices of the two joints.

    Returns:
        (N,) pixels.
    """
    first, second = ends
    own, other = (
        np.linalg.norm(people[:, first] - people[:, second], axis=-1) for people in (truth, found)
    )
    return np.asarray(np.where(own < SHORTEST_TORSO, other, own))


def pck(
    truth: DoubleArray,
    found: DoubleArray,
    *,
    sizes: DoubleArray,
    labeled: BoolArray,
    threshold: float,
    rule: Rule = "lstm-pm",
) -> Accuracy:
    """Compute the share of correct keypoints of N people, each paired with its prediction.

    Args:
        truth: (N, K, 2) pixels.
        found: (N, K, 2) pixels; NaN is a miss.
        sizes: (N,) divisor of each person's errors, pixels.
        labeled: (N, K) which joints count.
        threshold: Threshold of the error, in sizes.
        rule: How to compare with the threshold and to average.
    """
    # mmpose computes in single precision, which decides for joints exactly at the threshold.
    kind = np.float32 if rule == "mmpose" else np.float64
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = (found.astype(kind) - truth.astype(kind)) / sizes.astype(kind)[:, None, None]
        error = np.linalg.norm(offset, axis=-1)
    right = (error < threshold) if rule == "mmpose" else (error <= threshold)
    accuracy = shares(right & labeled, labeled, micro=rule == "lstm-pm")
    if rule == "lstm-pm":
        return replace(accuracy, joints=np.nan_to_num(accuracy.joints))
    return accuracy


def shares(right: BoolArray, labeled: BoolArray, *, micro: bool) -> Accuracy:
    """The share of what counts that is right, in each of K columns and in all.

    Args:
        right: (N, K) what is right, of what counts.
        labeled: (N, K) what counts.
        micro: Whether the total is over everything together, or the mean of the columns.
    """
    hits, counts = right.sum(axis=0), labeled.sum(axis=0)
    with np.errstate(invalid="ignore"):
        joints = hits / counts
    if not counts.any():
        total = np.nan
    else:
        total = hits.sum() / counts.sum() if micro else joints[counts > 0].mean()
    return Accuracy(joints=joints, total=float(total))


def pixel_curve(
    truth: DoubleArray,
    found: DoubleArray,
    *,
    labeled: BoolArray,
    thresholds: Sequence[float] = tuple(range(21)),
    scale: DoubleArray | float = 1.0,
) -> list[Accuracy]:
    """Compute the accuracy within distances, as BBC Pose, ChaLearn, Poses in the Wild and FLIC do.

    Args:
        truth: (N, K, 2) pixels.
        found: (N, K, 2) pixels; NaN is a miss.
        labeled: (N, K) which joints count.
        thresholds: Distances, in pixels after scaling.
        scale: Factor on all lengths, one or (N,): 0.5 for BBC Pose's half resolution, 100 / torso
            for FLIC.

    Returns:
        One accuracy per threshold; the total is over all joints together.
    """
    factor = np.broadcast_to(np.asarray(scale, np.float64), len(truth))
    error = np.linalg.norm((found - truth) * factor[:, None, None], axis=-1)
    return [shares((error <= limit) & labeled, labeled, micro=True) for limit in thresholds]
