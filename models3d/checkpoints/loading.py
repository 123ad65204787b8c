"""A network by name or by file."""

from pathlib import Path

import torch

from posetube.errors import InputError
from posetube.shortage import raise_shortage

from ..tube_rcnn import TubeRCNN
from .model_files import weights_file
from .weights_io import load_weights


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
        raise_shortage(error)
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used: {reason}") from error
