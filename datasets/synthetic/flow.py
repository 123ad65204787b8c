"""Exact motion of every pixel: every part of the picture moves rigidly from one moment to the next.

A pixel's depth says which point of which part it shows; the part's next place says where that
point goes. Not here: what moves the parts (:mod:`.clip`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from posetube.structures import BoolArray, ByteArray, FloatArray

from .camera import Camera
from .raster import Part, Tube, cross, length_of
from .render import Moment

Array = npt.NDArray[np.float64]

TAPS = 5
"""Pictures that are averaged for motion blur."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Where each pixel of a frame goes in the next one."""

    motion: FloatArray
    """(H, W, 2) x, y, pixels: what is at p is at p + motion in the next frame."""

    occluded: BoolArray
    """(H, W) whether it is hidden there, or outside the picture."""


def optical_flow(moment: Moment, following: Moment) -> Flow:
    """Motion from one drawn moment to the next of the same shot."""
    canvas, after = moment.canvas, following.canvas
    target = _targets(moment, following.solids, following.camera)
    height, width = canvas.size
    motion = target[..., :2] - _centres(canvas.size)
    column = np.floor(np.clip(target[..., 0], -1, width)).astype(np.int64)
    row = np.floor(np.clip(target[..., 1], -1, height)).astype(np.int64)
    outside = (column < 0) | (row < 0) | (column >= width) | (row >= height)
    column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
    slack = np.where(canvas.owner > 0, 0.05, 0.1 + 0.02 * canvas.depth)
    covered = after.depth[row, column] < target[..., 2] - slack
    foreign = (canvas.owner > 0) & (after.owner[row, column] != canvas.owner)
    return Flow(motion=motion.astype(np.float32), occluded=outside | covered | foreign)


def motion_to(moment: Moment, next_solids: Sequence[Part], next_camera: Camera) -> FloatArray:
    """(H, W, 2) motion as of :func:`optical_flow`, where the next moment is not drawn."""
    target = _targets(moment, next_solids, next_camera)
    return np.asarray(target[..., :2] - _centres(moment.canvas.size), np.float32)


def blurred(image: ByteArray, motion: FloatArray, shutter: float) -> ByteArray:
    """What a shutter that is open for a share of the frame's time makes of a picture.

    Args:
        image: (H, W, 3) RGB.
        motion: (H, W, 2) pixels per frame.
        shutter: Share of the time between two frames, in [0, 1].
    """
    reach = int(np.ceil(np.abs(motion).max() * shutter)) * 2 + 1
    if reach < 3 or not np.isfinite(reach):
        return image
    # A still pixel beside a moving one shows the moving one for some of the time.
    speed = np.linalg.norm(motion, axis=2).astype(np.float32) + np.float32(1e-3)
    kernel = (min(reach, 31), min(reach, 31))
    spread = cv2.blur(motion * speed[..., None], kernel) / cv2.blur(speed, kernel)[..., None]
    grid = _centres((image.shape[0], image.shape[1])).astype(np.float32) - np.float32(0.5)
    total = np.zeros(image.shape, np.float32)
    for share in np.linspace(-0.5, 0.5, TAPS) * shutter:
        x, y = np.moveaxis(grid - spread * np.float32(share), 2, 0)
        total += cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(total / TAPS + 0.5, np.uint8)


def _centres(size: tuple[int, ...]) -> Array:
    """(H, W, 2) centres of the pixels."""
    x, y = np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5)
    return np.stack([x, y], axis=-1)


def _targets(moment: Moment, next_solids: Sequence[Part], next_camera: Camera) -> Array:
    """(H, W, 3) x, y and depth of each pixel's point at the next moment."""
    canvas, solids = moment.canvas, moment.solids
    points = moment.camera.lift(_centres(canvas.size), canvas.depth.astype(np.float64))
    moving = np.flatnonzero(canvas.part)
    turns = np.zeros((len(solids), 3, 3))
    shifts = np.zeros((len(solids), 3))
    for number in np.unique(canvas.part.reshape(-1)[moving]) - 1:
        origin, axes = _frame(solids[number])
        next_origin, next_axes = _frame(next_solids[number])
        turns[number] = next_axes.T @ axes
        shifts[number] = next_origin - turns[number] @ origin
    flat = points.reshape(-1, 3)
    part = canvas.part.reshape(-1)[moving].astype(np.int64) - 1
    flat[moving] = np.einsum("pij,pj->pi", turns[part], flat[moving]) + shifts[part]
    return next_camera.project(points)


def _frame(solid: Part) -> tuple[Array, Array]:
    """Origin and axes (rows) that move with a part."""
    if not isinstance(solid, Tube):
        return solid.centre, solid.axes
    along = solid.end - solid.start
    along = along / max(length_of(along), 1e-9)
    front = solid.forward - along * (solid.forward @ along)
    front = front / max(length_of(front), 1e-9)
    return solid.start, np.stack([cross(along, front), along, front])
