"""Shows file names that are not UTF-8 in text that must be, and finds the file of such a text.

Names that stand in files are shown with their control characters escaped.

Linux lets a name hold any bytes. Python keeps bytes that are not UTF-8 as lone surrogates, which no
JSON, CSV, XML or terminal takes.
"""

import os
import re
from pathlib import Path

ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")

SUMMARY = "summary.csv"
"""What ``posetube track`` writes beside the runs of several inputs: no table of people."""


def readable(name: str | Path) -> str:
    r"""A name or path as UTF-8 text; each byte that is not UTF-8 becomes ``\x`` and two digits.

    Examples:
        >>> readable("caf\udce9.mp4")
        'caf\\xe9.mp4'
        >>> readable("café.mp4")
        'café.mp4'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""Text of a file as it may go to a terminal: control characters escaped.

    Examples:
        >>> printable("\x1b[31mred")
        '\\x1b[31mred'
    """
    # marks of direction and line separators, which also garble a line, are not printable either
    return "".join(c if c.isprintable() or "\ud800" <= c <= "\udfff" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def original(text: str) -> str:
    r"""The path that :func:`readable` shows as this text; the text itself where that exists.

    Examples:
        >>> original("nowhere/caf\\xe9.mp4")
        'nowhere/caf\udce9.mp4'
    """
    if os.path.exists(text):
        return text
    return os.fsdecode(ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode()))
