"""What each proposal is: a class for the tube, a box and a presence for each of its frames.

Two bodies, one ending: fully connected layers behind a pyramid, or ResNet's last stage behind a
single map. Both look at one frame at a time; the class logits are averaged over the frames.

Source: Girdhar et al., "Detect-and-Track", CVPR 2018. The presence score (is this person in this
frame at all) is ours; the published code has it commented out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from .box_coding import BoxConvention, Weights, clip_boxes, decode_boxes, sizes
from .roi_align import PoolConfig
from .tube_nms import Suppress, tube_nms

CLASSES = 2
"""Background, person."""

USUALLY_PRESENT = 2.0
"""Presence logit that a new network starts from: most people are there for a whole clip."""


@dataclass(frozen=True, kw_only=True)
class BoxHeadConfig:
    """The box head and the choice of detections."""

    pool: PoolConfig
    """How proposals become features."""

    hidden: int | None = 1024
    """Width of the two fully connected layers; None: ResNet's last stage instead of them."""

    time: int = 1
    """Time kernel of ResNet's last stage, an odd number of frames; without meaning otherwise."""

    presence: bool = False
    """Whether a per-frame presence is predicted; otherwise everybody is taken to be present."""

    weights: Weights = (10.0, 10.0, 5.0, 5.0)
    """Factors of the box coding."""

    min_score: float = 0.05
    """Detections less sure than this, in [0, 1], are dropped."""

    nms: float = 0.5
    """A detection overlapping a better one by more than this, in [0, 1], is dropped."""

    max_people: int = 100
    """At most so many detections per clip, the best ones."""

    min_size: float = 1e-2
    """Detections with a box narrower or lower than this, pixels, are dropped."""

    convention: BoxConvention = "continuous"
    """Pixel arithmetic."""

    nms_suppresses: Suppress = "above"
    """What happens to an overlap of exactly ``nms``."""

    order: Literal["score", "proposal"] = "score"
    """Whether detections come by falling score or in the order of their proposals."""

    def __post_init__(self) -> None:
        for name in ("min_score", "nms"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"BoxHeadConfig.{name} must be in [0, 1], got {value}")
        for name in ("max_people", "hidden"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"BoxHeadConfig.{name} must be above 0, got {value}")


class BoxOutput(NamedTuple):
    """What the head says of R proposals."""

    class_logits: Tensor
    """(R, T, 2) background and person, frame by frame."""

    deltas: Tensor
    """(R, T, 2, 4) regressions per class; those of the background are never used."""

    presence_logits: Tensor | None
    """(R, T), or None where the head has none."""

    @property
    def tube_logits(self) -> Tensor:
        """(R, 2) class logits averaged over the frames."""
        return self.class_logits.mean(dim=1)


class FullyConnected(nn.Module):
    """Two layers over all bins of a pooled square."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, hidden)

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
    """A body over the pooled squares, then class, box and presence."""

    def __init__(self, config: BoxHeadConfig, *, body: nn.Module, features: int) -> None:
        """``body`` takes (R * T, C, S, S) and T to (R * T, ``features``)."""
        super().__init__()
        self.config = config
        self.body = body
        self.score = nn.Linear(features, CLASSES)
        self.deltas = nn.Linear(features, 4 * CLASSES)
        self.presence = nn.Linear(features, 1) if config.presence else None
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.normal_(self.deltas.weight, std=0.001)
        for layer in (self.score, self.deltas):
            nn.init.zeros_(layer.bias)
        if self.presence is not None:
            nn.init.normal_(self.presence.weight, std=0.001)
            nn.init.constant_(self.presence.bias, USUALLY_PRESENT)

    def forward(self, pooled: Tensor, length: int) -> BoxOutput:
        """Judge R proposals from their (R * T, C, S, S) features."""
        features = self.body(pooled, length)
        presence = None
        if self.presence is not None:
            presence = self.presence(features).unflatten(0, (-1, length))[..., 0]
        return BoxOutput(
            class_logits=self.score(features).unflatten(0, (-1, length)),
            deltas=self.deltas(features).unflatten(1, (CLASSES, 4)).unflatten(0, (-1, length)),
            presence_logits=presence,
        )


class TubeDetections(NamedTuple):
    """The detections of one clip."""

    boxes: Tensor
    """(N, T, 4) pixels of the displayed frame."""

    scores: Tensor
    """(N,) probability of a person."""

    presence: Tensor
    """(N, T) probability of being in the frame."""


def detect_people(
    output: BoxOutput,
    proposals: Tensor,
    *,
    size: tuple[int, int],
    config: BoxHeadConfig,
    to_picture: Callable[[Tensor], Tensor],
) -> TubeDetections:
    """Decode the boxes, drop the unsure ones, and keep one of many alike ones.

    Args:
        output: What the head said.
        proposals: (R, T, 4) pixels of the network's input.
        size: (H, W) of the displayed frame, pixels.
        config: Thresholds.
        to_picture: Boxes of the network's input to boxes of the displayed frame.
    """
    scores = output.tube_logits.float().softmax(dim=-1)[:, 1]
    boxes = decode_boxes(
        output.deltas[:, :, 1].float(),
        to_picture(proposals),
        weights=config.weights,
        convention=config.convention,
    )
    boxes = clip_boxes(boxes, height=size[0], width=size[1], convention=config.convention)
    solid = (sizes(boxes, config.convention) >= config.min_size).flatten(1).all(dim=1)
    chosen = torch.nonzero((scores > config.min_score) & solid)[:, 0]
    presence = torch.ones_like(boxes[..., 0])
    if output.presence_logits is not None:
        presence = output.presence_logits.float().sigmoid()
    kept = tube_nms(
        boxes[chosen],
        scores[chosen],
        threshold=config.nms,
        present=None if output.presence_logits is None else _present(presence[chosen]),
        convention=config.convention,
        suppress=config.nms_suppresses,
    )
    chosen = chosen[kept[: config.max_people]]
    if config.order == "proposal":
        chosen = chosen.sort().values
    return TubeDetections(boxes=boxes[chosen], scores=scores[chosen], presence=presence[chosen])


def _present(presence: Tensor) -> Tensor:
    """(N, T) bool, where tubes can be compared: a tube that seems to be nowhere is taken whole."""
    present = presence > 0.5
    return present | ~present.any(dim=1, keepdim=True)
