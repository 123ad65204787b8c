"""Makes a network faster that is only to be used: norms folded, convolutions by Winograd's method.

Its results stay the same to the rounding of float32, unless it is to compute in bfloat16
(:mod:`.half_precision`). It can be neither trained nor saved afterwards. Of networks with a ResNet
only: the others have no norms, and few wide convolutions.
"""

import torch

from posetube.network import Network, Precision

from .arrays import on_host
from .half_precision import compute_in_bfloat16, is_large
from .resnet import Block, Stem
from .time_conv import to_channels_last
from .winograd import WinogradConv, exchange_convs


def prepare_for_inference(network: Network, *, precision: Precision = "float32") -> Network:
    """Fold its norms and, on a processor, change its wide convolutions; in place.

    Args:
        network: A network with a ResNet; any other stays as it is.
        precision: ``bfloat16`` or ``float32``, see :func:`.half_precision.choose_precision`.
    """
    if not is_large(network):
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
            exchange_convs(wide, WinogradConv)
    to_channels_last(network)
    return network.eval()
