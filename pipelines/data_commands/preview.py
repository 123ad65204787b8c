"""``posetube data preview ROOT -o page.png``: draws some pictures of a data set with their labels.

Joints that are seen are filled dots, hidden ones rings; the left side is blue, the right orange.
Boxes are white, boxes of heads yellow, ignored regions grey. Pictures have numbers, not the names
of their files, which some data sets took from the titles of other people's videos.

Not here: the drawing of results over a video (:mod:`..rendering.painter`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from cyclopts import Parameter

from posetube.atomic_files import check_target, write_bytes
from posetube.errors import FormatError, InputError, PoseTubeError
from posetube.skeletons import side_of
from posetube.structures import ByteArray, JointState, VideoTracks

from ...datasets.annotated_video import AnnotatedVideo, Dataset
from ...datasets.formats.numbers import joint_states
from ...datasets.video import open_video
from ...datasets.video.picture import fitted, read_picture
from ..opened_people import open_people_or_run

TILE = (270, 480)
"""Height and width of a picture on the page, pixels."""

CAPTION = 20
"""Height of the strip under a picture, where its caption stands, pixels."""

COLUMNS = 3
MAX_PIXELS = 40_000_000
MOST_JOINTS = 2_000
"""People with more joints in all than this in one picture are left out of the page."""

COLOURS = {"left": (66, 135, 245), "right": (245, 147, 66), "middle": (102, 217, 102)}
WHITE, YELLOW, GREY = (255, 255, 255), (250, 230, 60), (150, 150, 150)

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """A frame that is to be shown."""

    place: int
    """Number of the video in the data set."""

    video: AnnotatedVideo
    frame: int


def preview(
    root: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    pictures: int = 12,
) -> None:
    """Draw a page of pictures with their joints, to see whether they lie where they belong.

    Args:
        root: A data set's folder.
        out: The page, a PNG.
        from_: Name of the data set, or of the format [default: told by names and content].
        pictures: How many, 1 to 100.
    """
    if not 1 <= pictures <= 100:
        raise InputError(f"--pictures must be in [1, 100], got {pictures}")
    if out.suffix.lower() != ".png":
        raise InputError(f"{out}: the page is a PNG; name a file that ends in .png")
    check_target(out)
    data = open_people_or_run(root, form=from_)
    tiles = [_tile(choice, data.name) for choice in choose(data, pictures)]
    if not tiles:
        raise FormatError(f"{root}: {data.name} is there, but none of its pictures")
    done, content = cv2.imencode(".png", page(tiles)[..., ::-1])
    if not done:
        raise InputError(f"{out}: the page cannot be encoded")
    write_bytes(out, content.tobytes())


def choose(dataset: Dataset, count: int) -> Iterator[_Choice]:
    """Frames spread over the data set, those with most people; videos that fail are skipped.

    Raises:
        FormatError: If the folder does not hold this data set.
    """
    names = dataset.videos()
    found: list[tuple[int, AnnotatedVideo]] = []
    for place in _spread(len(names), 20 * count):
        try:
            video = dataset.read(names[place])
        except PoseTubeError:
            continue
        if video.media is not None and len(video.tracks.frame):
            found.append((place, video))
        if len(found) == count:
            break
    for i, (place, video) in enumerate(found):
        share = count // len(found) + (i < count % len(found))
        for frame in _crowded(video.tracks, share):
            yield _Choice(place=place, video=video, frame=frame)


def _spread(count: int, most: int) -> list[int]:
    """Places that halve the gaps of those before, so that the first few are far apart."""
    fractions = (np.arange(most) * 0.618033988749895) % 1
    return list(dict.fromkeys((fractions * count).astype(int).tolist())) if count else []


def _crowded(tracks: VideoTracks, count: int) -> list[int]:
    """In each of ``count`` stretches of a video the frame with most people."""
    people = np.bincount(tracks.frame, minlength=len(tracks.frames))
    stretches = np.array_split(np.arange(len(people)), min(count, len(people)))
    return [int(stretch[people[stretch].argmax()]) for stretch in stretches]


def _tile(choice: _Choice, name: str) -> ByteArray:
    image = _image(choice)
    note = f"{name} {choice.place + 1}, frame {choice.frame}"
    if image is None:
        return _captioned(np.zeros((*TILE, 3), np.uint8), f"{note}: no picture")
    small, scale = fitted(image, TILE)
    draw(small, choice.video.tracks, choice.frame, scale=scale)
    tile = np.zeros((*TILE, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    return _captioned(tile, note)


def _image(choice: _Choice) -> ByteArray | None:
    path = choice.video.picture(choice.frame)
    try:
        if path is not None:
            return read_picture(path, max_pixels=MAX_PIXELS)[0]
        if choice.video.media is not None:
            with open_video(choice.video.media) as video:
                return next(video.frames(choice.frame)).image
    except (PoseTubeError, StopIteration):
        return None
    return None


def draw(image: ByteArray, tracks: VideoTracks, frame: int, *, scale: float = 1.0) -> None:
    """Draw what is labelled in one frame into a picture.

    Args:
        image: (H, W, 3) RGB, changed in place.
        tracks: The annotations.
        frame: Which of their frames.
        scale: The picture's size over that of the annotated one.
    """
    for region in tracks.frames.ignore_regions.get(frame, ()):
        cv2.polylines(image, [_places(region * scale)], True, GREY, 1, cv2.LINE_AA)
    rows, states = tracks.rows_of(frame), joint_states(tracks)
    for row in range(rows.start, min(rows.stop, rows.start + MOST_JOINTS)):
        _box(image, tracks.boxes[row] * scale, WHITE)
        if tracks.head_boxes is not None:
            _box(image, tracks.head_boxes[row] * scale, YELLOW)
        _pose(image, tracks, tracks.keypoints[row] * scale, states[row])


def _pose(image: ByteArray, tracks: VideoTracks, points: np.ndarray, states: np.ndarray) -> None:
    known = states != JointState.ABSENT
    places = _places(np.nan_to_num(points))
    joints = tracks.skeleton.joints
    for start, stop in tracks.skeleton.edge_indices:
        if known[start] and known[stop]:
            colour = COLOURS[side_of(joints[stop])]
            cv2.line(image, _pair(places[start]), _pair(places[stop]), colour, 1, cv2.LINE_AA)
    for joint in np.flatnonzero(known):
        filled = -1 if states[joint] == JointState.VISIBLE else 1
        colour = COLOURS[side_of(joints[joint])]
        cv2.circle(image, _pair(places[joint]), 3, colour, filled, cv2.LINE_AA)


def _box(image: ByteArray, box: np.ndarray, colour: Colour) -> None:
    if np.isfinite(box).all():
        low, high = _places(box.reshape(2, 2))
        cv2.rectangle(image, _pair(low), _pair(high), colour, 1)


def _places(points: np.ndarray) -> np.ndarray:
    """Whole pixels near enough for OpenCV, which counts with 16 bits."""
    return np.asarray(np.clip(np.floor(points), -20_000, 20_000), np.int32)


def _pair(place: np.ndarray) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _captioned(tile: ByteArray, text: str) -> ByteArray:
    strip = np.zeros((CAPTION, tile.shape[1], 3), np.uint8)
    place = (6, CAPTION - 6)
    cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, WHITE, 1, cv2.LINE_AA)
    return np.vstack([tile, strip])


def page(tiles: Sequence[ByteArray]) -> ByteArray:
    """Tiles of one size side by side, :data:`COLUMNS` in a row."""
    blank = np.zeros_like(tiles[0])
    columns = min(COLUMNS, len(tiles))
    filled = [*tiles, *[blank] * (-len(tiles) % columns)]
    rows = [np.hstack(filled[i : i + columns]) for i in range(0, len(filled), columns)]
    return np.vstack(rows)
