"""Networks are loaded in the number type that was asked for, or refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.errors import InputError, WeightsError
from posetube.models3d import half_precision
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import as_loaded, load_model
from posetube.pipelines.settings import DetectConfig
from tests.models3d.small_networks import small_anchor_rcnn


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a small network with a ResNet."""
    path = tmp_path_factory.mktemp("weights") / "large.safetensors"
    save_weights(TubeRCNN(small_anchor_rcnn()), path)
    return path


def test_runs_in_bfloat16_are_refined_on_any_device(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_run = DetectConfig(precision="bfloat16").on_any_device()

    for native, precision in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(
            half_precision, "computes_bfloat16", lambda device, native=native: native
        )
        assert as_loaded(str(weights), device="cpu", detect=of_run).precision == precision

    assert DetectConfig().on_any_device() == DetectConfig()


@pytest.mark.parametrize(("native", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_large_network_takes_what_the_device_has(
    weights: Path, native: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half_precision, "computes_bfloat16", lambda device: native)

    model = load_model(str(weights), device="cpu", precision="auto")

    assert model.precision == precision
    assert (" in bfloat16 on cpu" in model.headline) == native
    assert load_model(str(weights), device="cpu").precision == "float32"


def test_the_embedded_model_stays_in_float32() -> None:
    assert load_model("tiny", precision="auto").precision == "float32"
    with pytest.raises(InputError, match="Runtime runs the model tiny, in float32; leave out prec"):
        load_model("tiny", device="cpu", precision="bfloat16")
    with pytest.raises(InputError, match='precision="bfloat16" is for networks with a ResNet'):
        load_model("tiny", device="cpu", runtime="torch", precision="bfloat16")
    with pytest.raises(InputError, match=r"Runtime runs the ONNX file pose\.onnx, in float32"):
        load_model(pose="pose.onnx", precision="bfloat16")


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(
        InputError, match="precision must be one of auto, float32, bfloat16, got 'h"
    ):
        DetectConfig(precision="half")  # type: ignore[arg-type]


def test_a_large_network_without_graphs_is_not_said_to_run_by_onnx(weights: Path) -> None:
    with pytest.raises(WeightsError, match="there are no graphs of such networks"):
        load_model(str(weights), device="cpu", runtime="onnx", precision="bfloat16")


@pytest.mark.parametrize("command", ["track", "demo", "bench", "data label"])
def test_commands_name_the_option(
    command: str, make_clip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = [] if command == "demo" else [str(make_clip(frames=2))]
    out = {"bench": [], "data label": ["-o", str(tmp_path / "run.tar")]}
    words = [*command.split(), *clip, *out.get(command, ["-o", str(tmp_path / "run")])]

    assert main([*words, "--device", "cpu", "--precision", "bfloat16"]) == 2

    assert "in float32; leave out --precision bfloat16, which is for" in capsys.readouterr().err
    assert not list(tmp_path.glob("run*"))
