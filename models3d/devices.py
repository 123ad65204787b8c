"""Which processor a network runs on, and why. Importing this file does not import torch."""

from dataclasses import dataclass

from posetube.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A choice, and the reason to show the user."""

    name: str
    """As PyTorch calls it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""

    reason: str
    """Why this one."""


def choose_device(wanted: str = "auto") -> Device:
    """Choose a device, or check that the wanted one is there.

    Args:
        wanted: ``auto`` (a GPU where there is one), or a name that PyTorch knows.

    Raises:
        InputError: If there is no such device here.
    """
    import torch

    if wanted != "auto":
        _check(wanted)
        return Device(name=wanted, reason="as asked")
    if torch.cuda.is_available():
        return Device(name="cuda", reason=torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return Device(name="mps", reason="Apple GPU")
    threads = torch.get_num_threads()
    return Device(name="cpu", reason=f"no GPU found; {threads} threads")


def _check(wanted: str) -> None:
    import torch

    try:
        # a name is only known to work once something has been stored there
        torch.zeros(1, device=torch.device(wanted))
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(
            f"no device {wanted!r} here; choose auto, cpu"
            f"{', cuda' if torch.cuda.is_available() else ''}. `posetube doctor` lists them"
        ) from None
