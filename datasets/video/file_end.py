"""Whether the end of a video file is missing, by the lengths that the file states of its parts.

Formats without such lengths (transport and program streams, bare streams) can be cut anywhere.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def lacks_end(path: Path, form: str) -> bool:
    """Whether a file is shorter than its outermost parts say.

    Args:
        path: The file.
        form: FFmpeg's name of its format; False for others than AVI, FLV, IVF, Matroska, MP4.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if form == "flv":
            return _lacks_last_tag(file, size)
        measure = _MEASURES.get(form)
        at = 0
        while measure and at < size:
            file.seek(at)
            length = measure(file.read(16))
            if not length:
                return False
            at += length
        return at > size


def _lacks_last_tag(file: BinaryIO, size: int) -> bool:
    """Whether an FLV file does not end with the length of its last tag."""
    file.seek(max(0, size - 4))
    before = size - 4 - int.from_bytes(file.read(4), "big")
    file.seek(max(0, before))
    tag = file.read(4)
    return before < 0 or before + 11 + int.from_bytes(tag[1:], "big") != size - 4


def _riff_length(head: bytes) -> int | None:
    """Bytes of a RIFF chunk; a recording that was never finished has 0 there."""
    length = int.from_bytes(head[4:8], "little")
    return 8 + length if head[:4] == b"RIFF" and 0 < length < 0xFFFFFFFF else None


def _element_length(head: bytes) -> int | None:
    """Bytes of an EBML header or a Matroska segment, with its id; None where it is not known."""
    if head[:4] not in (_EBML, _SEGMENT) or not head[4:5] or not head[4]:
        return None
    width = 9 - head[4].bit_length()
    bits = 7 * width
    value = int.from_bytes(head[4 : 4 + width], "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else 4 + width + value


def _ivf_length(head: bytes) -> int | None:
    """Bytes of IVF's header or of a frame with its own."""
    return 32 if head[:4] == b"DKIF" else 12 + int.from_bytes(head[:4], "little")


def _box_length(head: bytes) -> int | None:
    """Bytes of a box of MP4; 0 stands for "to the end"."""
    if len(head) < 8 or not head[4:8].isalnum():
        return None
    length = int.from_bytes(head[:4], "big")
    return int.from_bytes(head[8:16], "big") if length == 1 else length


_MEASURES: dict[str, Callable[[bytes], int | None]] = {
    "avi": _riff_length,
    "ivf": _ivf_length,
    "matroska": _element_length,
    "mov": _box_length,
}
