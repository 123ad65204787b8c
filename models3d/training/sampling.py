"""The random choice of labelled tubes for a training step.

All random numbers come from a :class:`Draw`, so that a run can be repeated. Not here: labels
(:mod:`.targets`).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from posetube.setting_checks import check_numbers

from ..tube_nms import tube_nms
from .targets import NEGATIVE, POSITIVE, UNUSED, TubeMatches


class Draw(Protocol):
    """A source of random choices."""

    def distinct(self, pool: int, count: int) -> Tensor:
        """``count`` different numbers below ``pool``, (count,) int64."""
        ...

    def repeated(self, pool: int, count: int) -> Tensor:
        """``count`` numbers below ``pool``, which may repeat, (count,) int64."""
        ...


@dataclass(frozen=True, kw_only=True)
class TorchDraw:
    """Choices of a torch generator on the CPU: the same on every device of the network."""

    generator: torch.Generator
    """Every choice advances it."""

    def distinct(self, pool: int, count: int) -> Tensor:
        """See :class:`Draw`."""
        return torch.randperm(pool, generator=self.generator)[:count]

    def repeated(self, pool: int, count: int) -> Tensor:
        """See :class:`Draw`."""
        return torch.randint(pool, (count,), generator=self.generator)


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """How many tubes of a clip are used."""

    size: int = 256
    """Largest number of tubes per clip."""

    positive_share: float = 0.5
    """Largest share of people among them, in [0, 1]."""

    published: bool = False
    """Whether background is drawn as in the original's proposal network: with repeats, not at all
    if there is little of it, and also from people whose best anchor overlaps them little."""

    def __post_init__(self) -> None:
        check_numbers(self, "size", low=1)
        check_numbers(self, "positive_share", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class HardRoisConfig:
    """Online hard example mining: which proposals the box head is trained on.

    Source: Shrivastava et al., CVPR 2016.
    """

    size: int = 64
    """Proposals of a clip, at most."""

    overlap: float = 0.7
    """Of two proposals that overlap more than this, in [0, 1], only the one that costs more counts:
    both would be the same mistake."""

    def __post_init__(self) -> None:
        check_numbers(self, "size", low=1)
        check_numbers(self, "overlap", low=0, high=1)


def hardest(costs: Tensor, tubes: Tensor, *, config: HardRoisConfig) -> Tensor:
    """The tubes that cost most.

    Args:
        costs: (R,) what each costs.
        tubes: (R, T, 4).
        config: How many.

    Returns:
        (S,) their indices, the costliest first.
    """
    kept = tube_nms(tubes[None], costs[None], threshold=config.overlap)[0]
    order = torch.where(kept, costs, -torch.inf).argsort(descending=True, stable=True)
    return order[: min(config.size, int(kept.sum()))]


def sample(matches: TubeMatches, *, config: SampleConfig, draw: Draw) -> Tensor:
    """Mark the tubes that are not used.

    Args:
        matches: Labels of A tubes.
        config: How many tubes are used.
        draw: Source of random choices.

    Returns:
        (A,) the labels, with -1 for tubes that are not used.
    """
    if config.published:
        return _sample_as_published(matches, config=config, draw=draw)
    used = torch.full_like(matches.labels, UNUSED)
    # people first; background fills up what they leave
    left = config.size
    for label, limit in ((POSITIVE, int(config.positive_share * config.size)), (NEGATIVE, None)):
        pool = torch.nonzero(matches.labels == label)[:, 0]
        count = min(len(pool), left if limit is None else limit)
        used[pool[draw.distinct(len(pool), count).to(pool.device)]] = label
        left -= count
    return used


def _sample_as_published(matches: TubeMatches, *, config: SampleConfig, draw: Draw) -> Tensor:
    used = torch.full_like(matches.labels, UNUSED)
    positive = torch.nonzero(matches.labels == POSITIVE)[:, 0]
    used[positive] = POSITIVE
    surplus = len(positive) - int(config.positive_share * config.size)
    if surplus > 0:
        used[positive[draw.distinct(len(positive), surplus)]] = UNUSED
    pool = torch.nonzero(matches.background)[:, 0]
    wanted = config.size - int((used == POSITIVE).sum())
    if len(pool) > wanted:
        used[pool[draw.repeated(len(pool), wanted)]] = NEGATIVE
    return used
