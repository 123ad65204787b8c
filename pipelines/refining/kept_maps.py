"""A model whose network keeps heatmaps from the search for people, for refiners."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from posetube.structures import ByteArray

from ..loaded_model import LoadedModel
from .drawn_maps import heatmap_network


def keeping_maps(model: LoadedModel, *, asked_by: str) -> LoadedModel:
    """The model, whose network keeps the heatmaps of those whom it finds.

    Raises:
        InputError: If it draws none.
    """
    return replace(model, network=_KeepingNetwork(heatmap_network(model, asked_by=asked_by)))


class _KeepingNetwork:
    """A network that is asked to keep heatmaps, whatever else it is asked for."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def encode(self, images: ByteArray, **asked: bool) -> Sequence[Any]:
        kept: Sequence[Any] = self._network.encode(images, heatmaps=True, **asked)
        return kept
