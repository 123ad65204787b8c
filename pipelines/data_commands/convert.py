"""``posetube data convert IN --to FORMAT``: a result or annotation file in another format."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.errors import InputError

from ...datasets.formats.catalogue import find_format, guess_format
from .export import write


def convert(
    source: Path,
    /,
    *,
    to: str,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    from_: Annotated[str | None, Parameter(name="--from")] = None,
) -> None:
    """Read a file of one video's people and write it in another format.

    What the new format cannot hold, and which joints are lost or estimated, is said.

    Args:
        source: A file, or OpenPose's folder.
        to: posetrack18, posetrack17, posetrack21, coco, mot, csv, jsonl, parquet, cvat, deeplabcut,
            openpose, alphapose, mmpose, slp, sleap-analysis, nwb.
        out: File to write, for openpose a folder.
        from_: Format of the source [default: told by its name and content].
    """
    form = find_format(to)
    if form.suffix and out.suffix != form.suffix:
        raise InputError(f"{out}: a file of {to} ends in {form.suffix}")
    name = from_ or guess_format(source)
    tracks = find_format(name).read(source)
    if not len(tracks.skeleton) and to != "mot":
        raise InputError(f"{source}: {name} holds boxes only; {to} needs joints")
    write(tracks, form, out, say=_say)
    _say(f"{source} ({name}): {len(tracks)} tracks, {len(tracks.frame)} poses -> {out} ({to})")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
