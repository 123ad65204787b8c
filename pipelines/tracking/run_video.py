"""Opens the video that a run was made of again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posetube.errors import InputError, MissingFileError
from posetube.file_names import original

from ...datasets.video import Video, VideoConfig, open_video
from ..storage.fingerprint import fingerprint
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory


@contextmanager
def run_video(
    run: RunDirectory, manifest: Manifest, *, config: VideoConfig, needed: str
) -> Iterator[Video]:
    """The video of a run, while the context lasts.

    Args:
        run: The run.
        manifest: Its manifest.
        config: Which frames.
        needed: What for, as errors say it: ``to draw over``.

    Raises:
        InputError: If the run has no video, or it is another one by now.
        MissingFileError: If the video is not there any more.
        MediaError: If the video cannot be read.
    """
    source = manifest.source
    if source.kind == "detections":
        raise InputError(
            f"{run.path}: linked from {source.path}, which has no pictures {needed}; "
            f"`posetube track VIDEO --boxes {run.path}` makes a run with a video"
        )
    path = original(source.path)
    if not Path(path).exists() and "://" not in path:
        raise MissingFileError(
            f"{run.path}: its video {source.path} is not there any more, which is needed {needed}; "
            "put it back"
        )
    with open_video(path, config=config) as video:
        if fingerprint(path) != source.fingerprint:
            raise InputError(f"{source.path} is not the video any more that {run.path} was made of")
        yield video
