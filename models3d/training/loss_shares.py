"""A loss as a sum and what it is divided by: processes that share a batch divide by one number.

Each process sums over its own clips. Divided by what all of them counted, the sums are those of one
process with the whole batch, and so are the gradients. Not here: the losses (:mod:`.losses`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class LossShare:
    """What one process adds to a loss."""

    total: Tensor
    """(), the sum of what everything costs; gradients flow through it."""

    count: Tensor
    """(), how many there are, or the sum of their weights; no gradient flows through it."""

    least: float = 1e-6
    """By less than this, above 0, is never divided."""

    @property
    def mean(self) -> Tensor:
        """The loss, if there is no other process."""
        return self.total / self.count.clamp(min=self.least)

    def weighted(self, weight: float) -> "LossShare":
        """The same, times a factor."""
        return LossShare(total=weight * self.total, count=self.count, least=self.least)


def loss_share(total: Tensor, count: Tensor | float, *, least: float = 1e-6) -> LossShare:
    """A share whose count is on the device of its sum, without a gradient."""
    number = torch.as_tensor(count, dtype=torch.float32, device=total.device).detach()
    return LossShare(total=total, count=number, least=least)


def joined(shares: Sequence[LossShare]) -> LossShare:
    """One share of all: the sum of their sums, over the sum of what they count."""
    return LossShare(
        total=torch.stack([share.total for share in shares]).sum(),
        count=torch.stack([share.count for share in shares]).sum(),
        least=shares[0].least,
    )


def mean_of(shares: Sequence[LossShare]) -> LossShare:
    """The mean of the means of clips, each of which counts the same."""
    means = torch.stack([share.mean for share in shares])
    return loss_share(means.sum(), len(shares))


def means(shares: Mapping[str, LossShare]) -> dict[str, Tensor]:
    """The losses of one process that has all of the batch."""
    return {name: share.mean for name, share in shares.items()}
