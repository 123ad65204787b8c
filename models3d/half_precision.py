"""Lets a large network compute in bfloat16: body, neck, and all but the last layers of its heads.

The last layers are a hundredth of the work, and what they say is decoded: a joint is the highest of
many cells that differ little, and bfloat16 has three digits. So they stay in float32, as do the
pooling of boxes, the coding of boxes and the suppression of similar ones. So does a head that looks
at the picture: it is small.
"""

from collections.abc import Callable
from functools import partial, wraps
from types import MethodType
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.network import Network, Precision

from .configs.bodies import ResNetConfig
from .devices import computes_bfloat16
from .tube_rcnn import TubeRCNN

Method = Callable[..., Any]

ENTRIES = ("encode", "detect_clips", "find_joints", "judge_boxes", "heatmaps")
"""What jobs call, and what all the rest is called from."""


def is_large(network: Network) -> TypeGuard[TubeRCNN]:
    """Whether a network has a ResNet: the others are too small to gain anything."""
    return isinstance(network, TubeRCNN) and isinstance(network.config.body, ResNetConfig)


def choose_precision(wanted: Precision, network: Network, *, device: str) -> Precision:
    """The number type that a network computes with; never ``auto``.

    Raises:
        InputError: If bfloat16 is asked of a small network, or of a device that imitates it.
    """
    if wanted == "float32":
        return wanted
    large, native = is_large(network), computes_bfloat16(device)
    if wanted == "bfloat16" and not large:
        raise InputError(
            'precision="bfloat16" is for networks with a ResNet, such as keypoint_rcnn_r50; take '
            "auto or float32"
        )
    if wanted == "bfloat16" and not native:
        raise InputError(
            f'precision="bfloat16": the device {device} would only imitate it, slowly; take auto '
            "or float32"
        )
    return "bfloat16" if large and native else "float32"


def compute_in_bfloat16(network: TubeRCNN) -> None:
    """Change how it computes, in place; its weights stay in float32."""
    kind = next(network.parameters()).device.type
    half, exact = partial(_in_bfloat16, kind=kind), partial(_in_float32, kind=kind)
    for name in ENTRIES:
        _change(network, name, half)
    for part in network.modules():
        _change(part, "last_layers", exact)
    if network.keypoint_head.wants_pictures:
        for name in ("forward", "draw_and_embed"):
            _change(network.keypoint_head, name, exact)


def _change(part: nn.Module, name: str, change: Callable[[Method], Method]) -> None:
    """Put a changed method in the place of a part's, if it has one of that name."""
    method = getattr(part, name, None)
    if method is not None:
        # bound again, so that a copy of the part calls its own
        setattr(part, name, MethodType(change(method.__func__), part))


def _in_bfloat16(method: Method, *, kind: str) -> Method:
    """The same method, its convolutions and products in bfloat16."""

    @wraps(method)
    def half(part: nn.Module, *given: Any, **named: Any) -> Any:
        # a new one each time: it remembers what was before, and threads share the method
        with torch.autocast(kind, dtype=torch.bfloat16):
            return method(part, *given, **named)

    return half


def _in_float32(method: Method, *, kind: str) -> Method:
    """The same method, of float32 whatever comes."""

    @wraps(method)
    def exact(part: nn.Module, maps: Any, *rest: Any) -> Any:
        with torch.autocast(kind, enabled=False):
            return method(part, maps.float() if isinstance(maps, Tensor) else maps, *rest)

    return exact
