"""Reads single pictures: JPEG, PNG, BMP, WebP and TIFF, turned as their EXIF orientation says.

FFmpeg decodes a picture first, because it refuses large ones before it allocates memory and reports
damage. OpenCV then gives the pixels, because it applies the orientation and interpolates colours.
Files of several pictures are videos (:mod:`.picture_sequence`), but for TIFF, which has pages.
"""

from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from posetube.errors import MediaError
from posetube.shortage import raise_shortage
from posetube.structures import ByteArray, FrameState

from .container import check_file
from .picture_sequence import is_animated_webp, tiff_pages, tiff_with_first_page

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Suffixes of pictures, in lower case."""

MAX_BYTES = 1 << 29
"""Larger files are refused, to bound what is read into memory."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg_pipe"),
    (b"\x89PNG\r\n", "png_pipe"),
    (b"BM", "bmp_pipe"),
    (b"II*\0", "tiff_pipe"),
    (b"MM\0*", "tiff_pipe"),
)


def is_picture(path: Path) -> bool:
    """Whether the file begins like a picture."""
    try:
        if not path.is_file():  # opening a pipe waits until somebody writes to it
            return False
        with path.open("rb") as file:
            return _format(file.read(16)) is not None
    except (OSError, ValueError) as error:
        raise_shortage(error)
        return False


def read_picture(
    path: Path, *, max_pixels: int, page: int | None = None
) -> tuple[ByteArray, FrameState]:
    """Read one picture.

    Args:
        path: A file; its content decides on the format, not its name.
        max_pixels: Largest picture to accept, in pixels.
        page: Which page of a TIFF file, as :func:`page_places` gives it; None: the first.

    Returns:
        (H, W, 3) RGB as displayed, and ``corrupt`` if a part of it is damaged, else ``ok``.

    Raises:
        MediaError: If nothing can be decoded; the message says why.
    """
    check_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise MediaError(f"{path}: too large for a picture ({path.stat().st_size} bytes)")
    data = path.read_bytes()
    form = _format(data[:16])
    if form is None:
        raise MediaError(f"{path}: not a picture (JPEG, PNG, BMP, WebP or TIFF)")
    if is_animated_webp(data[:32]):
        raise MediaError(f"{path}: animated WebP is not read; convert it to a video or a GIF")
    if page is not None:
        data = tiff_with_first_page(data, page)
    # A JPEG whose last scan has no end marker was cut short; decoders fill the rest with grey.
    cut = form == "jpeg_pipe" and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    if not cut and _decoded(data, form, max_pixels, strict=True) is not None:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if pixels is not None:
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
            return pixels.astype(np.uint8, copy=False), "ok"
    frame = _decoded(data, form, max_pixels, strict=False)
    if frame is None:
        raise MediaError(
            f"{path}: the picture cannot be decoded; it is damaged or over the limit of "
            f"{max_pixels} pixels"
        )
    return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False), "corrupt"


def page_places(path: Path) -> tuple[tuple[int | None, ...], int]:
    """The pages of a TIFF file, and how many more there are of another size (thumbnails).

    Other pictures have the page None.
    """
    check_file(path)
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        sizes = tiff_pages(data)
    first = next(iter(sizes.values()), None)
    pages = [place for place, size in sizes.items() if size == first]
    return tuple(pages) if len(pages) > 1 else (None,), len(sizes) - len(pages)


def scaled(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """The picture (H, W, 3) scaled to ``size`` (H, W)."""
    result = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return result.astype(np.uint8, copy=False)


def fitted(image: ByteArray, size: tuple[int, int]) -> tuple[ByteArray, float]:
    """The picture (H, W, 3) as large as fits into ``size`` (H, W), to look at, and its scale."""
    height, width = image.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inside = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, inside, interpolation=method), np.uint8), scale


def _format(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp_pipe"
    return next((form for start, form in _SIGNATURES if head.startswith(start)), None)


def _decoded(data: bytes, form: str, max_pixels: int, *, strict: bool) -> VideoFrame | None:
    """Decode with FFmpeg; None if it fails, or if it is strict and finds damage."""
    options = {"max_pixels": str(max_pixels)}
    # FFmpeg reports damage in sound TIFF files.
    if strict and form != "tiff_pipe":
        options["err_detect"] = "explode"
    try:
        with av.open(BytesIO(data), mode="r", format=form, options=options) as container:
            stream = container.streams.video[0]
            if stream.width * stream.height > max_pixels:
                return None
            stream.codec_context.options = options
            frame = next(container.decode(stream))
            return None if strict and frame.is_corrupt else frame
    except (av.error.FFmpegError, ValueError, StopIteration, IndexError):
        return None
