"""Finds files that look like a picture but hold several: animated, one after another, or in pages.

A picture that only carries others along is none of them: thumbnails, the second eye of a stereo
camera, maps of depth or brightness.
"""

import re
import struct
from mmap import ACCESS_READ, mmap
from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""A marker that ends a scan of a JPEG: neither a stuffed zero, nor padding, nor a restart."""

_NEXT_JPEG = re.compile(rb"[\x00\xff]{0,65536}?(?=\xff\xd8\xff)")
"""What may stand between two pictures of a series: padding."""


def sequence_format(path: Path) -> str | None:
    """FFmpeg's format for an animated PNG, and for pictures one after another; None for others.

    Of TIFF pictures one after another only the first is found, because none tells where it ends.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        if data[:8] == PNG:
            return _png_format(data)
        if data[:3] == JPEG:
            return "mjpeg" if _is_jpeg_sequence(data) else None
        if data[:2] == b"BM":
            end = int.from_bytes(data[2:6], "little")
            same = data[end : end + 2] == b"BM" and data[end + 18 : end + 26] == data[18:26]
            return "bmp_pipe" if end and same else None
        end = 8 + int.from_bytes(data[4:8], "little")
        another = data[end : end + 4] == b"RIFF" and data[end + 8 : end + 12] == b"WEBP"
        return "webp_pipe" if data[:4] == b"RIFF" and another else None


def is_animated_webp(head: bytes) -> bool:
    """Whether a WebP file that begins like this is an animation."""
    return head[8:16] == b"WEBPVP8X" and bool(head[20] & 2)


def tiff_pages(data: bytes | mmap) -> dict[int, tuple[int, int]]:
    """(H, W) of each page of a TIFF file by the place of its directory; {} if it is none."""
    order = _byte_order(data)
    pages: dict[int, tuple[int, int]] = {}
    try:
        at = struct.unpack_from(f"{order}I", data, 4)[0] if order else 0
        while at and at not in pages:  # a damaged file may refer back
            count = struct.unpack_from(f"{order}H", data, at)[0]
            places = range(at + 2, at + 2 + 12 * count, 12)
            tags = dict(_tiff_tag(data, place, order) for place in places)
            pages[at] = tags.get(257, 0), tags.get(256, 0)
            at = struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)[0]
    except struct.error:
        pass
    return pages


def tiff_with_first_page(data: bytes, place: int) -> bytes:
    """A TIFF file that begins with the page whose directory is at ``place``."""
    return data[:4] + struct.pack(f"{_byte_order(data)}I", place) + data[8:]


def _byte_order(data: bytes | mmap) -> str | None:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))


def _tiff_tag(data: bytes | mmap, at: int, order: str | None) -> tuple[int, int]:
    """Number and value of a tag, where the value is a whole number of 2 or 4 bytes."""
    tag, kind, _ = struct.unpack_from(f"{order}HHI", data, at)
    return tag, struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, at + 8)[0]


def _png_format(data: mmap) -> str | None:
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"acTL":
            return "apng"
        at += 12 + length
        if kind == b"IEND":
            return "png_pipe" if data[at : at + 8] == PNG else None
    return None


def _is_jpeg_sequence(data: mmap) -> bool:
    end, size, carries_others = _jpeg_end(data, 0)
    following = None if end is None or carries_others else _NEXT_JPEG.match(data, end)
    # Phones append maps of brightness or depth, which are smaller than the picture.
    return following is not None and _jpeg_end(data, following.end())[1] == size


def _jpeg_end(data: mmap, at: int) -> tuple[int | None, bytes, bool]:
    """Where a JPEG ends (None: cut short), its size (H, W), and whether it carries others along."""
    at, size, carries_others = at + 2, b"", False
    while at + 4 <= len(data) and data[at] == 0xFF:
        code, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if code in (0xD8, 0xD9):  # some cameras leave out the end marker
            return at + 2 * (code == 0xD9), size, carries_others
        if code == 0xE2 and data[at + 4 : at + 8] == b"MPF\0":
            carries_others = True
        # Frame headers; three other kinds of segment have numbers among theirs.
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            size = data[at + 5 : at + 9]
        # Before a marker there may be any number of 0xFF.
        at += 1 if code == 0xFF else 2 + length
        # The data of a scan has no length: it goes on until the next marker.
        if code == 0xDA:
            marker = _NEXT_MARKER.search(data, at)
            at = marker.start() if marker else len(data)
    return None, size, carries_others
