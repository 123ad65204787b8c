"""Writes drawn frames as a video, or as a picture where the name asks for one."""

from collections.abc import Iterator
from pathlib import Path

import cv2

from posetube.errors import InputError
from posetube.structures import ByteArray

from ...datasets.video.writer import VideoWriter

NOTHING = "there is no frame between these times"

PICTURES = (".png", ".jpg", ".jpeg")


def write_drawn(
    path: Path,
    frames: Iterator[tuple[ByteArray, float]],
    *,
    size: tuple[int, int],
    rate: float | None,
) -> int:
    """Write frames; the number of them.

    Args:
        path: The file: ``.png`` or ``.jpg`` for the first frame as a picture, else a video.
        frames: (H, W, 3) RGB, and presentation times, seconds.
        size: H, W.
        rate: Frames per second, a hint for the encoder.

    Raises:
        InputError: If there is no frame.
        MediaError: If it cannot be encoded.
    """
    if path.suffix.lower() in PICTURES:
        first = next(frames, None)
        if first is None:
            raise InputError(NOTHING)
        path.write_bytes(cv2.imencode(path.suffix, first[0][..., ::-1])[1].tobytes())
        return 1
    count = 0
    with VideoWriter(path, size=size, rate=rate) as writer:
        for picture, time in frames:
            writer.write(picture, time)
            count += 1
    if not count:
        raise InputError(NOTHING)
    return count
