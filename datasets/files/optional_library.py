"""Imports libraries that only some formats need, when such a file is read."""

from importlib import import_module
from typing import Any

from posetube.errors import MissingExtraError


def optional_library(module: str, *, purpose: str) -> Any:
    """A library of the extra ``interop``.

    Raises:
        MissingExtraError: If it is not installed; says how to install it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"{purpose} needs the library {module.partition('.')[0]}; install it with "
            "pip install 'posetube[interop]'"
        ) from None
