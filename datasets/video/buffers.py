"""Memory for pictures that is used again once nobody holds the picture any more.

The C library takes memory for a picture of some megabytes from the system and gives it back each
time; being given new pages took up to two thirds as long as decoding. Not here: what is in it.
"""

import sys

import numpy as np

from posetube.structures import ByteArray

LARGEST = 1 << 25
"""Larger pictures, bytes, get memory of their own: keeping it would cost more than it saves."""


class Buffers:
    """A few arrays; one that is referred to from here alone is free."""

    def __init__(self, most: int) -> None:
        """Keep up to ``most`` arrays; whoever holds more pictures gets new memory for them."""
        self._most = most
        self._kept: list[ByteArray] = []

    def copy(self, image: ByteArray) -> ByteArray:
        """The picture (H, W, 3) in contiguous memory that nobody else writes to."""
        if image.nbytes > LARGEST:
            return np.ascontiguousarray(image)
        result = self._free(image.shape)
        np.copyto(result, image)
        return result

    def _free(self, shape: tuple[int, ...]) -> ByteArray:
        if self._kept and self._kept[0].shape != shape:
            self._kept.clear()
        for place in range(len(self._kept)):
            if _references(self._kept, place) == _ALONE:
                return self._kept[place]
        fresh = np.empty(shape, np.uint8)
        if len(self._kept) < self._most:
            self._kept.append(fresh)
        return fresh


def _references(arrays: list[ByteArray], place: int) -> int:
    return sys.getrefcount(arrays[place])


_ALONE = _references([np.empty(0, np.uint8)], 0)
"""References to an array that only a list holds, as Python counts them here."""
