"""Reads videos frame by frame: pictures, indices, true times, and state.

>>> with open_video("clip.mp4") as video:                                    # doctest: +SKIP
...     for frame in video:
...         print(frame.index, frame.time, frame.state)

Memory does not depend on the length. Damage affects only the frames that cannot be decoded, and
these keep their indices (:mod:`.frame_order`). Formats, protocols and sizes are limited
(:mod:`.container`). Pixels are never stretched: if they are not square, coordinates are in stored
pixels, and ``pixel_aspect`` tells their shape. A frame whose size differs from the first one's is
scaled to it. Interlaced frames are given as stored.

:mod:`.inputs` finds the videos that arguments name; :mod:`.writer` writes a video.
"""

from pathlib import Path

from posetube.errors import MediaError
from posetube.shortage import raise_shortage

from .config import VideoConfig
from .container import ffmpeg_message, is_camera, is_url
from .frame_folder import PictureVideo
from .opened_video import Video
from .picture import is_picture
from .picture_sequence import sequence_format
from .stream_video import StreamVideo

__all__ = ["Video", "VideoConfig", "open_video"]


def open_video(source: str | Path, *, config: VideoConfig | None = None) -> Video:
    """Open a video, a folder of numbered pictures, a file of pictures, a camera or an address.

    The first frame is decoded at once, so a video that opens can be read.

    Args:
        source: Path, ``camera:N`` or URL.
        config: Which frames to read, and limits; None: all frames, default limits.

    Raises:
        MediaError: If it cannot be read or is refused; the message says why.
    """
    config = config or VideoConfig()
    text = str(source)
    if is_camera(text) or is_url(text):
        return StreamVideo(text, config)
    if not text:  # as a path it would be the current folder
        raise MediaError("an empty name was given; name a video")
    path = Path(source)
    folder = _is_folder(path)
    form = sequence_format(path) if not folder and is_picture(path) else None
    if folder or (is_picture(path) and form is None):
        return PictureVideo(path, config)
    return StreamVideo(text, config, form=form)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError) as error:
        raise_shortage(error)
        raise MediaError(f"{str(path)!r}: cannot be opened: {ffmpeg_message(error)}") from None
