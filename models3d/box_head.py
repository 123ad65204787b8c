"""The box head: a class for each proposed tube, a box and a presence for each of its frames.

It begins with fully connected layers (behind a pyramid) or with ResNet's last stage (behind a
single map); the outputs are the same. Both look at one frame at a time; the class logits are
averaged over the frames.

Source: Girdhar et al., "Detect-and-Track", CVPR 2018. The presence score (is this person in this
frame at all?) is ours; in the published code it is commented out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from .arrays import on_host
from .box_coding import clip_boxes, decode_boxes, sizes
from .configs.bodies import ResNetConfig
from .configs.people_heads import PERSON, BoxHeadConfig
from .features import ClipFeatures
from .preprocess import Geometry
from .resnet import ResNetStage, channels_of
from .roi_align import pool_tubes
from .slots import most_taken, take_slots
from .tube_choice import Proposals
from .tube_nms import tube_nms

USUALLY_PRESENT = 2.0
"""Presence logit of a new network: most people are present in all frames of a clip."""


def build_box_head(config: BoxHeadConfig, *, body: object, channels: int) -> "BoxHead":
    """Make the head for levels of so many channels.

    Args:
        config: The head's.
        body: Configuration of the network's body.
        channels: Of each level.

    Raises:
        InputError: If the head is a ResNet's last stage and the body has none left over.
    """
    if config.hidden is not None:
        inputs = channels * config.pool.size**2
        layers = FullyConnected(inputs, config.hidden, rank=config.rank)
        return BoxHead(config, body=layers, features=config.hidden)
    if not isinstance(body, ResNetConfig) or body.stages == 4:
        raise InputError(
            "BoxHeadConfig.hidden may only be None behind a ResNet of 3 stages, whose last "
            f"stage is then the box head; got {body}"
        )
    # the stage halves a square of 14 bins, as it halves the map in an ordinary ResNet
    stage = ResNetStage(body, 3, time=config.time, stride=max(1, config.pool.size // 7))
    return BoxHead(config, body=LastStage(stage), features=channels_of(body, 3))


class BoxOutput(NamedTuple):
    """The head's outputs for R proposals."""

    class_logits: Tensor
    """(R, T, C) per frame, of background, person and any others."""

    deltas: Tensor
    """(R, T, C, 4) regressions per class; those of the background are never used."""

    presence_logits: Tensor | None
    """(R, T), or None if the head predicts no presence."""

    @property
    def tube_logits(self) -> Tensor:
        """(R, C) class logits averaged over the frames."""
        return self.class_logits.mean(dim=1)


def linear(inputs: int, outputs: int, *, rank: int | None = None) -> nn.Module:
    """A fully connected layer: whole, or two of a rank where these have fewer weights.

    Source: Girshick, "Fast R-CNN", ICCV 2015, section 3.1: the first has no bias, and nothing lies
    between them.
    """
    if rank is None or rank * (inputs + outputs) >= inputs * outputs:
        return nn.Linear(inputs, outputs)
    return nn.Sequential(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs))


class FullyConnected(nn.Module):
    """Two layers over all bins of a pooled square."""

    def __init__(self, inputs: int, hidden: int, *, rank: int | None = None) -> None:
        super().__init__()
        self.fc1 = linear(inputs, hidden, rank=rank)
        self.fc2 = linear(hidden, hidden, rank=rank)

    def forward(self, pooled: Tensor, length: int) -> Tensor:
        """(R * T, C, S, S) to (R * T, hidden)."""
        return functional.relu(self.fc2(functional.relu(self.fc1(pooled.flatten(1)))))


class LastStage(nn.Module):
    """ResNet's last stage over the pooled square, averaged over its bins."""

    def __init__(self, stage: nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, pooled: Tensor, length: int) -> Tensor:
        """(R * T, C, S, S) to (R * T, D)."""
        out: Tensor = self.stage(pooled, length)
        return out.mean(dim=(2, 3))


class BoxHead(nn.Module):
    """Layers over the pooled squares, then outputs for class, box and presence."""

    def __init__(self, config: BoxHeadConfig, *, body: nn.Module, features: int) -> None:
        """``body`` takes (R * T, C, S, S) and T to (R * T, ``features``)."""
        super().__init__()
        self.config = config
        self.body = body
        self.score = nn.Linear(features, config.classes)
        self.deltas = nn.Linear(features, 4 * config.classes)
        self.presence = nn.Linear(features, 1) if config.presence else None
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.normal_(self.deltas.weight, std=0.001)
        for layer in (self.score, self.deltas):
            nn.init.zeros_(layer.bias)
        if self.presence is not None:
            nn.init.normal_(self.presence.weight, std=0.001)
            nn.init.constant_(self.presence.bias, USUALLY_PRESENT)

    def find_people(
        self, features: ClipFeatures, proposals: Proposals, geometry: Geometry
    ) -> "TubeDetections":
        """Choose and correct the proposals of B clips that are people."""
        if on_host(proposals.taken):
            proposals = proposals.shortened()
        judged: BoxOutput = self(self.pool(features, proposals.tubes.unbind()), features.length)
        return detect_people(
            judged,
            proposals,
            size=geometry.picture,
            config=self.config,
            to_picture=geometry.to_picture,
        )

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Tensor:
        """Features of every clip's (R, T, 4) tubes, (sum of R * T, C, S, S), from the levels."""
        pool = self.config.pool
        return pool_tubes(features.levels, tubes, strides=features.strides, config=pool)

    def forward(self, pooled: Tensor, length: int) -> BoxOutput:
        """The outputs for R proposals, from their (R * T, C, S, S) features."""
        return self.last_layers(self.body(pooled, length), length)

    def last_layers(self, features: Tensor, length: int) -> BoxOutput:
        """The outputs from what the body makes of R proposals, (R * T, D)."""
        presence = None
        if self.presence is not None:
            presence = self.presence(features).unflatten(0, (-1, length))[..., 0]
        deltas = self.deltas(features).unflatten(1, (self.config.classes, 4))
        return BoxOutput(
            class_logits=self.score(features).unflatten(0, (-1, length)),
            deltas=deltas.unflatten(0, (-1, length)),
            presence_logits=presence,
        )


class TubeDetections(NamedTuple):
    """The people of B clips: N slots per clip, the taken ones first."""

    boxes: Tensor
    """(B, N, T, 4) pixels of the displayed frame; zeros in an empty slot."""

    scores: Tensor
    """(B, N) probability of a person."""

    presence: Tensor
    """(B, N, T) probability of being in the frame."""

    taken: Tensor
    """(B, N) bool."""

    def shortened(self) -> "TubeDetections":
        """Without the slots that are empty in every clip; waits for the device."""
        most = most_taken(self.taken)
        return TubeDetections(*(column[:, :most] for column in self))

    def chosen(self, slots: Tensor, taken: Tensor) -> "TubeDetections":
        """The given (B, M) slots; ``taken`` marks those that hold a person from now on."""
        boxes, scores, presence = (take_slots(column, slots) for column in self[:3])
        boxes = torch.where(taken[..., None, None], boxes, 0)
        return TubeDetections(boxes=boxes, scores=scores, presence=presence, taken=taken)


def proposed_people(proposals: Proposals, geometry: Geometry) -> TubeDetections:
    """All proposals of B clips as people, of a network without a box head."""
    boxes = geometry.to_picture(proposals.tubes)
    presence = torch.ones_like(boxes[..., 0])
    return TubeDetections(
        boxes=boxes, scores=proposals.scores, presence=presence, taken=proposals.taken
    )


def detect_people(
    output: BoxOutput,
    proposals: Proposals,
    *,
    size: tuple[int, int],
    config: BoxHeadConfig,
    to_picture: Callable[[Tensor], Tensor],
) -> TubeDetections:
    """Decode the boxes, drop those with low scores, and keep one of many similar ones.

    Args:
        output: The head's outputs for the proposals, clip after clip.
        proposals: R of each of B clips.
        size: (H, W) of the displayed frame, pixels.
        config: Thresholds.
        to_picture: Boxes of the network's input to boxes of the displayed frame.
    """
    clips = proposals.scores.shape
    scores = output.tube_logits.float().softmax(dim=-1)[:, PERSON].view(clips)
    # in pixels of the displayed frame, as in Detectron: in a convention in which a box includes its
    # last pixel, it matters how large a pixel is
    boxes = decode_boxes(
        torch.unflatten(output.deltas[:, :, PERSON].float(), 0, clips),
        to_picture(proposals.tubes),
        weights=config.weights,
        convention=config.convention,
    )
    boxes = clip_boxes(boxes, height=size[0], width=size[1], convention=config.convention)
    presence = torch.ones_like(boxes[..., 0])
    if output.presence_logits is not None:
        presence = torch.unflatten(output.presence_logits.float().sigmoid(), 0, clips)
    solid = (sizes(boxes, config.convention) >= config.min_size).flatten(2).all(dim=2)
    sure = proposals.taken & (scores > config.min_score) & solid
    found = TubeDetections(boxes=boxes, scores=scores, presence=presence, taken=sure)
    return _distinct(found, by_presence=output.presence_logits is not None, config=config)


def _distinct(found: TubeDetections, *, by_presence: bool, config: BoxHeadConfig) -> TubeDetections:
    """One of every group of similar detections, the best; at most ``max_people``."""
    scores = torch.where(found.taken, found.scores, -torch.inf)
    rank = scores.argsort(dim=1, descending=True, stable=True)
    ranked = found.chosen(rank, found.taken.gather(1, rank))
    if on_host(rank):
        ranked = ranked.shortened()
        rank = rank[:, : ranked.taken.shape[1]]
    kept = tube_nms(
        ranked.boxes,
        torch.where(ranked.taken, ranked.scores, -torch.inf),
        threshold=config.nms,
        present=_present(ranked.presence) if by_presence else None,
        convention=config.convention,
        suppress=config.nms_suppresses,
    )
    kept &= kept.cumsum(dim=1) <= config.max_people
    place = torch.arange(rank.shape[1], device=rank.device).expand_as(rank)
    wanted = rank if config.order == "proposal" else place
    # empty slots go last
    key = torch.where(kept, wanted, torch.iinfo(rank.dtype).max)
    slots = key.argsort(dim=1, stable=True)[:, : config.max_people]
    return ranked.chosen(slots, kept.gather(1, slots))


def _present(presence: Tensor) -> Tensor:
    """(B, N, T) bool, where tubes are compared: in all frames if a tube seems to be in none."""
    present = presence > 0.5
    return present | ~present.any(dim=2, keepdim=True)
