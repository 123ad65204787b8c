"""A network ready to work: which, on what device, and what its run's manifest says of it."""

import os
from dataclasses import dataclass

from .devices import Device, choose_device
from .storage.run_directory import ModelRecord
from .tracking.clip_window import Network


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """A network and where it comes from."""

    network: Network
    """Finds people."""

    record: ModelRecord
    """Name, SHA-256 of the weights, their licence."""

    device: Device
    """Where it runs."""

    batch: int = 1
    """Frames that are encoded together."""


def load(model: str = "tiny", *, device: str = "auto") -> LoadedModel:
    """Load a network with its weights; nothing is downloaded.

    Args:
        model: Name of a model, or path of a file of weights.
        device: See :func:`.devices.choose_device`.

    Raises:
        InputError: If the device is not there.
        WeightsError: If there is no such model, or its weights are refused.
    """
    # Threads that wait for one another by spinning gain a little on an idle machine, and cost half
    # the speed on a busy one. Read by the thread library when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    chosen = choose_device(device)
    from ..models3d import load_model

    network = load_model(model, device=chosen.name)
    info = network.info
    record = ModelRecord(name=info.name, sha256=info.sha256 or "", licence=info.licence)
    batch = 1 if chosen.name == "cpu" else 8
    return LoadedModel(network=network, record=record, device=chosen, batch=batch)
