"""Which of the labelled tubes a training step looks at.

Everything random comes from a :class:`Draw`, so that a run repeats. Not here: labels
(:mod:`.targets`).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from posetube.errors import InputError

from .targets import NEGATIVE, POSITIVE, UNUSED


class Draw(Protocol):
    """A source of random choices."""

    def distinct(self, pool: int, count: int) -> Tensor:
        """``count`` different places of ``pool``, (count,) int64."""
        ...

    def repeated(self, pool: int, count: int) -> Tensor:
        """``count`` places of ``pool``, each drawn from all of them, (count,) int64."""
        ...


@dataclass(frozen=True, kw_only=True)
class TorchDraw:
    """Choices from a torch generator on the processor, whatever the device of the network."""

    generator: torch.Generator
    """Advanced by every choice."""

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
    """Tubes per clip, at most."""

    positive_share: float = 0.5
    """Share of people among them, at most, in [0, 1]."""

    repeat_negatives: bool = False
    """Draw background with repeats, none where it is scarce, and over positives that overlap
    little, as the original's proposal network does."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"SampleConfig.size must be 1 or more tubes, got {self.size}")
        if not 0 <= self.positive_share <= 1:
            raise InputError(
                f"SampleConfig.positive_share must be in [0, 1], got {self.positive_share}"
            )


def sample(labels: Tensor, *, config: SampleConfig, draw: Draw) -> Tensor:
    """Mark the tubes that are not used.

    Args:
        labels: (A,) int64: 1 a person, 0 background, -1 neither.
        config: How many of each.
        draw: Source of chance.

    Returns:
        (A,) the labels, with -1 where a tube is not used.
    """
    positive = torch.nonzero(labels == POSITIVE)[:, 0]
    negative = torch.nonzero(labels == NEGATIVE)[:, 0]
    limit = int(config.positive_share * config.size)
    if len(positive) > limit:
        positive = positive[draw.distinct(len(positive), limit).to(labels.device)]
    wanted = min(config.size - len(positive), len(negative))
    if wanted < len(negative):
        negative = negative[draw.distinct(len(negative), wanted).to(labels.device)]
    used = torch.full_like(labels, UNUSED)
    used[negative] = NEGATIVE
    used[positive] = POSITIVE
    return used
