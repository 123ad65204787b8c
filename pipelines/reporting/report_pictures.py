"""Small pictures for a report: the people, and both sides of the doubtful links.

Small parts of frames are read first, clean, and kept by whoever makes the page again; then people
are drawn into them, under the ids of now. Far apart frames are found by seeking.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from posetube.masks import decode_mask, encode_mask
from posetube.structures import ByteArray, FloatArray, FramePoses, VideoTracks

from ...datasets.video import Video
from ...datasets.video.picture import fitted
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

NEAR, AROUND = 0.1, 0.35
"""By how much of its longest side a person's box, and those of a link, grow on each side."""

SEEK = 200
"""Frames that are rather skipped by seeking than read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PicturePart:
    """A part of a frame, and how small it becomes."""

    frame: int
    box: tuple[int, int, int, int]
    """x1, y1, x2, y2, whole pixels."""

    longest: int
    """Its longest side, pixels."""

    @property
    def scale(self) -> float:
        """Pixels of the small picture in one of the frame."""
        x1, y1, x2, y2 = self.box
        return self.longest / max(x2 - x1, y2 - y1)


CleanPictures = dict[PicturePart, ByteArray]
"""Parts that were read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPictures:
    """Pictures as data URLs."""

    people: dict[int, str] = field(default_factory=dict)
    """By track id."""

    links: dict[tuple[int, int], str] = field(default_factory=dict)
    """By place of the link in the list, and 0 for before, 1 for after."""


def take_pictures(
    video: Callable[[], Video],
    tracks: VideoTracks,
    links: Sequence[WeakLink],
    *,
    clean: CleanPictures,
    overlay: OverlayConfig | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> ReportPictures:
    """Make the pictures of a report.

    Args:
        video: Opens the run's video; called if a part of it is wanted that is not there yet.
        tracks: The people; with a size.
        links: The doubtful links.
        clean: Parts that were read already; those that are read now are added.
        overlay: How people are drawn, and whether faces are blurred; None: the default.
        progress: Is told how many frames were read.
    """
    people, sides = _portraits(tracks), _sides(tracks, links)
    wanted = [part for part in (*people.values(), *sides.values()) if part not in clean]
    if wanted:
        clean.update(_read_parts(video(), wanted, progress))
    painted = replace(overlay or OverlayConfig(), trail=0, heat_map=False, beside=False)
    bare = replace(painted, boxes=False, ids=False, joints=False)

    def picture(part: PicturePart, config: OverlayConfig) -> str:
        return data_url(_painted(clean[part], part, tracks, config)) if part in clean else ""

    return ReportPictures(
        people={track: picture(part, bare) for track, part in people.items()},
        links={side: picture(part, painted) for side, part in sides.items()},
    )


def _portraits(tracks: VideoTracks) -> dict[int, PicturePart]:
    """By id of each of the longest tracks, where the person is surest and largest."""
    rows = rows_by_track(tracks)
    ids, firsts, counts = np.unique(tracks.track_ids[rows], return_index=True, return_counts=True)
    sides = np.maximum(tracks.boxes[:, 2:] - tracks.boxes[:, :2], 0)
    worth = np.nan_to_num(np.nan_to_num(tracks.scores, nan=0.5) * np.sqrt(sides.prod(axis=1)))
    found = {}
    for place in np.argsort(-counts, kind="stable")[:PORTRAITS].tolist():
        own = rows[firsts[place] : firsts[place] + counts[place]]
        row = int(own[worth[own].argmax()])
        box = _around(tracks, tracks.boxes[row : row + 1], margin=NEAR)
        if box is not None:
            part = PicturePart(frame=int(tracks.frame[row]), box=box, longest=PORTRAIT)
            found[int(ids[place])] = part
    return found


def _sides(tracks: VideoTracks, links: Sequence[WeakLink]) -> dict[tuple[int, int], PicturePart]:
    """By place of a link, and 0 for before, 1 for after: the same part of both frames."""
    found = {}
    for place, link in enumerate(links):
        box = _around(tracks, _boxes_of(tracks, link), margin=AROUND)
        if box is not None:
            for which, frame in enumerate(link.frames):
                found[place, which] = PicturePart(frame=frame, box=box, longest=SIDE)
    return found


def _boxes_of(tracks: VideoTracks, link: WeakLink) -> FloatArray:
    """(2, 4) the person's boxes on both sides of a link."""
    rows = []
    for frame in link.frames:
        here = tracks.rows_of(frame)
        rows.append(here.start + int(np.argmax(tracks.track_ids[here] == link.track_id)))
    return tracks.boxes[rows]


def _around(
    tracks: VideoTracks, boxes: FloatArray, *, margin: float
) -> tuple[int, int, int, int] | None:
    """The part of the frames around some boxes, whole pixels; None if there is nothing of it."""
    if tracks.size is None or not np.isfinite(boxes).all():
        return None
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    more, end = margin * (high - low).max(), tracks.size[::-1]
    x1, y1 = np.floor(np.clip(low - more, 0, end)).astype(int).tolist()
    x2, y2 = np.ceil(np.clip(high + more, 0, end)).astype(int).tolist()
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _read_parts(
    video: Video, wanted: Sequence[PicturePart], progress: Callable[[int], None]
) -> Iterator[tuple[PicturePart, ByteArray]]:
    """Read parts of a video, in the order of its frames."""
    by_frame: dict[int, list[PicturePart]] = {}
    for part in wanted:
        by_frame.setdefault(part.frame, []).append(part)
    read = 0
    for first, last in _near_frames(sorted(by_frame)):
        for frame in video.frames(first):
            progress(read := read + 1)
            if frame.image is not None:
                for part in by_frame.get(frame.index, ()):
                    x1, y1, x2, y2 = part.box
                    yield part, fitted(frame.image[y1:y2, x1:x2], (part.longest,) * 2)[0]
            if frame.index >= last:
                break


def _near_frames(frames: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of the groups of rising frames between which it is worth to seek."""
    groups: list[tuple[int, int]] = []
    for frame in frames:
        if groups and frame - groups[-1][1] <= SEEK:
            groups[-1] = groups[-1][0], frame
        else:
            groups.append((frame, frame))
    return groups


def _painted(
    image: ByteArray, part: PicturePart, tracks: VideoTracks, config: OverlayConfig
) -> ByteArray:
    """A small picture with its people."""
    size = image.shape[0], image.shape[1]
    painter = Painter(tracks.skeleton, size=size, config=config, names=tracks.track_names)
    return painter.draw(image, _poses_in(tracks, part, size=size))


def _poses_in(tracks: VideoTracks, part: PicturePart, *, size: tuple[int, int]) -> FramePoses:
    """The people of a part's frame, in the pixels of its small picture."""
    rows = np.arange(len(tracks.frame))[tracks.rows_of(part.frame)]
    poses = next(tracks.select(rows).take_frames(np.array([part.frame])).poses())
    corner = np.array(part.box[:2], np.float32)
    people = replace(
        poses.people,
        boxes=(poses.people.boxes - np.tile(corner, 2)) * np.float32(part.scale),
        keypoints=(poses.people.keypoints - corner) * np.float32(part.scale),
    )
    if people.masks is not None:
        small = [_mask_in(mask, part, size=size) for mask in people.masks.tolist()]
        people = replace(people, masks=np.array(small, object))
    return replace(poses, people=people)


def _mask_in(mask: bytes, part: PicturePart, *, size: tuple[int, int]) -> bytes:
    if not mask:
        return mask
    x1, y1, x2, y2 = part.box
    inside = decode_mask(mask)[y1:y2, x1:x2].astype(np.uint8)
    return encode_mask(cv2.resize(inside, size[::-1], interpolation=cv2.INTER_NEAREST) > 0)


def data_url(image: ByteArray) -> str:
    """(H, W, 3) RGB as a small JPEG that stands in the page itself."""
    written, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert written
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode("ascii")
