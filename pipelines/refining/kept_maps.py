"""Keeps heatmaps from the search for people until refiners ask for them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from posetube.structures import ByteArray, DetectedFrame

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


@dataclass(frozen=True, slots=True)
class KeptMaps:
    """Takes the heatmaps of a video's people while it is linked in memory."""

    _waiting: deque[DetectedFrame] = field(default_factory=deque)

    def taken_from(self, frames: Iterable[DetectedFrame]) -> Iterator[DetectedFrame]:
        """The frames without their heatmaps, for who comes first: linking."""
        for found in frames:
            self._waiting.append(found)
            yield replace(found, people=replace(found.people, heatmaps=None))

    def frames(self) -> Iterator[DetectedFrame]:
        """The same frames with them, for who comes behind; each is forgotten then."""
        while self._waiting:
            yield self._waiting.popleft()
