"""Every loss of a batch of clips with known people.

::

    pixels ─ body ─ neck ─┬─ proposals ─┬──────────────── objectness, proposal boxes
                          │             └─ matched RoIs ─┬─ box head ─ class, boxes, presence
                          ├──────────────────────────────┼─ keypoint head ─ keypoints
                          └──────────────────────────────┴─ mask head ─ masks

Not here: the targets (:mod:`.targets`), the arithmetic of each loss (:mod:`.losses`).
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from ..box_coding import BoxConvention, clip_boxes, sizes
from ..box_head import BoxHead
from ..dense_proposals import DenseProposalHead
from ..features import ClipFeatures, Pictures
from ..keypoint_head import KeypointHead
from ..mask_head import MaskHead
from ..proposals import ProposalHead, ProposalMaps
from ..tube_choice import Proposals, choose_tubes
from ..tube_rcnn import TubeRCNN
from .cell_losses import cell_losses
from .crop_losses import CropHead, crop_loss
from .heatmap_targets import heatmap_target
from .loss_config import LossConfig
from .loss_shares import LossShare, joined, mean_of
from .losses import (
    box_costs,
    box_loss,
    class_loss,
    focal_loss,
    keypoint_loss,
    mask_loss,
    objectness_loss,
    squared_keypoint_loss,
)
from .mask_targets import MaskTarget, mask_target
from .rois import Rois, choose_rois
from .sampling import Draw, hardest, sample
from .targets import (
    POSITIVE,
    UNUSED,
    BoxTarget,
    TubeTruth,
    box_target,
    match,
    presence_target,
)

__all__ = ["LossConfig", "learns_masks", "level_losses", "tube_losses"]


def tube_losses(
    network: TubeRCNN,
    pixels: Tensor,
    truth: Sequence[TubeTruth],
    *,
    pictures: Pictures | None = None,
    proposals: Proposals | None = None,
    config: LossConfig,
    draws: Sequence[Draw],
) -> dict[str, LossShare]:
    """Every loss of B clips, weighted; training minimises the sum of their means.

    Boxes follow the pixel arithmetic that the network decodes them with, so that an answer without
    any loss is decoded to the truth's boxes. Parts that are frozen are not asked, nor are heads on
    levels whose losses weigh nothing.

    Args:
        network: The network to train.
        pixels: (B * T, 3, H, W) normalised input, H and W multiples of the largest stride.
        truth: The people of each of the B clips, possibly none; boxes may leave the picture.
        pictures: The B * T frames, for a keypoint head that pools from them.
        proposals: Where the heads learn to look, in place of the network's own proposals, which
            are then not trained.
        config: Matching, sampling, weights.
        draws: Source of random choices of each clip.

    Raises:
        InputError: If pixels and truth do not fit each other or the network, or numbers are not
            finite.
    """
    check_input(network, pixels, truth)
    length = truth[0].boxes.shape[1]
    losses = dict[str, LossShare]()
    levels = [network.body, network.neck, network.proposals, network.box_head, network.mask_head]
    head = network.keypoint_head
    if isinstance(head, KeypointHead) or any(_trained(part) for part in levels):
        features = network.clip_part(network.frame_part(pixels), length, pictures)
        padded = (pixels.shape[2], pixels.shape[3])
        losses |= level_losses(
            network,
            features,
            truth,
            proposals=proposals,
            padded=padded,
            config=config,
            draws=draws,
        )
    if isinstance(head, CropHead) and _trained(network.keypoint_head):
        features = ClipFeatures(levels=(), strides=(), length=length, pictures=pictures)
        loss = crop_loss(
            head,
            features,
            truth,
            most=config.keypoint_rois,
            config=config.crops,
            draws=draws,
            hardest=config.hard_joints,
        )
        losses["keypoints"] = loss.weighted(config.keypoints)
    if not losses:
        raise InputError("losses: every part of the network is frozen, there is nothing to train")
    return losses


def learns_masks(network: TubeRCNN) -> bool:
    """Whether the losses compare with people's masks."""
    return _trained(network.mask_head)


def _trained(part: nn.Module | None) -> bool:
    return part is not None and any(weight.requires_grad for weight in part.parameters())


def level_losses(
    network: TubeRCNN,
    features: ClipFeatures,
    truth: Sequence[TubeTruth],
    *,
    proposals: Proposals | None,
    padded: tuple[int, int],
    config: LossConfig,
    draws: Sequence[Draw],
) -> dict[str, LossShare]:
    """The losses of the heads that look at the levels, weighted, from levels that are known.

    Args:
        network: Its proposals and heads are trained.
        features: The levels of B clips, all of one size.
        truth: The people of each clip.
        proposals: As for :func:`tube_losses`.
        padded: (h, w) of the network's input, pixels.
        config: Matching, sampling, weights.
        draws: Source of random choices of each clip.
    """
    losses = dict[str, LossShare]()
    if proposals is None:
        losses, proposals = _proposal_losses(
            network.proposals, features, truth, padded=padded, config=config, draws=draws
        )
    convention: BoxConvention = "continuous"
    if network.box_head is not None:
        convention = network.box_head.config.convention
    box_head = network.box_head if max(config.classes, config.boxes, config.presence) else None
    joints = isinstance(network.keypoint_head, KeypointHead) and config.keypoints
    from_levels = network.keypoint_head if joints else None
    mask_head = network.mask_head if learns_masks(network) else None
    if box_head is None and from_levels is None and mask_head is None:
        return losses
    features = _in_float32(features)
    chosen = []
    clips = zip(proposals.per_clip(), truth, draws, strict=True)
    for number, ((tubes, _), people, draw) in enumerate(clips):
        pick = None
        if config.hard_rois is not None and box_head is not None:
            pick = partial(_hard_rois, box_head, features, clip=number, truth=people, config=config)
        chosen.append(
            choose_rois(tubes, people, config=config, draw=draw, convention=convention, pick=pick)
        )
    for_boxes, for_keypoints = zip(*chosen, strict=True)
    if box_head is not None:
        losses |= _box_losses(box_head, features, for_boxes, truth, config=config)
    if from_levels is not None:
        losses |= _keypoint_losses(
            from_levels, features, for_keypoints, truth, convention=convention, config=config
        )
    if mask_head is not None:
        # as in Mask R-CNN: whoever is drawn for the box head is drawn
        mine = [rois.people for rois in for_boxes]
        loss = _mask_loss(mask_head, features, mine, truth)
        losses["masks"] = loss.weighted(config.masks)
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
    box_head = network.box_head
    convention: BoxConvention = "continuous" if box_head is None else box_head.config.convention
    for number, people in enumerate(truth):
        boxes = people.boxes[people.present]
        if people.keypoints.shape[2] != joints:
            raise InputError(
                f"losses: the network finds {joints} joints, the truth of clip {number} has "
                f"{people.keypoints.shape[2]}"
            )
        if people.masks is None and learns_masks(network):
            raise InputError(
                f"losses: the network draws masks, the truth of clip {number} has none; take a "
                "data set with masks, or freeze the mask head"
            )
        size = sizes(boxes, convention)
        solid = (torch.isfinite(boxes[:, 2:] + boxes[:, :2]) & (size > 0)).all(dim=1)
        if not solid.all():
            raise InputError(
                "losses: people who are present must have finite boxes with x1 < x2 and y1 < y2, "
                f"clip {number} has {boxes[~solid][0].tolist()}"
            )


def _proposal_losses(
    head: ProposalHead | DenseProposalHead,
    features: ClipFeatures,
    truth: Sequence[TubeTruth],
    *,
    padded: tuple[int, int],
    config: LossConfig,
    draws: Sequence[Draw],
) -> tuple[dict[str, LossShare], Proposals]:
    """The losses of the proposals, and what they propose."""
    if isinstance(head, DenseProposalHead):
        found = head(features.levels, features.length)
        losses = cell_losses(found, truth, config=config.cells)
        proposed = choose_tubes(found.logits, found.tubes, config=head.config)
    else:
        maps = head.maps(features.levels, length=features.length, padded=padded)
        losses = _anchor_losses(head, maps, truth, padded=padded, config=config, draws=draws)
        proposed = head.choose(maps, size=padded, padded=padded)
    weights = {"objectness": config.objectness, "proposal_boxes": config.proposal_boxes}
    return {name: loss.weighted(weights[name]) for name, loss in losses.items()}, proposed


def _anchor_losses(
    head: ProposalHead,
    maps: ProposalMaps,
    truth: Sequence[TubeTruth],
    *,
    padded: tuple[int, int],
    config: LossConfig,
    draws: Sequence[Draw],
) -> dict[str, LossShare]:
    """Objectness and boxes of the anchors of all clips, not weighted."""
    convention, length = head.config.convention, maps.deltas.shape[2]
    places = torch.arange(len(maps.anchors), device=maps.anchors.device)
    # an anchor that clipping changes reaches beyond the input
    if config.whole_anchors:
        inside = clip_boxes(maps.anchors, height=padded[0], width=padded[1], convention=convention)
        places = places[(inside == maps.anchors).all(dim=1)]
    anchors = maps.anchors[places, None].expand(-1, length, -1)
    objectness, boxes = [], []
    for number, (people, draw) in enumerate(zip(truth, draws, strict=True)):
        matches = match(anchors, people, config=config.anchors, convention=convention)
        labels = matches.labels
        if config.focal is None:
            labels = sample(matches, config=config.anchor_sample, draw=draw)
        chosen = torch.nonzero(labels == POSITIVE)[:, 0]
        wanted = box_target(anchors[chosen], matches.person[chosen], people, convention=convention)
        logits, deltas = maps.objectness[number, places], maps.deltas[number, places[chosen]]
        if config.focal is None:
            objectness.append(objectness_loss(logits, labels))
            boxes.append(box_loss(deltas, wanted, count=int((labels != UNUSED).sum())))
        else:
            objectness.append(focal_loss(logits, labels, config=config.focal))
            boxes.append(box_loss(deltas, wanted, count=len(chosen)))
    # where all anchors count, there are as many as there are people
    average = mean_of if config.focal is None else joined
    return {"objectness": average(objectness), "proposal_boxes": average(boxes)}


@torch.no_grad()
def _hard_rois(
    head: BoxHead,
    features: ClipFeatures,
    rois: Rois,
    *,
    clip: int,
    truth: TubeTruth,
    config: LossConfig,
) -> Tensor:
    """(S,) index of one clip's RoIs that cost the box head most."""
    assert config.hard_rois is not None
    clips = len(features.levels[0]) // features.length
    tubes = [rois.tubes if place == clip else rois.tubes[:0] for place in range(clips)]
    output = head(head.pool(features, tubes), features.length)
    costs = config.classes * functional.cross_entropy(
        output.tube_logits.float(), rois.labels, reduction="none"
    )
    mine = rois.labels == POSITIVE
    wanted = _box_target(head, rois.people, truth, config=config)
    off = box_costs(output.deltas[mine][:, :, 1], wanted, beta=config.box_beta)
    costs[mine] += config.boxes * off
    return hardest(costs, rois.tubes, config=config.hard_rois)


def _box_target(head: BoxHead, people: Rois, truth: TubeTruth, *, config: LossConfig) -> BoxTarget:
    return box_target(
        people.tubes,
        people.person,
        truth,
        weights=head.config.weights,
        convention=head.config.convention,
        absent=config.absent_boxes,
    )


def _box_losses(
    head: BoxHead,
    features: ClipFeatures,
    rois: Sequence[Rois],
    truth: Sequence[TubeTruth],
    *,
    config: LossConfig,
) -> dict[str, LossShare]:
    """Class, boxes and presence of the RoIs, averaged over the RoIs of all clips."""
    output = head(head.pool(features, [r.tubes for r in rois]), features.length)
    labels = torch.cat([r.labels for r in rois])
    mine = [(each.people, people) for each, people in zip(rois, truth, strict=True)]
    targets = [_box_target(head, people, known, config=config) for people, known in mine]
    wanted = BoxTarget(*(torch.cat(parts) for parts in zip(*targets, strict=True)))
    # boxes are regressed per class, and only the person's class has any
    deltas = output.deltas[labels == POSITIVE][:, :, 1]
    boxes = box_loss(deltas, wanted, count=len(labels), beta=config.box_beta)
    losses = {
        "classes": class_loss(output.tube_logits, labels).weighted(config.classes),
        "boxes": boxes.weighted(config.boxes),
    }
    if output.presence_logits is not None:
        seen = [
            presence_target(people.tubes, people.person, known, config=config.rois)
            for people, known in mine
        ]
        logits = output.presence_logits[labels == POSITIVE].flatten()
        presence = objectness_loss(logits, torch.cat(seen).flatten())
        losses["presence"] = presence.weighted(config.presence)
    return losses


def _keypoint_losses(
    head: KeypointHead,
    features: ClipFeatures,
    rois: Sequence[Rois],
    truth: Sequence[TubeTruth],
    *,
    convention: BoxConvention,
    config: LossConfig,
) -> dict[str, LossShare]:
    """The joints of some of each clip's people."""
    tubes = [found.tubes for found in rois]
    pairs = [(people, found.person) for people, found in zip(truth, rois, strict=True)]
    target = heatmap_target(
        torch.cat([people.keypoints[person] for people, person in pairs]),
        torch.cat([people.known_joints[person] for people, person in pairs]),
        torch.cat(tubes),
        side=head.config.heatmap_size,
        spread=config.spread,
        convention=convention,
    )
    logits = head(head.pool(features, tubes), features.length)
    compare = squared_keypoint_loss if config.keypoint_error == "squared" else keypoint_loss
    logits = logits.unflatten(0, (-1, features.length))
    loss = compare(logits, target, hardest=config.hard_joints)
    return {"keypoints": loss.weighted(config.keypoints)}


def _mask_loss(
    head: MaskHead, features: ClipFeatures, rois: Sequence[Rois], truth: Sequence[TubeTruth]
) -> LossShare:
    """The masks of RoIs that are people."""
    logits = head(head.pool(features, [r.tubes for r in rois]))
    targets = [
        mask_target(people.masks, r.tubes, r.person, side=head.config.mask_size)
        for people, r in zip(truth, rois, strict=True)
        if people.masks is not None  # check_input has looked
    ]
    wanted = MaskTarget(*(torch.cat(parts) for parts in zip(*targets, strict=True)))
    return mask_loss(logits.unflatten(0, (-1, features.length)), wanted)


def _in_float32(features: ClipFeatures) -> ClipFeatures:
    """RoIAlign needs coordinates that half precision does not resolve, and takes one type."""
    return features._replace(levels=[level.float() for level in features.levels])
