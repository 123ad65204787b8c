"""Our weights files: safetensors, with the network's configuration and licence in the header.

A file describes itself: nothing else is needed to build and fill the network. Half-precision
numbers become float32 when they are loaded. Other programs' files: :mod:`.convert`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from posetube.atomic_files import replacing
from posetube.errors import WeightsError

from ..model_info import ModelInfo
from ..time_conv import to_channels_last
from ..tube_rcnn import TubeRCNN
from .config_json import to_json
from .network_check import check_finite, check_network, unfilled
from .refusal import refused
from .weights_header import FORMAT, KINDS, info_header, opened, read_header


def save_weights(
    model: TubeRCNN,
    path: Path,
    *,
    dtype: torch.dtype = torch.float32,
    info: ModelInfo | None = None,
) -> None:
    """Write a network's weights.

    Args:
        model: Any network.
        path: File to write.
        dtype: Type of the stored numbers; ``torch.float16`` halves the file.
        info: Name, licence and source to store; None: the network's own.
    """
    info = info or model.info
    header = {
        "format": FORMAT,
        "config": to_json(model.config),
        **info_header(info),
    }
    # files hold numbers in their logical order, whatever their layout in memory
    tensors = {
        name: t.detach().cpu().to(dtype).contiguous() for name, t in model.state_dict().items()
    }
    with replacing(path) as aside:
        save_file(tensors, aside, metadata=header)


def load_weights(path: Path) -> TubeRCNN:
    """Build the network that a file describes, with its weights, ready for inference.

    Raises:
        WeightsError: If the file is missing, is not ours, does not fit its own description, or
            makes a network that gives no finite numbers.
    """
    with opened(path, "pt") as file:
        config, info = read_header(file, path)
        # first the shapes alone: a configuration may ask for more memory than there is
        shapes = unfilled(config, info=info, source=str(path), device="meta").state_dict()
        weights = read_weights(file, shapes, source=str(path))
        model = unfilled(config, info=info, source=str(path), device="cpu")
    model.load_state_dict(weights)
    to_channels_last(model)
    model.eval()
    check_network(model, source=str(path))
    return model


def read_weights(file: Any, own: Mapping[str, Tensor], *, source: str) -> dict[str, Tensor]:
    """The weights of a file as float32, once all of their names and shapes are right.

    Args:
        file: An open safetensors file.
        own: What the network has, by name; only shapes count.
        source: What error messages call the file.

    Raises:
        WeightsError: If weights are missing or left over, have another shape, or are not finite.
    """
    names = {*file.keys()}
    missing, spare = own.keys() - names, names - own.keys()
    if missing or spare:
        raise WeightsError(
            f"{source}: its weights do not fit the network; missing: {_few(missing)}; "
            f"left over: {_few(spare)}"
        )
    for name, tensor in own.items():
        stored = file.get_slice(name)
        shape, kind = tuple(stored.get_shape()), stored.get_dtype()
        if shape != tuple(tensor.shape):
            raise WeightsError(
                f"{source}: {name} has shape {shape}, expected {tuple(tensor.shape)}"
            )
        if kind not in KINDS:
            raise WeightsError(f"{source}: {name} is {kind}, expected {', '.join(KINDS)}")
    with refused(source, "its weights cannot be read"):
        weights = {name: file.get_tensor(name).float() for name in own}
    check_finite(weights, source=source)
    return weights


def _few(names: set[str]) -> str:
    """The first few names, for an error message."""
    shown = sorted(names)[:4]
    return ", ".join(shown) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
