"""Exact optical flow, and motion blur.

Every primitive moves rigidly from one moment to the next. A pixel's depth says which point of which
primitive it shows; the primitive's next pose says where that point goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posetube.structures import BoolArray, ByteArray, FloatArray, IntArray

from .camera import Camera
from .primitives import Capsule, Primitive
from .render import Moment
from .vector_math import Array, unit_vectors

_STILL = 0.3
"""Pixels that move less than this, in pixels, are not blurred."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Optical flow: where each pixel of a frame goes in the next one."""

    motion: FloatArray
    """(H, W, 2) x, y, pixels: what is at p in this frame is at p + motion in the next one."""

    occluded: BoolArray
    """(H, W) whether it is hidden in the next frame, or outside the picture."""


def optical_flow(moment: Moment, following: Moment) -> Flow:
    """Flow from one rendered moment to the next of the same shot."""
    canvas, after = moment.canvas, following.canvas
    motion, depth = _carried(moment, following.primitives, following.camera)
    height, width = canvas.size
    column = np.floor(motion[..., 0] + (np.arange(width) + 0.5)).astype(np.int64)
    row = np.floor(motion[..., 1] + (np.arange(height) + 0.5)[:, None]).astype(np.int64)
    outside = (column < 0) | (row < 0) | (column >= width) | (row >= height)
    place = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
    # Rounding to pixels moves a point along its surface; sloping ground changes depth the most.
    slack = np.where(canvas.owner > 0, 0.05, 0.1 + 0.02 * canvas.depth)
    covered = after.depth.ravel()[place] < depth - slack
    # Where another person is at the new place, the pixel is hidden, whatever the depths say.
    foreign = (canvas.owner > 0) & (after.owner.ravel()[place] != canvas.owner)
    return Flow(motion=motion, occluded=outside | covered | foreign)


def motion_to(
    moment: Moment, next_primitives: Sequence[Primitive], next_camera: Camera
) -> FloatArray:
    """(H, W, 2) motion as in :class:`Flow`, without rendering the next moment."""
    return _carried(moment, next_primitives, next_camera)[0]


def motion_blur(image: ByteArray, motion: FloatArray, shutter: float) -> ByteArray:
    """Blur a picture as a shutter does that is open for a share of the frame's time.

    Args:
        image: (H, W, 3) RGB.
        motion: (H, W, 2) pixels per frame.
        shutter: Share of the time between two frames, in [0, 1].
    """
    spread = _spread(motion, shutter)
    moves = np.maximum(np.abs(spread[..., 0]), np.abs(spread[..., 1])) > _STILL
    rows, columns = np.flatnonzero(moves.any(axis=1)), np.flatnonzero(moves.any(axis=0))
    if not len(rows):
        return image
    # Only the window that moves is blurred: most of a picture stands still.
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x = np.arange(columns[0], columns[-1] + 1, dtype=np.float32)
    y = np.arange(rows[0], rows[-1] + 1, dtype=np.float32)[:, None]
    path_x, path_y = (np.ascontiguousarray(spread[..., axis][window]) for axis in (0, 1))
    total = image[window].astype(np.float32)
    for share in (-0.5, -0.25, 0.25, 0.5):
        tap = cv2.remap(
            image, x - np.float32(share) * path_x, y - np.float32(share) * path_y,
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        cv2.accumulate(tap, total)
    result = image.copy()
    result[window] = cv2.convertScaleAbs(total, alpha=0.2)  # mean of five taps
    return result


def _spread(motion: FloatArray, shutter: float) -> FloatArray:
    """(H, W, 2) motion of what each pixel shows while the shutter is open, pixels.

    Motion spreads to its surroundings, because a still pixel beside a moving limb shows the limb
    for some of the time. Fast pixels weigh more than slow ones.
    """
    height, width = motion.shape[:2]
    small = np.ascontiguousarray(motion[::2, ::2]) * np.float32(shutter)
    reach = int(min(np.ceil(np.abs(small).max(initial=0)), 15)) | 1
    speed = np.hypot(small[..., 0], small[..., 1]) + np.float32(1e-3)
    weighted = cv2.blur(small * speed[..., None], (reach, reach))
    spread = weighted / cv2.blur(speed, (reach, reach))[..., None]
    return np.asarray(cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR))


def _carried(
    moment: Moment, next_primitives: Sequence[Primitive], next_camera: Camera
) -> tuple[FloatArray, FloatArray]:
    """Motion (H, W, 2) of what each pixel shows, pixels, and its next depth (H, W), metres."""
    canvas, camera = moment.canvas, moment.camera
    height, width = canvas.size
    motion, depth = np.zeros((height * width, 2), np.float32), canvas.depth.flatten()
    turns, shifts = _rigid_motions(moment.primitives, next_primitives)
    # One affine map per primitive, from this camera's axes to the next camera's.
    ways = np.empty((3, 4, len(turns)))
    ways[:, :3] = (next_camera.rotation @ turns @ camera.rotation.T).transpose(1, 2, 0)
    shifts = turns @ camera.position + shifts - next_camera.position
    ways[:, 3] = next_camera.rotation @ shifts.T
    columns = np.tile(np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2), height)
    rows = np.repeat(np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2), width)

    def carry(way: FloatArray, pixels: IntArray) -> None:
        across, down, far = columns[pixels], rows[pixels], depth[pixels]
        ray_x, ray_y = across / np.float32(camera.focal), down / np.float32(camera.focal)
        right, low, away = (far * (a * ray_x + b * ray_y + c) + d for a, b, c, d in way)
        near = np.float32(next_camera.focal) / np.maximum(away, np.float32(1e-3))
        motion[pixels, 0] = near * right - across
        motion[pixels, 1] = near * low - down
        depth[pixels] = away

    table = ways.astype(np.float32)
    part = canvas.part.ravel()
    on_primitives = np.flatnonzero(part)
    if next_camera is not camera:  # ground and wall move only with the camera
        carry(table[..., 0], np.flatnonzero(part == 0))
    carry(table[..., part[on_primitives]], on_primitives)
    return motion.reshape(height, width, 2), depth.reshape(height, width)


def _rigid_motions(
    primitives: Sequence[Primitive], following: Sequence[Primitive]
) -> tuple[Array, Array]:
    """Rotations (n + 1, 3, 3) and shifts (n + 1, 3); first those of the scene, which rests."""
    origin, axes = _frames(primitives)
    next_origin, next_axes = _frames(following)
    turns = np.swapaxes(next_axes, 1, 2) @ axes
    return turns, next_origin - np.einsum("nij,nj->ni", turns, origin)


def _frames(primitives: Sequence[Primitive]) -> tuple[Array, Array]:
    """Origins (n + 1, 3) and axes (n + 1, 3, 3; rows) of the scene and of each primitive."""
    origins, axes = (
        np.zeros((len(primitives) + 1, 3)),
        np.tile(np.eye(3), (len(primitives) + 1, 1, 1)),
    )
    capsules = [n for n, one in enumerate(primitives, start=1) if isinstance(one, Capsule)]
    for n, one in enumerate(primitives, start=1):
        if isinstance(one, Capsule):
            origins[n], axes[n, 1], axes[n, 2] = one.start, one.end - one.start, one.forward
        else:
            origins[n], axes[n] = one.centre, one.axes
    along = unit_vectors(axes[capsules, 1])
    front = axes[capsules, 2]
    front = unit_vectors(front - along * (front * along).sum(axis=1, keepdims=True))
    axes[capsules] = np.stack([np.cross(along, front), along, front], axis=1)
    return origins, axes
