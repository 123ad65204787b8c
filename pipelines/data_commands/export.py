"""``posetube export RUN --to FORMAT``: writes tracks as other programs read them.

Not here: the formats (:mod:`posetube.datasets.formats`).
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import check_folder_of, check_other_file, replacing, replacing_folder
from posetube.errors import InputError
from posetube.file_names import readable
from posetube.structures import VideoTracks

from ...datasets.annotated_video import AnnotatedVideo, Part, Split
from ...datasets.formats.file_format import FileFormat
from ...datasets.formats.format_table import find_written_format, format_names
from ...datasets.formats.joint_sets import losses, with_joints
from ...datasets.people import one_video
from ...tracker.thresholds import ThresholdConfig, above_thresholds
from ..opened_people import RUN, open_people_or_run
from ..settings import FLAT
from ..storage.run_directory import guarding_runs
from ..thresholds_file import Measure, read_thresholds

ALL = ThresholdConfig()
"""Everything is kept."""


def export_command(
    run: Path,
    /,
    *,
    to: Annotated[str, Parameter(help=f"{format_names(written=True)}.")],
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    video: str | None = None,
    like: Path | None = None,
    split: Part | None = None,
    keep: Annotated[ThresholdConfig, FLAT] = ALL,
    thresholds: Path | None = None,
    best_for: Measure | None = None,
) -> None:
    """Write the tracks of a run in a format that other programs read.

    With --like, the runs of a folder become what PoseTrack's server wants: a file for each sequence
    of a data set, with its frames.

    Args:
        run: A run's directory, or whatever holds people.
        to: The format.
        out: File to write; for openpose, penn-action and jhmdb, and with --like, a folder [default:
            beside the run's tracks].
        video: Which video, where there are several.
        like: PoseTrack's folder: write a file for each of its sequences, called as these and with
            their frames. Labels are not needed.
        split: With --like: which part of it [default: val, or else test].
        keep: How sure joints and people must be.
        thresholds: A file that evaluate --tune wrote, in place of --min-joint and --min-track.
        best_for: With --thresholds: for which measure.
    """
    form = find_written_format(to)
    keep = _thresholds(keep, thresholds, best_for)
    if like is not None:
        _write_sequences(run, like, form, out, split=split or "", video=video, keep=keep)
        return
    if split is not None:
        raise InputError("--split chooses among the sequences of --like")
    people = open_people_or_run(run)
    found = one_video(people, where=run, video=video)
    if out is None and found.dataset != RUN.name:
        raise InputError(f"{run}: no run; say with -o where to write")
    name = "export" if form.suffix == f".{to}" else to
    out = out or Path(found.where) / f"tracks-{name}{form.suffix}"
    check_folder_of(out)
    check_other_file(out, run)
    write_whole(found.tracks, form, out, thresholds=keep, say=say)
    say(f"{run} -> {out}")


def _thresholds(
    keep: ThresholdConfig, file: Path | None, measure: Measure | None
) -> ThresholdConfig:
    if (file is None) != (measure is None):
        raise InputError("--thresholds FILE and --best-for mota|ap go together")
    if file is None or measure is None:
        return keep
    if keep != ALL:
        raise InputError("--thresholds stands for --min-joint and --min-track; give one")
    return read_thresholds(file, measure)


def _write_sequences(
    run: Path,
    like: Path,
    form: FileFormat,
    out: Path | None,
    *,
    split: Split,
    video: str | None,
    keep: ThresholdConfig,
) -> None:
    from .sequence_files import write_sequences  # what pairs sequences takes a while to import

    if out is None:
        raise InputError("--like: say with -o which folder to write")
    if video is not None:
        raise InputError("--like writes all sequences; leave --video out")
    check_folder_of(out)
    count = write_sequences(run, out, like=like, form=form, split=split, thresholds=keep, say=say)
    say(f"{run}: {count} sequences -> {out}")


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
