"""What NumPy arrays and tensors call differently, so that a function can be written once for both.

What follows the networks' layers (suppression, joints from heatmaps) also follows graphs that run
without torch. These functions keep to what both libraries name alike, with axes by position, and
take the rest from here. Importing this file does not import torch.
"""

from importlib import import_module
from typing import Any

import numpy as np

Array = Any
"""A NumPy array or a tensor; what goes in comes out."""


def library_of(array: Array) -> Any:
    """NumPy or torch."""
    return np if isinstance(array, np.ndarray) else import_module("torch")


def on_host(array: Array) -> bool:
    """Whether Python can read the numbers without waiting for a device."""
    return isinstance(array, np.ndarray) or array.device.type == "cpu"


def settled(array: Array) -> Array:
    """As float32, without a gradient."""
    return array if isinstance(array, np.ndarray) else array.detach().float()


def sigmoid(array: Array) -> Array:
    """1 / (1 + exp(-x))."""
    # the exponential of a larger number overflows, which NumPy warns of
    return 1 / (1 + np.exp(-array.clip(-80))) if isinstance(array, np.ndarray) else array.sigmoid()


def falling_order(array: Array) -> Array:
    """Indices that sort the last axis by falling value; equal ones keep their order."""
    if isinstance(array, np.ndarray):
        return np.argsort(-array, axis=-1, kind="stable")
    return array.argsort(dim=-1, descending=True, stable=True)


def take_along(array: Array, indices: Array, axis: int) -> Array:
    """The elements at indices along an axis; the other axes have the same length, or 1."""
    if isinstance(array, np.ndarray):
        return np.take_along_axis(array, indices, axis)
    return array.take_along_dim(indices, axis)


def counting(count: int, like: Array) -> Array:
    """0, 1, 2 ... before ``count``, with the type and the device of another array."""
    if isinstance(like, np.ndarray):
        return np.arange(count, dtype=like.dtype)
    return library_of(like).arange(count, dtype=like.dtype, device=like.device)


def as_indices(array: Array) -> Array:
    """Whole numbers as int64."""
    return array.astype(np.int64) if isinstance(array, np.ndarray) else array.long()
