"""Lists of tubes as a fixed number of slots, so that the network never waits for the device.

A GPU works through a queue. An operation whose result has a shape that depends on the numbers in a
tensor (a boolean index, ``nonzero``), or that reads a number into Python (``item``), has to wait
until the queue is empty. So a list of proposals or people is a tensor with one slot for each that
there can be, and a mask that says which slots are taken; the taken ones come first. In host memory
there is no queue, and empty slots are dropped at once to save their work.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from posetube.structures import FloatArray

from .arrays import Array, library_of, on_host, take_along

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def most_taken(taken: Array) -> int:
    """How many slots the fullest clip takes, of (B, N) bool; waits for the device."""
    return int(taken.sum(1).max()) if math.prod(taken.shape) else 0


def constants(values: Sequence[float], like: Array) -> Array:
    """A row of numbers, (len(values),), with the type and the device of another array."""
    if isinstance(like, np.ndarray):
        return np.asarray(values, like.dtype)
    if on_host(like):
        return like.new_tensor(values)
    # a copy from host memory would wait for the device; filling does not
    return library_of(like).stack([like.new_full((), value) for value in values])


def take_slots(column: Array, slots: Array) -> Array:
    """The given slots of (B, N, ...) as (B, M, ...); ``slots`` is (B, M) int64."""
    if isinstance(column, np.ndarray):
        return column[np.arange(len(column))[:, None], slots]
    return take_along(column, slots.reshape(*slots.shape, *[1] * (column.ndim - 2)), 1)


def copied_to_device(host: "Tensor", device: "torch.device") -> "Tensor":
    """A tensor of host memory on the device; the copy is queued there, and nobody waits for it.

    Only from pinned memory can a GPU copy by itself. That memory is kept until the copy is done.
    """
    if device.type != "cuda":
        return host.to(device)
    return host.pin_memory().to(device, non_blocking=True)


def copied_to_host(columns: "dict[str, Tensor]") -> dict[str, FloatArray]:
    """Columns (B, N, ...) as float32 arrays, copied from the device all at once."""
    flat = [
        column.float().reshape(*column.shape[:2], math.prod(column.shape[2:]))
        for column in columns.values()
    ]
    table = library_of(flat[0]).cat(flat, dim=2).cpu().numpy()
    ends = np.cumsum([part.shape[2] for part in flat])
    parts = np.split(table, ends[:-1], axis=2)
    return {
        name: np.ascontiguousarray(part).reshape(column.shape)
        for (name, column), part in zip(columns.items(), parts, strict=True)
    }
