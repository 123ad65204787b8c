"""``posetube data convert IN --to FORMAT``: writes people of any form in another format.

Not here: several videos, one after the other (:mod:`.convert_dataset`).
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import check_folder_of, check_other_file
from posetube.errors import InputError

from ...datasets.annotated_video import Part
from ...datasets.formats.file_format import FileFormat
from ...datasets.formats.format_table import find_written_format, format_names
from ...datasets.people import PeopleFile, one_video
from ..failures import COMPLETE, MARKED_PROBLEMS
from ..opened_people import open_people_or_run
from .convert_dataset import ConvertedDataset, convert_dataset
from .export import say, write_whole


def convert_people(
    source: Path,
    /,
    *,
    to: Annotated[str, Parameter(help=f"{format_names(written=True)}.")],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    split: Part | None = None,
    video: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    pictures: bool = True,
) -> int:
    """Read one video's people, or a data set, and write them in another format.

    Says what the new format cannot hold, and which joints are lost or estimated.

    A data set becomes one file where the format's users expect that (coco, csv), else a folder with
    a file for each video: PoseTrack's and MOTChallenge's have their published layout and open again
    as data sets. Videos that cannot be converted are named and left out; the exit code is then 3.

    Args:
        source: A file, the folder of a data set or of files, a run's directory.
        to: The new format.
        out: File to write; for openpose, penn-action, jhmdb and most data sets a folder that is
            new or empty.
        from_: Name of the format or of the data set [default: told by names and content].
        split: Of a data set only this part.
        video: Only this video of several; of a data set it may be given several times.
        pictures: Link a data set's pictures where the new layout looks for them (PoseTrack's, mot,
            penn-action, jhmdb).
    """
    form = find_written_format(to)
    check_folder_of(out)
    check_other_file(out, source)
    if not source.is_dir():
        _check_ending(out, form)
    people = open_people_or_run(source, form=from_)
    if isinstance(people, PeopleFile):
        _check_ending(out, form)
        if split or len(video) > 1:
            raise InputError(f"{source}: a file becomes one video; --split is for data sets")
        _convert_file(people, form, source=source, out=out, video=video[0] if video else None)
        return COMPLETE
    if form.write_videos is not None:
        _check_ending(out, form)
    done = convert_dataset(
        people, to=to, out=out, split=split or "", videos=video, pictures=pictures, say=say
    )
    _report(done, source)
    say(
        f"{source} ({people.name}): {done.videos} videos, {done.frames} frames, "
        f"{done.poses} poses -> {out} ({to})"
    )
    return MARKED_PROBLEMS if done.left_out else COMPLETE


def _check_ending(out: Path, form: FileFormat) -> None:
    if form.suffix and out.suffix != form.suffix:
        raise InputError(f"{out}: a file of {form.name} ends in {form.suffix}")


def _convert_file(
    people: PeopleFile, form: FileFormat, *, source: Path, out: Path, video: str | None
) -> None:
    # Several would need identities of their own: in each of them an id means somebody else.
    tracks = one_video(people, where=source, video=video).tracks
    if not len(tracks.skeleton) and not form.boxes_only:
        raise InputError(f"{source}: {people.name} holds boxes only; {form.name} needs joints")
    write_whole(tracks, form, out, say=say)
    say(
        f"{source} ({people.name}): {len(tracks)} tracks, {len(tracks.frame)} poses -> {out} "
        f"({form.name})"
    )


def _report(done: ConvertedDataset, source: Path) -> None:
    """Say what became of a data set as a whole."""
    if done.beyond:
        say(f"left behind: {', '.join(sorted(done.beyond))}")
    if done.mended:
        say(
            f"videos in which the reader mended something: {done.mended}; "
            f"'posetube data check {source}' lists it"
        )
    if done.left_out:
        say(f"videos left out: {done.left_out}")
