"""Vary a labelled clip in space and time: pixels, boxes, joints and masks move together.

Every function takes a clip and gives another; nothing is random. Not here: what changes pixels but
not places (:mod:`posetube.datasets.training.augment_pixels`), chance
(:mod:`posetube.datasets.training.augment`).
"""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from posetube import boxes as box
from posetube.errors import InputError
from posetube.structures import BoolArray, ByteArray, FloatArray, JointState

from .labelled_clip import LabelledClip

Matrix = npt.NDArray[np.float64]

PADDING = 114
"""Grey of what lies outside a picture; the embedded model pads with the same."""

LEAST_VISIBLE = 0.1
"""Boxes of which a smaller share is left inside the picture are dropped (their joints stay)."""


def flip(clip: LabelledClip) -> LabelledClip:
    """Mirror left and right; joints change sides, so that a left wrist stays one by name."""
    width = clip.size[1]
    order = clip.skeleton.flip
    points = clip.keypoints[:, :, order].copy()
    points[..., 0] = width - points[..., 0]
    return replace(
        clip,
        images=np.ascontiguousarray(clip.images[:, :, ::-1]),
        boxes=_mirrored(clip.boxes, width),
        keypoints=points,
        joint_states=clip.joint_states[:, :, order],
        masks=None if clip.masks is None else np.ascontiguousarray(clip.masks[..., ::-1]),
        ignore=None if clip.ignore is None else _mirrored(clip.ignore, width),
    )


def _mirrored(boxes: FloatArray, width: int) -> FloatArray:
    mirrored = boxes.copy()
    mirrored[..., [0, 2]] = width - boxes[..., [2, 0]]
    return mirrored


def scale(clip: LabelledClip, factor: float, *, size: tuple[int, int]) -> LabelledClip:
    """Enlarge by ``factor`` about the middle, on a canvas of ``size`` (H, W)."""
    return warp(clip, placement(clip.size, size, factor=factor), size=size)


def rotate(clip: LabelledClip, degrees: float) -> LabelledClip:
    """Turn clockwise about the middle; the picture keeps its size."""
    return warp(clip, placement(clip.size, clip.size, degrees=degrees), size=clip.size)


def crop(clip: LabelledClip, *, top: int, left: int, size: tuple[int, int]) -> LabelledClip:
    """Cut a window of ``size`` (H, W) out; where it reaches beyond the picture, it is grey."""
    matrix = np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])
    return warp(clip, matrix, size=size)


def placement(
    source: tuple[int, int],
    target: tuple[int, int],
    *,
    factor: float = 1.0,
    degrees: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Matrix:
    """(3, 3) map that puts the middle of a picture on the middle of a canvas.

    Args:
        source: (H, W) of the picture, pixels.
        target: (H, W) of the canvas.
        factor: Enlargement.
        degrees: Turn, clockwise.
        shift: x, y on the canvas, pixels.
    """
    angle = np.deg2rad(degrees)
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([target[1], target[0]]) / 2 + np.array(shift)
    offset = middle - linear @ (np.array([source[1], source[0]]) / 2)
    return np.vstack([np.column_stack([linear, offset]), [0, 0, 1]])


def warp(clip: LabelledClip, matrix: Matrix, *, size: tuple[int, int]) -> LabelledClip:
    """Move a clip onto a canvas by an affine map of continuous pixel coordinates.

    Joints that leave the canvas become absent, boxes are cut at its border. A turned box takes the
    extent of the ellipse in it, since nobody fills the corners.

    Args:
        clip: The clip.
        matrix: (3, 3), or (T, 3, 3) for another map in every frame (a camera that moves).
        size: (H, W) of the canvas, pixels.

    Raises:
        InputError: If the shape of ``matrix`` is another, or ``size`` is not above 0.
    """
    t = len(clip)
    if matrix.shape not in ((3, 3), (t, 3, 3)) or min(size) < 1:
        raise InputError(
            f"warp: expected a matrix of shape (3, 3) or ({t}, 3, 3) and a size above 0, "
            f"got {matrix.shape} and {size}"
        )
    maps = np.broadcast_to(matrix, (t, 3, 3))
    linear, offset = maps[:, :2, :2], maps[:, :2, 2]
    points = np.einsum("tij,ntkj->ntki", linear, clip.keypoints) + offset[:, None]
    inside = ((points >= 0) & (points < np.array([size[1], size[0]]))).all(axis=-1)
    return replace(
        clip,
        images=np.stack(
            [
                _resampled(i, m, size, cv2.INTER_LINEAR)
                for i, m in zip(clip.images, maps, strict=True)
            ]
        ),
        boxes=_moved(clip.boxes, maps, size),
        keypoints=np.where(inside[..., None], points, np.nan).astype(np.float32),
        joint_states=np.where(inside, clip.joint_states, JointState.ABSENT).astype(np.uint8),
        masks=None if clip.masks is None else _moved_masks(clip.masks, maps, size),
        ignore=None if clip.ignore is None else _moved(clip.ignore, maps, size),
    )


def _resampled(image: ByteArray, matrix: Matrix, size: tuple[int, int], how: int) -> ByteArray:
    # OpenCV's pixel i has its centre at i, ours at i + 0.5.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ matrix @ half
    fill = (PADDING,) * 3 if image.ndim == 3 else 0
    moved = cv2.warpAffine(image, matrix[:2], size[::-1], flags=how, borderValue=fill)
    return np.asarray(moved, np.uint8)


def _moved_masks(masks: BoolArray, maps: Matrix, size: tuple[int, int]) -> BoolArray:
    moved = np.zeros((*masks.shape[:2], *size), np.bool_)
    for n, t in np.ndindex(*masks.shape[:2]):
        moved[n, t] = _resampled(masks[n, t].view(np.uint8), maps[t], size, cv2.INTER_NEAREST) > 0
    return moved


def _moved(boxes: FloatArray, maps: Matrix, size: tuple[int, int]) -> FloatArray:
    linear, offset = maps[:, :2, :2], maps[:, :2, 2]
    middle = np.einsum("tij,ntj->nti", linear, (boxes[..., :2] + boxes[..., 2:]) / 2) + offset
    half = (boxes[..., 2:] - boxes[..., :2]) / 2
    extent = np.sqrt(np.einsum("tij,ntj->nti", linear**2, half**2))
    whole = np.concatenate([middle - extent, middle + extent], axis=-1)
    cut = box.clip(whole, height=size[0], width=size[1])
    with np.errstate(invalid="ignore"):
        gone = box.area(cut) < LEAST_VISIBLE * np.maximum(box.area(whole), 1e-6)
    return np.where(gone[..., None], np.nan, cut).astype(np.float32)


def reverse(clip: LabelledClip) -> LabelledClip:
    """Play backwards; the times rise still, and the gaps between them follow what is shown."""
    times = clip.times[0] + clip.times[-1] - clip.times[::-1]
    return replace(_at(clip, np.arange(len(clip))[::-1]), times=times)


def stride(clip: LabelledClip, step: int, *, first: int = 0) -> LabelledClip:
    """Keep every ``step``-th frame from ``first`` on: the same motion, faster.

    Raises:
        InputError: If ``step`` is below 1, or ``first`` is no frame of the clip.
    """
    if step < 1 or not 0 <= first < len(clip):
        raise InputError(
            f"stride: step must be 1 or more and first in [0, {len(clip)}), got {step} and {first}"
        )
    return _at(clip, np.arange(first, len(clip), step))


def _at(clip: LabelledClip, frames: npt.NDArray[np.int64]) -> LabelledClip:
    return replace(
        clip,
        images=clip.images[frames],
        times=np.sort(clip.times[frames]),
        boxes=clip.boxes[:, frames],
        keypoints=clip.keypoints[:, frames],
        joint_states=clip.joint_states[:, frames],
        masks=None if clip.masks is None else clip.masks[:, frames],
        ignore=None if clip.ignore is None else clip.ignore[:, frames],
    )


def mosaic(
    clips: tuple[LabelledClip, LabelledClip, LabelledClip, LabelledClip],
    *,
    size: tuple[int, int],
    split: tuple[float, float] = (0.5, 0.5),
) -> LabelledClip:
    """Four clips side by side: each is scaled to its quarter of the canvas.

    Masks are kept where all four have them.

    Args:
        clips: Top left, top right, bottom left, bottom right; of one length and joint set.
        size: (H, W) of the canvas, pixels.
        split: Where the quarters meet, y and x, as shares of the canvas, in (0, 1).

    Raises:
        InputError: If lengths or joint sets differ, or a quarter has no pixels.
    """
    if len({(len(clip), clip.skeleton.name) for clip in clips}) != 1:
        found = [(len(clip), clip.skeleton.name) for clip in clips]
        raise InputError(f"mosaic: clips must have one length and one joint set, got {found}")
    y, x = round(size[0] * split[0]), round(size[1] * split[1])
    if not (0 < y < size[0] and 0 < x < size[1]):
        raise InputError(f"mosaic: every quarter needs pixels, got split {split} of {size}")
    windows = [(0, y, 0, x), (0, y, x, size[1]), (y, size[0], 0, x), (y, size[0], x, size[1])]
    quarters = [_quarter(clip, window, size) for clip, window in zip(clips, windows, strict=True)]
    images = np.full((len(clips[0]), *size, 3), PADDING, np.uint8)
    for quarter, (top, bottom, left, right) in zip(quarters, windows, strict=True):
        images[:, top:bottom, left:right] = quarter.images[:, top:bottom, left:right]
    regions = [quarter.ignore for quarter in quarters if quarter.ignore is not None]
    masks = [quarter.masks for quarter in quarters if quarter.masks is not None]
    return replace(
        quarters[0],
        images=images,
        boxes=np.concatenate([quarter.boxes for quarter in quarters]),
        keypoints=np.concatenate([quarter.keypoints for quarter in quarters]),
        joint_states=np.concatenate([quarter.joint_states for quarter in quarters]),
        masks=np.concatenate(masks) if len(masks) == 4 else None,
        ignore=np.concatenate(regions) if regions else None,
    )


def _quarter(
    clip: LabelledClip, window: tuple[int, int, int, int], size: tuple[int, int]
) -> LabelledClip:
    """A clip scaled to a window (top, bottom, left, right) and cut by it, on the whole canvas."""
    top, bottom, left, right = window
    inner = (bottom - top, right - left)
    factor = min(inner[0] / clip.size[0], inner[1] / clip.size[1])
    fitted = scale(clip, factor, size=inner)
    return crop(fitted, top=-top, left=-left, size=size)
