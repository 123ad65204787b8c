"""Training targets of tubes: which of them are people, their boxes, and in which frames they are.

Pure functions of tensors for tubes of any length T >= 1. Axis letters: A candidate tubes (anchors
or RoIs), P of them that are people, N people, M regions to ignore, T frames, K joints. A person who
is absent from a frame has no box there, and nothing in that frame counts.

Not here: targets of joints (:mod:`.heatmap_targets`), the choice of tubes (:mod:`.sampling`,
:mod:`.rois`), the losses (:mod:`.losses`).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from ..box_coding import BoxConvention, Weights, areas, encode_boxes
from ..tube_nms import tube_iou

Average = Literal["present", "all"]
"""The frames over which the overlap of two tubes is averaged."""

AbsentBoxes = Literal["free", "origin"]
"""The target of a box in a frame without its person. ``free``: none, it costs nothing.
``origin``: one pixel at the origin, as published."""

POSITIVE, NEGATIVE, UNUSED = 1, 0, -1


@dataclass(frozen=True, kw_only=True, slots=True)
class TubeTruth:
    """The N people of one clip, and the regions that nobody labelled."""

    boxes: Tensor
    """(N, T, 4) x1 y1 x2 y2, network pixels; zeros where the person is absent."""

    present: Tensor
    """(N, T) bool."""

    keypoints: Tensor
    """(N, T, K, 2) x y, network pixels; any value if the weight is 0."""

    keypoint_weights: Tensor
    """(N, T, K) weight of each joint in the loss, in [0, 1]; 0 if it is not known."""

    ignore: Tensor
    """(M, T, 4) regions that count neither as person nor as background."""

    masks: Tensor | None = None
    """(N, T, H, W) bool, the network's pixels that each person covers; no pixel in a frame where
    that is not known. None: not known of anybody."""

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
        if self.masks is not None and (self.masks.ndim, *self.masks.shape[:2]) != (4, n, t):
            got = tuple(self.masks.shape)
            raise InputError(f"TubeTruth.masks: expected ({n}, {t}, H, W), got {got}")

    @property
    def known_joints(self) -> Tensor:
        """(N, T, K) the joints' weights, 0 where the person is absent."""
        return self.keypoint_weights * self.present[..., None]

    def to(self, device: torch.device) -> "TubeTruth":
        """The same on another device."""
        return TubeTruth(
            boxes=self.boxes.to(device),
            present=self.present.to(device),
            keypoints=self.keypoints.to(device),
            keypoint_weights=self.keypoint_weights.to(device),
            ignore=self.ignore.to(device),
            masks=None if self.masks is None else self.masks.to(device),
        )


def fill_absent(boxes: Tensor, present: Tensor) -> Tensor:
    """Give each absent frame of (N, T, 4) tubes the box of the nearest frame with the person."""
    frames = torch.arange(boxes.shape[1], device=boxes.device)
    distance = (frames[:, None] - frames).abs()[None]  # (1, T, T)
    nearest = distance.masked_fill(~present[:, None], len(frames)).argmin(dim=2)
    return boxes.gather(1, nearest[..., None].expand(-1, -1, 4))


@dataclass(frozen=True, kw_only=True)
class MatchConfig:
    """When a tube counts as a person."""

    positive: float = 0.7
    """A tube that overlaps a person's tube at least this much, in [0, 1], is that person."""

    negative: float = 0.3
    """A tube that overlaps every person's tube less than this, in [0, 1], is background."""

    keep_best: bool = True
    """Whether the tubes that overlap a person most always count as that person."""

    average: Average = "present"
    """``present``: overlap is averaged over the frames with the person. ``all``: over all frames,
    as published; a person who is absent from many frames then has no tube."""

    ignored: float = 0.5
    """A tube of which more than this, in [0, 1], lies in a region to ignore is not background."""

    def __post_init__(self) -> None:
        check_numbers(self, "positive", "negative", "ignored", low=0, high=1)
        if self.negative > self.positive:
            raise InputError(
                f"MatchConfig.negative must not exceed positive {self.positive}, "
                f"got {self.negative}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TubeMatches:
    """The person that each of A tubes belongs to."""

    labels: Tensor
    """(A,) int64: 1 a person, 0 background, -1 neither."""

    person: Tensor
    """(A,) int64 index of the person that the tube overlaps most; 0 if there is nobody."""

    overlap: Tensor
    """(A,) that overlap, in [0, 1]."""

    background: Tensor
    """(A,) bool, whether it overlaps everybody too little; a person's best tube may be one."""


def match(
    tubes: Tensor,
    truth: TubeTruth,
    *,
    config: MatchConfig,
    convention: BoxConvention = "continuous",
) -> TubeMatches:
    """Decide for each tube whether it is a person, background, or neither.

    Args:
        tubes: (A, T, 4) anchors or RoIs, network pixels.
        truth: The people of the clip, possibly none.
        config: Thresholds.
        convention: Pixel arithmetic of the network.
    """
    if len(truth.boxes):
        present = truth.present if config.average == "present" else None
        overlap = tube_iou(tubes, truth.boxes, present=present, convention=convention)
    else:
        overlap = tubes.new_zeros(len(tubes), 1)
    best, person = overlap.max(dim=1)
    ignored = _in_regions(tubes, truth.ignore).mean(dim=2).amax(dim=1) > config.ignored
    background = (best < config.negative) & ~ignored
    labels = torch.full_like(person, UNUSED)
    labels[background] = NEGATIVE
    positive = best >= config.positive
    # otherwise nobody would learn to find a person whose size or shape no anchor comes near
    if config.keep_best and len(truth.boxes) and len(tubes):
        most = overlap.amax(dim=0)
        positive |= ((overlap == most) & (most > 0)).any(dim=1)
    # with a threshold of 0 a tube beside everybody would count as a person too
    labels[positive & (best > 0)] = POSITIVE
    return TubeMatches(labels=labels, person=person, overlap=best, background=background)


def _in_regions(tubes: Tensor, regions: Tensor) -> Tensor:
    """(A, M, T) share of each box that lies in each region to ignore; zeros of M = 1 for none."""
    if not len(regions):
        return tubes.new_zeros(len(tubes), 1, tubes.shape[1])
    low = torch.maximum(tubes[:, None, :, :2], regions[None, ..., :2])
    high = torch.minimum(tubes[:, None, :, 2:], regions[None, ..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    whole: Tensor = areas(tubes)[:, None]
    return shared / whole.clamp(min=1e-9)


class BoxTarget(NamedTuple):
    """The targets of the boxes of P tubes that are people."""

    deltas: Tensor
    """(P, T, 4) from :func:`..box_coding.encode_boxes`; any value if a box does not count."""

    counts: Tensor
    """(P, T) bool."""


def box_target(
    tubes: Tensor,
    person: Tensor,
    truth: TubeTruth,
    *,
    weights: Weights = (1.0, 1.0, 1.0, 1.0),
    convention: BoxConvention = "continuous",
    absent: AbsentBoxes = "free",
) -> BoxTarget:
    """The regressions that turn each tube into its person's tube.

    Args:
        tubes: (P, T, 4) anchors or RoIs, network pixels.
        person: (P,) index of each tube's person.
        truth: The people of the clip.
        weights: Factors of the coding.
        convention: Pixel arithmetic of the network.
        absent: The target in frames without the person.

    Raises:
        InputError: If ``absent`` is ``origin`` in a convention that has no box of one pixel there.
    """
    boxes, present = truth.boxes[person], truth.present[person]
    if absent == "origin":
        if convention == "continuous":
            raise InputError(
                "LossConfig.absent_boxes 'origin' needs a network whose boxes have inclusive "
                "corners; take 'free', got convention 'continuous'"
            )
        boxes, present = boxes * present[..., None], torch.ones_like(present)
    return BoxTarget(encode_boxes(boxes, tubes, weights=weights, convention=convention), present)


def presence_target(
    tubes: Tensor, person: Tensor, truth: TubeTruth, *, config: MatchConfig
) -> Tensor:
    """Whether each tube's person is in each frame.

    Args:
        tubes: (P, T, 4) network pixels.
        person: (P,) index of each tube's person.
        truth: The people of the clip.
        config: How much of a box may lie in a region to ignore.

    Returns:
        (P, T) int64: 1 present, 0 absent, -1 not known because the box is in a region to ignore.
    """
    present = truth.present[person]
    # where nobody labelled, a missing box does not mean that the person is absent
    hidden = _in_regions(tubes, truth.ignore).amax(dim=1) > config.ignored
    return torch.where(~present & hidden, UNUSED, present.long())
