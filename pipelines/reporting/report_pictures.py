"""Small pictures for a report: the people, and both sides of the doubtful links.

The video is read once, up to the last frame that is wanted.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from posetube.structures import ByteArray, FloatArray, FramePoses, VideoTracks

from ...datasets.video import Video
from ...tracker.weak_links import WeakLink
from ..rendering.painter import Painter
from ..settings import OverlayConfig
from .packed_tracks import rows_by_track

PORTRAITS = 60
"""Tracks that get a picture, the longest first."""

PORTRAIT, SIDE = 96, 260
"""Longest side of a person's picture and of one side of a link, pixels."""

QUALITY = 72
"""JPEG's, 0 to 100."""

AROUND = 0.35
"""How much of its sides a box is enlarged by on each side, so that one sees what is beside it."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPictures:
    """Pictures as data URLs."""

    people: dict[int, str] = field(default_factory=dict)
    """By track id."""

    links: dict[tuple[int, int], str] = field(default_factory=dict)
    """By place of the link in the list, and 0 for before, 1 for after."""


Taker = Callable[[ByteArray], None]


def take_pictures(
    video: Video,
    tracks: VideoTracks,
    links: Sequence[WeakLink],
    *,
    overlay: OverlayConfig | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> ReportPictures:
    """Read a video for the pictures of its report.

    Args:
        video: The run's.
        tracks: The people.
        links: The doubtful links.
        overlay: How people are drawn, and whether faces are blurred; None: the default.
        progress: Is told how many frames were read.
    """
    found = ReportPictures()
    painted = replace(overlay or OverlayConfig(), trail=0, heat_map=False, beside=False)
    wanted = _wanted(tracks, links, found, painted)
    last = max(wanted, default=-1)
    if last < 0:
        return found
    for done, frame in enumerate(video.frames(), start=1):
        if frame.image is not None:
            for take in wanted.get(frame.index, ()):
                take(frame.image)
        progress(done)
        if frame.index >= last:
            break
    return found


def _wanted(
    tracks: VideoTracks, links: Sequence[WeakLink], found: ReportPictures, painted: OverlayConfig
) -> Mapping[int, list[Taker]]:
    """By index of a frame, what takes pictures of it."""
    wanted: dict[int, list[Taker]] = {}
    bare = replace(painted, boxes=False, ids=False, joints=False)

    def portrait(track: int, row: int) -> Taker:
        def take(image: ByteArray) -> None:
            part = _around(tracks.boxes[row : row + 1], image, margin=0.1)
            if part is not None:
                frame = int(tracks.frame[row])
                clean = _drawn(image, tracks, frame, bare) if painted.blur_faces else image
                found.people[track] = data_url(_cropped(clean, part, PORTRAIT))

        return take

    def side(place: int, which: int, link: WeakLink) -> Taker:
        def take(image: ByteArray) -> None:
            part = _around(_boxes_of(tracks, link), image, margin=AROUND)
            if part is not None:
                drawn = _drawn(image, tracks, link.frames[which], painted)
                found.links[place, which] = data_url(_cropped(drawn, part, SIDE))

        return take

    for track, row in _portrait_rows(tracks).items():
        wanted.setdefault(int(tracks.frame[row]), []).append(portrait(track, row))
    for place, link in enumerate(links):
        for which, frame in enumerate(link.frames):
            wanted.setdefault(frame, []).append(side(place, which, link))
    return wanted


def _portrait_rows(tracks: VideoTracks) -> dict[int, int]:
    """By id of each of the longest tracks, the row in which the person is surest and largest."""
    rows = rows_by_track(tracks)
    ids, firsts, counts = np.unique(tracks.track_ids[rows], return_index=True, return_counts=True)
    sides = np.maximum(tracks.boxes[:, 2:] - tracks.boxes[:, :2], 0)
    worth = np.nan_to_num(np.nan_to_num(tracks.scores, nan=0.5) * np.sqrt(sides.prod(axis=1)))
    best = {}
    for place in np.argsort(-counts, kind="stable")[:PORTRAITS].tolist():
        own = rows[firsts[place] : firsts[place] + counts[place]]
        best[int(ids[place])] = int(own[worth[own].argmax()])
    return best


def _boxes_of(tracks: VideoTracks, link: WeakLink) -> FloatArray:
    """(2, 4) the person's boxes on both sides of a link."""
    rows = [
        tracks.rows_of(frame).start
        + int(np.argmax(tracks.track_ids[tracks.rows_of(frame)] == link.track_id))
        for frame in link.frames
    ]
    return tracks.boxes[rows]


def _around(boxes: FloatArray, image: ByteArray, *, margin: float) -> Box | None:
    """The part of a picture around some boxes, whole pixels; None if there is nothing of it."""
    if not np.isfinite(boxes).all():
        return None
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    more = margin * (high - low).max()
    height, width = image.shape[:2]
    x1, y1 = np.floor(np.clip(low - more, 0, [width, height])).astype(int).tolist()
    x2, y2 = np.ceil(np.clip(high + more, 0, [width, height])).astype(int).tolist()
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _drawn(image: ByteArray, tracks: VideoTracks, frame: int, config: OverlayConfig) -> ByteArray:
    """A frame with its people."""
    painter = Painter(
        tracks.skeleton,
        size=(image.shape[0], image.shape[1]),
        config=config,
        names=tracks.track_names,
    )
    return painter.draw(image, _poses_at(tracks, frame))


def _poses_at(tracks: VideoTracks, frame: int) -> FramePoses:
    rows = np.arange(len(tracks.frame))[tracks.rows_of(frame)]
    return next(tracks.select(rows).take_frames(np.array([frame])).poses())


def _cropped(image: ByteArray, part: Box, longest: int) -> ByteArray:
    x1, y1, x2, y2 = part
    return shrunk(image[y1:y2, x1:x2], longest)


def shrunk(image: ByteArray, longest: int) -> ByteArray:
    """(h, w, 3) the picture with a longest side of so many pixels."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def data_url(image: ByteArray) -> str:
    """(H, W, 3) RGB as a small JPEG that stands in the page itself."""
    written, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert written
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode("ascii")
