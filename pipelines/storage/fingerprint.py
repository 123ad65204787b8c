"""Identifies an input without reading all of it, to notice when it is another one."""

import hashlib
import os
from pathlib import Path

EDGE = 1 << 20
"""Bytes read at either end of a file."""


def fingerprint(source: str) -> str:
    """SHA-256 of what identifies an input.

    A file is known by its size and its first and last MiB, a folder by the names and sizes of its
    files, anything else (a camera, an address) by its name alone.

    Args:
        source: Path or address of the input.
    """
    path = Path(source)
    digest = hashlib.sha256()
    if path.is_file():
        _add_file(digest, path)
    elif path.is_dir():
        for file in sorted(p for p in path.iterdir() if p.is_file()):
            digest.update(os.fsencode(f"{file.name}\0{file.stat().st_size}\n"))
    else:
        digest.update(os.fsencode(source))
    return digest.hexdigest()


def _add_file(digest: "hashlib._Hash", path: Path) -> None:
    size = path.stat().st_size
    digest.update(f"{size}\n".encode())
    with path.open("rb") as file:
        digest.update(file.read(EDGE))
        file.seek(max(0, size - EDGE))
        digest.update(file.read(EDGE))
