"""Turns the bytes of a text that some program wrote into UTF-8.

Functions take ``where``, the start of the message, which names the file.
"""

import codecs
from io import BytesIO
from typing import IO

from posetube.errors import FormatError

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte order marks, and how what follows them is written."""

BLOCK = 1 << 20
"""Bytes that are checked at once, so that a check takes no memory."""


def as_utf8(content: bytes, *, where: object) -> bytes:
    """The text of a file in UTF-8 without a byte order mark.

    Raises:
        FormatError: If a mark announces UTF-16 and something else follows.
    """
    mark = mark_of(content)
    if not mark:
        return content
    bare, encoding = content[len(mark) :], MARKS[mark]
    try:
        return bare if encoding == "utf-8" else bare.decode(encoding).encode()
    except UnicodeDecodeError:
        raise FormatError(f"{where}: a mark of {encoding}, but other text") from None


def start_as_utf8(content: bytes) -> bytes:
    """The same for the first bytes of a file, text or not; a character that is cut is left out."""
    mark = mark_of(content)
    bare, encoding = content[len(mark) :], MARKS.get(mark, "utf-8")
    return bare if encoding == "utf-8" else bare.decode(encoding, errors="ignore").encode()


def utf8_stream(file: IO[bytes], *, where: object) -> IO[bytes]:
    """A file that was opened and not read yet, as UTF-8; in memory where it is in UTF-16.

    Raises:
        FormatError: If a mark announces UTF-16 and something else follows.
    """
    mark = mark_of(file.read(max(map(len, MARKS))))
    file.seek(len(mark) if mark == codecs.BOM_UTF8 else 0)
    return file if mark in (b"", codecs.BOM_UTF8) else BytesIO(as_utf8(file.read(), where=where))


def mark_of(content: bytes) -> bytes:
    """The byte order mark that a text begins with; empty if there is none."""
    return next((mark for mark in MARKS if content.startswith(mark)), b"")


def check_utf8(content: bytes, *, where: object) -> None:
    """Refuse a text in another encoding.

    Raises:
        FormatError: If it is one; names the line, and what to do.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content) + 1, BLOCK):
        block, kept = content[start : start + BLOCK], len(decoder.getstate()[0])
        try:
            decoder.decode(block, final=start + BLOCK > len(content))
        except UnicodeDecodeError as error:
            what = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
            raise _refusal(content, start - kept + error.start, what, where) from None
        if b"\0" in block:
            what = "a zero byte: no text, or UTF-16 without a byte order mark"
            raise _refusal(content, start + block.index(b"\0"), what, where)


def _refusal(content: bytes, at: int, what: str, where: object) -> FormatError:
    line = content.count(b"\n", 0, at) + 1
    return FormatError(f"{where}: line {line}: {what}; save it as UTF-8")
