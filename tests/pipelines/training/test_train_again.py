"""A training run that is stopped, killed, changed, or lacks a file."""

import errno
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from posetube.datasets.training.picture_archive import write_archive
from posetube.errors import InputError, MediaError, MissingFileError, WeightsError
from posetube.models3d.checkpoints import weights_io
from posetube.models3d.checkpoints.weights_io import load_weights, save_weights
from posetube.models3d.training import training_state
from posetube.models3d.training.loss_shares import loss_share
from posetube.models3d.training.optimization import OptimizationConfig, native_precision
from posetube.models3d.training.training_state import STATE
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.progress import Event
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.training import drawn_archive, train, training_loop, training_record
from posetube.pipelines.training.checkpoint_files import BEST, KEPT
from posetube.pipelines.training.clip_sources import PicturesConfig
from posetube.pipelines.training.drawn_archive import ARCHIVE
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.train_config import TrainConfig, ValidationConfig
from posetube.pipelines.training.training_metrics import METRICS
from posetube.pipelines.training.training_record import RECORD
from posetube.pipelines.watch import Watch
from tests.models3d.small_networks import small_tiny
from tests.pipelines.training.small_run import config, make_data

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """A process that is no more."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


def small(*, steps: int = 4, **changes: Any) -> TrainConfig:
    """Two small pictures of the photographs alone."""
    pictures = PicturesConfig(archives={"photos.tar": 1.0}, sizes=((64, 64),), batch=1)
    given = config(steps=steps, **changes)
    return replace(given, pictures=pictures, drawn=None, report_every=1, save_every=2)


def reports(folder: Path) -> list[dict[str, float]]:
    lines = (folder / METRICS).read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if "seconds" not in k} for line in lines]


def kill_at(moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End training before or after one of its writes, the first being 0."""
    moments = iter(range(100))

    def dying(write: Any) -> Any:
        def wrapped(*args: Any, **keywords: Any) -> None:
            for work in (lambda: write(*args, **keywords), lambda: None):
                if next(moments) == moment:
                    raise Killed
                work()

        return wrapped

    writes = [
        (training_loop, "append_metrics"),
        (train, "save_weights"),
        (training_loop, "save_state"),
    ]
    for module, name in writes:
        monkeypatch.setattr(module, name, dying(getattr(module, name)))


def test_ten_kills_leave_no_double_lines(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_network(small(), tmp_path / "straight", root=data)
    for moment in (1, 2, 3, 4, 5, 6, 7, 1, 3, 5):  # the seventh: the state is just saved
        with monkeypatch.context() as patched:
            kill_at(moment, patched)
            with pytest.raises(Killed):
                train_network(small(), tmp_path / "killed", root=data)
        with (tmp_path / "killed" / METRICS).open("a") as file:
            file.write('{"step": 4, "ob')
    train_network(small(), tmp_path / "killed", root=data)

    assert [line["step"] for line in reports(tmp_path / "killed")] == [1, 2, 3, 4]
    assert reports(tmp_path / "killed") == reports(tmp_path / "straight")
    same = [(tmp_path / name / RESULT).read_bytes()[-1000:] for name in ("straight", "killed")]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 7}, "seed was 0, is now 7. Set them back to go on, or name another folder"),
        (
            {"pictures": PicturesConfig(archives={"photos.tar": 1.0}, sizes=((64, 64),), batch=2)},
            "pictures.batch was 1, is now 2.",
        ),
        (
            {"optimization": OptimizationConfig(steps=4, precision="float32")},
            r"optimization.frozen was \[\"body.stages.0.\"\], is now \[\]; optimization.learn",
        ),
        ({"drawn": config().drawn}, "drawn was absent, is now a table"),
    ],
)
def test_other_settings_than_the_run_was_begun_with_are_refused(
    data: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    train_network(small(steps=2), tmp_path, root=data)
    before = (tmp_path / RESULT).read_bytes()

    with pytest.raises(InputError, match=f"began here with other settings: .*{message}"):
        train_network(replace(small(steps=2), **changes), tmp_path, root=data)
    assert (tmp_path / RESULT).read_bytes() == before
    same = replace(small(steps=2), save_every=1, report_every=3, name="other")
    train_network(same, tmp_path, root=data)  # what the weights do not depend on


def test_another_model_under_the_same_name_is_noticed(data: Path, tmp_path: Path) -> None:
    there = make_data(tmp_path)
    train_network(small(steps=1), tmp_path / "run", root=there)
    network = load_weights(there / "start.safetensors")
    save_weights(network, there / "start.safetensors", dtype=torch.float16)

    with pytest.raises(InputError, match='start_sha256 was "'):
        train_network(small(steps=1), tmp_path / "run", root=there)


def other_preset(folder: Path) -> None:
    """Weights of equal shapes to start from, for a network that looks at its input otherwise."""
    network = small_tiny()
    other = replace(network, preprocess=replace(network.preprocess, long_side=160))
    torch.manual_seed(0)
    save_weights(TubeRCNN(other), folder / "other.safetensors")


def test_the_state_of_another_preset_of_equal_shapes_is_refused(tmp_path: Path) -> None:
    there = make_data(tmp_path)
    other_preset(there)
    train_network(small(steps=2), tmp_path / "run", root=there)
    shapes = [
        {name: value.shape for name, value in load_file(there / f"{file}.safetensors").items()}
        for file in ("start", "other")
    ]
    assert shapes[0] == shapes[1]
    before = (tmp_path / "run" / STATE).read_bytes()

    other = replace(small(steps=2), start="other.safetensors")
    with pytest.raises(InputError, match='start was "start.safetensors", is now "other.safetens'):
        train_network(other, tmp_path / "run", root=there)
    (tmp_path / "run" / RECORD).unlink()  # and where nobody knows any more which run it was
    match = r"state\.safetensors: not the state of this training run: it began with other weights"
    with pytest.raises(WeightsError, match=match):
        train_network(other, tmp_path / "run", root=there)
    assert (tmp_path / "run" / STATE).read_bytes() == before
    train_network(small(steps=2), tmp_path / "run", root=there)


def test_a_result_that_is_gone_is_written_again(data: Path, tmp_path: Path) -> None:
    train_network(small(steps=1), tmp_path, root=data)
    before = load_file(tmp_path / RESULT)
    (tmp_path / RESULT).unlink()

    train_network(small(steps=1), tmp_path, root=data)

    after = load_file(tmp_path / RESULT)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_drawn_pictures_of_other_settings_are_drawn_again(data: Path, tmp_path: Path) -> None:
    given = config().drawn
    assert given is not None

    def draw(**changes: Any) -> list[int | None]:
        told: list[Event] = []
        wanted = replace(given, count=2, **changes)
        drawn_archive.drawn_archive(wanted, folder=tmp_path, root=data, listener=told.append)
        return [event.done for event in told]

    assert draw() == [0, 1, 2]
    assert draw(weight=0.5) == []
    assert draw(seed=1) == [0, 1, 2]
    (tmp_path / "drawn.npz").write_bytes(b"cut off")
    assert draw(seed=1) == [0, 1, 2]


def test_a_kill_while_pictures_are_drawn_leaves_none(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(config(steps=1), drawn=replace(config().drawn, count=2))  # type: ignore[type-var]
    train_network(one, tmp_path, root=data)
    (tmp_path / STATE).unlink()
    real = write_archive

    def dying(path: Path, pictures: Any, **options: Any) -> None:
        real(path, pictures, **options)
        path.with_suffix(".npz").unlink()  # as if the labels had not got their name yet
        raise Killed

    changed = replace(one, drawn=replace(one.drawn, seed=5))  # type: ignore[type-var]
    with monkeypatch.context() as patched:
        patched.setattr(drawn_archive, "write_archive", dying)
        with pytest.raises(Killed):
            train_network(changed, tmp_path, root=data)
    assert not (tmp_path / "drawn.npz").exists()

    train_network(changed, tmp_path, root=data)
    assert (tmp_path / ARCHIVE).exists()
    assert (tmp_path / "drawn.npz").exists()


def test_ctrl_c_saves_the_step_at_hand(data: Path, tmp_path: Path) -> None:
    interrupt, told = Interrupt(), []

    def stop_at_one(event: Any) -> None:
        told.append(event)
        interrupt.requested = event.done == 1

    watch = Watch(listener=stop_at_one, interrupt=interrupt)
    with pytest.raises(Interrupted):
        train_network(small(), tmp_path, root=data, watch=watch)
    assert [event.done for event in told] == [0, 1]
    assert told[1].loss > 0

    train_network(small(), tmp_path, root=data, watch=Watch(listener=told.append))
    assert [event.done for event in told[2:]] == [1, 2, 3, 4]


def test_the_terminal_says_how_far_training_is(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text(
        "start = 'start.safetensors'\nname = 'mine'\nlicence = 'CC BY 4.0'\n"
        "[pictures]\nbatch = 1\nsizes = [[64, 64]]\narchives = {'photos.tar' = 1}\n"
        "[optimization]\nsteps = 2\n"
    )
    line = ["train", str(settings), "--data", str(data), "-o", str(tmp_path / "r"), "--device=cpu"]

    assert main(line) == 0
    first = capsys.readouterr().err.splitlines()[0]
    for part in ("r: train 1 of 2 steps, ", " s/step, loss ", " left"):
        assert part in first

    assert main(["models", "info", str(tmp_path / "r" / RESULT)]) == 0
    shown = capsys.readouterr().out
    for part in ("name      mine\n", "licence   CC BY 4.0\n", "data      photos.tar\n"):
        assert part in shown
    assert "parents   untrained, unknown, sha256 " in shown


def test_the_parents_licence_is_not_that_of_a_trained_model(data: Path, tmp_path: Path) -> None:
    network = train_network(small(steps=1), tmp_path / "my_run", root=data)

    assert network.info.name == "my_run"
    assert network.info.licence == "not stated"
    again = replace(small(steps=1), start=str(tmp_path / "my_run" / RESULT))
    info = train_network(again, tmp_path / "second", root=data).info
    assert [parent.split(", ")[0] for parent in info.parents] == ["my_run", "untrained"]


def test_a_loss_that_is_no_number_ends_training(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"loss": loss_share(torch.tensor(float("nan"), requires_grad=True), 1)}
    monkeypatch.setattr(train, "step_losses", lambda *args, **options: nothing)
    settings = small()
    settings = replace(settings, optimization=replace(settings.optimization, most_skipped=2))

    with pytest.raises(InputError, match="diverged: 3 steps in a row were no numbers, at step 3 "):
        train_network(settings, tmp_path, root=data)


def test_a_single_loss_that_is_no_number_is_skipped_and_counted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = train.step_losses

    def broken(network: Any, batch: Any, *, step: int, **settings: Any) -> Any:
        losses = real(network, batch, step=step, **settings)
        return {name: loss.weighted(np.nan if step == 1 else 1) for name, loss in losses.items()}

    monkeypatch.setattr(train, "step_losses", broken)
    network = train_network(small(), tmp_path, root=data)

    assert [line.get("skipped") for line in reports(tmp_path)] == [None, 1, None, None]
    assert "loss" not in reports(tmp_path)[1]
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"pictures": PicturesConfig(archives={"no.tar": 1.0})}, "no.tar"),
        ({"drawn": replace(config().drawn, onto={"no.tar": 1.0})}, "no.tar"),  # type: ignore[type-var]
        ({"validation": ValidationConfig(annotations=Path("no"), pictures=Path())}, "no"),
    ],
)
def test_missing_files_are_named_before_a_model_is_loaded(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    missing: str,
) -> None:
    monkeypatch.setattr(train, "load_network", None)

    with pytest.raises(MissingFileError, match=f"{missing}: no such file or folder; the settings"):
        train_network(replace(small(), **changes), tmp_path / "run", root=data)
    with pytest.raises(WeightsError, match=r"no weights file .*nobody\.safetensors"):
        train_network(replace(small(), start="nobody.safetensors"), tmp_path / "run", root=data)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("bf16", "amx", "precision"),
    [(False, False, "float32"), (True, False, "bfloat16"), (False, True, "bfloat16")],
)
def test_the_processor_decides_the_number_type_once(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bf16: bool,
    amx: bool,
    precision: str,
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert native_precision("cpu") == precision
    auto = replace(small(), optimization=OptimizationConfig(steps=2))
    parent = load_weights(data / "start.safetensors").info

    def chosen() -> str:
        found = training_record.recorded(auto, tmp_path, parent=parent, device="cpu")
        return found.optimization.precision

    assert chosen() == precision
    (tmp_path / STATE).touch()
    monkeypatch.setattr(training_record, "native_precision", lambda device: "float32")
    assert chosen() == precision
    (tmp_path / RECORD).write_text("[]")
    with pytest.raises(InputError.__mro__[1], match=r"settings\.json: .*begin again in another"):
        chosen()


def test_one_process_trains_in_a_folder(data: Path, tmp_path: Path) -> None:
    with (
        RunDirectory(tmp_path).locked(),
        pytest.raises(InputError, match="another process is at work on this run"),
    ):
        train_network(small(steps=1), tmp_path, root=data)


def test_the_latest_and_the_best_weights_are_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([{"oks_ap": 3.0}, {"oks_ap": 9.0}, {"oks_ap": 5.0}])
    monkeypatch.setattr(train, "validation_scores", lambda *args, **options: next(scores))

    train_network(replace(small(steps=3), save_every=1, keep=2), tmp_path, root=data)

    kept = [each.name for each in sorted((tmp_path / KEPT).iterdir())]
    assert kept == ["step-00000002.safetensors", "step-00000003.safetensors"]
    assert load_weights(tmp_path / BEST).info.source.endswith(" 2 of 3 steps")
    assert load_weights(tmp_path / RESULT).info.source.endswith(" 3 of 3 steps")
    assert [line["oks_ap"] for line in reports(tmp_path)] == [3, 9, 5]


@pytest.mark.parametrize("file", ["average", "state"])
def test_a_disk_that_fills_leaves_the_last_state(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    train_network(small(), tmp_path / "straight", root=data)
    module = weights_io if file == "average" else training_state
    real, calls = module.save_file, iter(range(9))

    def full(tensors: Any, path: Path, **options: Any) -> None:
        real(tensors, path, **options)
        if next(calls) == 1:
            path.write_bytes(path.read_bytes()[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, "save_file", full)
        with pytest.raises(OSError, match="No space left"):
            train_network(small(), tmp_path / "run", root=data)
    load_weights(tmp_path / "run" / RESULT)
    train_network(small(), tmp_path / "run", root=data)

    assert reports(tmp_path / "run") == reports(tmp_path / "straight")
    same = [(tmp_path / name / RESULT).read_bytes()[-1000:] for name in ("straight", "run")]
    assert same[0] == same[1]


def test_pictures_that_cannot_be_read_are_named_skipped_and_counted(
    data: Path, tmp_path: Path
) -> None:
    there = make_data(tmp_path)
    with tarfile.open(there / "photos.tar") as archive:
        start = archive.getmember("0.webp").offset_data
    with (there / "photos.tar").open("r+b") as file:
        file.seek(start)
        file.write(b"no picture at all")
    told: list[str | None] = []

    watch = Watch(listener=lambda event: told.append(event.text))
    train_network(small(), tmp_path / "run", root=there, watch=watch)

    named = [text for text in told if text]
    assert len(named) == 1
    assert named[0].startswith(f"{there / 'photos.tar'}: ")
    assert named[0].endswith("; skipped")
    assert sum(line.get("broken", 0) for line in reports(tmp_path / "run")) >= 1
    whole = (there / "photos.tar").read_bytes()
    (there / "photos.tar").write_bytes(whole.replace(b"WEBPVP8", b"WEBPXXX"))
    with pytest.raises(MediaError, match=r"photos\.tar"):
        train_network(small(), tmp_path / "other", root=there)


def test_every_checkpoint_holds_settings_versions_and_commit(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_network(small(steps=1), tmp_path, root=data)

    told = load_weights(tmp_path / RESULT).info.training
    known = json.loads(told)
    assert known["settings"]["optimization"]["learning_rate"] == 1e-3
    assert known["settings"]["save_every"] == 2
    assert {"posetube", "python", "torch"} <= known["versions"].keys()
    assert known["processes"] == 1
    assert known["commit"] is None or len(known["commit"].rstrip("+")) == 40
    with safe_open(tmp_path / STATE, "pt") as file:
        assert file.metadata()["training"] == told
    assert main(["models", "info", str(tmp_path / RESULT)]) == 0
    assert '"learning_rate": 0.001' in capsys.readouterr().out
