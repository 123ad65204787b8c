import errno
import os
from pathlib import Path

import pytest

from posetube.errors import InputError
from posetube.pipelines.storage.run_directory import RunDirectory, guarding_runs, refuse_own_files


def test_a_run_is_locked_while_a_job_works_on_it_and_leaves_no_trace(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "runs" / "a")

    with run.locked():
        assert run.lock.exists()
        with pytest.raises(InputError, match="another process is at work"), run.locked():
            pass
    assert list(run.path.iterdir()) == []
    run.lock.write_text("left by a process that was killed")
    with run.locked():
        pass


@pytest.mark.skipif(os.name == "nt", reason="Windows has locks on every disk")
def test_a_disk_without_locks_is_locked_by_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", missing)
    run = RunDirectory(tmp_path)

    with (
        run.locked(),
        pytest.raises(InputError, match="another process is at work"),
        run.locked(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")

    with (
        pytest.raises(InputError, match="is a file; name a folder"),
        RunDirectory(tmp_path / "run").locked(),
    ):
        pass


@pytest.mark.parametrize(
    ("names", "foreign"),
    [
        ([], False),
        (["run.lock", ".posetube-unfinished-run.json"], False),
        (["run.json", "mine.txt"], False),
        (["mine.txt"], True),
        (["run.lock.txt"], True),
        (["detections"], True),
    ],
)
def test_a_folder_with_other_files_and_no_run_is_foreign(
    tmp_path: Path, names: list[str], foreign: bool
) -> None:
    for name in names:
        (tmp_path / name).touch()

    assert RunDirectory(tmp_path).foreign() == foreign


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("run.json", True),
        ("overlay.mp4", True),
        ("sub/../tracks.json", True),
        ("detections/part-00000.parquet", True),
        ("detections/mine.csv", True),
        (".", True),
        ("tracks-export.csv", False),
        ("mine/tracks.parquet", False),
    ],
)
def test_nothing_replaces_a_runs_own_files(tmp_path: Path, name: str, own: bool) -> None:
    for folder in ("sub", "mine", "detections"):
        (tmp_path / folder).mkdir()
    with guarding_runs(tmp_path / name):
        pass
    (tmp_path / "run.json").write_text("{}")

    if own:
        with pytest.raises(InputError, match="belongs to the run"), guarding_runs(tmp_path / name):
            pass
        with pytest.raises(InputError, match="belongs to the run"):
            refuse_own_files(None, tmp_path / name)
    else:
        refuse_own_files(tmp_path / name)
        assert not RunDirectory(tmp_path).owns(tmp_path / name)
