"""Varies a labelled clip in space and time: pixels, boxes, joints, masks and regions move together.

Every function takes clips and gives one; nothing is random. Not here: what changes pixels but not
positions (:mod:`posetube.datasets.training.augment_pixels`), chance
(:mod:`posetube.datasets.training.augment`).
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from posetube import boxes as box
from posetube.errors import InputError
from posetube.records import take_rows
from posetube.structures import BoolArray, ByteArray, DoubleArray, FloatArray, JointState

from .labelled_clip import LabelledClip, join_clips

Matrix = DoubleArray

Point = DoubleArray
"""(2,) x y, pixels."""

PADDING = 114
"""Grey of what lies outside a picture; the embedded model pads with the same."""

_PER_JOINT = ("keypoints", "joint_states", "keypoint_weights")
_PER_FRAME = ("boxes", "masks", "ignore", *_PER_JOINT)


def flip(clip: LabelledClip) -> LabelledClip:
    """Mirror left and right; joints change sides, so that a left wrist stays one by name."""
    width = clip.size[1]
    swapped = take_rows(clip, np.s_[:, :, clip.skeleton.flip], columns=_PER_JOINT)
    return replace(
        swapped,
        images=np.stack([cv2.flip(image, 1) for image in clip.images]),
        boxes=_mirrored(clip.boxes, width),
        keypoints=_mirrored_points(swapped.keypoints, width),
        masks=None if clip.masks is None else np.ascontiguousarray(clip.masks[..., ::-1]),
        ignore=_mirrored(clip.ignore, width),
    )


def _mirrored(boxes: FloatArray, width: int) -> FloatArray:
    mirrored = boxes.copy()
    mirrored[..., [0, 2]] = width - boxes[..., [2, 0]]
    return mirrored


def _mirrored_points(points: FloatArray, width: int) -> FloatArray:
    mirrored = points.copy()
    mirrored[..., 0] = width - points[..., 0]
    return mirrored


def reverse(clip: LabelledClip) -> LabelledClip:
    """Play backwards; the times still rise, and the gaps between them follow what is shown."""
    turned = take_rows(clip, np.s_[:, ::-1], columns=_PER_FRAME)
    times = clip.times[0] + clip.times[-1] - clip.times[::-1]
    return replace(turned, images=clip.images[::-1], times=times)


def scale(clip: LabelledClip, factor: float, *, size: tuple[int, int]) -> LabelledClip:
    """Enlarge by ``factor`` about the middle, on a canvas of ``size`` (H, W)."""
    matrix = placement(factor=factor, source=middle(clip.size), target=middle(size))
    return cut(warp(clip, matrix, size=size))


def crop(clip: LabelledClip, *, top: int, left: int, size: tuple[int, int]) -> LabelledClip:
    """Cut a window of ``size`` (H, W) out; where it reaches beyond the picture, it is grey."""
    matrix = np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])
    return cut(warp(clip, matrix, size=size))


def shrink(clip: LabelledClip, *, long_side: int) -> LabelledClip:
    """Reduce the frames to ``long_side`` pixels at most; pixels that fall together are averaged."""
    factor = min(1.0, long_side / max(clip.size))
    height, width = (max(1, round(side * factor)) for side in clip.size)
    matrix = np.diag([width / clip.size[1], height / clip.size[0], 1.0])
    images = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
              for image in clip.images]  # fmt: skip
    return _moved(clip, np.repeat(matrix[None], len(clip), axis=0), np.stack(images))


def middle(size: tuple[int, int]) -> Point:
    """The point in the middle of a picture of ``size`` (H, W)."""
    return np.array([size[1], size[0]]) / 2


def placement(*, factor: float = 1.0, degrees: float = 0.0, source: Point, target: Point) -> Matrix:
    """(3, 3) map that puts a point of a picture on a point of a canvas.

    Args:
        factor: Enlargement.
        degrees: Turn, clockwise.
        source: The point of the picture.
        target: Where it comes to lie.
    """
    angle = np.deg2rad(degrees)
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.vstack([np.column_stack([linear, target - linear @ source]), [0, 0, 1]])


def warp(clip: LabelledClip, matrix: Matrix, *, size: tuple[int, int]) -> LabelledClip:
    """Move a clip onto a canvas by an affine map of continuous pixel coordinates.

    Labels may lie outside the canvas afterwards; :func:`cut` ends them at its border. A turned box
    takes the extent of the ellipse in it, since nobody fills the corners.

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
    frames = zip(clip.images, maps, strict=True)
    images = [_resampled(image, each, size, cv2.INTER_LINEAR) for image, each in frames]
    return _moved(clip, maps, np.stack(images))


def _moved(clip: LabelledClip, maps: Matrix, images: ByteArray) -> LabelledClip:
    """A clip whose pictures are on the canvas already: everything else follows, frame by frame."""
    linear, offset = maps[:, :2, :2], maps[:, :2, 2]
    points = np.einsum("tij,ntkj->ntki", linear, clip.keypoints) + offset[:, None]
    return replace(
        clip,
        images=images,
        boxes=_moved_boxes(clip.boxes, maps),
        keypoints=points.astype(np.float32),
        masks=None if clip.masks is None else _moved_masks(clip.masks, maps, images.shape[1:3]),
        ignore=_moved_boxes(clip.ignore, maps),
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


def _moved_boxes(boxes: FloatArray, maps: Matrix) -> FloatArray:
    linear, offset = maps[:, :2, :2], maps[:, :2, 2]
    centre = np.einsum("tij,ntj->nti", linear, (boxes[..., :2] + boxes[..., 2:]) / 2) + offset
    half = (boxes[..., 2:] - boxes[..., :2]) / 2
    extent = np.sqrt(np.einsum("tij,ntj->nti", linear**2, half**2))
    return np.concatenate([centre - extent, centre + extent], axis=-1).astype(np.float32)


def cut(clip: LabelledClip, *, least_visible: float = 0.0, least_side: float = 0.0) -> LabelledClip:
    """End everything at the border of the frames; what lies outside is absent.

    Args:
        clip: Its labels may lie outside its frames.
        least_visible: People of whose box a smaller share is left in a frame, in [0, 1], are absent
            from it, and the rest of the box becomes a region to ignore.
        least_side: The same for people with a shorter box side, pixels.
    """
    height, width = clip.size
    boxes, inside = clip.boxes_inside, _within(clip.keypoints, clip.size)
    whole, side = box.area(clip.boxes), (boxes[..., 2:] - boxes[..., :2]).min(axis=-1)
    # A sliver of a person is neither somebody to find nor background.
    enough = (box.area(boxes) >= least_visible * whole) & (side >= least_side)
    kept = clip.present & enough
    remnants = np.where((clip.present & ~enough)[..., None], boxes, np.nan)
    regions = np.concatenate([box.clip(clip.ignore, height=height, width=width), remnants])
    somewhere = (box.area(regions) > 0).any(axis=1)
    return replace(
        clip,
        boxes=np.where(kept[..., None], boxes, np.nan).astype(np.float32),
        keypoints=np.where(inside[..., None], clip.keypoints, np.nan).astype(np.float32),
        joint_states=np.where(inside, clip.joint_states, JointState.ABSENT).astype(np.uint8),
        ignore=regions[somewhere].astype(np.float32),
    )


def _within(points: FloatArray, size: tuple[int, int]) -> BoolArray:
    """(...,) whether points lie in a picture of ``size`` (H, W); NaN does not."""
    return np.asarray(((points >= 0) & (points < np.array(size[::-1]))).all(axis=-1))


Window = tuple[int, int, int, int]
"""Top, bottom, left, right, pixels."""


def quarters(size: tuple[int, int], split: tuple[float, float] = (0.5, 0.5)) -> list[Window]:
    """Top left, top right, bottom left and bottom right of a canvas.

    Args:
        size: (H, W) of the canvas, pixels.
        split: Where the quarters meet, y and x, as shares of the canvas, in (0, 1).

    Raises:
        InputError: If a quarter has no pixels.
    """
    y, x = round(size[0] * split[0]), round(size[1] * split[1])
    if not (0 < y < size[0] and 0 < x < size[1]):
        raise InputError(f"mosaic: every quarter needs pixels, got split {split} of {size}")
    return [(0, y, 0, x), (0, y, x, size[1]), (y, size[0], 0, x), (y, size[0], x, size[1])]


def mosaic(
    clips: Sequence[LabelledClip],
    *,
    size: tuple[int, int],
    split: tuple[float, float] = (0.5, 0.5),
) -> LabelledClip:
    """Four clips side by side; masks are kept where all four have them.

    Args:
        clips: One for each of :func:`quarters`, as large as it; of one length and joint set.
        size: (H, W) of the canvas, pixels.
        split: Where the quarters meet, see :func:`quarters`.

    Raises:
        InputError: If sizes, lengths or joint sets do not fit, or a quarter has no pixels.
    """
    if len({(len(clip), clip.skeleton.name) for clip in clips}) != 1:
        found = [(len(clip), clip.skeleton.name) for clip in clips]
        raise InputError(f"mosaic: clips must have one length and one joint set, got {found}")
    windows = quarters(size, split)
    inner = [(bottom - top, right - left) for top, bottom, left, right in windows]
    if [clip.size for clip in clips] != inner:
        got = [clip.size for clip in clips]
        raise InputError(f"mosaic: expected clips of {inner} pixels, got {got}")
    images = np.empty((len(clips[0]), *size, 3), np.uint8)
    for clip, (top, bottom, left, right) in zip(clips, windows, strict=True):
        images[:, top:bottom, left:right] = clip.images
    parts = [_in_window(clip, images, window) for clip, window in zip(clips, windows, strict=True)]
    return join_clips(parts)


def _in_window(clip: LabelledClip, canvas: ByteArray, window: Window) -> LabelledClip:
    """A clip's labels on the whole canvas, where the window lies."""
    top, bottom, left, right = window
    offset = np.array([left, top, left, top], np.float32)
    masks = None
    if clip.masks is not None:
        masks = np.zeros((*clip.masks.shape[:2], *canvas.shape[1:3]), np.bool_)
        masks[..., top:bottom, left:right] = clip.masks
    return replace(
        clip,
        images=canvas,
        boxes=clip.boxes + offset,
        keypoints=clip.keypoints + offset[:2],
        masks=masks,
        ignore=clip.ignore + offset,
    )
