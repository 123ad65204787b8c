"""Links to the pictures of a data set under the names that its conversion gives them.

Not here: what those names are (:mod:`posetube.datasets.formats.video_places`).
"""

from pathlib import Path, PurePosixPath

from ...datasets.files.checked_values import relative_path
from ...datasets.formats.video_places import Place
from ...datasets.readers.annotated_video import AnnotatedVideo


def link_pictures(video: AnnotatedVideo, at: Place, *, out: Path) -> None:
    """Link what there is of a video's pictures, the whole folder at once where names stay.

    A video file is linked beside its annotations, where PoseTrack's reader looks for it.

    Args:
        video: The video, its pictures named as they are.
        at: Where it goes.
        out: Folder of the new data set.

    Raises:
        FormatError: If a picture is not under the data set's folder.
    """
    if video.media is None or at.frames is None:
        return
    if video.media.is_file():
        if video.media.suffix == ".mp4":
            _link(out / at.file.with_suffix(".mp4"), video.media)
        return
    names = video.tracks.frames.names
    old = [PurePosixPath(relative_path(name, where=video.name)) for name in names]
    new = [PurePosixPath(name) for name in at.frames]
    folders = {(a.parent, b.parent) for a, b in zip(old, new, strict=False)}
    same = all(a.name == b.name for a, b in zip(old, new, strict=False))
    if same and len(folders) == 1:
        ((source, target),) = folders
        _link(out / target, video.media / source)
        return
    for a, b in zip(old, new, strict=False):
        if (video.media / a).is_file():
            _link(out / b, video.media / a)


def _link(name: Path, target: Path) -> None:
    if not name.is_symlink():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.symlink_to(target.resolve())
