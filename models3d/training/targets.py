"""What the network should have said: which tubes are people, where their boxes and joints are.

Pure functions of tensors for tubes of any length T >= 1. Axis letters: A candidate tubes (anchors
or RoIs), N people, M regions to ignore, T frames, K joints, S side of a heatmap in cells. A person
who is absent from a frame has no box there, and nothing in that frame counts.

Not here: which of the labelled tubes are used (:mod:`.sampling`), what a miss costs
(:mod:`.losses`).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from posetube.errors import InputError

from ..box_coding import BoxConvention, areas
from ..tube_nms import tube_iou

Average = Literal["present", "all"]
"""Over which frames the overlap of two tubes is averaged."""

POSITIVE, NEGATIVE, UNUSED = 1, 0, -1


@dataclass(frozen=True, kw_only=True, slots=True)
class TubeTruth:
    """The N people of one clip, and where nobody knows."""

    boxes: Tensor
    """(N, T, 4) x1 y1 x2 y2, network pixels; zeros where the person is absent."""

    present: Tensor
    """(N, T) bool."""

    keypoints: Tensor
    """(N, T, K, 2) x y, network pixels; any value where the weight is 0."""

    keypoint_weights: Tensor
    """(N, T, K) how much each joint counts, in [0, 1]; 0 where it is not known."""

    ignore: Tensor
    """(M, T, 4) regions that are neither person nor background."""

    def __post_init__(self) -> None:
        if self.keypoints.ndim != 4:
            got = tuple(self.keypoints.shape)
            raise InputError(f"TubeTruth.keypoints: expected (N, T, K, 2), got {got}")
        n, t, k, _ = self.keypoints.shape
        expected = {
            "boxes": (n, t, 4),
            "present": (n, t),
            "keypoint_weights": (n, t, k),
            "ignore": (len(self.ignore), t, 4),
        }
        for name, shape in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise InputError(f"TubeTruth.{name}: expected shape {shape}, got {got}")

    def to(self, device: torch.device) -> "TubeTruth":
        """The same on another device."""
        return TubeTruth(
            boxes=self.boxes.to(device),
            present=self.present.to(device),
            keypoints=self.keypoints.to(device),
            keypoint_weights=self.keypoint_weights.to(device),
            ignore=self.ignore.to(device),
        )


@dataclass(frozen=True, kw_only=True)
class MatchConfig:
    """When a tube counts as a person."""

    positive: float = 0.7
    """A tube that overlaps a person's at least this much, in [0, 1], is that person."""

    negative: float = 0.3
    """A tube that overlaps everybody's less than this, in [0, 1], is background."""

    keep_best: bool = True
    """Whether the tubes that overlap a person most are that person, however little it is."""

    average: Average = "present"
    """``present``: overlap is averaged over the frames in which the person is; ``all``: over all
    frames, as published, so that a person who is absent from many frames has no tube."""

    ignored: float = 0.5
    """A tube of which more than this, in [0, 1], lies in a region to ignore is not background."""

    convention: BoxConvention = "continuous"
    """Pixel arithmetic."""

    def __post_init__(self) -> None:
        for name in ("positive", "negative", "ignored"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"MatchConfig.{name} must be in [0, 1], got {value}")
        if self.negative > self.positive:
            raise InputError(
                f"MatchConfig.negative must not exceed positive {self.positive}, "
                f"got {self.negative}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """Which person each of A tubes belongs to."""

    labels: Tensor
    """(A,) int64: 1 a person, 0 background, -1 neither."""

    person: Tensor
    """(A,) int64 index of the person that the tube overlaps most; 0 where there is nobody."""

    overlap: Tensor
    """(A,) that overlap, in [0, 1]."""

    background: Tensor
    """(A,) bool, overlaps everybody too little; a person's best tube may be among them."""


def match(tubes: Tensor, truth: TubeTruth, *, config: MatchConfig) -> Matches:
    """Decide for each tube whether it is a person, background, or neither.

    Args:
        tubes: (A, T, 4) anchors or RoIs, network pixels.
        truth: The people of the clip, possibly none.
        config: Thresholds.
    """
    if len(truth.boxes):
        present = truth.present if config.average == "present" else None
        overlap = tube_iou(tubes, truth.boxes, present=present, convention=config.convention)
    else:
        overlap = tubes.new_zeros(len(tubes), 1)
    best, person = overlap.max(dim=1)
    background = (best < config.negative) & ~_ignored(tubes, truth, config)
    labels = torch.full_like(person, UNUSED)
    labels[background] = NEGATIVE
    positive = best >= config.positive
    if config.keep_best and len(truth.boxes) and len(tubes):
        most = overlap.amax(dim=0)
        positive |= ((overlap == most) & (most > 0)).any(dim=1)
    labels[positive & (best > 0)] = POSITIVE
    return Matches(labels=labels, person=person, overlap=best, background=background)


def _ignored(tubes: Tensor, truth: TubeTruth, config: MatchConfig) -> Tensor:
    """(A,) whether most of a tube lies in a region to ignore."""
    if not len(truth.ignore):
        return torch.zeros(len(tubes), dtype=torch.bool, device=tubes.device)
    low = torch.maximum(tubes[:, None, :, :2], truth.ignore[None, ..., :2])
    high = torch.minimum(tubes[:, None, :, 2:], truth.ignore[None, ..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    inside = shared / areas(tubes)[:, None].clamp(min=1e-9)
    return inside.mean(dim=2).amax(dim=1) > config.ignored


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatmapTarget:
    """Where each joint lies on its map, as two factors whose outer product is the target."""

    rows: Tensor
    """(R, T, K, S) share of each row, sum 1."""

    columns: Tensor
    """(R, T, K, S) share of each column, sum 1."""

    weights: Tensor
    """(R, T, K) how much the joint counts; 0 where it is not known, or outside the box."""


def heatmap_target(
    keypoints: Tensor, weights: Tensor, rois: Tensor, *, side: int, spread: float | None
) -> HeatmapTarget:
    """Lay joints onto the S x S cells of their RoIs.

    Args:
        keypoints: (R, T, K, 2) x y, the pixels of ``rois``.
        weights: (R, T, K).
        rois: (R, T, 4).
        side: S, in cells.
        spread: Standard deviation in cells of a Gaussian around the exact place; None puts all
            into the one cell that holds the joint (as published).
    """
    size = (rois[..., 2:] - rois[..., :2]).clamp(min=1e-3)
    place = (keypoints - rois[..., None, :2]) / size[..., None, :] * side
    place = place.nan_to_num(nan=-1.0)
    # A joint on the right or lower edge belongs to the last cell.
    inside = ((place >= 0) & (place <= side)).all(dim=-1)
    factors = _gaussian(place, side, spread) if spread else _one_hot(place, side)
    return HeatmapTarget(
        rows=factors[..., 1, :], columns=factors[..., 0, :], weights=weights * inside
    )


def _gaussian(place: Tensor, side: int, spread: float) -> Tensor:
    centres = torch.arange(side, device=place.device) + 0.5
    square = (centres - place[..., None]).square() / (2 * spread**2)
    return (-square).softmax(dim=-1)


def _one_hot(place: Tensor, side: int) -> Tensor:
    cell = place.floor().clamp(0, side - 1).long()
    return torch.nn.functional.one_hot(cell, side).to(place.dtype)
