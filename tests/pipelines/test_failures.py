import errno
import os
import re
from pathlib import Path

import pytest

from posetube.errors import InputError, MediaError, ResourceError, WeightsError
from posetube.pipelines.failures import Interrupted, explain
from posetube.pipelines.tracking.batch import InputOutcome, exit_code


class OutOfMemoryError(RuntimeError):
    """As torch.cuda has it."""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("every: must be 1"), 2, "every: must be 1"),
        (MediaError("a.mp4: no\nsuch file"), 5, "a.mp4: no such file"),
        (WeightsError("no model"), 6, "no model"),
        (ResourceError("full"), 7, "full"),
        (MemoryError(), 7, "memory ran out"),
        (OutOfMemoryError("CUDA"), 7, "memory ran out"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"), 7, "disk full at /data/x"),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG), "/x"), 7, "file size limit reached at /x"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/x"), 7, "too many open files at /x"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 7, "memory ran out"),
        (InputError("\x1b[31mred"), 2, "\\x1b[31mred"),
        (WeightsError(f"{'x' * 10**6} is no name"), 6, f"{'x' * 1200} ... {'x' * 289} is no name"),
        (PermissionError(errno.EACCES, "Permission denied", "/data"), 2, "denied at /data"),
        (Interrupted("stopped"), 130, "stopped"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_has_a_code_and_a_line(error: BaseException, code: int, line: str) -> None:
    failure = explain(error)

    assert failure.exit_code == code
    assert line in failure.line
    assert "\n" not in failure.line


def test_a_name_that_a_library_cannot_open_is_no_fault_of_ours() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        "/data/caf\udce9.pt".encode()

    failure = explain(caught.value)

    assert failure.exit_code == 2
    assert failure.line.startswith("/data/caf\\xe9.pt: not UTF-8, which a library needs here")


def test_a_traceback_in_the_shared_folder_has_a_name_that_nobody_can_foresee(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    lines = [explain(ValueError("a bug")).line for _ in range(2)]

    first, second = sorted(tmp_path.iterdir())
    assert {line.rpartition(" ")[2] for line in lines} == {str(first), str(second)}
    assert all(re.fullmatch(r"posetube-error-\w{8}\.log", p.name) for p in (first, second))
    assert first.stat().st_mode & 0o077 == 0


def test_what_nobody_expected_is_kept_in_a_file(tmp_path: Path) -> None:
    try:
        raise ValueError("a bug")
    except ValueError as error:
        failure = explain(error, logs=tmp_path / "logs")

    assert failure.exit_code == 1
    assert "unexpected ValueError: a bug. This is our fault" in failure.line
    assert "Traceback" in (tmp_path / "logs" / "posetube-error.log").read_text()


@pytest.mark.parametrize(
    ("codes", "together"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 3], 3),
        ([5], 5),
        ([5, 5], 5),
        ([0, 5], 4),
        ([3, 5], 4),
        ([5, 1], 4),
        ([0, 5, 7], 7),
    ],
)
def test_several_inputs_have_one_code(codes: list[int], together: int) -> None:
    assert (
        exit_code([InputOutcome(name="clip", exit_code=code, line="") for code in codes])
        == together
    )
