"""The averaged weights that a training run keeps beside its result: the latest, and the best."""

import os
import shutil
from pathlib import Path

from posetube.atomic_files import replacing

KEPT = "checkpoints"
"""Folder of the latest weights, ``step-00000500.safetensors``."""

BEST = "best.safetensors"
"""The weights with the best score."""


def keep_latest(path: Path, *, step: int, most: int) -> None:
    """Keep a file of weights under its step, and the latest of these.

    Args:
        path: The file.
        step: Steps that the weights have seen.
        most: How many are kept; 0: none.
    """
    folder = path.parent / KEPT
    if most:
        _copy(path, folder / f"step-{step:08d}{path.suffix}")
    older = sorted(folder.glob("step-*.safetensors"))
    for each in older[: len(older) - most]:
        each.unlink()


def keep_best(path: Path) -> None:
    """Keep a file of weights as the best."""
    _copy(path, path.with_name(BEST))


def _copy(path: Path, to: Path) -> None:
    """A second name of the same bytes; weights are never changed, but replaced."""
    with replacing(to) as aside:
        aside.unlink()
        try:
            os.link(path, aside)
        except OSError:  # some disks have no links
            shutil.copyfile(path, aside)
