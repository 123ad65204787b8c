"""Where the weights of a model lie. Importing this file does not import torch."""

from importlib.resources import files
from pathlib import Path

from posetube.errors import WeightsError

from .published import PUBLISHED, fetched_file

EMBEDDED = Path(str(files("posetube.models3d"))) / "weights"
"""Folder of the weights that ship with the package."""


def weights_file(name_or_path: str | Path) -> Path:
    """The weights file of a model.

    Raises:
        WeightsError: If there is neither a model of this name nor such a file.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    name = str(name_or_path)
    # with a folder before it, it can only be meant as a path
    candidates = [] if path.parent != Path() else [EMBEDDED / f"{name}.safetensors"]
    if name in PUBLISHED:
        candidates.append(fetched_file(name))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if name in PUBLISHED:
        raise WeightsError(
            f"model {name} has not been fetched; 'posetube models fetch {name}' downloads it"
        )
    raise WeightsError(
        f"no weights file {name}, and no model of that name; 'posetube models list' lists them"
    )


def shipped_refiner(name: str) -> Path:
    """The weights file of a refiner that ships with the package."""
    return EMBEDDED / "refiners" / f"{name}.safetensors"


def embedded_names() -> list[str]:
    """Names of the models that ship with the package."""
    return sorted(file.stem for file in EMBEDDED.glob("*.safetensors"))
