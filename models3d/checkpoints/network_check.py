"""Looks whether the network that a file describes can be built, and gives finite numbers.

The configuration and the weights may be damaged, or made to do harm. So a network is first built
without memory, which shows its shapes, and tried on a small picture once its weights are in.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from posetube.errors import WeightsError

from ..configs.networks import TubeRCNNConfig
from ..features import Pictures
from ..model_info import ModelInfo
from ..preprocess import Geometry
from ..tube_choice import Proposals
from ..tube_rcnn import TubeRCNN
from .refusal import refused

SIDE = 64
"""Of the picture that a network is tried on, pixels: two cells of the coarsest level."""


def unfilled(config: TubeRCNNConfig, *, info: ModelInfo, source: str, device: str) -> TubeRCNN:
    """A network whose weights have no numbers yet; on the device ``meta`` not even memory.

    Raises:
        WeightsError: If no network can be built like that.
    """
    what = "its configuration describes no network that can be built"
    with refused(source, what), torch.device(device), _NoRandomNumbers():
        return TubeRCNN(config, info=info)


def check_finite(weights: Mapping[str, Tensor], *, source: str) -> None:
    """Refuse weights that are not finite numbers.

    Raises:
        WeightsError: If there are any; names the first.
    """
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(
                f"{source}: {name} holds NaN or infinite numbers; is the file damaged, or did the "
                "training that made it diverge?"
            )


@torch.inference_mode()
def check_network(network: TubeRCNN, *, source: str) -> None:
    """Try a network on a small grey picture.

    Raises:
        WeightsError: If it fails, or a layer gives numbers that are not finite.
    """
    length = network.clip_length
    geometry = Geometry(
        picture=(SIDE, SIDE), resized=(SIDE, SIDE), padded=(SIDE, SIDE), scale=(1.0, 1.0)
    )
    # A wave, because a plain picture would leave most of the kernels' sums at zero.
    wave = torch.linspace(-2, 2, length * 3 * SIDE * SIDE).sin().reshape(length, 3, SIDE, SIDE)
    pictures = Pictures((wave * 127 + 128).to(torch.uint8), geometry)
    with refused(source, "its network cannot be run"), _watched(network, source):
        features = network.clip_part(network.frame_part(wave), length, pictures)
        network.proposals.find_tubes(features, geometry)
        # one person is enough: heads look at each alone, and heavy ones take seconds for hundreds
        whole = torch.tensor([0.0, 0.0, SIDE, SIDE]).expand(1, 1, length, 4)
        one = Proposals(whole, torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool))
        if network.box_head is not None:
            network.box_head.find_people(features, one, geometry)
        head = network.keypoint_head
        head(head.pool(features, whole.unbind()), length)
        if network.mask_head is not None:
            network.mask_head.draw_people(features, whole)


class _NoRandomNumbers(TorchFunctionMode):
    """Leaves out the first random weights, which take time even where there is no memory."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__module__", "") == "torch.nn.init" or function is Tensor.normal_:
            return args[0] if args else (kwargs or {})["tensor"]
        return function(*args, **(kwargs or {}))


@contextmanager
def _watched(network: nn.Module, source: str) -> Iterator[None]:
    """Look at what every layer gives."""

    def check(layer: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor) and not torch.isfinite(output).all():
            raise WeightsError(
                f"{source}: its numbers overflow in {names[layer]}; is the file damaged?"
            )

    names = {layer: name for name, layer in network.named_modules()}
    hooks = [layer.register_forward_hook(check) for layer in names]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
