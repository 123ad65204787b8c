"""Reads how JHMDB and sub-JHMDB are divided into clips for training and for test, in three ways.

``splits/<action>_test_split1.txt`` and ``sub_splits/<action>_test_split_1.txt`` have a line per
clip, ``<clip>.avi 1`` for training, ``2`` for test, ``0`` for neither; the folder may still be in
the archive that it came in, ``splits.zip``.

Source: Jhuang et al., "Towards understanding action recognition", ICCV 2013, and the files.
"""

import re
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from posetube.errors import FormatError
from posetube.file_reading import sound

from ..annotated_video import Split

PARTS: dict[str, Split] = {"1": "train", "2": "test"}
"""How the lists write them; clips marked 0 belong to neither."""

LINE = re.compile(r"(.+)\.avi\s+([012])\s*")

MAX_BYTES = 1 << 20
"""Larger lists in an archive are refused; the published ones have a hundred lines."""


def read_divisions(root: Path, *, division: int, sub: bool) -> dict[str, Split]:
    """Part of each clip, ``<action>/<clip>``, in one division; empty where there are no lists.

    Raises:
        FormatError: If a list is damaged, or those of sub-JHMDB are not there.
    """
    folder, gap = ("sub_splits", "_") if sub else ("splits", "")
    pattern = f"*_test_split{gap}{division}.txt"
    parts: dict[str, Split] = {}
    found = list(_lists(root / folder, pattern))
    if sub and not found:
        raise FormatError(f"{root}: sub-JHMDB needs {folder}/{pattern}")
    for name, lines, where in found:
        action = name.partition("_test_split")[0]
        for clip, part in read_division(lines, where=where).items():
            parts[f"{action}/{clip}"] = part
    return parts


def _lists(folder: Path, pattern: str) -> Iterator[tuple[str, str, str]]:
    """Name, text and place of the lists in a folder, or in its archive where there are none."""
    paths = sorted(folder.glob(pattern))
    for path in paths:
        yield path.name, path.read_text("utf-8", errors="replace"), str(path)
    archive = folder.with_suffix(".zip")
    if not paths and archive.is_file():
        yield from _packed_lists(archive, pattern)


def _packed_lists(archive: Path, pattern: str) -> list[tuple[str, str, str]]:
    found = []
    with sound(archive, "archive"), zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            name = member.filename.rpartition("/")[2]
            if not fnmatch(name, pattern):
                continue
            if member.file_size > MAX_BYTES:
                raise FormatError(f"{archive}: {name}: {member.file_size} bytes, refused")
            text = file.read(member).decode("utf-8", errors="replace")
            found.append((name, text, f"{archive}: {name}"))
    return found


def read_division(lines: str, *, where: str) -> dict[str, Split]:
    """Clips of one list, without those that belong to neither part.

    Raises:
        FormatError: If a line is not ``<clip>.avi 1`` or ``2``; ``where`` starts the message.
    """
    parts: dict[str, Split] = {}
    for number, line in enumerate(lines.splitlines(), start=1):
        found = LINE.fullmatch(line.strip())
        if line.strip() and not found:
            raise FormatError(
                f"{where}, line {number}: expected '<clip>.avi 1|2', got {line[:80]!r}"
            )
        if found and found[2] in PARTS:
            parts[found[1]] = PARTS[found[2]]
    return parts
