"""Estimates from the background how the camera moved from one frame to the next.

Corners of the background (people's boxes are left out) are followed into the next frame on a small
grey picture, and the similarity map that most of them agree on is the camera's. The tracker carries
everybody along with it. Each estimate depends only on two frames and the people in them, so that a
run that is resumed gives the same.

Source: OpenCV's implementations of Lucas and Kanade (following corners), Shi and Tomasi (choosing
them) and RANSAC (agreeing on a map). A small picture is enough, because people are matched relative
to their own size, not in pixels.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from posetube.structures import ByteArray, DoubleArray, FloatArray

LONG_SIDE = 320
"""Size of the small picture, pixels; all lengths below are in its pixels."""

CORNERS, APART = 100, 8
"""How many corners are followed, and how far they must be from one another."""

WINDOW, LEVELS, STEPS, PRECISION = 13, 3, 10, 0.03
"""How a corner is followed: side of the window around it, how often the picture is halved, steps at
most on each size, and how small a step ends them. OpenCV's own window of 21, 30 steps and 0.01 take
twice the time; cameras are found no better (``benchmarks.camera_motion``)."""

PERSON_SCORE = 0.2
"""Boxes of people this sure are no background. A detector sees less sure ones everywhere."""

AGREEMENT = 1.0
"""Distance from where the map puts a corner that still counts as agreeing."""

FEWEST, LEAST_SHARE, LEAST_SPREAD = 12, 0.5, 0.25
"""How many corners must agree, what share of all, and what share of the picture's width and height
they must span; otherwise the camera counts as still."""

STILL = 0.25
"""Smallest movement of a corner of the picture that counts as a movement."""

LARGEST_ZOOM = 1.25
"""Most that the picture can grow or shrink from one frame to the next."""

Points = FloatArray


class SmallGrey(NamedTuple):
    """A frame in small and grey."""

    pixels: ByteArray
    """(h, w)."""

    scale: DoubleArray
    """(2,) its width and height as shares of the frame's."""


class Background(NamedTuple):
    """What is kept of a frame to compare the next one with."""

    grey: SmallGrey
    """The frame."""

    corners: Points
    """(P, 2) places outside people that can be followed, pixels of the small picture."""


def small_grey(image: ByteArray) -> SmallGrey:
    """A small grey picture of (H, W, 3) RGB."""
    height, width = image.shape[:2]
    share = min(1.0, LONG_SIDE / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    small: Any = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return SmallGrey(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.array(size) / [width, height])


def background_of(grey: SmallGrey, boxes: FloatArray, scores: FloatArray) -> Background:
    """Prepare a frame for comparison.

    Args:
        grey: The frame.
        boxes: (N, 4) of the people found in it, pixels.
        scores: (N,) how sure they are.
    """
    sure = boxes[scores >= PERSON_SCORE]
    return Background(grey, _corners(grey.pixels, sure * np.tile(grey.scale, 2)))


def camera_motion(before: Background, after: Background) -> DoubleArray | None:
    """How the camera moved from one frame to the next.

    Returns:
        (2, 3) affine map from the first frame's pixels to the second one's; None where the camera
        stood still, its motion cannot be estimated, or the sizes differ, which is a new scene.
    """
    (old, _), (new, scale), corners = before.grey, after.grey, before.corners
    if old.shape != new.shape or len(corners) < FEWEST:
        return None
    found = _similarity(*_followed(old, new, corners), size=new.shape[::-1])
    if found is None:
        return None
    # Sides of small pictures are whole pixels, so that the two scales differ a little.
    found[:, 2] /= scale
    found[0, 1] *= scale[1] / scale[0]
    found[1, 0] *= scale[0] / scale[1]
    return np.round(found, 6)


def _corners(grey: ByteArray, boxes: npt.NDArray[np.floating]) -> Points:
    """(P, 2) corners of the background that can be followed.

    They are chosen on a picture of half the size, a sixth of the time; following makes up for it.
    """
    height, width = (max(1, side // 2) for side in grey.shape)
    half = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    scale = np.array(grey.shape[::-1]) / (width, height)
    background = np.full(half.shape, 255, np.uint8)
    inside = np.clip(np.nan_to_num(boxes), 0, LONG_SIDE) / np.tile(scale, 2)
    for x1, y1, x2, y2 in inside.astype(int):
        background[y1 : y2 + 1, x1 : x2 + 1] = 0
    found: Any = cv2.goodFeaturesToTrack(half, CORNERS, 0.01, APART / 2, mask=background)
    if found is None:
        return np.zeros((0, 2), np.float32)
    return np.asarray((found.reshape(-1, 2) + 0.5) * scale - 0.5, np.float32)


def _followed(before: ByteArray, after: ByteArray, corners: Points) -> tuple[Points, Points]:
    """Corners that were found again: where they were, and where they are."""
    end = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, STEPS, PRECISION)
    places: Any
    places, status, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
        before, after, corners, None, winSize=(WINDOW, WINDOW), maxLevel=LEVELS, criteria=end
    )
    kept = status.reshape(-1) == 1
    return corners[kept] + 0.5, places[kept] + 0.5  # a pixel's number is not its centre


def _similarity(before: Points, after: Points, *, size: tuple[int, ...]) -> DoubleArray | None:
    """The (2, 3) map that most corners agree on; None where there is none, or it moves nothing."""
    if len(before) < FEWEST:
        return None
    found, agree = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=AGREEMENT)
    if found is None:
        return None
    agreeing = before[agree.reshape(-1) == 1]
    if len(agreeing) < max(FEWEST, LEAST_SHARE * len(before)):
        return None
    outline = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]], np.float64)
    moved = np.abs(outline @ found.T - outline[:, :2]).max()
    zoom = np.hypot(*found[:, 0])
    spread = (np.ptp(agreeing, axis=0) / size).min()
    # A map that fits few corners, or corners in one spot, is often that of a large moving object.
    plausible = 1 / LARGEST_ZOOM <= zoom <= LARGEST_ZOOM and spread >= LEAST_SPREAD
    return np.asarray(found) if plausible and moved >= STILL else None
