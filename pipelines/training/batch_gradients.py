"""The gradients of one batch, in parts that fit into memory, over all processes.

All processes go through the same exchanges in the same order, whatever happens to one of them:
if one runs out of memory, all begin the step again with parts half as large.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from posetube.errors import ResourceError
from posetube.shortage import shortage_of

from ...models3d.training.loss_shares import LossShare
from .training_processes import TrainingProcesses

Losses = dict[str, float]
"""Means by name."""


class BatchGradients:
    """Fills in the gradients of batch after batch.

    Args:
        network: Whose.
        losses: From a part of a batch and the step to what is minimised.
        processes: Who shares the batches.
        scaler: Scales the losses for float16; does nothing for other types.
        at_once: Clips that are looked at together, at most; None: all that the process has. Becomes
            half where memory runs out.
    """

    def __init__(
        self,
        network: nn.Module,
        losses: Callable[[Any, int], dict[str, LossShare]],
        *,
        processes: TrainingProcesses,
        scaler: torch.amp.GradScaler,
        at_once: int | None,
    ) -> None:
        self._network, self._losses = network, losses
        self._processes, self._scaler = processes, scaler
        self.at_once = at_once

    def __call__(self, batch: Any, step: int) -> Losses:
        """Add up the gradients of a batch; where a loss is not finite, there are none.

        Raises:
            ResourceError: If memory does not suffice for a single clip.
        """
        while (losses := self._attempt(batch, step)) is None:
            self._network.zero_grad(set_to_none=True)
            if self._processes.device.type == "cuda":
                torch.cuda.empty_cache()
            self.at_once = self._half(min(self.at_once or len(batch), len(batch)))
        if not all(map(math.isfinite, losses.values())):
            self._network.zero_grad(set_to_none=True)
            return losses
        self._processes.add_gradients(self._network.parameters())
        return losses

    def _half(self, size: int) -> int:
        if size == 1:
            raise ResourceError(
                "memory ran out with one clip at a time; take smaller pictures "
                "(pictures.sizes, clips.augment.size) or a shorter clip, and begin in another "
                "folder"
            )
        return size // 2

    def _attempt(self, batch: Any, step: int) -> Losses | None:
        """Means over the parts; None where a process ran out of memory."""
        size = self.at_once or len(batch)
        found: Losses = {}
        scarce = _Scarcity()
        for first in range(0, len(batch), size):
            part = batch[first : first + size]
            shares: dict[str, LossShare] = {}
            with scarce.noticed():
                shares = self._losses(part, step)
            if self._processes.any(scarce.memory):
                return None
            mine, means = self._processes.means(shares)
            weight = len(part) / len(batch)
            for name, value in means.items():
                found[name] = found.get(name, 0.0) + weight * value
            if not all(map(math.isfinite, means.values())):
                return found
            with scarce.noticed():
                whole = weight * torch.stack(list(mine.values())).sum()
                torch.autograd.backward(self._scaler.scale(whole))
        return None if self._processes.any(scarce.memory) else found


class _Scarcity:
    """Whether memory ran out in this process."""

    memory = False

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Note it in place of raising it; nothing is done any more once it ran out."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if shortage_of(error) is None:
                raise
            self.memory = True
