"""``posetube data convert IN --to FORMAT``: a result file, or a whole data set, in another format.

Not here: data sets, video by video (:mod:`.convert_dataset`).
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.errors import InputError

from ...datasets.annotated_video import Dataset, Split
from ...datasets.formats import posetrack18
from ...datasets.formats.format_table import FORMATS, Format, find_format, find_reader, guess_format
from ...datasets.published.dataset_table import DATASETS, open_dataset
from ..failures import COMPLETE, MARKED_PROBLEMS
from .convert_dataset import Outcome, convert_dataset
from .export import say, write

MERGED = ("posetrack18", "posetrack21")
"""Formats of which one file may hold several sequences."""


def convert(
    source: Path,
    /,
    *,
    to: str,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    split: Split = "",
    video: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    pictures: bool = True,
) -> int:
    """Read one video's people, or a data set, and write them in another format.

    What the new format cannot hold, and which joints are lost or estimated, is said.

    A data set becomes one file where the format's users expect that (coco, csv), else a folder with
    a file for each video: PoseTrack's and MOTChallenge's have their published layout and open again
    as data sets. Videos that cannot be converted are told of and left out; the exit code is then 3.

    Args:
        source: A file, OpenPose's folder, or the folder of a data set.
        to: posetrack18, posetrack17, posetrack21, coco, mot, csv, jsonl, parquet, cvat, deeplabcut,
            openpose, alphapose, mmpose, slp, sleap-analysis, nwb.
        out: File to write; for openpose, and for most data sets, a folder that is new or empty.
        from_: Format of the file [default: told by its name and content], or name of the data set,
            as `data check` knows it.
        split: Of a data set only this part.
        video: Of a data set only this video; may be given several times.
        pictures: Link a data set's pictures where the new layout looks for them (PoseTrack, mot).
    """
    form, dataset = find_format(to), _dataset(source, from_)
    one_file = form.suffix and (dataset is None or form.write_videos is not None)
    if one_file and out.suffix != form.suffix:
        raise InputError(f"{out}: a file of {to} ends in {form.suffix}")
    if dataset is None:
        if split or video:
            raise InputError(
                f"{source}: a file of one video; --split and --video are for data sets"
            )
        _convert_file(source, form, to=to, out=out, from_=from_)
        return COMPLETE
    outcome = convert_dataset(
        dataset, to=to, out=out, split=split, videos=video, pictures=pictures, say=say
    )
    _tell(outcome, dataset.name)
    say(
        f"{source} ({dataset.name}): {outcome.videos} videos, {outcome.frames} frames, "
        f"{outcome.poses} poses -> {out} ({to})"
    )
    return MARKED_PROBLEMS if outcome.left_out else COMPLETE


def _dataset(source: Path, name: str | None) -> Dataset | None:
    """The data set that is to be converted; None where the source is a file, or OpenPose's folder.

    Raises:
        InputError: If nobody says which data set a folder is.
    """
    known = name is not None and name.lower().replace("_", "-") in DATASETS
    if name is not None and known and (source.is_dir() or name not in FORMATS):
        return open_dataset(name, source)
    if name is None and source.is_dir() and not any(source.glob("*_keypoints.json")):
        names = ", ".join(DATASETS)
        raise InputError(f"{source}: a folder; say with --from which data set it is: {names}")
    return None


def _convert_file(source: Path, form: Format, *, to: str, out: Path, from_: str | None) -> None:
    name = from_ or guess_format(source)
    tracks = find_reader(name)(source)
    sequences = posetrack18.sequences(tracks) if name in MERGED else []
    if len(sequences) > 1:  # whose ids mean somebody else in each
        raise InputError(
            f"{source}: holds {len(sequences)} sequences, {sequences[0].source} and others; "
            "name its folder, --from posetrack18, and if need be --video"
        )
    if not len(tracks.skeleton) and to != "mot":
        raise InputError(f"{source}: {name} holds boxes only; {to} needs joints")
    write(tracks, form, out, say=say)
    say(f"{source} ({name}): {len(tracks)} tracks, {len(tracks.frame)} poses -> {out} ({to})")


def _tell(outcome: Outcome, name: str) -> None:
    """What became of a data set as a whole."""
    if outcome.beyond:
        say(f"left behind: {', '.join(sorted(outcome.beyond))}")
    if outcome.mended:
        say(
            f"videos in which the reader mended something: {outcome.mended}; "
            f"'posetube data check {name}' lists it"
        )
    if outcome.left_out:
        say(f"videos left out: {outcome.left_out}")
