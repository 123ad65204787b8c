"""Rotations, directions and cross products of vectors in three dimensions."""

import math

import numpy as np
import numpy.typing as npt

from posetube.structures import DoubleArray

Array = DoubleArray
"""Points, directions and matrices."""
_SHORTEST = 1e-9
"""Shortest length to divide by, so that a zero vector stays zero."""


def rotation(axis: int, angle: npt.ArrayLike) -> Array:
    """(..., 3, 3) right-handed rotation by ``angle`` (...,) about x (0), y (1) or z (2)."""
    angle = np.asarray(angle, float)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def unit_vectors(vectors: Array) -> Array:
    """Vectors (n, 3) scaled to length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, _SHORTEST))


# For single vectors NumPy's own functions take ten times as long as these.


def unit_vector(vector: Array) -> Array:
    """One vector (3,) scaled to length 1."""
    return np.asarray(vector / max(math.sqrt(vector @ vector), _SHORTEST))


def cross_product(first: Array, second: Array) -> Array:
    """Cross product of two vectors (3,)."""
    a, b, c = first.tolist()
    x, y, z = second.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])
