"""The pictures of predictions in a run's folder: ``predictions/step-00000500-held-out-1.jpg``.

Not here: what is on them (:mod:`.drawn_predictions`).
"""

import re
from collections.abc import Iterable
from pathlib import Path

import cv2

from posetube.atomic_files import write_bytes
from posetube.structures import ByteArray

FOLDER = "predictions"
NAME = re.compile(r"step-(\d{8,})-(.+)\.jpg")

QUALITY = 88
"""JPEG's, 0 to 100."""


def write_predictions(
    folder: Path, pictures: Iterable[tuple[str, ByteArray]], *, step: int, most: int
) -> None:
    """Write the pictures of a state, and remove those of old ones.

    Args:
        folder: The run's.
        pictures: Names and (H, W, 3) RGB.
        step: Steps that the weights have seen.
        most: Of how many states pictures are kept, at least the latest.
    """
    for name, picture in pictures:
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, content = cv2.imencode(".jpg", picture[..., ::-1], options)
        write_bytes(folder / FOLDER / f"step-{step:08d}-{name}.jpg", content.tobytes())
    kept = kept_predictions(folder)
    for old in sorted(kept)[: -max(most, 1)]:
        for path in kept[old].values():
            path.unlink()


def kept_predictions(folder: Path) -> dict[int, dict[str, Path]]:
    """By step, and then by name, the pictures in a run's folder."""
    found: dict[int, dict[str, Path]] = {}
    for path in sorted((folder / FOLDER).glob("*.jpg")):
        if match := NAME.fullmatch(path.name):
            found.setdefault(int(match[1]), {})[match[2]] = path
    return found


def forget_predictions_after(folder: Path, step: int) -> None:
    """Remove the pictures of states that a killed run had drawn, but not saved."""
    for drawn, pictures in kept_predictions(folder).items():
        if drawn > step:
            for path in pictures.values():
                path.unlink()
