"""Links the pictures of a data set under the names that its conversion gives them.

Not here: what those names are (:mod:`posetube.datasets.formats.video_places`).
"""

from pathlib import Path, PurePosixPath

from posetube.errors import FormatError

from ...datasets.annotated_video import AnnotatedVideo
from ...datasets.files.checked_values import relative_path
from ...datasets.formats.video_places import VideoPlace

Link = tuple[Path, Path]
"""Where it lies, and what it leads to."""


def picture_links(video: AnnotatedVideo, at: VideoPlace, *, out: Path) -> list[Link]:
    """Links to what there is of a video's pictures, to the whole folder where their names stay.

    A video file is linked beside its annotations, where PoseTrack's reader looks for it.

    Args:
        video: The video, its pictures named as they are.
        at: Where it goes.
        out: Folder of the new data set.

    Raises:
        FormatError: If a picture is not under the data set's folder, or its new name within what
            another video has linked.
    """
    if video.media is None or at.frames is None:
        return []
    if video.media.is_file():
        beside = out / at.file.with_suffix(".mp4")
        return [(beside, video.media)] if video.media.suffix == ".mp4" else []
    names = video.tracks.frames.names
    old = [PurePosixPath(relative_path(name, where=video.name)) for name in names]
    new = [PurePosixPath(relative_path(name, where=video.name)) for name in at.frames]
    pairs = list(zip(old, new, strict=False))  # frames without names have no pictures
    folders = {(source.parent, target.parent) for source, target in pairs}
    if len(folders) == 1 and all(source.name == target.name for source, target in pairs):
        pairs = list(folders)
    _refuse_within_links({target for _, target in pairs}, out)
    there = [(source, target) for source, target in pairs if (video.media / source).exists()]
    return [(out / target, video.media / source) for source, target in there]


def _refuse_within_links(names: set[PurePosixPath], out: Path) -> None:
    """Whatever is written below a link is written into the data set that is converted."""
    for folder in {parent for name in names for parent in name.parents}:
        if (out / folder).is_symlink():
            raise FormatError(f"{folder}: pictures of another video, which has no folders in it")


def make_links(links: list[Link]) -> None:
    """Make the links that are not there yet, and their folders."""
    for place, target in links:
        if not place.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target.resolve())
