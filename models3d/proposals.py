"""The tube proposal network: where people may be.

Every cell has A anchors. For each of them the head predicts one score for the whole clip (how
likely a person is there) and one box per frame. The best tubes that remain after non-maximum
suppression are the proposals.

Source: Girdhar et al., "Detect-and-Track", CVPR 2018, section 3.1; with T = 1 it is the region
proposal network of Ren et al., "Faster R-CNN", NeurIPS 2015.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from .anchors import anchor_grid, cell_anchors
from .box_coding import clip_boxes, decode_boxes, sizes
from .configs.proposal_heads import ProposalConfig
from .features import ClipFeatures
from .preprocess import Geometry
from .slots import take_slots
from .time_conv import TimeConv, sum_over_time
from .tube_choice import Proposals
from .tube_nms import tube_nms


class ProposalMaps(NamedTuple):
    """The head's outputs for the N anchors of B clips."""

    objectness: Tensor
    """(B, N) logits, one per tube."""

    deltas: Tensor
    """(B, N, T, 4) regressions, one per frame."""

    anchors: Tensor
    """(N, 4) pixels of the network's input; by level, row, column, anchor."""

    counts: tuple[int, ...]
    """How many of the N anchors each level has."""


class ProposalHead(nn.Module):
    """A convolution that all levels share, then objectness and regressions per anchor."""

    def __init__(self, config: ProposalConfig, *, channels: int, strides: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.strides = tuple(strides)
        if len(self.strides) != len(config.anchors.sizes):
            raise InputError(
                f"AnchorConfig.sizes must have one entry per pyramid level ({len(self.strides)}), "
                f"got {len(config.anchors.sizes)}"
            )
        self.conv = TimeConv(
            channels, channels, 3, time=config.time, time_padding=config.time_padding
        )
        self.objectness, self.deltas = (
            TimeConv(channels, outputs, time=config.output_time, time_padding=config.time_padding)
            for outputs in (config.anchors.per_cell, 4 * config.anchors.per_cell)
        )
        for layer in (self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
        for level, stride in enumerate(self.strides):
            # A buffer moves to the device with the network. Weights files need not hold it, because
            # it follows from the configuration.
            window = cell_anchors(config.anchors, level=level, stride=stride)
            self.register_buffer(f"window_{level}", window, persistent=False)

    def find_tubes(self, features: ClipFeatures, geometry: Geometry) -> Proposals:
        """Propose tubes in B clips."""
        maps = self.maps(
            features.levels,
            length=features.length,
            padded=geometry.padded,
            responses=features.proposal_responses,
        )
        return self.choose(maps, size=geometry.resized, padded=geometry.padded)

    def choose(
        self, maps: ProposalMaps, *, size: tuple[int, int], padded: tuple[int, int]
    ) -> Proposals:
        """The proposals among all tubes, see :func:`propose`."""
        return propose(maps, size=size, padded=padded, config=self.config)

    def responses(self, levels: Sequence[Tensor], length: int = 1) -> list[Tensor]:
        """What each step of the outputs' time kernels says of every frame.

        Without a time kernel before the outputs, T does not matter.

        Args:
            levels: Per level (B * T, C, h, w).
            length: T.

        Returns:
            Per level (B * T, steps * 5 A, h, w): of all steps the objectness, then the regressions.
        """
        return [self.last_layers(self.conv(level, length).relu_()) for level in levels]

    def last_layers(self, hidden: Tensor) -> Tensor:
        """A level's (B * T, C, h, w) hidden map to its responses."""
        steps = [*self.objectness.responses(hidden), *self.deltas.responses(hidden)]
        return torch.cat(steps, dim=1)

    def forward(
        self, levels: Sequence[Tensor], length: int, responses: Sequence[Tensor] | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs for every frame of B clips.

        Args:
            levels: Per level (B * T, C, h, w).
            length: T.
            responses: From :meth:`responses`, if they are known.

        Returns:
            Per level (B * T, A, h, w) objectness logits and (B * T, A * 4, h, w) regressions.
        """
        steps, padding = self.config.output_time, self.config.time_padding
        parts = [steps * self.config.anchors.per_cell, 4 * steps * self.config.anchors.per_cell]
        found = [
            sum_over_time(list(part.chunk(steps, dim=1)), length=length, padding=padding)
            for level in responses or self.responses(levels, length)
            for part in torch.split(level, parts, dim=1)
        ]
        return found[::2], found[1::2]

    def maps(
        self,
        levels: Sequence[Tensor],
        *,
        length: int,
        padded: tuple[int, int],
        responses: Sequence[Tensor] | None = None,
    ) -> ProposalMaps:
        """The same per anchor instead of per frame, objectness averaged over the frames."""
        objectness, deltas = self(levels, length, responses)
        grids = anchor_grid(
            self.config.anchors,
            shapes=[(level.shape[2], level.shape[3]) for level in levels],
            strides=self.strides,
            padded=padded,
            windows=[getattr(self, f"window_{level}") for level in range(len(levels))],
        )
        return ProposalMaps(
            objectness=torch.cat([_per_tube(o, length) for o in objectness], dim=1),
            deltas=torch.cat([_per_frame(d, length) for d in deltas], dim=1),
            anchors=torch.cat(grids),
            counts=tuple(len(grid) for grid in grids),
        )


def _per_tube(objectness: Tensor, length: int) -> Tensor:
    """(B * T, A, h, w) to (B, h * w * A), averaged over T."""
    # a tube has one score, as published; its boxes are regressed frame by frame
    mean = torch.unflatten(objectness, 0, (-1, length)).mean(dim=1)
    return mean.permute(0, 2, 3, 1).flatten(1)


def _per_frame(deltas: Tensor, length: int) -> Tensor:
    """(B * T, A * 4, h, w) to (B, h * w * A, T, 4)."""
    split = torch.unflatten(
        torch.unflatten(deltas, 1, (-1, 4)), 0, (-1, length)
    )  # (B, T, A, 4, h, w)
    return split.permute(0, 4, 5, 2, 1, 3).flatten(1, 3)


def propose(
    maps: ProposalMaps,
    *,
    size: tuple[int, int],
    padded: tuple[int, int],
    config: ProposalConfig,
) -> Proposals:
    """Choose the tubes that the heads will look at: the best of each level, then of all levels.

    Args:
        maps: The head's outputs.
        size: (H, W) of the resized picture, pixels of the network's input.
        padded: (H, W) of the network's input.
        config: The filter.

    Returns:
        The proposals, which carry no gradient.
    """
    levels = candidates(maps, size=size, padded=padded, config=config)
    tubes, scores = (torch.stack(column, dim=1) for column in _same_length(levels))
    kept = tube_nms(
        tubes.flatten(0, 1),
        scores.flatten(0, 1),
        threshold=config.nms,
        convention=config.convention,
        suppress=config.nms_suppresses,
    ).view_as(scores)
    # candidates are ordered by falling score, so the first that are kept are a level's best
    kept &= kept.cumsum(dim=2) <= config.after_nms
    scores = torch.where(kept, scores, -torch.inf).flatten(1)
    best = scores.argsort(dim=1, descending=True, stable=True)[:, : config.after_nms]
    return Proposals.of(take_slots(tubes.flatten(1, 2), best), take_slots(scores, best))


def candidates(
    maps: ProposalMaps,
    *,
    size: tuple[int, int],
    padded: tuple[int, int],
    config: ProposalConfig,
) -> list[tuple[Tensor, Tensor]]:
    """The best tubes of each level before suppression, without gradient.

    Args:
        maps: The head's outputs.
        size: (H, W) of the resized picture, pixels of the network's input.
        padded: (H, W) of the network's input.
        config: The filter.

    Returns:
        Per level (B, k, T, 4) tubes and (B, k) probabilities, falling; minus infinity for tubes
        that are too small, or not finite.
    """
    limit = padded if config.clip_to == "padded" else size
    outputs = (maps.objectness.detach().float(), maps.deltas.detach().float())
    counts = list(maps.counts)
    parts = [torch.split(output, counts, dim=1) for output in outputs]
    anchors = torch.split(maps.anchors, counts)
    return [
        _candidates(*level, limit=limit, config=config)
        for level in zip(*parts, anchors, strict=True)
    ]


def _candidates(
    logits: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    *,
    limit: tuple[int, int],
    config: ProposalConfig,
) -> tuple[Tensor, Tensor]:
    """The best tubes of one level before suppression.

    Args:
        logits: (B, n).
        deltas: (B, n, T, 4).
        anchors: (n, 4).
        limit: (H, W) where boxes end.
        config: The filter.

    Returns:
        (B, k, T, 4) tubes and (B, k) probabilities, falling; minus infinity for tubes that are too
        small, or not finite.
    """
    best = logits.topk(min(config.before_nms, logits.shape[1])).indices
    tubes = decode_boxes(
        take_slots(deltas, best), anchors[best][:, :, None], convention=config.convention
    )
    tubes = clip_boxes(tubes, height=limit[0], width=limit[1], convention=config.convention)
    large = (sizes(tubes, config.convention) >= config.min_size).flatten(2).all(dim=2)
    return tubes, torch.where(large, logits.gather(1, best).sigmoid(), -torch.inf)


def _same_length(levels: Sequence[tuple[Tensor, Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    """Give coarse levels, which have few anchors, empty slots up to the number of the others."""
    most = max(scores.shape[1] for _, scores in levels)
    spare = [most - scores.shape[1] for _, scores in levels]
    return (
        [functional.pad(t, (0, 0, 0, 0, 0, n)) for (t, _), n in zip(levels, spare, strict=True)],
        [
            functional.pad(s, (0, n), value=-torch.inf)
            for (_, s), n in zip(levels, spare, strict=True)
        ],
    )
