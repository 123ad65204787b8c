"""A network ready for a job, its device, and the record of it for a run's manifest."""

import os
from dataclasses import dataclass, field

from posetube.network import Network

from ..models3d.devices import Device, choose_device
from .storage.manifest import ModelRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """A network and where it comes from."""

    network: Network = field(repr=False)
    """Finds people."""

    record: ModelRecord
    """Name, SHA-256 of the weights, their licence."""

    device: Device
    """Where it runs."""

    batch: int = 1
    """How many frames are encoded together."""


def as_loaded(model: str | LoadedModel, *, device: str) -> LoadedModel:
    """A model that is loaded already stays as it is; a name or path is loaded."""
    return model if isinstance(model, LoadedModel) else load_model(model, device=device)


def load_model(model: str = "tiny", *, device: str = "auto") -> LoadedModel:
    """Load a network with its weights; nothing is downloaded.

    Args:
        model: Name of a model, or path of a file of weights.
        device: See :func:`posetube.models3d.devices.choose_device`.

    Raises:
        InputError: If the device is not there.
        WeightsError: If there is no such model, or its weights are refused.
    """
    # OpenMP's threads wait for one another in busy loops unless told otherwise. That gains a
    # little on an idle machine and costs half the speed on a busy one. OpenMP reads the variable
    # once, when torch is first imported, so it is set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    chosen = choose_device(device)
    from ..models3d import load_network

    network = load_network(model, device=chosen.name)
    info = network.info
    record = ModelRecord(name=info.name, sha256=info.sha256 or "", licence=info.licence)
    batch = 1 if chosen.name == "cpu" else 8
    return LoadedModel(network=network, record=record, device=chosen, batch=batch)
