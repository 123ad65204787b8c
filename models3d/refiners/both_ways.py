"""Two memories, one for each direction of time; the second goes over what the first one made."""

from torch import Tensor, nn

from .conv_lstm import ConvLSTMRefiner
from .learned_config import BothWaysConfig


class BothWays(nn.Module):
    """Corrects evidence by past and future; the identity until it is trained."""

    def __init__(self, config: BothWaysConfig) -> None:
        super().__init__()
        self.config = config
        self.ahead = ConvLSTMRefiner(config.ahead)
        self.back = ConvLSTMRefiner(config.back)

    def forward(self, evidence: Tensor, regions: Tensor, *, coarse: bool = False) -> Tensor:
        """Correct whole stretches, as :meth:`ConvLSTMRefiner.forward` does."""
        refined = heights_of(self.ahead(evidence, regions, coarse=coarse))
        back: Tensor = self.back(refined.flip(1), regions.flip(1), coarse=coarse)
        return back.flip(1)


def heights_of(logits: Tensor) -> Tensor:
    """Evidence in [0, 1] of its (..., h, w) logarithms, as refiners give it."""
    top = logits.amax((-2, -1), keepdim=True).clamp(min=0)
    return (logits - top).exp()
