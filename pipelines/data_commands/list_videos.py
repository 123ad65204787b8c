"""``posetube data list DATASET``: where the videos of a part lie, for ``posetube track``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.file_names import readable

from ...datasets.annotated_video import AnnotatedVideo, Part
from ...datasets.people import videos_of
from ..failures import COMPLETE, MARKED_PROBLEMS
from ..opened_people import open_people_or_run
from .export import say


def list_videos(
    source: Path,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    split: Part | None = None,
) -> int:
    """Print the videos of a data set, a line each: a video file, or the folder of its pictures.

    As input of track: posetube track $(posetube data list PENN --split test) -o runs. Videos whose
    pictures are not there are named on stderr; the exit code is then 3.

    Args:
        source: A data set's folder.
        from_: Name of the data set [default: told by names and content].
        split: Only this part.
    """
    people = open_people_or_run(source, form=from_)
    absent = 0
    for name in videos_of(people, split or ""):
        place = pictures_of(people.read(name))
        if place is None:
            absent += 1
            say(f"{source}: {name}: its pictures are not there")
        else:
            print(readable(str(place)))  # noqa: T201
    return MARKED_PROBLEMS if absent else COMPLETE


def pictures_of(video: AnnotatedVideo) -> Path | None:
    """A video's file, or the folder of its pictures; None where these are not there."""
    if video.media is None or video.media.is_file():
        return video.media
    first = video.picture(0) if len(video.tracks.frames) else None
    return first.parent if first is not None and first.is_file() else None
