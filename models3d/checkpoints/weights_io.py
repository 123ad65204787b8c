"""Our weights files: safetensors, with the network's configuration and licence in the header.

A file describes itself: nothing else is needed to build and fill the network. Half-precision
numbers become float32 when they are loaded. Other programs' files: :mod:`.convert`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from posetube.atomic_files import replacing
from posetube.errors import WeightsError

from ..model_info import ModelInfo
from ..time_conv import to_channels_last
from ..tube_rcnn import TubeRCNN
from .config_json import from_json, to_json

FORMAT = "posetube-1"


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
        "name": info.name,
        "licence": info.licence,
        "source": info.source,
    }
    # files hold numbers in their logical order, whatever their layout in memory
    tensors = {name: t.detach().cpu().to(dtype).contiguous() for name, t in _state(model).items()}
    with replacing(path) as aside:
        save_file(tensors, aside, metadata=header)


def load_weights(path: Path) -> TubeRCNN:
    """Build the network that a file describes, with its weights, ready for inference.

    Raises:
        WeightsError: If the file is missing, is not ours, or does not fit its own description.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a safetensors file ({error}); convert other formats with "
            "'posetube models convert'"
        ) from error
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path}: expected a weights file of ours (format {FORMAT}), got format "
            f"{header.get('format')}; convert it with 'posetube models convert'"
        )
    info = ModelInfo(
        name=header.get("name", path.stem),
        sha256=sha256_of(path),
        licence=header.get("licence", "unknown"),
        source=header.get("source", ""),
    )
    model = TubeRCNN(from_json(header["config"], source=str(path)), info=info)
    fill_weights(model, tensors, source=str(path))
    to_channels_last(model)
    return model.eval()


def is_ours(path: Path) -> bool:
    """Whether a file says of itself that it is one of our weights files."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError):
        return False


def fill_weights(model: TubeRCNN, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Copy weights into a network that has exactly these parameters.

    Raises:
        WeightsError: If parameters are missing or left over, or have another shape.
    """
    own = _state(model)
    missing, spare = own.keys() - tensors.keys(), tensors.keys() - own.keys()
    if missing or spare:
        raise WeightsError(
            f"{source}: its weights do not fit the network; missing: {_few(missing)}; "
            f"left over: {_few(spare)}"
        )
    for name, tensor in tensors.items():
        if own[name].shape != tensor.shape:
            raise WeightsError(
                f"{source}: {name} has shape {tuple(tensor.shape)}, expected "
                f"{tuple(own[name].shape)}"
            )
    model.load_state_dict(dict(tensors))


def sha256_of(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(model: TubeRCNN) -> dict[str, Tensor]:
    return model.state_dict()


def _few(names: set[str]) -> str:
    """The first few names, for an error message."""
    shown = sorted(names)[:4]
    return ", ".join(shown) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
