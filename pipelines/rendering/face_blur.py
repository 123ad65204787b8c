"""Makes faces unrecognisable.

A face is where its joints are; where none is known, it is guessed from the shoulders, then from the
box, rather too large. People whom nobody found keep their faces.
"""

import cv2
import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, FloatArray

FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")

GRAINS = 5
"""How many grains wide a face becomes; few enough that nobody is told by them."""

LEAST = 0.06
"""A face's least radius, as a share of the person's height: joints of the face may lie close
together, as in profile."""


def blur_faces(
    canvas: ByteArray, keypoints: FloatArray, boxes: FloatArray, joints: Skeleton
) -> None:
    """Blur the faces of a picture's people, in place.

    Args:
        canvas: (H, W, 3) RGB.
        keypoints: (N, K, 2) pixels, NaN where not known.
        boxes: (N, 4) pixels.
        joints: Names of the K joints.
    """
    for points, box in zip(keypoints, boxes, strict=True):
        place = _face(points, box, joints)
        if place is not None:
            _blur(canvas, *place)


def _face(
    points: FloatArray, box: FloatArray, joints: Skeleton
) -> tuple[float, float, float] | None:
    """Middle and radius of a face, pixels; None where nothing is known of it."""
    known = {
        name: points[place]
        for place, name in enumerate(joints.joints)
        if np.isfinite(points[place]).all()
    }
    height = float(box[3] - box[1])
    face = np.array([known[name] for name in FACE if name in known])
    if len(face):
        middle = (face.min(axis=0) + face.max(axis=0)) / 2
        spread = float(np.linalg.norm(np.ptp(face, axis=0)))
        top = known.get("head_top")
        reach = 0.0 if top is None else float(np.linalg.norm(top - middle))
        least = LEAST * height if np.isfinite(height) else 0.0
        return float(middle[0]), float(middle[1]), max(0.8 * spread, reach, least, 3.0)
    shoulders = np.array([p for name, p in known.items() if name.endswith("_shoulder")])
    if len(shoulders) == 2:
        x, y = shoulders.mean(axis=0)
        width = max(float(np.ptp(shoulders[:, 0])), 0.15 * height if np.isfinite(height) else 0)
        return float(x), float(y) - 0.6 * width, 0.7 * width
    if not np.isfinite(box).all():
        return None
    width = min(float(box[2] - box[0]), 0.4 * height)
    return float(box[0] + box[2]) / 2, float(box[1]) + width / 2, 0.6 * width


def _blur(canvas: ByteArray, x: float, y: float, radius: float) -> None:
    height, width = canvas.shape[:2]
    left, right = max(0, int(x - radius)), min(width, int(x + radius) + 1)
    top, bottom = max(0, int(y - radius)), min(height, int(y + radius) + 1)
    if left >= right or top >= bottom:
        return
    part = canvas[top:bottom, left:right]
    grains = (min(GRAINS, right - left), min(GRAINS, bottom - top))
    coarse = cv2.resize(part, grains, interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(coarse, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[top:bottom, left:right]
    inside = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    part[inside] = smooth[inside]
