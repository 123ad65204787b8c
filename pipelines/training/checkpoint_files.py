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
    kept = sorted(folder.glob("step-*.safetensors"))
    for each in kept[: max(0, len(kept) - most)]:
        each.unlink()


def forget_checkpoints_after(folder: Path, step: int) -> None:
    """Remove weights of later steps, which a run that goes on here makes again.

    A run that begins again would else take those of the run before it for its latest.
    """
    for each in (folder / KEPT).glob("step-*.safetensors"):
        number = each.stem.removeprefix("step-")
        if number.isdecimal() and int(number) > step:
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
