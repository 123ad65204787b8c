"""Imports libraries that not everybody has, and says how to install one that is missing."""

from importlib import import_module
from shlex import quote
from typing import Any

from posetube.errors import MissingExtraError


def optional_library(module: str, *, purpose: str, install: str = "posetube[interop]") -> Any:
    """A library of an extra, or one that the user brings.

    Args:
        module: Its name, or that of a module in it.
        purpose: What needs it.
        install: What pip installs it by.

    Raises:
        MissingExtraError: If it is not installed; says how to install it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"{purpose} needs the library {module.partition('.')[0]}; install it with "
            f"pip install {quote(install)}"
        ) from None
