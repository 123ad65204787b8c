"""``posetube export RUN --to FORMAT``: a run's tracks as other programs read them.

Not here: the formats (:mod:`posetube.datasets.formats`).
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import replacing
from posetube.errors import InputError
from posetube.file_names import readable
from posetube.structures import VideoTracks

from ...datasets.formats.format_table import Format, find_format
from ...datasets.formats.joint_sets import losses, with_joints
from ..storage.tracks_store import read_tracks


def export(
    run: Path,
    /,
    *,
    to: str,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> None:
    """Write the tracks of a run in a format that other programs read.

    Args:
        run: A run's directory.
        to: posetrack18, posetrack17, posetrack21, coco, mot, csv, jsonl, parquet, cvat, deeplabcut,
            openpose, alphapose, mmpose, slp, sleap-analysis, nwb.
        out: File to write, for openpose a folder [default: beside the run's tracks].
    """
    form = find_format(to)
    out = out or run / f"tracks-{to}{form.suffix}"
    write(read_tracks(run), form, out, say=say)
    say(f"{run} -> {out}")


def write(
    tracks: VideoTracks, form: Format, out: Path, *, say: Callable[[str], None] = lambda line: None
) -> None:
    """Write tracks whole or not at all, with the joints that the format has.

    Args:
        tracks: Any tracks or annotations.
        form: From :func:`posetube.datasets.formats.format_table.find_format`.
        out: File to write; a folder where the format is one.
        say: Told what the format and its joints lose.

    Raises:
        InputError: If the folder to write is there and not empty, or the tracks lack what the
            format needs.
    """
    tracks = with_readable_names(tracks)
    if form.joints and tracks.skeleton.joints not in [s.joints for s in form.joints]:
        tracks, plan = with_joints(tracks, form.joints[0])
        for line in losses(plan):
            say(line)
    if form.loses:
        say(f"the format has no place for {form.loses}")
    if form.suffix:
        with replacing(out) as aside:
            form.write(aside, tracks)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: it is there already; name a folder that is new or empty")
    form.write(out, tracks)


def with_readable_names(tracks: VideoTracks) -> VideoTracks:
    """The same people; names of files that are not UTF-8 become text, which formats need."""
    return replace(
        tracks,
        source=readable(tracks.source),
        skeleton=replace(tracks.skeleton, name=readable(tracks.skeleton.name)),
        frames=replace(tracks.frames, names=tuple(map(readable, tracks.frames.names))),
    )


def say(line: str) -> None:
    """Tell the user something beside the result."""
    sys.stderr.write(f"{line}\n")
