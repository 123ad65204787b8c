"""Which runtime a network gets."""

import shutil
from pathlib import Path

import pytest

from posetube.errors import InputError
from posetube.models3d.devices import Device
from posetube.models3d.runtimes import choice
from posetube.models3d.runtimes.choice import choose_runtime
from posetube.models3d.runtimes.graph_files import GRAPHS, graph_file
from posetube.network import Runtime

WEIGHTS = Path(__file__).parents[3] / "models3d" / "weights" / "tiny.safetensors"


@pytest.mark.parametrize(
    ("wanted", "device", "graphs", "runtime"),
    [
        ("auto", "cpu", True, "onnx"),
        ("auto", "cpu", False, "torch"),
        ("torch", "cpu", True, "torch"),
        ("onnx", "auto", False, "onnx"),  # opening it will say what is missing
    ],
)
def test_auto_takes_graphs_where_there_are_any(
    wanted: Runtime, device: str, graphs: bool, runtime: Runtime, tmp_path: Path
) -> None:
    weights = tmp_path / "own.safetensors"
    for name in GRAPHS if graphs else ():
        shutil.copy(graph_file(WEIGHTS, name), graph_file(weights, name))

    chosen = choose_runtime(wanted, device=device, weights=weights)

    assert (chosen.runtime, chosen.device.name) == (runtime, "cpu")


@pytest.mark.parametrize(("likely", "there"), [(False, False), (True, False), (True, True)])
def test_auto_prefers_a_gpu_and_asks_for_it_only_where_one_may_be(
    likely: bool, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def choose_device(wanted: str) -> Device:
        asked.append(wanted)
        return Device(name="cuda" if there else "cpu", reason="a test")

    monkeypatch.setattr(choice, "_maybe_gpu", lambda: likely)
    monkeypatch.setattr(choice, "choose_device", choose_device)

    chosen = choose_runtime("auto", device="auto", weights=WEIGHTS)

    assert chosen.runtime == ("torch" if there else "onnx")
    assert asked == ["auto"] * likely


def test_onnx_runs_on_the_processor() -> None:
    with pytest.raises(InputError, match="--runtime onnx runs on the processor; got --device cud"):
        choose_runtime("onnx", device="cuda", weights=WEIGHTS)
