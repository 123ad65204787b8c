"""A checksum inside a Parquet file, so that damage to any of its bytes is noticed.

A reader of Parquet starts at the end: the last eight bytes say how long the footer before them is,
and the footer says where the data lies. What stands between data and footer is read by nobody. The
seal goes there: a mark and the SHA-256 of the file without the seal. It is written with the file
in one piece, so that no kill can leave one without the other, and other programs read the file as
any Parquet.
"""

import hashlib

MARK = b"posetube"
SEAL = len(MARK) + hashlib.sha256().digest_size
TAIL = 8
"""Bytes behind the footer: its length, and Parquet's own mark."""


def sealed(content: bytes) -> bytes:
    """The bytes of a Parquet file with a seal.

    Args:
        content: A whole Parquet file.
    """
    place = _footer(content)
    return content[:place] + MARK + hashlib.sha256(content).digest() + content[place:]


def has_seal(content: bytes) -> bool:
    """Whether there is a seal before the footer, a broken one included."""
    return _seal(content).startswith(MARK)


def seal_holds(content: bytes) -> bool:
    """Whether the file has a seal, and no byte has changed since."""
    place = _footer(content)
    bare = content[: max(0, place - SEAL)] + content[max(0, place) :]
    return _seal(content) == MARK + hashlib.sha256(bare).digest()


def _seal(content: bytes) -> bytes:
    place = _footer(content)
    return content[place - SEAL : place] if place >= SEAL else b""


def _footer(content: bytes) -> int:
    """Where the footer starts; below 0 where damage made its length too large."""
    return len(content) - TAIL - int.from_bytes(content[-TAIL:][:4], "little")
