"""Pickles of NumPy arrays in plain containers, read without executing anything that they ask for.

A pickle is a program. Here it may call what rebuilds an array and nothing else; a file that asks
for more is refused before anything of it has run. PyTorch's own files go through torch's
equivalent, ``weights_only``.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import WeightsError


def _array(kind: type, shape: tuple[int, ...], code: bytes) -> Any:
    """An array to be filled by the pickle; NumPy's own function would take any type."""
    del kind, shape, code
    return np.ndarray((0,), np.int8)


def _number(kind: Any, content: bytes = b"") -> Any:
    """One number of an array's type."""
    if not isinstance(content, bytes | str) or kind.hasobject:
        raise pickle.UnpicklingError("a number that is none")
    raw = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(raw, kind, count=1)[0]


def _from_buffer(content: Any, kind: Any, shape: tuple[int, ...], order: str) -> Any:
    """How NumPy 2 writes arrays."""
    return np.frombuffer(content, kind).reshape(shape, order="F" if order == "F" else "C")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes for older readers."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"text in {encoding}")
    return text.encode("latin1")


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy.core.multiarray", "scalar"): _number,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    # only ever an argument of _reconstruct, which ignores it
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): OrderedDict,
}
"""What a pickle may ask for, and what it gets."""


class _Reader(pickle.Unpickler):
    """Finds nothing but :data:`ALLOWED`."""

    def find_class(self, module: str, name: str) -> Any:
        key = (module.replace("numpy._core.", "numpy.core."), name)
        if key not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ALLOWED[key]


def read_pickle(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary, Python 2's included.

    Raises:
        WeightsError: If the file is missing, is no pickle, or asks for anything but arrays and
            plain containers.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with path.open("rb") as file:
            content = _Reader(file, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused, because a pickle of weights may only hold arrays and plain "
            f"containers: {error}"
        ) from error
    except Exception as error:
        # a damaged pickle fails in as many ways as there are instructions
        raise WeightsError(f"{path}: not a readable pickle: {error}") from error
    if not isinstance(content, dict):
        raise WeightsError(
            f"{path}: expected a dictionary of weights, got {type(content).__name__}"
        )
    return content
