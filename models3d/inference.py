"""Makes a network faster that is only to be used: norms folded, convolutions by Winograd's method.

Its results stay the same to the rounding of float32, unless it is to compute in bfloat16
(:mod:`.half_precision`). It can be neither trained nor saved afterwards. Of networks with a ResNet
only: the others have no norms, and few wide convolutions.
"""

import torch
from torch import nn

from posetube.network import Network, Precision

from .arrays import on_host
from .configs.bodies import ResNetConfig
from .half_precision import compute_in_bfloat16
from .resnet import Block, Stem
from .time_conv import TimeConv, to_channels_last
from .tube_rcnn import TubeRCNN
from .winograd import WinogradConv, suits


def prepare_for_inference(network: Network, *, precision: Precision = "float32") -> Network:
    """Fold its norms and, on a processor, change its wide convolutions; in place.

    Args:
        network: A network with a ResNet; any other stays as it is.
        precision: ``bfloat16`` or ``float32``, see :func:`.half_precision.choose_precision`.
    """
    if not (isinstance(network, TubeRCNN) and isinstance(network.config.body, ResNetConfig)):
        return network
    for part in network.modules():
        if isinstance(part, Block | Stem):
            part.fold()
    parameter = next(network.parameters())
    # a device's libraries choose such methods themselves; half precision would lose too much
    if precision == "bfloat16":
        compute_in_bfloat16(network)
    elif on_host(parameter) and parameter.dtype == torch.float32:
        # not the heads that look at people: their squares of 14 bins gain nothing
        for wide in (network.body, network.neck, network.proposals):
            _by_winograd(wide)
    to_channels_last(network)
    return network.eval()


def _by_winograd(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) is TimeConv and suits(child):  # not one that moves its taps
            setattr(module, name, WinogradConv(child))
        else:
            _by_winograd(child)
