"""``posetube.load``: reads the people of one video from whatever holds them."""

from posetube.errors import InputError
from posetube.structures import VideoTracks

from ...datasets.formats.file_format import FileFormat
from ...datasets.people import PeopleSource
from ..opened_people import open_people_or_run

SHOWN = 5
"""How many names an error lists."""


def load(
    source: PeopleSource, *, video: str | None = None, form: str | FileFormat | None = None
) -> VideoTracks:
    """Read the people of one video: of a run, a file of tracks or labels, or a data set.

    Args:
        source: A run's directory, a file of any format that ``posetube data convert`` reads, a
            folder of such files, or a data set; one that is open already, too.
        video: Which of its videos; None: the only one.
        form: Name of the format or data set, or a format of your own; None: told by names and
            content.

    Raises:
        InputError: If there is no such file, or no such video, or there are several to choose from.
        FormatError: If a file is of no known format, or is damaged.

    Examples:
        >>> tracks = load("runs/clip")                                # doctest: +SKIP
        >>> tracks.to_pandas().groupby("track_id").size()             # doctest: +SKIP
    """
    people = open_people_or_run(source, form=form)
    names = people.videos()
    if video is None and len(names) == 1:
        return people.read(names[0]).tracks
    if video in names:
        return people.read(video).tracks
    some = ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
    wanted = "say which one as video=" if video is None else f"none is called {video!r}"
    raise InputError(f"{source}: holds {len(names)} videos, {wanted}; there are {some}")
