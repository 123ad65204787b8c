"""The command ``posetube models``."""

import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from posetube.models3d.checkpoints.weights_io import load_weights, save_weights
from posetube.models3d.configs.people_heads import BoxHeadConfig
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from tests.models3d.small_networks import small_anchor_rcnn


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSETUBE_MODELS", str(tmp_path / "cache"))


def test_the_list_says_what_ships_and_what_can_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["tiny", "ships", "with", "the", "package"]
    assert any("keypoint_rcnn_r50 " in line and "can be fetched" in line for line in lines)
    assert any("detect_and_track_r18" in line and "by hand only" in line for line in lines)


def test_the_embedded_model_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "info", "tiny"]) == 0

    shown = capsys.readouterr().out
    for part in ("sha256", "Apache-2.0", "coco19", "2,289,178"):
        assert part in shown


def test_a_published_model_is_described_without_a_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "info", "keypoint_rcnn_r50"]) == 0

    shown = capsys.readouterr().out
    for part in (
        "https://download.pytorch.org",
        "fc266e95",
        "BSD-3-Clause",
        "65.0",
        "fetched   no",
    ):
        assert part in shown


def test_unknown_models_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "nobody"]) == 6
    assert "no published model is called 'nobody'" in capsys.readouterr().err


def test_what_must_be_fetched_by_hand_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "detect_and_track_r101"]) == 6
    assert "can only be downloaded by hand" in capsys.readouterr().err


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("executed",)


def test_a_pickle_that_would_execute_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps({"blobs": Bomb()}))

    assert main(["models", "convert", "bomb.pkl", "out.safetensors"]) == 6

    assert "refused: it asks for" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.pkl"]


@pytest.mark.slow
def test_our_own_weights_fill_another_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "three.safetensors"

    assert main(["models", "convert", "tiny", str(target), "--into", "tiny_clip", "--half"]) == 0
    assert capsys.readouterr().out == f"tiny: ours -> {target}\n"  # nothing unused or fresh
    assert main(["models", "info", str(target)]) == 0
    shown = capsys.readouterr().out
    for part in ("name      three", "Apache-2.0", "frames    3", "converted from tiny.safetensors"):
        assert part in shown
    assert "parents   tiny, Apache-2.0, sha256 " in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--into", "tube_rcnn_r50_fpn"], 6, "none of its weights has a place in this network"),
        (["--skeleton", "mpii16"], 2, "says itself which joints it has"),
        (["--svd", "8"], 2, "tiny: has no box head with fully connected layers to cut"),
    ],
)
def test_what_cannot_become_of_our_own_weights_is_refused(
    options: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "convert", "tiny", str(tmp_path / "out.safetensors"), *options]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.slow
def test_fully_connected_layers_are_cut_and_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    save_weights(TubeRCNN(small_anchor_rcnn()).eval(), whole, dtype=torch.float32)

    assert main(["models", "convert", str(whole), str(cut), "--svd", "4"]) == 0

    shown = capsys.readouterr().out
    assert re.search(r"fc1: 1568 x 32, rank 4 keeps \d+\.\d % of the squares", shown)
    assert "1000 boxes of a drawn picture: these layers take " in shown
    assert cut.stat().st_size < whole.stat().st_size
    head = load_weights(cut).config.box_head
    assert isinstance(head, BoxHeadConfig)
    assert head.rank == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["out.bin"], "expected a name that ends in .safetensors"),
        (["out.safetensors", "--into", "nobody"], "no network is called nobody; there are tiny"),
    ],
)
def test_wrong_targets_are_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "convert", "in.pkl", *options]) == 2
    assert message in capsys.readouterr().err
