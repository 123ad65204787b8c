"""A network ready for a job, its device, and the record of it for a run's manifest."""

import os
from dataclasses import dataclass, field, replace

from posetube.errors import InputError
from posetube.network import Network, Quality

from ..models3d.devices import Device, choose_device
from .settings import DetectConfig, TrackConfig
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

    min_joint: float | None = None
    """Joints less sure than this, in [0, 1], are absent unless the settings say otherwise; None:
    nobody has measured what its joints' scores mean, and all joints stay."""

    quality: Quality = "normal"
    """How much time the network takes for accuracy."""

    flip: bool = False
    """Whether it looks at each person also mirrored."""

    def completed(self, config: TrackConfig) -> TrackConfig:
        """The settings, filled in where they leave something to the model.

        Raises:
            InputError: If they ask for another quality than the model was loaded with.
        """
        asked = config.detect
        own = replace(asked, quality=self.quality, flip=self.flip)
        if asked not in (own, replace(asked, quality="normal", flip=False)):
            raise InputError(
                f"the model {self.record.name} was loaded with quality {self.quality}, flip "
                f"{self.flip}; asked for are {asked.quality}, {asked.flip}: load it with these"
            )
        least = self.min_joint if config.min_joint is None else config.min_joint
        return replace(config, detect=own, min_joint=least)


def as_loaded(model: str | LoadedModel, *, device: str, detect: DetectConfig) -> LoadedModel:
    """A model that is loaded already stays as it is; a name or path is loaded."""
    if isinstance(model, LoadedModel):
        return model
    return load_model(model, device=device, quality=detect.quality, flip=detect.flip)


def load_model(
    model: str = "tiny", *, device: str = "auto", quality: Quality = "normal", flip: bool = False
) -> LoadedModel:
    """Load a network with its weights; nothing is downloaded.

    Args:
        model: Name of a model, or path of a file of weights.
        device: See :func:`posetube.models3d.devices.choose_device`.
        quality: Speed against accuracy, see :class:`posetube.pipelines.settings.DetectConfig`.
        flip: Look at each person also mirrored.

    Raises:
        InputError: If the device is not there, or the network has no choice of quality.
        WeightsError: If there is no such model, or its weights are refused.
    """
    # OpenMP's threads wait for one another in busy loops unless told otherwise. That gains a
    # little on an idle machine and costs half the speed on a busy one. OpenMP reads the variable
    # once, when torch is first imported, so it is set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    chosen = choose_device(device)
    from ..models3d import load_network
    from ..models3d.quality import with_quality

    network = load_network(model, device=chosen.name)
    info = network.info
    record = ModelRecord(name=info.name, sha256=info.sha256 or "", licence=info.licence)
    batch = 1 if chosen.name == "cpu" else 8
    return LoadedModel(
        network=with_quality(network, quality=quality, flip=flip),
        record=record,
        device=chosen,
        batch=batch,
        min_joint=network.config.decode.min_joint,
        quality=quality,
        flip=flip,
    )
