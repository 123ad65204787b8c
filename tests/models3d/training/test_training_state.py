"""The state of a training run: a run that goes on is the run that was not stopped."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from posetube.errors import WeightsError
from posetube.models3d.training.optimization import (
    OptimizationConfig,
    apply_gradients,
    gradient_scaler,
    optimizer_for,
)
from posetube.models3d.training.training_state import (
    STATE,
    TrainingState,
    check_start,
    load_state,
    save_state,
)

CONFIG = OptimizationConfig(steps=9, learning_rate=0.1, precision="float32")


def begun(start: str = "a" * 64) -> TrainingState:
    """A convolution whose weights lie in memory with their channels last."""
    torch.manual_seed(0)
    network = nn.Conv2d(5, 7, 3).to(memory_format=torch.channels_last)
    return TrainingState(
        network=network,
        average=copy.deepcopy(network),
        optimizer=optimizer_for(network, CONFIG),
        scaler=gradient_scaler(CONFIG, device=torch.device("cpu")),
        start=start,
    )


def train(state: TrainingState, *, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in state.network.parameters():
        parameter.grad = torch.empty_like(parameter).copy_(
            torch.randn(parameter.shape, generator=generator)
        )
    apply_gradients(state.optimizer, step=step, config=CONFIG)


def test_a_state_goes_on_whatever_the_order_of_its_numbers_in_memory(tmp_path: Path) -> None:
    straight = begun()
    for step in range(4):
        if step == 2:
            save_state(tmp_path, straight, step=step, made_by="")
        train(straight, step=step)
    resumed = begun()
    assert load_state(tmp_path, resumed) == 2
    for step in (2, 3):
        train(resumed, step=step)

    pairs = zip(straight.network.parameters(), resumed.network.parameters(), strict=True)
    assert all(torch.equal(before, after) for before, after in pairs)


def test_a_state_with_another_start_is_refused(tmp_path: Path) -> None:
    check_start(tmp_path, "a" * 64)
    save_state(tmp_path, begun(), step=2, made_by="")

    check_start(tmp_path, "a" * 64)
    with pytest.raises(WeightsError, match=r"state\.safetensors: .* it began with other weights"):
        check_start(tmp_path, "b" * 64)
    (tmp_path / STATE).write_bytes(b"cut off")
    check_start(tmp_path, "b" * 64)  # whoever reads it says that it is damaged
