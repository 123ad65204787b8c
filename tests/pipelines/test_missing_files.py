"""A file that is not there: every command, every argument, one exit code, one line."""

import os
from pathlib import Path

import pytest

import posetube
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.errors import MissingFileError, PoseTubeError, WeightsError
from posetube.pipelines import loaded_model
from posetube.pipelines.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video with its labels, and settings of training."""
    folder = tmp_path_factory.mktemp("there")
    scene = SceneConfig(people=1, seconds=0.2, size=(64, 96))
    write_dataset(folder, [generate(scene, seed=0)], layout="video")
    (folder / "synthetic_0000.json").rename(folder / "there.json")
    (folder / "synthetic_0000.mp4").rename(folder / "there.mp4")
    (folder / "run.toml").write_text(
        "start = 'tiny'\n[optimization]\nsteps = 1\n[pictures.archives]\n'no.tar' = 1\n"
    )
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "track no.mp4",
        "track no/*.mp4",
        "track there.mp4 -o out --boxes no.json",
        "track no.mp4 --model no.safetensors",
        "link no.json",
        "link no",
        "link no --suspicious",
        "render no",
        "export no --to csv",
        "export no.json --to csv -o out.csv",
        "export there.json --to csv -o no/out.csv",
        "evaluate no.json there.json",
        "evaluate there.json no.json",
        "evaluate there.json no --dataset jhmdb",
        "evaluate no.json there.json --protocol coco",
        "evaluate there.json there.json --json no/out.json",
        "evaluate there.json there.json --events no/out.csv",
        "train no.toml",
        "train run.toml -o out",
        "train run.toml -o out --data no",
        "models convert tiny no/out.safetensors",
        "data check no",
        "data check there.json --json no/out.json",
        "data convert no --to csv -o out.csv",
        "data convert there.json --to csv -o no/out.csv",
        "data convert no --from jhmdb --to coco -o out.json",
        "data archive no -o out.tar",
        "data preview no -o out.png",
        "data synthesize out --mocap no",
        "data synthesize no/out",
    ],
)
def test_a_missing_file_is_5_before_a_model_is_loaded(
    line: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(loaded_model, "choose_runtime", None)

    assert main(line.split()) == MissingFileError.exit_code == 5

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no such" in said or "matches no file" in said
    left = {path.name for path in folder.iterdir()}
    assert left == {"there.json", "there.mp4", "run.toml"}


@pytest.mark.parametrize(
    ("line", "code", "why"),
    [
        ("track there.mp4 -o used", 2, "used holds other files and no run.json"),
        ("track there.mp4 -o used/mine.txt", 2, "mine.txt is a file; name a folder"),
        ("track there.mp4 -o run --on-existing fail", 2, "run holds a run already; --on-existing"),
        ("track there.mp4 -o lost", 2, "lost: a run's directory without its run.json"),
        ("track there.mp4 -o run --on-existing skip", 0, ""),
        ("track pipe.mp4 -o out", 5, "pipe.mp4: not a regular file"),
        ("track pipe.png -o out", 5, "pipe.png: not a regular file"),
        ("track *.png -o out", 5, "none of the 1 matches is a video or a picture"),
        ("track empty.mp4 -o out", 5, "empty.mp4: the file is empty"),
        ("track pipe.mp4 empty.mp4 -o out", 5, "pipe.mp4: not a regular file"),
        ("demo -o in", 2, "in/run holds other files and no run.json"),
        ("link there.json -o used", 2, "used holds other files and no run.json"),
    ],
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_cannot_be_is_refused_before_a_model_is_loaded_or_a_file_read(
    line: str,
    code: int,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loaded_model, "choose_runtime", None)
    for name in ("there.mp4", "there.json", "used/mine.txt", "run/run.json", "empty.mp4",
                 "in/run/mine.txt", "lost/detections/part-00000.parquet"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * (name != "empty.mp4"))
    for name in ("pipe.mp4", "pipe.png"):
        os.mkfifo(tmp_path / name)

    assert main(line.split()) == code

    assert why in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(PoseTubeError, match="used holds other files"):
        posetube.track("there.mp4", out="used")


@pytest.mark.parametrize(
    "line",
    [
        "track there.mp4 -o out --model no.safetensors",
        "demo -o out --model no",
        "models info no.safetensors",
        "models convert no.pth out.safetensors",
        "models fetch no",
        "models export no",
    ],
)
def test_a_missing_model_is_6(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)

    assert main(line.split()) == WeightsError.exit_code == 6
    assert capsys.readouterr().err.count("\n") == 1
    assert not (folder / "out").exists()
