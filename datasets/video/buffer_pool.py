"""Reuses the memory of pictures that nobody holds any more.

The C library takes memory for a picture of some megabytes from the system and gives it back each
time. Getting new pages took up to two thirds as long as decoding.
"""

import sys

import numpy as np

from posetube.structures import ByteArray

LARGEST = 1 << 25
"""Pictures of more bytes are not pooled: keeping their memory would cost more than it saves."""


class BufferPool:
    """A few arrays; an array is free when only the pool refers to it."""

    def __init__(self, most: int) -> None:
        """Pool up to ``most`` arrays; a consumer that holds more pictures gets new memory."""
        self._most = most
        self._arrays: list[ByteArray] = []

    def copy(self, image: ByteArray) -> ByteArray:
        """The picture (H, W, 3) in contiguous memory that nothing else writes to."""
        if image.nbytes > LARGEST:
            return np.ascontiguousarray(image)
        result = self._free(image.shape)
        np.copyto(result, image)
        return result

    def _free(self, shape: tuple[int, ...]) -> ByteArray:
        if self._arrays and self._arrays[0].shape != shape:
            self._arrays.clear()
        for place in range(len(self._arrays)):
            if _references(self._arrays, place) == _FREE:
                return self._arrays[place]
        fresh = np.empty(shape, np.uint8)
        if len(self._arrays) < self._most:
            self._arrays.append(fresh)
        return fresh


def _references(arrays: list[ByteArray], place: int) -> int:
    return sys.getrefcount(arrays[place])


# Measured, not written down: how many references a call itself adds depends on Python's version.
_FREE = _references([np.empty(0, np.uint8)], 0)
"""References to an array that only a list holds, as ``_references`` counts them."""
