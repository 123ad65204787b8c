"""A network by name or by file."""

from importlib.resources import files
from pathlib import Path

import torch

from .tube_rcnn import TubeRCNN
from .weights_io import load

WEIGHTS = Path(str(files("posetube.models3d"))) / "weights"
"""Where the weights that ship with the package lie."""


def load_model(name_or_path: str | Path = "tiny", *, device: str = "cpu") -> TubeRCNN:
    """Load a network, ready for inference.

    Args:
        name_or_path: ``tiny`` (ships with the package), the name of a model that was fetched
            (``posetube models fetch NAME``), or the path of a ``.safetensors`` file of ours.
        device: Any device of torch: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; ``auto`` takes the
            first accelerator.

    Raises:
        WeightsError: If there is no such model or file, or it is refused.
    """
    path = Path(name_or_path)
    embedded = WEIGHTS / f"{name_or_path}.safetensors"
    if path.suffix != ".safetensors" and embedded.is_file():
        path = embedded
    return load(path).to(torch.device(device))
