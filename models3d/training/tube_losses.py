"""What the network has to answer for: every loss of a batch of clips with known people.

::

    pixels ─ body ─ neck ─┬─ proposals ─┬──────────────── objectness, proposal boxes
                          │             └─ matched RoIs ─┬─ box head ─ class, boxes, presence
                          └──────────────────────────────┴─ keypoint head ─ keypoints

Not here: the answers themselves (:mod:`.targets`), the arithmetic of a loss (:mod:`.losses`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from posetube.errors import InputError

from ..box_coding import encode
from ..proposals import ProposalMaps, propose
from ..tube_rcnn import Pyramid, TubeRCNN
from .losses import box_loss, class_loss, keypoint_loss, objectness_loss
from .sampling import Draw, SampleConfig, sample
from .targets import (
    POSITIVE,
    UNUSED,
    MatchConfig,
    TubeTruth,
    heatmap_target,
    match,
)


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Who is matched with whom, how many are looked at, and how much each loss weighs."""

    anchors: MatchConfig = field(default_factory=MatchConfig)
    """Which anchors are people."""

    anchor_sample: SampleConfig = field(default_factory=SampleConfig)
    """How many anchors of a clip are looked at."""

    rois: MatchConfig = field(
        default_factory=lambda: MatchConfig(positive=0.5, negative=0.5, keep_best=False)
    )
    """Which proposals are people."""

    roi_sample: SampleConfig = field(
        default_factory=lambda: SampleConfig(size=64, positive_share=0.25)
    )
    """How many proposals of a clip the box head is trained on."""

    keypoint_rois: int = 6
    """How many of a clip's people the keypoint head is trained on, at most."""

    spread: float | None = 1.0
    """Standard deviation of a joint's target, heatmap cells; None: one cell, as published."""

    objectness: float = 1.0
    """Weight of: is there a person at the anchor?"""

    proposal_boxes: float = 2.0
    """Weight of: where is it, seen from the anchor?"""

    classes: float = 1.0
    """Weight of: is the proposal a person?"""

    boxes: float = 2.0
    """Weight of: where is it, seen from the proposal?"""

    presence: float = 1.0
    """Weight of: is the person in this frame at all? Without meaning where nothing predicts it."""

    keypoints: float = 0.5
    """Weight of: where are the joints?"""

    def __post_init__(self) -> None:
        for name in (
            "objectness", "proposal_boxes", "classes", "boxes", "presence", "keypoints",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise InputError(
                    f"LossConfig.{name} must not be below 0, got {getattr(self, name)}"
                )
        if self.keypoint_rois < 1:
            raise InputError(
                f"LossConfig.keypoint_rois must be 1 or more, got {self.keypoint_rois}"
            )


class Rois(NamedTuple):
    """What the heads are trained on, of one clip."""

    tubes: Tensor
    """(R, T, 4) pixels of the network's input."""

    labels: Tensor
    """(R,) int64: 1 a person, 0 background."""

    person: Tensor
    """(R,) int64, whose tube it is; any value for background."""


def tube_losses(
    network: TubeRCNN,
    pixels: Tensor,
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
    draw: Draw,
) -> dict[str, Tensor]:
    """Every loss of B clips, weighted; their sum is what training makes small.

    Args:
        network: Its weights get the gradients.
        pixels: (B * T, 3, H, W) normalised input, H and W multiples of the largest stride.
        truth: The people of each of the B clips.
        config: Matching, sampling, weights.
        draw: Source of chance.
    """
    length = len(pixels) // len(truth)
    padded = (pixels.shape[2], pixels.shape[3])
    pyramid = network.clip_part(network.frame_part(pixels), length)
    maps = network.proposals.maps(pyramid.levels, length=length, padded=padded)
    losses = _proposal_losses(maps, truth, config=config, draw=draw)
    proposed = propose(maps, size=padded, padded=padded, config=network.config.proposals)
    rois = [
        choose_rois(tubes, people, config=config, draw=draw)
        for (tubes, _), people in zip(proposed, truth, strict=True)
    ]
    pyramid = _in_float32(pyramid)
    losses |= _box_losses(network, pyramid, rois, truth, config=config)
    losses |= _keypoint_losses(network, pyramid, rois, truth, config=config, draw=draw)
    return losses


def _proposal_losses(
    maps: ProposalMaps, truth: Sequence[TubeTruth], *, config: LossConfig, draw: Draw
) -> dict[str, Tensor]:
    """Objectness and boxes of the anchors, averaged over the clips."""
    length = maps.deltas.shape[2]
    anchors = maps.anchors[:, None].expand(-1, length, -1)
    objectness, boxes = [], []
    for clip, people in enumerate(truth):
        matches = match(anchors, people, config=config.anchors)
        labels = sample(matches, config=config.anchor_sample, draw=draw)
        chosen = torch.nonzero(labels == POSITIVE)[:, 0]
        person = matches.person[chosen]
        objectness.append(objectness_loss(maps.objectness[clip], labels))
        boxes.append(
            box_loss(
                maps.deltas[clip, chosen],
                encode(people.boxes[person], anchors[chosen]),
                people.present[person],
                count=int((labels != UNUSED).sum()),
            )
        )
    return {
        "objectness": config.objectness * torch.stack(objectness).mean(),
        "proposal_boxes": config.proposal_boxes * torch.stack(boxes).mean(),
    }


def choose_rois(tubes: Tensor, truth: TubeTruth, *, config: LossConfig, draw: Draw) -> Rois:
    """Label the (R, T, 4) proposals of a clip, the people's own tubes among them, and sample."""
    seen = truth.present.any(dim=1)
    own = fill_absent(truth.boxes[seen], truth.present[seen])
    tubes = torch.cat([own.to(tubes.dtype), tubes])
    matches = match(tubes, truth, config=config.rois)
    labels = sample(matches, config=config.roi_sample, draw=draw)
    used = torch.nonzero(labels != UNUSED)[:, 0]
    return Rois(tubes[used], labels[used], matches.person[used])


def fill_absent(boxes: Tensor, present: Tensor) -> Tensor:
    """Give each absent frame of (N, T, 4) tubes the box of the nearest frame with the person."""
    frames = torch.arange(boxes.shape[1], device=boxes.device)
    distance = (frames[:, None] - frames).abs()[None]  # (1, T, T)
    nearest = distance.masked_fill(~present[:, None], len(frames)).argmin(dim=2)
    return boxes.gather(1, nearest[..., None].expand(-1, -1, 4))


def _box_losses(
    network: TubeRCNN,
    pyramid: Pyramid,
    rois: Sequence[Rois],
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
) -> dict[str, Tensor]:
    """Class, boxes and presence of the RoIs, averaged over the RoIs of all clips."""
    length = truth[0].boxes.shape[1]
    output = network.box_head(network.pool_boxes(pyramid, [r.tubes for r in rois]), length)
    labels = torch.cat([r.labels for r in rois])
    people = labels == POSITIVE
    mine = [(r.tubes[r.labels == POSITIVE], r.person[r.labels == POSITIVE]) for r in rois]
    wanted = torch.cat(
        [
            encode(t.boxes[person], tubes, weights=network.config.box_head.weights)
            for t, (tubes, person) in zip(truth, mine, strict=True)
        ]
    )
    present = torch.cat([t.present[p] for t, (_, p) in zip(truth, mine, strict=True)])
    deltas = output.deltas[people][:, :, 1]
    losses = {
        "classes": config.classes * class_loss(output.tube_logits, labels),
        "boxes": config.boxes * box_loss(deltas, wanted, present, count=len(labels)),
    }
    if output.presence_logits is not None:
        logits = output.presence_logits[people].flatten()
        losses["presence"] = config.presence * objectness_loss(logits, present.flatten().long())
    return losses


def _keypoint_losses(
    network: TubeRCNN,
    pyramid: Pyramid,
    rois: Sequence[Rois],
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
    draw: Draw,
) -> dict[str, Tensor]:
    """The joints of some of each clip's people."""
    length = truth[0].boxes.shape[1]
    tubes, keypoints, weights = [], [], []
    for found, people in zip(rois, truth, strict=True):
        positive = torch.nonzero(found.labels == POSITIVE)[:, 0]
        chosen = draw.distinct(len(positive), min(len(positive), config.keypoint_rois))
        positive = positive[chosen.to(positive.device)]
        person = found.person[positive]
        tubes.append(found.tubes[positive])
        keypoints.append(people.keypoints[person])
        weights.append(people.keypoint_weights[person] * people.present[person][..., None])
    target = heatmap_target(
        torch.cat(keypoints),
        torch.cat(weights),
        torch.cat(tubes),
        side=network.config.keypoint_head.heatmap_size,
        spread=config.spread,
    )
    logits = network.keypoint_head(network.pool_joints(pyramid, tubes), length)
    loss = keypoint_loss(logits.unflatten(0, (-1, length)), target)
    return {"keypoints": config.keypoints * loss}


def _in_float32(pyramid: Pyramid) -> Pyramid:
    """RoIAlign needs coordinates that half precision does not resolve, and takes one type."""
    joint_map = None if pyramid.joint_map is None else pyramid.joint_map.float()
    return Pyramid([level.float() for level in pyramid.levels], joint_map)
