"""The state of a training run in one file, from which it resumes.

``state.safetensors`` holds the weights, their average and the optimiser's moments; its metadata
holds the step and the scale of float16. Nothing in it is executed. Batches and random choices are
functions of seed and step, so no random state is stored.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from posetube.atomic_files import replacing
from posetube.errors import WeightsError
from posetube.shortage import raise_shortage

STATE = "state.safetensors"


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """Everything that the next step depends on, besides its number."""

    network: nn.Module
    """Its weights."""

    average: nn.Module
    """The averaged weights."""

    optimizer: torch.optim.Optimizer
    """Its moments."""

    scaler: torch.amp.GradScaler
    """Its scale, where there is one."""

    start: str
    """SHA-256 of the weights file that training began with."""


def save_state(folder: Path, state: TrainingState, *, step: int, made_by: str) -> None:
    """Write a state; the file is replaced as a whole.

    Args:
        folder: Of the run.
        state: All of it.
        step: How many steps it has seen.
        made_by: Settings and versions, for people who look into the file.
    """
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in state.average.state_dict().items()}
    tensors |= _moments(state.network, state.optimizer)
    tensors = {name: value.detach().contiguous() for name, value in tensors.items()}
    scale = json.dumps(state.scaler.state_dict())
    told = {"step": str(step), "scaler": scale, "training": made_by, "start": state.start}
    with replacing(folder / STATE) as aside:
        save_file(tensors, aside, metadata=told)


def check_start(folder: Path, start: str) -> None:
    """Refuse a state of a run that began with other weights; networks may have equal shapes.

    Args:
        folder: Of the run; need not hold a state, or one that can be read.
        start: SHA-256 of the weights file to begin with.

    Raises:
        WeightsError: If there is one.
    """
    path, began = folder / STATE, start
    if path.exists():
        with suppress(SafetensorError, OSError), safe_open(path, framework="pt") as file:
            began = (file.metadata() or {}).get("start", start)
    if began != start:
        raise WeightsError(
            f"{path}: not the state of this training run: it began with other weights"
        )


def load_state(folder: Path, state: TrainingState) -> int:
    """Resume a run: fill a state in place.

    Returns:
        The step to continue with; 0 if nothing has been saved.

    Raises:
        WeightsError: If the file is damaged, or belongs to another network.
    """
    path = folder / STATE
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            step = int(file.metadata()["step"])
            scale = json.loads(file.metadata().get("scaler", "{}"))
        state.network.load_state_dict(_part(tensors, "network."))
        state.average.load_state_dict(_part(tensors, "average."))
        _restore_moments(tensors, state.network, state.optimizer)
        if scale:
            state.scaler.load_state_dict(scale)
    except (SafetensorError, OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise_shortage(error)
        line = str(error).splitlines()[0]
        raise WeightsError(
            f"{path}: not the state of this training run: {line}; begin in another folder, or "
            "remove it to begin again here"
        ) from None
    return step


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}


def _moments(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's tensors by parameter name: ``moments.NAME/exp_avg`` and the like."""
    return {
        f"moments.{name}/{key}": value
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _restore_moments(
    tensors: dict[str, Tensor], network: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    parameters = dict(network.named_parameters())
    for key, value in _part(tensors, "moments.").items():
        name, kind = key.rsplit("/", 1)
        parameter = parameters[name]
        # AdamW's step counter is a single number and stays on the CPU; moments lie in memory as the
        # parameter does, because the fused kernel goes through all of them side by side
        found = torch.empty_like(parameter, dtype=value.dtype).copy_(value) if value.ndim else value
        optimizer.state[parameter][kind] = found
