"""Renaming of other programs' weights, and folding of batch norms; all converters use it."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Renamed(NamedTuple):
    """Another program's weights under our names."""

    parameters: dict[str, Tensor]
    """By our name."""

    sources: dict[str, str]
    """By our name, the other program's name."""

    unused: list[str]
    """Its names of arrays that are no parameters of ours."""


def rename(tensors: Mapping[str, Tensor], name_of: Callable[[str], str | None]) -> Renamed:
    """Give every tensor our name; a tensor without one (``name_of`` returns None) is unused."""
    names = {source: name_of(source) for source in tensors}
    sources = {name: source for source, name in names.items() if name is not None}
    return Renamed(
        parameters={name: tensors[source] for name, source in sources.items()},
        sources=sources,
        unused=[source for source, name in names.items() if name is None],
    )


def substitute(name: str, rules: Iterable[tuple[str, str]]) -> str | None:
    """Apply all patterns in turn; None if they leave the first part of the name unchanged."""
    renamed = name
    for pattern, replacement in rules:
        renamed = re.sub(pattern, replacement, renamed)
    return None if renamed.split(".")[0] == name.split(".")[0] else renamed


def fold_batch_norm(renamed: Renamed, *, epsilon: float) -> Renamed:
    """Turn every norm's ``weight``, ``bias`` and running statistics into ``scale`` and ``shift``.

    Args:
        renamed: Norms are recognised by their ``running_var``; other tensors stay as they are.
        epsilon: What is added to the variance.
    """
    parameters, sources = dict(renamed.parameters), dict(renamed.sources)
    for name in renamed.parameters:
        if not name.endswith(".running_var"):
            continue
        norm = name.removesuffix("running_var")
        parts = ("weight", "bias", "running_mean", "running_var")
        # In double precision: only the results are rounded.
        weight, bias, mean, variance = (parameters.pop(norm + part).double() for part in parts)
        names = [sources.pop(norm + part) for part in parts]
        scale = weight / torch.sqrt(variance + epsilon)
        parameters[norm + "scale"] = scale.float()
        parameters[norm + "shift"] = (bias - mean * scale).float()
        sources[norm + "scale"], sources[norm + "shift"] = names[0], names[1]
    return Renamed(parameters, sources, renamed.unused)
