"""Writes tracks as other programs read them: joints, names and thresholds first, then the format.

Not here: the formats (:mod:`posetube.datasets.formats`), the command (:mod:`.export_command`).
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from posetube.atomic_files import replacing, replacing_folder
from posetube.errors import InputError
from posetube.file_names import readable
from posetube.structures import VideoTracks

from ...datasets.annotated_video import AnnotatedVideo
from ...datasets.formats.file_format import FileFormat
from ...datasets.formats.joint_sets import losses, with_joints
from ...tracker.thresholds import ThresholdConfig, above_thresholds
from ..storage.run_directory import guarding_runs

ALL = ThresholdConfig()
"""Everything is kept."""


def write_whole(
    tracks: VideoTracks,
    form: FileFormat,
    out: Path,
    *,
    thresholds: ThresholdConfig = ALL,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Write tracks whole or not at all, with the joints that the format has.

    Args:
        tracks: Any tracks or annotations.
        form: One that is written; a format of the caller's own will do.
        out: File to write; a folder where the format is one.
        thresholds: How sure joints and people must be.
        say: Receives what the format and its joints lose, a line each.

    Raises:
        InputError: If the folder to write is there and not empty, the file is one of a run's own,
            or the tracks lack what the format needs.
    """
    # after joints are estimated, because scores of estimates count like those of others
    tracks = above_thresholds(prepared(tracks, form, say=say), thresholds)
    with guarding_runs(out):
        if form.write_clips is not None:
            _write_clips(tracks, form, out, say=say)
        else:
            with (replacing if form.suffix else replacing_folder)(out) as aside:
                form.write(aside, tracks)


def _write_clips(
    tracks: VideoTracks, form: FileFormat, out: Path, *, say: Callable[[str], None]
) -> None:
    """Each person as a clip of a data set's folder."""
    assert form.write_clips is not None
    if out.suffix in form.also_read:
        raise InputError(f"{out}: {form.name} is a folder with a file for each clip; name a folder")
    video = AnnotatedVideo(name=tracks.source, dataset=form.name, tracks=tracks)
    with replacing_folder(out) as aside:
        clips = list(form.write_clips(aside, video))
    if len(clips) > 1:
        say(f"people by clip: {', '.join(f'{clip.track_id} in {clip.name}' for clip in clips)}")


def prepared(tracks: VideoTracks, form: FileFormat, *, say: Callable[[str], None]) -> VideoTracks:
    """Tracks with names and joints that a format has; ``say`` is told what that loses.

    Raises:
        InputError: If nothing would be left: people have boxes only, and the format has none.
    """
    if not len(tracks.skeleton) and "boxes" in form.loses.split(", "):
        raise InputError(f"{tracks.source}: holds boxes only; {form.name} needs joints")
    tracks = with_readable_names(tracks)
    if tracks.track_names:
        named = [f"{track_id} = {name}" for track_id, name in tracks.track_names.items()]
        shown = ", ".join([*named[:10], *(["..."] if len(named) > 10 else [])])
        say(f"people have names there; where a format has numbers, {shown}")
    tracks, plan = with_joints(tracks, form.skeleton_for(tracks.skeleton))
    for line in losses(plan):
        say(line)
    if form.loses:
        say(f"the format has no place for {form.loses}")
    if tracks.masks is not None and not form.masks:
        say("the format has no place for masks")
    return tracks


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
