"""Which processor a network runs on, and why. Importing this file does not import torch."""

import os
from dataclasses import dataclass
from typing import Any

from posetube.errors import InputError, MissingExtraError
from posetube.shortage import raise_shortage


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A choice, and the reason to show the user."""

    name: str
    """As PyTorch calls it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""

    reason: str
    """Why this one."""

    threads: int | None = None
    """On a processor, how many threads share each sum; its last digits depend on that."""


def usable_cores() -> int:
    """Number of the processor's cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device(wanted: str = "auto") -> Device:
    """Choose a device, or check that the wanted one is there.

    Args:
        wanted: ``auto`` (a GPU where there is one), or a name that PyTorch knows.

    Raises:
        InputError: If there is no such device here.
        MissingExtraError: If PyTorch is not installed.
    """
    torch = _torch()
    threads = torch.get_num_threads()
    if wanted != "auto":
        _check(wanted)
        return Device(name=wanted, reason="as asked", threads=threads if wanted == "cpu" else None)
    if torch.cuda.is_available():
        return Device(name="cuda", reason=torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return Device(name="mps", reason="Apple GPU")
    return Device(name="cpu", reason=f"no GPU found; {threads} threads", threads=threads)


def computes_bfloat16(device: str) -> bool:
    """Whether a device computes with bfloat16 natively.

    Others imitate it, if they know it at all: processors at a tenth of their speed.
    """
    torch = _torch()
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return kind == "cpu" and bool(native)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise_shortage(error)  # its libraries may find no memory
        raise MissingExtraError(
            "this network or device needs PyTorch: pip install torch torchvision"
        ) from None
    return torch


def _check(wanted: str) -> None:
    torch = _torch()
    try:
        # a name is only known to work once something has been stored there
        torch.zeros(1, device=torch.device(wanted))
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(
            f"no device {wanted!r} here; choose auto, cpu"
            f"{', cuda' if torch.cuda.is_available() else ''}. `posetube doctor` lists them"
        ) from None
