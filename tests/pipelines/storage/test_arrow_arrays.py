"""Arrow arrays from NumPy's and back."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from posetube.pipelines.storage.arrow_arrays import arrow_numbers, arrow_texts, numpy_array


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float16(), pa.float32()])
@pytest.mark.parametrize("count", [0, 5])
def test_numbers_come_back(kind: pa.DataType, count: int) -> None:
    values = np.arange(count)

    made = arrow_numbers(values, kind)

    assert made.type == kind
    assert made.to_pylist() == values.tolist()
    np.testing.assert_array_equal(numpy_array(made), values)
    np.testing.assert_array_equal(numpy_array(made[2:]), values[2:])


def test_unknown_numbers_stay_numbers() -> None:
    made = arrow_numbers([1.0, np.nan], pa.float32())

    assert made.null_count == 0
    np.testing.assert_array_equal(numpy_array(made), np.array([1, np.nan], np.float32))


def test_columns_of_others_may_have_nulls() -> None:
    assert np.isnan(numpy_array(pa.array([1, None]))).tolist() == [False, True]


@pytest.mark.parametrize("texts", [[], ["ok", "", "größer"]])
def test_texts_come_back(texts: list[str]) -> None:
    made = arrow_texts(texts)

    assert made.type == pa.string()
    assert made.to_pylist() == numpy_array(made).tolist() == texts


def test_pandas_is_left_alone() -> None:
    code = (
        "import sys, pyarrow as pa;"
        "from posetube.pipelines.storage.arrow_arrays import *;"
        "numpy_array(arrow_numbers([1, 2], pa.int64())); numpy_array(arrow_texts(['a']));"
        "print('pandas' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "False"
