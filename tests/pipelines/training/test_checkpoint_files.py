"""Which weights a training run keeps beside its result."""

from pathlib import Path

import pytest

from posetube.pipelines.training.checkpoint_files import (
    KEPT,
    forget_checkpoints_after,
    keep_latest,
)


def kept_in(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in (folder / KEPT).iterdir())


def keep(folder: Path, *steps: int, most: int) -> None:
    path = folder / "average.safetensors"
    for step in steps:
        path.write_bytes(str(step).encode())
        keep_latest(path, step=step, most=most)


@pytest.mark.parametrize(
    ("most", "kept"), [(1, [5]), (2, [4, 5]), (3, [3, 4, 5]), (9, [1, 2, 3, 4, 5])]
)
def test_as_many_stay_as_are_asked_for(tmp_path: Path, most: int, kept: list[int]) -> None:
    keep(tmp_path, 1, 2, 3, 4, 5, most=most)

    assert kept_in(tmp_path) == kept
    content = (tmp_path / KEPT / "step-00000005.safetensors").read_bytes()
    assert content == b"5"


def test_a_run_that_begins_again_forgets_those_of_the_run_before(tmp_path: Path) -> None:
    keep(tmp_path, 10, 20, 30, most=3)
    (tmp_path / KEPT / "step-mine.safetensors").write_bytes(b"somebody's")

    forget_checkpoints_after(tmp_path, 15)

    (tmp_path / KEPT / "step-mine.safetensors").unlink()
    assert kept_in(tmp_path) == [10]
