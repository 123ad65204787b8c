"""How a labelled picture is varied before a network sees it: place, mosaic, colours.

One affine map takes a picture to the canvas, so that it is resampled once. Everything random comes
from the generator that is passed. Not here: clips (:mod:`posetube.datasets.training.augment`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from posetube import boxes as box
from posetube.errors import InputError
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import BoolArray, ByteArray, FloatArray, IntArray

from .training_pictures import LabelledPicture

PADDING = 114
"""Grey of what lies outside a picture; the embedded model pads with the same."""

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PictureAugmentConfig:
    """How far a picture may be from the original; shares are probabilities in [0, 1]."""

    flip_share: float = 0.5
    """How often left and right are exchanged."""

    scale: Range = (0.6, 1.9)
    """Enlargement, relative to the picture fitting the canvas exactly."""

    aim_share: float = 0.6
    """How often the canvas is laid over one of the people, not anywhere."""

    rotate_share: float = 0.4
    """How often the picture is turned."""

    rotate_degrees: float = 12.0
    """Largest turn, either way."""

    mosaic_share: float = 0.35
    """How often four pictures share the canvas."""

    brightness: float = 0.15
    """Largest change, as a fraction of white, either way."""

    contrast: float = 0.25
    """Largest relative change, either way."""

    saturation: float = 0.4
    """Largest relative change, either way."""

    channel_gain: float = 0.08
    """Largest relative change of each of red, green, blue, either way."""

    grey_share: float = 0.08
    """How often the colours are taken away."""

    blur_share: float = 0.12
    """How often the picture is blurred."""

    least_visible: float = 0.3
    """People of whose box less than this lies inside the canvas are ignored, in [0, 1]."""

    least_side: float = 8.0
    """People with a shorter box side are ignored, pixels."""

    def __post_init__(self) -> None:
        shares = ("flip", "aim", "rotate", "mosaic", "grey", "blur")
        for name in (*(f"{s}_share" for s in shares), "least_visible"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"PictureAugmentConfig.{name} must be in [0, 1], got {value}")
        low, high = self.scale
        if not 0 < low <= high:
            raise InputError(f"PictureAugmentConfig.scale must rise from above 0, got {self.scale}")


def augment(
    draw: Callable[[], LabelledPicture],
    *,
    size: tuple[int, int],
    config: PictureAugmentConfig,
    rng: np.random.Generator,
    joints: Skeleton = COCO17,
) -> LabelledPicture:
    """Make one canvas to train on.

    Args:
        draw: Gives the next picture; called once, or four times for a mosaic.
        size: Height and width of the canvas, pixels.
        config: How far to go.
        rng: Source of everything random.
        joints: Joint set of the pictures; says which change places in the flip.
    """
    if rng.random() < config.mosaic_share:
        canvas = _mosaic(draw, size=size, config=config, pairs=joints.flip, rng=rng)
    else:
        canvas = place(draw(), size=size, config=config, pairs=joints.flip, rng=rng)
    return replace(canvas, image=recolour(canvas.image, config=config, rng=rng))


def place(
    picture: LabelledPicture,
    *,
    size: tuple[int, int],
    config: PictureAugmentConfig,
    pairs: IntArray,
    rng: np.random.Generator,
) -> LabelledPicture:
    """Flip, turn, scale and move a picture onto a canvas of ``size`` (H, W).

    ``pairs`` (K,) is the index of each joint's counterpart. What leaves the canvas is clipped, or
    ignored where too little of it is left.
    """
    flip = rng.random() < config.flip_share
    matrix = _placement(picture, size=size, config=config, rng=rng)
    if flip:
        matrix = matrix @ np.array([[-1, 0, picture.size[1]], [0, 1, 0], [0, 0, 1.0]])
    image = cv2.warpAffine(
        picture.image,
        _for_pixel_centres(matrix)[:2],
        (size[1], size[0]),
        flags=cv2.INTER_LINEAR,
        borderValue=(PADDING, PADDING, PADDING),
    )
    points = picture.keypoints @ matrix[:2, :2].T + matrix[:2, 2]
    order = pairs if flip else np.arange(len(pairs))
    moved = LabelledPicture(
        image=np.asarray(image, np.uint8),
        boxes=_move_boxes(picture.boxes, matrix),
        keypoints=points[:, order].astype(np.float32),
        keypoint_weights=picture.keypoint_weights[:, order],
        ignore=_move_boxes(picture.ignore, matrix),
    )
    return _clip(moved, config=config)


def _placement(
    picture: LabelledPicture,
    *,
    size: tuple[int, int],
    config: PictureAugmentConfig,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Draw the (3, 3) map from the picture to the canvas, flip apart."""
    height, width = picture.size
    fit = min(size[0] / height, size[1] / width)
    scale = fit * np.exp(rng.uniform(*np.log(config.scale)))
    turned = rng.random() < config.rotate_share
    angle = np.deg2rad(rng.uniform(-1, 1) * config.rotate_degrees) if turned else 0.0
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    canvas = np.array([size[1], size[0]])
    if len(picture.boxes) and rng.random() < config.aim_share:
        person = picture.boxes[rng.integers(len(picture.boxes))]
        source = (person[:2] + person[2:]) / 2
        target = canvas * rng.uniform(0.25, 0.75, 2)
    else:
        source = np.array([width, height]) / 2
        slack = np.abs(canvas - scale * np.array([width, height])) / 2
        target = canvas / 2 + rng.uniform(-1, 1, 2) * slack
    return np.vstack([np.column_stack([linear, target - linear @ source]), [0, 0, 1]])


def _for_pixel_centres(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same map for OpenCV, whose pixel i has its centre at i, not at i + 0.5."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.asarray(np.linalg.inv(half) @ matrix @ half)


def _move_boxes(boxes: FloatArray, matrix: npt.NDArray[np.float64]) -> FloatArray:
    """Move boxes; a turned one takes the extent of the ellipse in it: nobody fills the corners."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:2, :2].T + matrix[:2, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    extent = np.sqrt(half**2 @ (matrix[:2, :2] ** 2).T)
    return np.concatenate([centre - extent, centre + extent], axis=1).astype(np.float32)


def _clip(picture: LabelledPicture, *, config: PictureAugmentConfig) -> LabelledPicture:
    """Cut everything at the canvas' border; who is hardly left becomes a region to ignore."""
    height, width = picture.size
    clipped = box.clip(picture.boxes, height=height, width=width).astype(np.float32)
    left = box.area(clipped) / np.maximum(box.area(picture.boxes), 1e-6)
    short = (clipped[:, 2:] - clipped[:, :2]).min(axis=1, initial=np.inf)
    keep = (left >= config.least_visible) & (short >= config.least_side)
    regions = np.concatenate([clipped[~keep], box.clip(picture.ignore, height=height, width=width)])
    inside = _inside(picture.keypoints[keep], height=height, width=width)
    return LabelledPicture(
        image=picture.image,
        boxes=clipped[keep],
        keypoints=np.where(inside[..., None], picture.keypoints[keep], np.nan).astype(np.float32),
        keypoint_weights=np.where(inside, picture.keypoint_weights[keep], 0).astype(np.float32),
        ignore=regions[box.area(regions) > 0].astype(np.float32),
    )


def _inside(points: FloatArray, *, height: float, width: float) -> BoolArray:
    x, y = points[..., 0], points[..., 1]
    with np.errstate(invalid="ignore"):
        return np.asarray((x >= 0) & (x < width) & (y >= 0) & (y < height))


def _mosaic(
    draw: Callable[[], LabelledPicture],
    *,
    size: tuple[int, int],
    config: PictureAugmentConfig,
    pairs: IntArray,
    rng: np.random.Generator,
) -> LabelledPicture:
    """Four pictures, each placed on its own part of the canvas."""
    middle_y, middle_x = (int(side * rng.uniform(0.35, 0.65)) for side in size)
    spans = [(0, 0, middle_y, middle_x), (0, middle_x, middle_y, size[1])]
    spans += [(middle_y, 0, size[0], middle_x), (middle_y, middle_x, size[0], size[1])]
    canvas = np.empty((*size, 3), np.uint8)
    parts = []
    for top, left, bottom, right in spans:
        part = place(draw(), size=(bottom - top, right - left), config=config, pairs=pairs, rng=rng)
        canvas[top:bottom, left:right] = part.image
        parts.append(_shift(part, left, top))
    return LabelledPicture(
        image=canvas,
        boxes=np.concatenate([part.boxes for part in parts]),
        keypoints=np.concatenate([part.keypoints for part in parts]),
        keypoint_weights=np.concatenate([part.keypoint_weights for part in parts]),
        ignore=np.concatenate([part.ignore for part in parts]),
    )


def _shift(picture: LabelledPicture, x: float, y: float) -> LabelledPicture:
    offset = np.array([x, y, x, y], np.float32)
    return replace(
        picture,
        boxes=picture.boxes + offset,
        keypoints=picture.keypoints + offset[:2],
        ignore=picture.ignore + offset,
    )


def recolour(
    image: ByteArray, *, config: PictureAugmentConfig, rng: np.random.Generator
) -> ByteArray:
    """Change brightness, contrast, saturation and the channels' gains; (H, W, 3) in and out."""
    level, contrast, saturation = rng.uniform(-1, 1, 3)
    gains = 1 + config.channel_gain * rng.uniform(-1, 1, 3)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    keep = 0.0 if rng.random() < config.grey_share else 1 + config.saturation * saturation
    ramp = (np.arange(256) - 128) * (1 + config.contrast * contrast) + 128
    table = ramp[:, None] * gains + 255 * config.brightness * level
    table = np.clip(table, 0, 255).astype(np.uint8)[None]
    changed = cv2.LUT(cv2.addWeighted(image, keep, grey, 1 - keep, 0), table)
    if rng.random() < config.blur_share:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.4, 1.4))
    return np.asarray(changed, np.uint8)
