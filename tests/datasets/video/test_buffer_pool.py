"""Memory is reused, but never while somebody holds the picture in it."""

import numpy as np

from posetube.datasets.video.buffer_pool import LARGEST, BufferPool
from posetube.structures import ByteArray


def picture(value: int, size: tuple[int, int] = (4, 6)) -> ByteArray:
    return np.full((*size, 3), value, np.uint8)


def address(image: ByteArray) -> int:
    return int(image.__array_interface__["data"][0])


def test_a_picture_that_is_held_is_never_overwritten() -> None:
    buffers = BufferPool(3)

    held = [buffers.copy(picture(value)) for value in range(10)]

    assert [image[0, 0, 0] for image in held] == list(range(10))


def test_a_part_of_a_picture_holds_it() -> None:
    buffers = BufferPool(2)
    corner = buffers.copy(picture(7))[:2, :2]

    for value in range(5):
        buffers.copy(picture(value))

    assert (corner == 7).all()


def test_memory_that_nobody_holds_is_used_again() -> None:
    buffers = BufferPool(2)
    places = {address(buffers.copy(picture(value))) for value in range(5)}

    assert len(places) == 1


def test_another_size_gets_other_memory() -> None:
    buffers = BufferPool(2)
    small = buffers.copy(picture(1))
    large = buffers.copy(picture(2, (8, 8)))

    assert (small.shape, large.shape) == ((4, 6, 3), (8, 8, 3))
    assert (small == 1).all()


def test_turned_pictures_become_contiguous_and_huge_ones_are_not_kept() -> None:
    turned = picture(3, (4, 6)).transpose(1, 0, 2)
    assert BufferPool(1).copy(turned).flags.c_contiguous

    huge = np.zeros((LARGEST // 3 + 1, 1, 3), np.uint8)
    assert BufferPool(1).copy(huge) is huge
