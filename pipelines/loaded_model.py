"""A network ready for a job, its device, and the record of it for a run's manifest."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posetube.errors import InputError
from posetube.network import DetectorFamily, Network, Precision, Quality, Runtime

from ..models3d.devices import Device, usable_cores
from ..models3d.runtimes.choice import ChosenRuntime, choose_runtime
from .settings import DetectConfig, TrackConfig
from .storage.manifest import ModelRecord

MOST_WORKERS = 8
"""More wait for frames to be decoded, and each takes memory for frames; users may ask for more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """A network and where it comes from."""

    network: Network = field(repr=False)
    """Finds people."""

    record: ModelRecord
    """Name, SHA-256 of the weights, their licence."""

    device: Device
    """Where it runs."""

    detector: ModelRecord | None = None
    """The file that finds the boxes, where ``record`` is somebody else's pose network."""

    batch: int = 1
    """How many frames are encoded together."""

    workers: int = 1
    """How many threads may use the network side by side, unless the settings say otherwise."""

    min_joint: float | None = None
    """Joints less sure than this, in [0, 1], are absent unless the settings say otherwise; None:
    nobody has measured what its joints' scores mean, and all joints stay."""

    quality: Quality = "normal"
    """How much time the network takes for accuracy."""

    flip: bool = False
    """Whether it looks at each person also mirrored."""

    runtime: Runtime = "torch"
    """What runs it; never ``auto``."""

    precision: Precision = "float32"
    """Number type of its convolutions; never ``auto``."""

    @property
    def headline(self) -> str:
        """Which network runs where, for people."""
        networks = [self.detector, self.record] if self.detector else [self.record]
        names = " + ".join(f"{r.name}{r.layout and f' ({r.layout})'}" for r in networks)
        half = "" if self.precision == "float32" else f" in {self.precision}"
        return f"{names}{half} on {self.device.name} ({self.device.reason})"

    def completed(self, config: TrackConfig) -> TrackConfig:
        """The settings, filled in where they leave something to the model.

        Raises:
            InputError: If they ask for another quality, runtime or precision than the model was
                loaded with, or for masks that it does not draw, or for a box head that it lacks.
        """
        asked = config.detect
        own = replace(
            asked,
            quality=self.quality,
            flip=self.flip,
            runtime=self.runtime,
            precision=self.precision,
        )
        plain = (asked.quality, asked.flip) == ("normal", False)
        if not plain and (asked.quality, asked.flip) != (self.quality, self.flip):
            raise InputError(
                f"the model {self.record.name} was loaded with quality {self.quality}, flip "
                f"{self.flip}; asked for are {asked.quality}, {asked.flip}: load it with these"
            )
        if asked.runtime not in ("auto", self.runtime):
            raise InputError(
                f"the model {self.record.name} was loaded with runtime {self.runtime}; asked for "
                f"is {asked.runtime}: load it with this"
            )
        if asked.precision == "bfloat16" != self.precision:
            raise InputError(
                f"the model {self.record.name} was loaded with precision {self.precision}; asked "
                f"for is {asked.precision}: load it with this"
            )
        if asked.masks and not getattr(self.network, "draws_masks", False):
            raise InputError(
                f"--masks: {self.record.name} draws no masks; leave it out, or take a model with a "
                "mask head, such as mask_rcnn_r50"
            )
        if asked.judge_boxes and not getattr(self.network, "judges_boxes", False):
            raise InputError(
                f"--judge-boxes: {self.record.name} has no box head; leave it out, or take a model "
                "with one, such as keypoint_rcnn_r50"
            )
        least = self.min_joint if config.min_joint is None else config.min_joint
        # where nobody measured what scores mean, they tell filters nothing
        refine = config.refine.completed(by_score=self.min_joint is not None)
        return replace(config, detect=own, min_joint=least, refine=refine)


def as_loaded(
    model: str | LoadedModel,
    *,
    device: str,
    detect: DetectConfig,
    detector: str | Path | None = None,
    pose: str | Path | None = None,
    skeleton: str | None = None,
    detector_family: DetectorFamily | None = None,
) -> LoadedModel:
    """A model that is loaded already stays as it is; a name or paths are loaded.

    Raises:
        InputError: If a loaded model is to go with somebody else's files, and as for loading.
        WeightsError: As for loading.
    """
    if not isinstance(model, LoadedModel):
        return load_model(
            model,
            device=device,
            quality=detect.quality,
            flip=detect.flip,
            runtime=detect.runtime,
            precision=detect.precision,
            detector=detector,
            pose=pose,
            skeleton=skeleton,
            detector_family=detector_family,
        )
    if detector is not None or pose is not None:
        raise InputError("model= is loaded already; leave detector= and pose= away, or load these")
    return model


def load_model(
    model: str = "tiny",
    *,
    device: str = "auto",
    quality: Quality = "normal",
    flip: bool = False,
    runtime: Runtime = "auto",
    precision: Precision = "float32",
    detector: str | Path | None = None,
    pose: str | Path | None = None,
    skeleton: str | None = None,
    detector_family: DetectorFamily | None = None,
) -> LoadedModel:
    """Load a network with its weights, or two of somebody else; nothing is downloaded.

    Args:
        model: Name of a model, or path of a file of weights.
        device: See :func:`posetube.models3d.devices.choose_device`.
        quality: Speed against accuracy, see :class:`posetube.pipelines.settings.DetectConfig`.
        flip: Look at each person also mirrored.
        runtime: What runs the network, see :class:`posetube.pipelines.settings.DetectConfig`.
        precision: Number type of a large network's convolutions, see the same class.
        detector: Path of somebody else's detector, an ONNX file; goes with ``pose``.
        pose: Path of somebody else's pose network, an ONNX file, in place of ``model``. Without a
            detector, boxes must be given.
        skeleton: Name of the joint set that ``pose`` finds; None: told by the number of joints.
        detector_family: Whose conventions the detector follows, ``rtmdet`` or ``yolox``; None: told
            by the file.

    Raises:
        InputError: If the device is not there, or not for this runtime or precision, the network
            has no choice of quality or precision, or arguments do not go together.
        WeightsError: If there is no such model, or its weights or graphs are refused.
    """
    if pose is not None:
        if model != "tiny":
            raise InputError(f"pose= takes the place of the model {model}: give one of them")
        if (quality, flip) != ("normal", False):
            raise InputError("pose= names a network that has no choice of quality= or flip=")
        if runtime == "torch":
            raise InputError('pose= names an ONNX file, which runtime="torch" cannot run')
        _refuse_half(precision, f"the ONNX file {pose}")
        from .foreign_model import open_foreign_model

        chosen = choose_runtime("onnx", device=device, weights=Path(pose))
        found = open_foreign_model(pose, detector=detector, joints=skeleton, family=detector_family)
        return LoadedModel(
            network=found.network,
            record=found.pose,
            detector=found.detector,
            device=chosen.device,
            workers=_side_by_side(chosen),
            runtime=chosen.runtime,
        )
    if any(given is not None for given in (detector, skeleton, detector_family)):
        raise InputError(
            "detector=, skeleton= and detector_family= go with pose=; give that as well"
        )
    from ..models3d.checkpoints.model_files import weights_file

    file = weights_file(model)
    chosen = choose_runtime(runtime, device=device, weights=file)
    if chosen.runtime == "onnx":
        from ..models3d.runtimes.loading import load_onnx_network

        network = load_onnx_network(file, quality=quality, flip=flip)
        _refuse_half(precision, f"the model {model}")
        return _loaded(network, chosen, quality, flip)
    network, precision = _by_torch(file, chosen.device, quality, flip, precision)
    return replace(_loaded(network, chosen, quality, flip), precision=precision)


def _refuse_half(precision: Precision, network: str) -> None:
    if precision == "bfloat16":
        raise InputError(
            f'ONNX Runtime runs {network}, in float32; leave out precision="bfloat16", which is '
            "for networks with a ResNet, such as keypoint_rcnn_r50"
        )


def _by_torch(
    file: Path, device: Device, quality: Quality, flip: bool, precision: Precision
) -> tuple[Any, Precision]:
    # OpenMP's threads wait for one another in busy loops unless told otherwise. That gains a
    # little on an idle machine and costs half the speed on a busy one. OpenMP reads the variable
    # once, when torch is first imported, so it is set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Large pages: otherwise a fifth of a large network's time goes into taking fresh memory.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    from ..models3d import load_network
    from ..models3d.half_precision import choose_precision
    from ..models3d.inference import prepare_for_inference
    from ..models3d.quality import with_quality

    network = with_quality(load_network(file, device=device.name), quality=quality, flip=flip)
    chosen = choose_precision(precision, network, device=device.name)
    return prepare_for_inference(network, precision=chosen), chosen


def _side_by_side(chosen: ChosenRuntime) -> int:
    # ONNX Runtime computes in the thread that calls it, torch in threads of its own
    return min(usable_cores(), MOST_WORKERS) if chosen.runtime == "onnx" else 1


def _loaded(network: Any, chosen: ChosenRuntime, quality: Quality, flip: bool) -> LoadedModel:
    info = network.info
    return LoadedModel(
        network=network,
        record=ModelRecord(name=info.name, sha256=info.sha256 or "", licence=info.licence),
        device=chosen.device,
        batch=1 if chosen.device.name == "cpu" else 8,
        workers=_side_by_side(chosen),
        min_joint=network.config.decode.min_joint,
        quality=quality,
        flip=flip,
        runtime=chosen.runtime,
    )
