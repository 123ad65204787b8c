"""An error that all processes have is told by the first one, and any other by whoever has it."""

import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from posetube.errors import InputError, PoseTubeError, WeightsError
from posetube.pipelines.cli import main
from posetube.pipelines.training import told_once as module
from posetube.pipelines.training.told_once import told_once


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> TCPStore:
    """What torchrun opens for two processes."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    monkeypatch.setattr(module, "PATIENCE", timedelta(seconds=0.2))
    monkeypatch.setattr(module, "GRACE", 0)
    return store


def fail(error: PoseTubeError, *, rank: int, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """Fail in a process: the exit code of one that ends without a word, None for one that tells."""
    monkeypatch.setenv("RANK", str(rank))
    with pytest.raises((SystemExit, type(error))) as raised, told_once():
        raise error
    return raised.value.code if isinstance(raised.value, SystemExit) else None  # type: ignore[return-value]


def test_the_first_process_tells_what_both_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, code in ((InputError("no such setting"), 2), (WeightsError("no such file"), 6)):
        assert fail(error, rank=0, monkeypatch=monkeypatch) is None
        assert fail(error, rank=1, monkeypatch=monkeypatch) == code


def test_another_process_tells_of_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fail(WeightsError("not on this disk"), rank=1, monkeypatch=monkeypatch) is None
    assert fail(InputError("one thing"), rank=0, monkeypatch=monkeypatch) is None
    assert fail(InputError("another"), rank=1, monkeypatch=monkeypatch) is None


def test_what_was_told_before_a_restart_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    error = InputError("the same")
    assert fail(error, rank=0, monkeypatch=monkeypatch) is None
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert fail(error, rank=1, monkeypatch=monkeypatch) is None


@pytest.mark.parametrize("absent", ["WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"])
def test_a_process_alone_tells(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(absent)
    assert fail(InputError("alone"), rank=1, monkeypatch=monkeypatch) is None


def test_each_tells_at_once_where_nobody_opened_a_store(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MASTER_PORT", str(unused.getsockname()[1]))

    def patient(*_: object, **__: object) -> None:
        raise AssertionError("torch tries for a minute")

    monkeypatch.setattr(module, "TCPStore", patient)

    for rank in (0, 1):
        assert fail(InputError("no such setting"), rank=rank, monkeypatch=monkeypatch) is None

    assert capfd.readouterr().err == ""  # torch would tell of each attempt


def test_a_mistyped_option_is_told_by_the_first_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for rank, count in ((0, 1), (1, 0)):
        monkeypatch.setenv("RANK", str(rank))
        assert main(["train", "run.toml", "--nonsense"]) == 2
        assert capsys.readouterr().err.count("Unknown option: --nonsense") == count


@pytest.mark.slow
def test_settings_that_two_processes_refuse_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('start = "tiny"\nnonsense = 1\n')
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "posetube", "train", str(tmp_path / "run.toml")]

    ended = subprocess.run(command, cwd=tmp_path, timeout=500, capture_output=True, text=True)

    assert ended.returncode == 1  # torchrun's own
    assert ended.stderr.count("posetube train: ") == 1
    assert "nonsense" in ended.stderr
