"""Which runtime runs a network, and on which device. Importing this file imports neither."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from posetube.errors import InputError
from posetube.network import Runtime

from ..devices import Device, choose_device
from .graph_files import has_graphs

GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What the drivers of NVIDIA, of AMD and of Windows' Linux leave in the system."""

ONE_THREAD = Device(name="cpu", reason="ONNX Runtime")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenRuntime:
    """A choice."""

    runtime: Runtime
    """``torch`` or ``onnx``."""

    device: Device
    """Where it runs."""


def choose_runtime(wanted: Runtime, *, device: str, weights: Path) -> ChosenRuntime:
    """Choose what runs a network.

    Args:
        wanted: ``auto``: ONNX Runtime on a processor, if the model has graphs.
        device: ``auto``, or a name that PyTorch knows; ONNX Runtime uses the processor only.
        weights: The model's weights file.

    Raises:
        InputError: If there is no such device here, or ONNX Runtime is to use one.
    """
    on_processor = device in ("auto", "cpu")
    if wanted == "onnx" and not on_processor:
        raise InputError(f"--runtime onnx runs on the processor; got --device {device}")
    fits = wanted == "onnx" or (wanted == "auto" and on_processor and has_graphs(weights))
    if fits and (wanted == "onnx" or device == "cpu" or not _maybe_gpu()):
        return ChosenRuntime(runtime="onnx", device=ONE_THREAD)
    chosen = choose_device(device)
    if fits and chosen.name == "cpu":
        return ChosenRuntime(runtime="onnx", device=ONE_THREAD)
    return ChosenRuntime(runtime="torch", device=chosen)


def _maybe_gpu() -> bool:
    """Whether it is worth the seconds that importing torch takes to ask it for a GPU."""
    if find_spec("torch") is None:
        return False
    if sys.platform == "linux":
        return any(map(os.path.exists, GPU_FILES))
    return sys.platform != "darwin" or platform.machine() == "arm64"
