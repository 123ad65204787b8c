"""``posetube export RUN --to FORMAT``: options in, a file or a folder of files out.

Not here: the writing (:mod:`.export`, :mod:`.sequence_files`).
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import check_folder_of, check_other_file
from posetube.errors import InputError

from ...datasets.annotated_video import Part, Split
from ...datasets.formats.file_format import FileFormat
from ...datasets.formats.format_table import find_written_format, format_names
from ...datasets.people import one_video
from ...tracker.thresholds import ThresholdConfig
from ..opened_people import RUN, open_people_or_run
from ..settings import FLAT
from ..thresholds_file import Measure, read_thresholds
from .export import ALL, say, write_whole


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
