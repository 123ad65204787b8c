"""A network by name or by file."""

from importlib.resources import files
from pathlib import Path

import torch

from posetube.errors import InputError, WeightsError

from ..tube_rcnn import TubeRCNN
from .published import PUBLISHED, fetched_file
from .weights_io import load_weights

EMBEDDED = Path(str(files("posetube.models3d"))) / "weights"
"""Folder of the weights that ship with the package."""


def load_network(name_or_path: str | Path = "tiny", *, device: str = "cpu") -> TubeRCNN:
    """Load a network, ready for inference.

    Args:
        name_or_path: ``tiny`` (ships with the package), the name of a published model that was
            fetched (``posetube models fetch NAME``), or the path of a ``.safetensors`` of ours.
        device: Any device of torch: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises:
        WeightsError: If there is no such model or file, or it is refused.
        InputError: If there is no such device.
    """
    model = load_weights(weights_file(name_or_path))
    try:
        return model.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used: {reason}") from error


def weights_file(name_or_path: str | Path) -> Path:
    """The weights file of a model.

    Raises:
        WeightsError: If there is neither a model of this name nor such a file.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    name = str(name_or_path)
    # with a folder before it, it can only be meant as a path
    candidates = [] if path.parent != Path() else [EMBEDDED / f"{name}.safetensors"]
    if name in PUBLISHED:
        candidates.append(fetched_file(name))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if name in PUBLISHED:
        raise WeightsError(
            f"model {name} has not been fetched; 'posetube models fetch {name}' downloads it"
        )
    raise WeightsError(
        f"no weights file {name}, and no model of that name; 'posetube models list' lists them"
    )


def embedded_names() -> list[str]:
    """Names of the models that ship with the package."""
    return sorted(file.stem for file in EMBEDDED.glob("*.safetensors"))
