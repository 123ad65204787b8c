"""The weights of a weighted pool, to be trained."""

import torch
from torch import Tensor, nn

from posetube.skeletons import skeleton

from ..joint_peaks import LEAST
from .learned_config import WeightedPoolConfig


class WeightedPool(nn.Module):
    """A weight per joint and frame, positive, with a sum of 1; equal ones until trained."""

    def __init__(self, config: WeightedPoolConfig) -> None:
        super().__init__()
        self.config = config
        frames = config.past + 1 + config.future
        self.logits = nn.Parameter(torch.zeros(len(skeleton(config.skeleton)), frames))

    def weights(self) -> Tensor:
        """(K, past + 1 + future) of each joint and frame."""
        return self.logits.softmax(1)

    def forward(self, maps: Tensor) -> Tensor:
        """Pool evidence.

        Args:
            maps: (M, past + 1 + future, K, h, w) in the cells of the frame in the middle.

        Returns:
            (M, K, h, w) logarithms of the weighted mean.
        """
        pooled = torch.einsum("mfkhw,kf->mkhw", maps, self.weights())
        return pooled.clamp(min=LEAST).log()
