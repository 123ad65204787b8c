"""What a weights file of ours says of itself. Importing this file does not import torch."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from posetube.errors import WeightsError
from posetube.file_names import printable
from posetube.file_reading import sha256_of
from posetube.shortage import raise_shortage

from ..configs.networks import TubeRCNNConfig
from ..model_info import ModelInfo
from .config_json import from_json

FORMAT = "posetube-1"

KINDS = ("F32", "F16", "BF16", "F64")
"""Types of stored numbers, as the header names them."""


def read_header(file: Any, path: Path) -> tuple[TubeRCNNConfig, ModelInfo]:
    """The network that an open file describes, and where its weights come from.

    Args:
        file: From :func:`opened`.
        path: Where it is.

    Raises:
        WeightsError: If it is not ours, or this version does not know such a network.
    """
    header = file.metadata() or {}
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path}: expected a weights file of ours (format {FORMAT}), got format "
            f"{header.get('format')}; convert it with 'posetube models convert'"
        )
    if "config" not in header:
        raise WeightsError(f"{path}: its configuration is missing; is the file damaged?")
    return from_json(header["config"], source=str(path)), read_info(header, path)


def read_info(header: Mapping[str, str], path: Path) -> ModelInfo:
    """What a header says of where weights come from; the reverse of :func:`info_header`."""
    return ModelInfo(
        name=printable(header.get("name", path.stem)),
        sha256=sha256_of(path),
        licence=printable(header.get("licence", "unknown")),
        source=printable(header.get("source", "")),
        parents=tuple(map(printable, header.get("parents", "").splitlines())),
        data=tuple(map(printable, header.get("data", "").splitlines())),
        training=printable(header.get("training", "")),
    )


def info_header(info: ModelInfo) -> dict[str, str]:
    """Where weights come from, as a header holds it."""
    training = {"training": info.training} if info.training else {}
    return training | {
        "name": info.name,
        "licence": info.licence,
        "source": info.source,
        "parents": _lines(info.parents),
        "data": _lines(info.data),
    }


def _lines(texts: tuple[str, ...]) -> str:
    return "\n".join(" ".join(text.split()) for text in texts)


def count_weights(file: Any) -> int:
    """How many numbers an open file holds."""
    return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


def is_ours(path: Path) -> bool:
    """Whether a file says of itself that it is one of our weights files."""
    try:
        with opened(path, "numpy") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except WeightsError:
        return False


@contextmanager
def opened(path: Path, library: str) -> Iterator[Any]:
    """A safetensors file whose tensors come as those of a library: ``pt`` (torch) or ``numpy``.

    Raises:
        WeightsError: If it is missing or none.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with path.open("rb"):  # an error that says why, which the library's does not
            file = safe_open(path, library)
    except (SafetensorError, OSError) as error:
        raise_shortage(error)
        raise WeightsError(
            f"{path}: not a safetensors file ({error}); convert other formats with "
            "'posetube models convert'"
        ) from error
    with file as content:
        yield content
