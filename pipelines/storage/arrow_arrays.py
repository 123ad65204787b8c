"""Arrow arrays from NumPy's and back, without pandas.

Arrow's own ways import it wherever it is installed, which takes longer than tracking a picture.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def arrow_numbers(values: npt.ArrayLike, kind: Any) -> Any:
    """(N,) numbers as an Arrow array of a type such as ``pa.float32()``; NaN stays NaN."""
    held = np.ascontiguousarray(values, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(held), [None, pa.py_buffer(held)])


def arrow_texts(values: Sequence[str]) -> Any:
    """N texts as an Arrow array."""
    words = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, words)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(words))]
    return pa.Array.from_buffers(pa.string(), len(words), buffers)


def numpy_array(array: Any) -> Any:
    """An Arrow array as a NumPy array: numbers as a view not to be written to, texts as objects."""
    kind = array.type
    if pa.types.is_string(kind):
        return np.array(array.to_pylist(), object)
    if array.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return array.to_numpy(zero_copy_only=False)
    number = np.dtype(kind.to_pandas_dtype())
    if not len(array):  # has no buffer
        return np.empty(0, number)
    return np.frombuffer(array.buffers()[1], number, len(array), array.offset * number.itemsize)
