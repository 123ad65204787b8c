"""Every loss of a batch of clips with known people.

::

    pixels ─ body ─ neck ─┬─ proposals ─┬──────────────── objectness, proposal boxes
                          │             └─ matched RoIs ─┬─ box head ─ class, boxes, presence
                          └──────────────────────────────┴─ keypoint head ─ keypoints

Not here: the targets (:mod:`.targets`), the arithmetic of each loss (:mod:`.losses`).
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from posetube.errors import InputError

from ..box_coding import clip_boxes, sizes
from ..features import ClipFeatures
from ..proposals import ProposalMaps, propose
from ..tube_rcnn import TubeRCNN
from .heatmap_targets import heatmap_target
from .loss_config import LossConfig
from .losses import box_loss, class_loss, keypoint_loss, objectness_loss
from .rois import Rois, choose_rois
from .sampling import Draw, sample
from .targets import (
    POSITIVE,
    UNUSED,
    BoxTarget,
    TubeTruth,
    box_target,
    match,
    presence_target,
)

__all__ = ["LossConfig", "tube_losses"]


def tube_losses(
    network: TubeRCNN,
    pixels: Tensor,
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
    draw: Draw,
) -> dict[str, Tensor]:
    """Every loss of B clips, weighted; training minimises their sum.

    Boxes follow the pixel arithmetic that the network decodes them with, so that outputs without
    any loss are decoded to the true boxes.

    Args:
        network: The network to train.
        pixels: (B * T, 3, H, W) normalised input, H and W multiples of the largest stride.
        truth: The people of each of the B clips, possibly none; boxes may leave the picture.
        config: Matching, sampling, weights.
        draw: Source of random choices.

    Raises:
        InputError: If pixels and truth do not fit each other or the network, or numbers are not
            finite.
    """
    check_input(network, pixels, truth)
    length = truth[0].boxes.shape[1]
    padded = (pixels.shape[2], pixels.shape[3])
    features = network.clip_part(network.frame_part(pixels), length)
    maps = network.proposals.maps(features.levels, length=length, padded=padded)
    losses = _proposal_losses(network, maps, truth, padded=padded, config=config, draw=draw)
    proposed = propose(maps, size=padded, padded=padded, config=network.config.proposals)
    convention = network.config.box_head.convention
    chosen = [
        choose_rois(tubes, people, config=config, draw=draw, convention=convention)
        for (tubes, _), people in zip(proposed.per_clip(), truth, strict=True)
    ]
    features = _in_float32(features)
    for_boxes, for_keypoints = zip(*chosen, strict=True)
    losses |= _box_losses(network, features, for_boxes, truth, config=config)
    losses |= _keypoint_losses(network, features, for_keypoints, truth, config=config)
    return losses


def check_input(network: TubeRCNN, pixels: Tensor, truth: Sequence[TubeTruth]) -> None:
    """Refuse input that would silently spoil the weights.

    Raises:
        InputError: Naming the clip and what is wrong with it.
    """
    lengths = {clip.boxes.shape[1] for clip in truth}
    frames = len(truth) * max(lengths, default=0)
    if len(lengths) != 1 or pixels.ndim != 4 or len(pixels) != frames:
        raise InputError(
            f"losses: expected pixels (B * T, 3, H, W) of {len(truth)} clips with "
            f"{sorted(lengths)} frames each, got {tuple(pixels.shape)}"
        )
    if not torch.isfinite(pixels).all():
        bad = int((~torch.isfinite(pixels)).flatten(1).any(dim=1).nonzero()[0, 0])
        raise InputError(
            f"losses: pixels must be finite; clip {bad // (frames // len(truth))} has NaN or "
            f"infinity in frame {bad % (frames // len(truth))}"
        )
    joints = network.config.keypoint_head.joints
    for number, people in enumerate(truth):
        boxes = people.boxes[people.present]
        if people.keypoints.shape[2] != joints:
            raise InputError(
                f"losses: the network finds {joints} joints, the truth of clip {number} has "
                f"{people.keypoints.shape[2]}"
            )
        size = sizes(boxes, network.config.box_head.convention)
        solid = (torch.isfinite(boxes[:, 2:] + boxes[:, :2]) & (size > 0)).all(dim=1)
        if not solid.all():
            raise InputError(
                "losses: people who are present must have finite boxes with x1 < x2 and y1 < y2, "
                f"clip {number} has {boxes[~solid][0].tolist()}"
            )


def _proposal_losses(
    network: TubeRCNN,
    maps: ProposalMaps,
    truth: Sequence[TubeTruth],
    *,
    padded: tuple[int, int],
    config: LossConfig,
    draw: Draw,
) -> dict[str, Tensor]:
    """Objectness and boxes of the anchors, averaged over the clips."""
    convention, length = network.config.proposals.convention, maps.deltas.shape[2]
    places = torch.arange(len(maps.anchors), device=maps.anchors.device)
    # an anchor that clipping changes reaches beyond the input
    if config.whole_anchors:
        inside = clip_boxes(maps.anchors, height=padded[0], width=padded[1], convention=convention)
        places = places[(inside == maps.anchors).all(dim=1)]
    anchors = maps.anchors[places, None].expand(-1, length, -1)
    objectness, boxes = [], []
    for number, people in enumerate(truth):
        matches = match(anchors, people, config=config.anchors, convention=convention)
        labels = sample(matches, config=config.anchor_sample, draw=draw)
        chosen = torch.nonzero(labels == POSITIVE)[:, 0]
        wanted = box_target(anchors[chosen], matches.person[chosen], people, convention=convention)
        objectness.append(objectness_loss(maps.objectness[number, places], labels))
        deltas = maps.deltas[number, places[chosen]]
        boxes.append(box_loss(deltas, wanted, count=int((labels != UNUSED).sum())))
    return {
        "objectness": config.objectness * torch.stack(objectness).mean(),
        "proposal_boxes": config.proposal_boxes * torch.stack(boxes).mean(),
    }


def _box_losses(
    network: TubeRCNN,
    features: ClipFeatures,
    rois: Sequence[Rois],
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
) -> dict[str, Tensor]:
    """Class, boxes and presence of the RoIs, averaged over the RoIs of all clips."""
    head, length = network.config.box_head, truth[0].boxes.shape[1]
    output = network.box_head(network.box_head.pool(features, [r.tubes for r in rois]), length)
    labels = torch.cat([r.labels for r in rois])
    mine = [(r.people.tubes, r.people.person, t) for r, t in zip(rois, truth, strict=True)]
    coding = partial(
        box_target,
        weights=head.weights,
        convention=head.convention,
        absent=config.absent_boxes,
    )
    targets = [coding(*each) for each in mine]
    wanted = BoxTarget(*(torch.cat(parts) for parts in zip(*targets, strict=True)))
    # boxes are regressed per class, and only the person's class has any
    deltas = output.deltas[labels == POSITIVE][:, :, 1]
    losses = {
        "classes": config.classes * class_loss(output.tube_logits, labels),
        "boxes": config.boxes * box_loss(deltas, wanted, count=len(labels), beta=config.box_beta),
    }
    if output.presence_logits is not None:
        known = torch.cat([presence_target(*each, config=config.rois) for each in mine])
        logits = output.presence_logits[labels == POSITIVE].flatten()
        losses["presence"] = config.presence * objectness_loss(logits, known.flatten())
    return losses


def _keypoint_losses(
    network: TubeRCNN,
    features: ClipFeatures,
    rois: Sequence[Rois],
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
) -> dict[str, Tensor]:
    """The joints of some of each clip's people."""
    length = truth[0].boxes.shape[1]
    tubes = [found.tubes for found in rois]
    pairs = [(people, found.person) for people, found in zip(truth, rois, strict=True)]
    target = heatmap_target(
        torch.cat([people.keypoints[person] for people, person in pairs]),
        torch.cat([people.known_joints[person] for people, person in pairs]),
        torch.cat(tubes),
        side=network.config.keypoint_head.heatmap_size,
        spread=config.spread,
        convention=network.config.box_head.convention,
    )
    logits = network.keypoint_head(network.keypoint_head.pool(features, tubes), length)
    loss = keypoint_loss(logits.unflatten(0, (-1, length)), target)
    return {"keypoints": config.keypoints * loss}


def _in_float32(features: ClipFeatures) -> ClipFeatures:
    """RoIAlign needs coordinates that half precision does not resolve, and takes one type."""
    joint_map = None if features.joint_map is None else features.joint_map.float()
    levels = [level.float() for level in features.levels]
    return features._replace(levels=levels, joint_map=joint_map)
