"""Several processes train one network, and it becomes the one that a single process trains."""

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from posetube.errors import InputError, MissingExtraError
from posetube.models3d import load_network
from posetube.models3d.training.training_state import STATE
from posetube.pipelines.training import training_processes
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.training_metrics import METRICS
from posetube.pipelines.training.training_processes import TrainingProcesses, open_processes
from posetube.pipelines.watch import Watch
from tests.pipelines.training.joint_run import SCARCE, STEPS, STOP
from tests.pipelines.training.small_run import joint_config, make_data

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process, ``alone``, and those that two real processes made."""
    data = make_data(tmp_path_factory.mktemp("data"))
    train_network(joint_config(steps=STEPS), data / "alone", root=data, device="cpu")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "tests.pipelines.training.joint_run", str(data)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=500, capture_output=True)
    return data


def weights(folder: Path, part: str) -> dict[str, Tensor]:
    return {n: v for n, v in load_file(folder / STATE).items() if n.startswith(part)}


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return math.sqrt(sum(float((one[name] - other[name]).square().sum()) for name in one))


def furthest(one: Path, other: Path, part: str = "network.") -> float:
    pairs = zip(weights(one, part).values(), weights(other, part).values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_with_the_same_batch_give_the_weights_of_one(runs: Path) -> None:
    one, two = (weights(runs / name, "network.") for name in ("alone", "together"))
    start = {f"network.{n}": value for n, value in load_network("tiny").state_dict().items()}

    assert distance(one, two) < 0.01 * distance(one, start)
    assert furthest(runs / "alone", runs / "together") < 1e-5
    assert furthest(runs / "alone", runs / "together", "average.") < 1e-5
    for ours, theirs in zip(lines(runs / "alone"), lines(runs / "together"), strict=True):
        assert theirs["step"] == ours["step"]
        assert theirs["loss"] == pytest.approx(ours["loss"], rel=1e-4)


@pytest.mark.slow
def test_a_run_stopped_with_two_processes_goes_on_with_one(runs: Path) -> None:
    assert [line["step"] for line in lines(runs / "stopped")] == [5]

    told: list[int | None] = []
    train_network(
        joint_config(steps=STEPS),
        runs / "stopped",
        root=runs,
        device="cpu",
        watch=Watch(listener=lambda event: told.append(event.done)),
    )

    assert told[0] == STOP
    assert furthest(runs / "alone", runs / "stopped") < 1e-5


@pytest.mark.slow
def test_a_process_without_memory_makes_all_of_them_take_smaller_parts(runs: Path) -> None:
    # one clip at a time has other averages than two, so the losses are near, not equal
    assert (runs / "scarce" / RESULT).is_file()
    assert lines(runs / "scarce")[-1]["step"] == SCARCE
    assert lines(runs / "scarce")[-1]["loss"] == pytest.approx(
        lines(runs / "alone")[0]["loss"], rel=1
    )


class TwoProcesses:
    """Stands in for Lightning Fabric in the second of two processes; the first has the same."""

    global_rank, world_size, device = 1, 2, torch.device("cpu")

    def all_reduce(self, values: Tensor, *, reduce_op: str) -> Tensor:
        return 2 * values

    def broadcast(self, value: Any) -> Any:
        return value


def test_a_batch_is_shared_evenly_or_refused() -> None:
    processes = TrainingProcesses(fabric=TwoProcesses())

    assert processes.places(6) == range(3, 6)
    assert processes.total(3) == 6
    with pytest.raises(
        InputError, match="a batch of 3 cannot be shared evenly by 2 processes; set"
    ):
        processes.places(3)


def test_what_only_another_process_has_a_gradient_for_gets_one() -> None:
    class Other(TwoProcesses):
        def all_reduce(self, values: Tensor, *, reduce_op: str) -> Tensor:
            return values + torch.ones_like(values)

    mine, theirs, nobodys = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    frozen = torch.nn.Parameter(torch.zeros(2), requires_grad=False)
    mine.grad = torch.full((2,), 5.0)

    TrainingProcesses(fabric=Other()).add_gradients([mine, theirs, frozen])

    assert mine.grad.tolist() == [6, 6]
    assert theirs.grad is not None
    assert theirs.grad.tolist() == [1, 1]
    TrainingProcesses(fabric=TwoProcesses()).add_gradients([nobodys])
    assert nobodys.grad is None


def test_where_the_first_process_failed_the_others_leave() -> None:
    class AfterAFailure(TwoProcesses):
        def broadcast(self, value: Any) -> Any:
            return 5, None

    with pytest.raises(SystemExit) as left:
        TrainingProcesses(fabric=AfterAFailure()).by_first(lambda: None)
    assert left.value.code == 5


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:0,x", r"--device cuda:0,x: expected numbers as in cuda:0,1"),
        ("cuda:1,1", r"--device cuda:1,1: each device can be named once"),
        ("cuda:0,1", "no device 'cuda:0' here"),
        ("nothing", "no device 'nothing' here"),
    ],
)
def test_devices_that_are_not_there_are_refused(device: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_processes(device)


def test_devices_are_not_named_where_torchrun_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(
        training_processes, "choose_device", lambda name: SimpleNamespace(name=name)
    )

    with pytest.raises(InputError, match=r"started the 4 processes gives each its device; write"):
        open_processes("cuda:0,1")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'posetube\[train\]'"):
        open_processes("cpu")
