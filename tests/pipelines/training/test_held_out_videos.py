"""Videos that a network is measured on while it learns, by the code that users run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.errors import InputError, MediaError, MissingFileError
from posetube.models3d.checkpoints.weights_io import load_weights
from posetube.pipelines.training.checkpoint_files import BEST
from posetube.pipelines.training.held_out_videos import HeldOutConfig, score_videos
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.training_metrics import METRICS
from posetube.pipelines.watch import Watch
from tests.pipelines.training.small_run import joint_config, make_data

SCENE = SceneConfig(size=(360, 480), seconds=0.8, people=3, roles=("stay", "cross"), noise=0.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_data(tmp_path_factory.mktemp("data"))
    write_dataset(folder / "videos", [generate(SCENE, seed=3)], layout="posetrack18")
    return folder


HELD_OUT = HeldOutConfig(root=Path("videos"), dataset="posetrack18")


@pytest.mark.slow
def test_a_run_is_measured_on_videos_and_keeps_the_best(data: Path, tmp_path: Path) -> None:
    config = replace(joint_config(steps=2), held_out=HELD_OUT, save_every=1, report_every=1)

    train_network(config, tmp_path, root=data, device="cpu")

    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert all(line["videos_mota"] > 20 and line["videos_ap"] > 20 for line in lines)
    source = load_weights(tmp_path / BEST).info.source
    best = max(lines, key=lambda line: (line["videos_mota"], -line["step"]))["step"]
    assert source.endswith(f" {best} of 2 steps")


def test_a_part_without_videos_is_named(data: Path) -> None:
    with pytest.raises(InputError, match="no labelled video that is there to measure on, part val"):
        score_videos(
            data / "start.safetensors", replace(HELD_OUT, split="val"), root=data, device="cpu"
        )


def test_videos_that_are_missing_are_named_before_a_model_is_loaded(
    data: Path, tmp_path: Path
) -> None:
    config = replace(joint_config(steps=1), held_out=HeldOutConfig(root=Path("nowhere")))

    with pytest.raises(MissingFileError, match="nowhere: no such file or folder; the settings"):
        train_network(config, tmp_path, root=data, device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "val"}, "no labelled video that is there to measure on, part val"),
        ({"protocol": "no"}, "no protocol is called 'no'"),
        ({"protocol": "coco"}, "skip_missing= does not go with the protocol coco"),
    ],
)
def test_what_cannot_be_measured_on_is_refused_before_the_first_step(
    data: Path, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    config = replace(joint_config(steps=1), held_out=replace(HELD_OUT, **changes))  # type: ignore[arg-type]
    heard: list[str] = []

    with pytest.raises(InputError, match=message):
        train_network(
            config,
            tmp_path,
            root=data,
            device="cpu",
            watch=Watch(listener=lambda event: heard.append(event.event)),
        )

    assert "progress" not in heard


@pytest.mark.slow
def test_a_video_that_breaks_meanwhile_costs_its_measure_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise MediaError("clip.mp4: cut off")

    monkeypatch.setattr("posetube.pipelines.training.train.score_videos", broken)
    config = replace(joint_config(steps=1), held_out=HELD_OUT, predictions=0)
    heard: list[str | None] = []

    train_network(
        config,
        tmp_path,
        root=data,
        device="cpu",
        watch=Watch(listener=lambda event: heard.append(event.text)),
    )

    assert "not measured at step 1: clip.mp4: cut off" in heard
    assert (tmp_path / RESULT).exists()
