"""The gradients of a batch in parts, and what happens when memory runs out."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from posetube.errors import ResourceError
from posetube.models3d.training.loss_shares import LossShare, loss_share
from posetube.pipelines.training.batch_gradients import BatchGradients
from posetube.pipelines.training.training_processes import TrainingProcesses, open_processes

BATCH = torch.tensor([1.0, 2, 4, 8])


@pytest.fixture(scope="module")
def alone() -> TrainingProcesses:
    return open_processes("cpu")


class Costs:
    """The mean of a batch times a weight; memory holds so many rows."""

    def __init__(self, *, memory: int = 99, factor: float = 1.0) -> None:
        self.network = nn.Linear(1, 1, bias=False)
        self.memory, self.factor = memory, factor
        self.seen: list[int] = []

    def __call__(self, rows: Tensor, step: int) -> dict[str, LossShare]:
        self.seen.append(len(rows))
        if len(rows) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        total = (self.network.weight * rows).sum() * self.factor
        return {"loss": loss_share(total, len(rows))}

    def gradients(self, processes: TrainingProcesses, at_once: int | None = None) -> Any:
        return BatchGradients(
            self.network,
            self,
            processes=processes,
            scaler=torch.amp.GradScaler("cpu", enabled=False),
            at_once=at_once,
        )

    @property
    def gradient(self) -> float | None:
        found = self.network.weight.grad
        return None if found is None else found.item()


@pytest.mark.parametrize("at_once", [None, 3, 2, 1])
def test_parts_add_up_to_the_whole(alone: TrainingProcesses, at_once: int | None) -> None:
    costs = Costs()

    losses = costs.gradients(alone, at_once)(BATCH, 0)

    assert costs.gradient == pytest.approx(15 / 4)
    assert losses["loss"] == pytest.approx(15 / 4 * costs.network.weight.item())
    assert max(costs.seen) == (at_once or 4)


def test_where_memory_runs_out_parts_are_halved_and_stay_so(alone: TrainingProcesses) -> None:
    costs = Costs(memory=1)
    gradients = costs.gradients(alone)

    gradients(BATCH, 0)
    assert costs.seen == [4, 2, 1, 1, 1, 1]
    assert costs.gradient == pytest.approx(15 / 4)

    gradients(BATCH, 1)
    assert costs.seen[6:] == [1, 1, 1, 1]


def test_memory_that_does_not_suffice_for_one_clip_ends_the_run(alone: TrainingProcesses) -> None:
    costs = Costs(memory=0)

    with pytest.raises(ResourceError, match="memory ran out with one clip at a time; take smaller"):
        costs.gradients(alone)(BATCH, 0)


def test_a_loss_that_is_no_number_leaves_no_gradient(alone: TrainingProcesses) -> None:
    costs = Costs(factor=float("nan"))

    losses = costs.gradients(alone)(BATCH, 0)

    assert losses["loss"] != losses["loss"]
    assert costs.gradient is None


def test_other_errors_are_not_taken_for_a_lack_of_memory(alone: TrainingProcesses) -> None:
    class Wrong(Costs):
        def __call__(self, rows: Tensor, step: int) -> dict[str, LossShare]:
            raise RuntimeError("shapes do not fit")

    costs = Wrong()
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        costs.gradients(alone)(BATCH, 0)
