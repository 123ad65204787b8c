"""Prepares numbers to be written as text: short, and nothing where they are not known."""

from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.structures import ByteArray, DoubleArray, JointState, VideoTracks

LEAST = 1e-6
"""Score that is written for a joint whose score is 0, where that would read as not known."""


def shortest(values: npt.NDArray[np.floating]) -> DoubleArray:
    """The same numbers as float64 that print as short as the originals: 0.1, not 0.10000000149."""
    if values.dtype == np.float64:
        return values.astype(np.float64)
    return values.astype(str).astype(np.float64)


def or_none(values: npt.NDArray[np.floating]) -> Any:
    """Nested lists with None in the place of NaN."""
    numbers = shortest(values).astype(object)
    numbers[np.isnan(values)] = None
    return numbers.tolist()


def joint_states(tracks: VideoTracks) -> ByteArray:
    """(R, K) :class:`posetube.structures.JointState`, worked out where the table has none."""
    return states_of(tracks.keypoints) if tracks.joint_states is None else tracks.joint_states


def states_of(keypoints: npt.NDArray[np.floating]) -> ByteArray:
    """(R, K) what positions alone tell: visible where both coordinates are known."""
    known = ~np.isnan(keypoints).any(axis=-1)
    return np.where(known, JointState.VISIBLE, JointState.ABSENT).astype(np.uint8)


def confident_triples(points: DoubleArray, scores: DoubleArray) -> DoubleArray:
    """(R, K, 3) x, y and a score above 0, which is 1 where it is not known; zeros where absent."""
    known = ~np.isnan(points).any(axis=-1, keepdims=True)
    confidence = np.maximum(np.where(np.isnan(scores), 1.0, scores), LEAST)
    return np.where(known, np.concatenate([points, confidence[..., None]], axis=-1), 0.0)
