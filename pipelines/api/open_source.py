"""Opens what ``track`` and ``stream`` take: a video by its name, or pictures in memory."""

from collections.abc import Iterable
from pathlib import Path

from posetube.errors import InputError

from ...datasets.video import Video, VideoConfig, open_video
from ...datasets.video.inputs import Input, find_inputs
from ...datasets.video.memory import Pictures, open_pictures

VideoSource = str | Path | Pictures
"""A path, a camera or an address; or pictures with their times."""


def open_source(
    source: VideoSource, *, times: Iterable[float] | None, config: VideoConfig | None
) -> Video:
    """Open a video, or show pictures in memory as one.

    Raises:
        MediaError: If the video cannot be read or is refused.
        InputError: If the source names several videos, or is no picture.
    """
    if not isinstance(source, (str, Path)):
        if not isinstance(source, Iterable):
            kind = type(source).__name__
            raise InputError(f"expected a video, or pictures with their times, got {kind}")
        return open_pictures(source, times=times, config=config)
    if times is not None:
        raise InputError(f"{source}: a video has its own times; leave times= out")
    item = one_input(source)
    video = open_video(item.source, config=config)
    video.name = item.name  # what `posetube track` calls the run
    return video


def one_input(source: str | Path) -> Input:
    """The one video that a path, a pattern, a camera's name or an address means.

    Raises:
        InputError: If there are several.
    """
    items = find_inputs([str(source)])
    if len(items) != 1:
        raise InputError(
            f"{source}: expected one video, got {len(items)} inputs; call it for each of them"
        )
    return items[0]
