"""MATLAB's files as they are written, read by SciPy and by ourselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posetube.datasets.files.mat_files import read_mat
from posetube.datasets.files.mat_writer import write_mat

VALUES: dict[str, Any] = {
    "numbers": np.arange(24.0).reshape(2, 3, 4),
    "packed": np.array([[480, 640, 6]], np.uint16),
    "flags": np.array([[True, False]]),
    "whole": np.array([[-1]], np.int32),
    "single": np.array([[0.5, 1.5]], np.float32),
    "text": "catch \u00e9",
    "empty": "",
    "nothing": np.zeros((0, 13)),
}


def test_scipy_and_we_read_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    write_mat(path, VALUES, as_double={"packed"})
    theirs, ours = scipy.io.loadmat(path), read_mat(path)

    for name in ("numbers", "packed", "flags", "single", "nothing"):
        np.testing.assert_array_equal(theirs[name], VALUES[name])
        np.testing.assert_array_equal(ours[name], VALUES[name])
        assert theirs[name].dtype == (np.uint8 if name == "flags" else VALUES[name].dtype)
    assert theirs["whole"].tolist() == [[-1]]
    assert (ours["whole"], ours["text"], ours["empty"]) == (-1, "catch \u00e9", "")
    assert theirs["text"].tolist() == ["catch \u00e9"]
    classes = {name: kind for name, _, kind in scipy.io.whosmat(path)}
    assert classes == {
        "numbers": "double", "packed": "double", "flags": "logical", "whole": "int32",
        "single": "single", "text": "char", "empty": "char", "nothing": "double",
    }  # fmt: skip


def test_what_matlab_has_no_class_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a: no class of MATLAB for complex128"):
        write_mat(tmp_path / "a.mat", {"a": np.ones((1, 1), np.complex128)})
