"""Opens video containers safely, and says why one cannot be opened.

FFmpeg opens whatever the content of a file asks for: a text file with a video's name can make it
read other files or addresses. So formats and protocols are chosen here, not by the input, and the
size of frames is limited. Errors of PyAV become :class:`~posetube.errors.MediaError`.
"""

import re
import stat
import sys
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from posetube.errors import InputError, MediaError
from posetube.shortage import raise_shortage

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,gif,apng,ivf,"
    "h261,h263,h264,hevc,m4v,vc1,obu,av1,mxf,nut,dv,rm,yuv4mpegpipe"
)
"""Allowed formats: those that hold their own data, not playlists and scripts (concat, hls, sdp)."""

PROTOCOLS = {
    "http": "http,tcp,httpproxy",
    "https": "https,tls,tcp,http,httpproxy",
    "rtsp": "rtsp,rtp,rtcp,srtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,rtcp,srtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp",
    "rtp": "rtp,rtcp,udp",
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt,udp",
}
"""Protocols that an address may use, by its scheme; never local files."""

CAMERAS = {
    "linux": ("video4linux2", "/dev/video{}"),
    "darwin": ("avfoundation", "{}"),
    "win32": ("dshow", "video={}"),
}
"""Capture format and device name, by platform."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_SECRET = re.compile(r"(?<=://)[^/@\s]*@")
_REFUSED_HEADS = {
    b"ffconcat": "a list of other files (ffconcat)",
    b"#EXTM3U": "a playlist (m3u8)",
    b"[playlist]": "a playlist (pls)",
    b"<?xml": "an XML document",
    b"v=0": "a session description (sdp)",
}


def is_url(source: str) -> bool:
    """Whether the source is an address, not a path."""
    return _SCHEME.match(source) is not None


def is_camera(source: str) -> bool:
    """Whether the source names a camera, as ``camera:0`` does."""
    return source.startswith("camera:")


def without_password(source: str) -> str:
    """The source as it may be printed: an address without user name and password."""
    return _SECRET.sub("", source)


def open_container(
    source: str, *, max_pixels: int, timeout: float, form: str | None = None
) -> InputContainer:
    """Open a file, an address or a camera, in allowed formats and over allowed protocols only.

    Args:
        source: Path, URL, or ``camera:N``.
        max_pixels: Largest frame to accept, in pixels.
        timeout: Seconds that an address may take to answer.
        form: FFmpeg's name of a file's format; None: detect it.

    Raises:
        MediaError: If it cannot be opened or is refused; the message says why.
        InputError: If the address has a scheme that is not allowed.
    """
    name, options, form = _ffmpeg_arguments(source, form)
    timeouts = (timeout, timeout) if is_url(source) else None
    try:
        return av.open(
            name, format=form, options={**options, "max_pixels": str(max_pixels)}, timeout=timeouts
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise_shortage(error)
        raise MediaError(f"{without_password(source)}: {_reason(source, error)}") from None


def _ffmpeg_arguments(source: str, form: str | None) -> tuple[str, dict[str, str], str | None]:
    """Name, options and format for FFmpeg; the format is None where FFmpeg may detect it."""
    if is_camera(source):
        capture, device = CAMERAS.get(sys.platform, CAMERAS["linux"])
        return device.format(source.removeprefix("camera:")), {}, capture
    if scheme := _SCHEME.match(source):
        protocols = PROTOCOLS.get(scheme[1].lower())
        if protocols is None:
            raise InputError(
                f"{without_password(source)}: addresses of kind {scheme[1]}:// are not read; "
                f"expected one of {', '.join(PROTOCOLS)}"
            )
        # RTSP and RTP describe their streams in SDP, which is refused in a file.
        formats = FORMATS + (",rtsp,rtp,sdp" if scheme[1].lower().startswith("rt") else "")
        if source.partition("?")[0].lower().endswith(".m3u8"):
            # The user asks for a playlist by name. Protocols keep its parts to the network.
            formats += ",hls"
        return source, {"protocol_whitelist": protocols, "format_whitelist": formats}, None
    check_file(Path(source))
    options = {"protocol_whitelist": "file", "format_whitelist": form or FORMATS}
    return f"file:{Path(source).absolute()}", options, form


def check_file(path: Path) -> None:
    """Check that a path is a regular file that is not empty.

    Raises:
        MediaError: If it is not.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise MediaError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise_shortage(error)
        raise MediaError(f"{str(path)!r}: cannot be opened: {ffmpeg_message(error)}") from None
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path}: not a regular file")
    if status.st_size == 0:
        raise MediaError(f"{path}: the file is empty (0 bytes)")


def _reason(source: str, error: Exception) -> str:
    """Why a source could not be opened, for the user."""
    what = ffmpeg_message(error)
    if is_camera(source):
        return f"the camera cannot be opened ({what}); is it plugged in, and not in use?"
    if is_url(source):
        return f"cannot be read ({what})"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    try:
        with Path(source).open("rb") as file:
            head = file.read(64)
    except OSError as problem:
        raise_shortage(problem)
        return f"cannot be read ({problem.strerror})"
    for start, kind in _REFUSED_HEADS.items():
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            return f"refused, because it is {kind}; give the video itself"
    if head[4:8] in (b"ftyp", b"mdat", b"free", b"wide"):
        return "its index (moov) is missing: the file was cut short or never finished"
    if isinstance(error, av.error.ArgumentError):
        return "refused, because its format is not one of the allowed video formats"
    return f"not a video in a supported format ({what})"


def ffmpeg_message(error: Exception) -> str:
    """The text of an error without FFmpeg's error number and file name."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text)


def choose_stream(container: InputContainer, source: str, *, max_pixels: int) -> VideoStream:
    """The video stream to read: the largest one that is not cover art, the first of equals.

    Of equals, one that holds a single frame comes last: an animated AVIF has a still picture too.

    Raises:
        MediaError: If there is none, no decoder for it, or its frames are too large.
    """
    shown = without_password(source)
    stills = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if not s.disposition & stills]
    if not streams:
        found = "only sound" if container.streams.audio else "none"
        raise MediaError(f"{shown}: expected a video stream, found {found}")
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise MediaError(f"{shown}: the installed FFmpeg has no decoder for its video")
    stream = max(known, key=lambda s: ((s.width or 0) * (s.height or 0), s.frames != 1))
    if stream.width * stream.height > max_pixels:
        raise MediaError(
            f"{shown}: frames of {stream.width} x {stream.height} pixels are over the limit of "
            f"{max_pixels}; raise VideoConfig.max_pixels if the file can be trusted"
        )
    return stream
