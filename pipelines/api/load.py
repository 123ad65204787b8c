"""``posetube.load``: reads the people of one video from whatever holds them."""

from posetube.structures import VideoTracks

from ...datasets.formats.file_format import FileFormat
from ...datasets.people import PeopleSource, one_video
from ..opened_people import open_people_or_run


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
        InputError: If there is no such file, no such video, several to choose from, or pictures of
            several in one list.
        FormatError: If a file is of no known format, or is damaged.

    Examples:
        >>> tracks = load("runs/clip")                                # doctest: +SKIP
        >>> tracks.to_pandas().groupby("track_id").size()             # doctest: +SKIP
    """
    people = open_people_or_run(source, form=form)
    return one_video(people, where=source, video=video).tracks
