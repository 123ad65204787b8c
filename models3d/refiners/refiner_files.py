"""Files of learned refiners: safetensors, with the configuration in the header."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save_file
from torch import nn

from posetube.atomic_files import replacing
from posetube.errors import WeightsError

from ..checkpoints.refusal import refused
from ..checkpoints.weights_header import info_header, opened
from ..model_info import ModelInfo
from .both_ways import BothWays
from .conv_lstm import ConvLSTMRefiner
from .learned_config import (
    BothWaysConfig,
    ConvLSTMConfig,
    LearnedConfig,
    MapWarperConfig,
    WeightedPoolConfig,
)
from .learned_pool import WeightedPool
from .map_warper import MapWarper

FORMAT = "posetube-refiner-1"

BUILT: dict[type[Any], Any] = {
    WeightedPoolConfig: WeightedPool,
    ConvLSTMConfig: ConvLSTMRefiner,
    MapWarperConfig: MapWarper,
    BothWaysConfig: BothWays,
}
"""What each configuration builds."""


def build_refiner(config: LearnedConfig) -> nn.Module:
    """The refiner of a configuration, untrained."""
    made: nn.Module = BUILT[type(config)](config)
    return made


def save_refiner(refiner: Any, path: Path, *, info: ModelInfo | None = None) -> None:
    """Write a learned refiner.

    Args:
        refiner: Any of :data:`BUILT`.
        path: File to write.
        info: Name, licence and source to store; None: nothing is known of it.
    """
    kind = type(refiner.config).__name__
    config = msgspec.json.encode({"kind": kind, **dataclasses.asdict(refiner.config)}).decode()
    known = info_header(info or ModelInfo(name=path.stem))
    tensors = {
        name: t.detach().cpu().float().contiguous() for name, t in refiner.state_dict().items()
    }
    with replacing(path) as aside:
        save_file(tensors, aside, metadata={"format": FORMAT, "config": config} | known)


def load_refiner(path: Path) -> Any:
    """Read a learned refiner, ready to be used.

    Raises:
        WeightsError: If the file is missing, is none, or does not fit its own description.
    """
    with opened(path, "pt") as file:
        header = file.metadata() or {}
        if header.get("format") != FORMAT:
            raise WeightsError(
                f"{path}: expected a file of a learned refiner (format {FORMAT}), got format "
                f"{header.get('format')}"
            )
        with refused(path, "no refiner of this version of posetube"):
            plain = msgspec.json.decode(header["config"])
            kinds = {kind.__name__: kind for kind in BUILT}
            config = msgspec.convert(plain, kinds[plain.pop("kind")])
            refiner = build_refiner(config)
            own = refiner.state_dict()
            found = {name: file.get_tensor(name).to(own[name].dtype) for name in file.keys()}  # noqa: SIM118
            refiner.load_state_dict(found)
    if not all(torch.isfinite(tensor).all() for tensor in found.values()):
        raise WeightsError(f"{path}: weights that are not finite numbers")
    return refiner.eval()
