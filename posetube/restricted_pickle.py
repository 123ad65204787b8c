"""Legacy pickles as data: containers, texts, numbers and NumPy arrays, and nothing that executes.

The file may only name NumPy's array, dtype and scalar, Latin-1 text of Python 2, and ordered
dictionaries, which become plain ones; each is
caught as a plain record, checked, and turned into an array here. NumPy's own unpickling code is
never reached, nor any import. The interpreter is Python's own, not the C one, which reserves as
much memory as a file asks for.

Not here: what the content means (readers of weights and of annotations).
"""

import io
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.file_reading import reading

MAX_BYTES = 512 * 2**20
"""Larger files are refused unless the caller allows more."""

MAX_DEPTH = 64
"""Containers nested deeper than this are refused."""

NUMBERS = {"b", "i", "u", "f"}
"""Kinds of NumPy arrays that are read; strings are read too, as bytes or text."""


def load_plain(path: Path | str, *, max_bytes: int = MAX_BYTES) -> Any:
    """Read a pickle that holds nothing but data.

    Args:
        path: A file.
        max_bytes: Larger files are refused.

    Returns:
        Dicts, lists, tuples, texts, numbers and arrays.

    Raises:
        FormatError: If the file is damaged, or asks for anything else; names what it asks for.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    with reading(path, most=max_bytes):
        content = path.read_bytes()
    return plain_content(content, where=str(path))


def plain_content(content: bytes, *, where: str) -> Any:
    """:func:`load_plain` of bytes, such as another format holds.

    Args:
        content: The pickle.
        where: Start of an error's message.

    Raises:
        FormatError: If it is damaged, or asks for anything but data; names what it asks for.
    """
    try:
        found = _Unpickler(io.BytesIO(content), encoding="latin-1").load()
        return _Plain().value(found, depth=0)
    except _Refused as error:
        raise FormatError(f"{where}: refused: {error}") from None
    except MemoryError:
        raise FormatError(f"{where}: not a sound pickle: it asks for too much memory") from None
    except Exception as error:  # a damaged pickle fails in any way that Python can fail
        raise FormatError(f"{where}: not a sound pickle: {type(error).__name__}") from None


class _Refused(Exception):
    """What the file asks for and does not get."""


class _Record:
    """Something of NumPy's, as the file describes it: arguments, then a state."""

    __slots__ = ("arguments", "state")

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Array(_Record):
    """``numpy.core.multiarray._reconstruct`` with its state."""


class _Buffer(_Record):
    """``numpy.core.numeric._frombuffer``: how protocol 5 writes arrays."""


class _ArrayType(_Record):
    """``numpy.ndarray``, the first argument of :class:`_Array`."""


class _Type(_Record):
    """``numpy.dtype``."""


class _Scalar(_Record):
    """``numpy.core.multiarray.scalar``."""


class _Text(_Record):
    """``_codecs.encode``: how protocol 2 writes bytes."""


ALLOWED: dict[tuple[str, str], type[_Record] | type[dict[Any, Any]]] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Buffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _Text,
    ("collections", "OrderedDict"): dict,
}
"""All that a file may name, and what it becomes."""


class _Unpickler(pickle._Unpickler):
    """Python's own unpickler, with the few names above."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def load_bytearray8(self) -> None:
        """Take the bytes that are there; Python's own method first makes as many as asked for."""
        size = int.from_bytes(self.read(8), "little")  # type: ignore[attr-defined]
        self.append(bytearray(self.read(size)))  # type: ignore[attr-defined]

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> type[_Record] | type[dict[Any, Any]]:
        if (module, name) not in ALLOWED:
            raise _Refused(f"it asks for {module}.{name}; only data is read")
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("it refers to something outside the file")

    def get_extension(self, code: int) -> None:
        raise _Refused("it uses pickle's extension registry")


class _Plain:
    """Turns records into arrays; each object once, so that shared ones do not multiply."""

    def __init__(self) -> None:
        self.done: dict[int, Any] = {}

    def value(self, item: Any, *, depth: int) -> Any:
        """An object without records in it."""
        if depth > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH}")
        if isinstance(item, str | bytes | int | float | None):
            return item
        if id(item) not in self.done:
            self.done[id(item)] = self.convert(item, depth=depth + 1)
        return self.done[id(item)]

    def convert(self, item: Any, *, depth: int) -> Any:
        if isinstance(item, dict):
            return {key: self.value(value, depth=depth) for key, value in item.items()}
        if isinstance(item, list | tuple):
            return type(item)(self.value(value, depth=depth) for value in item)
        if isinstance(item, _Array):
            return self.array(item, depth=depth)
        if isinstance(item, _Buffer) and len(item.arguments) == 4:
            content, dtype, shape, order = item.arguments
            return self.filled(content, dtype, shape, by_columns=order == "F")
        if isinstance(item, _Scalar) and len(item.arguments) == 2:
            dtype, raw = item.arguments
            return np.frombuffer(_bytes(raw), _dtype(dtype), count=1)[0]
        if isinstance(item, _Text):
            return _bytes(item)
        raise _Refused(f"it holds a {type(item).__name__.strip('_')}; only data is read")

    def array(self, item: _Array, *, depth: int) -> Any:
        """The array that a record describes, its size checked against its bytes."""
        if not isinstance(item.state, tuple) or len(item.state) != 5:
            raise _Refused("an array without its content")
        _, shape, dtype, by_columns, content = item.state
        if isinstance(content, list):  # an array of objects
            values = np.empty(len(content), object)
            values[:] = [self.value(value, depth=depth) for value in content]
            return values.reshape(_shape(shape), order="F" if by_columns else "C")
        return self.filled(content, dtype, shape, by_columns=bool(by_columns))

    def filled(self, content: Any, dtype: Any, shape: Any, *, by_columns: bool) -> Any:
        """An array of plain numbers or texts."""
        flat = np.frombuffer(_bytes(content), _dtype(dtype))
        return flat.reshape(_shape(shape), order="F" if by_columns else "C").copy()


def _shape(item: Any) -> tuple[int, ...]:
    if not isinstance(item, tuple) or not all(isinstance(n, int) and n >= 0 for n in item):
        raise _Refused("an array without a shape")
    return item


def _bytes(item: Any) -> bytes:
    """Bytes as protocol 3 writes them, as Python 2 does, or through ``_codecs.encode``."""
    if isinstance(item, _Text) and len(item.arguments) == 2 and isinstance(item.arguments[0], str):
        item = item.arguments[0]
    if isinstance(item, str):
        return item.encode("latin-1")
    if isinstance(item, bytes | bytearray):
        return bytes(item)
    raise _Refused("an array whose content is not bytes")


def _dtype(item: Any) -> np.dtype[Any]:
    """A dtype of plain numbers or texts."""
    if not isinstance(item, _Type) or not item.arguments:
        raise _Refused("an array without a type")
    name = item.arguments[0]
    name = name.decode("latin-1") if isinstance(name, bytes) else name
    if not isinstance(name, str) or name[:1] not in {*NUMBERS, "S", "U"} or not name[1:].isdigit():
        raise _Refused(f"an array of type {name!r}")
    swapped = isinstance(item.state, tuple) and len(item.state) > 1 and item.state[1] in (">", b">")
    found = np.dtype((">" if swapped else "<") + name)
    if not found.itemsize:
        raise _Refused(f"an array of type {name!r}")
    return found
