"""The rate of a network alone: its graphs, or all of it where it has none, with all workers."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from posetube.network import Network
from posetube.structures import Frame

from ...models3d.runtimes.onnx_network import OnnxNetwork
from ..loaded_model import LoadedModel
from ..settings import DetectConfig
from ..tracking.frame_look import encoded, people_of
from ..tracking.in_order import in_order
from .stage_times import MOST_BYTES, watched

Calls = list[tuple[Any, dict[str, Any]]]
"""Sessions and what they are given, for one frame."""


def network_rate(
    frames: Sequence[Frame], model: LoadedModel, *, workers: int, config: DetectConfig
) -> float:
    """Frames per second of the network with nothing around it.

    Of a network with graphs only these run, with the inputs that they had in the whole pipeline.

    Args:
        frames: With pictures of one size, as many as are needed; the first ones count if they are
            too many to keep.
        model: Finds people.
        workers: Frames side by side.
        config: What is asked of the network.
    """
    network = model.network
    if isinstance(network, OnnxNetwork):
        return _rate(_graph_calls(frames, network, config), _run, workers=workers)
    length = network.clip_length
    clips = [frames[start : start + length] for start in range(len(frames) - length + 1)]

    def look(clip: Sequence[Frame]) -> None:
        _look(clip, network, config)

    # clips share what is computed of a frame: each costs as much as its last frame adds
    return _rate(clips[::length] or [[frames[0]] * length], look, workers=workers) * length


def _rate(items: Sequence[Any], work: Callable[[Any], None], *, workers: int) -> float:
    for _ in in_order(items[: 2 * workers], work, workers=workers):
        pass  # the first calls take memory
    began = time.perf_counter()
    for _ in in_order(items, work, workers=workers):
        pass
    return len(items) / (time.perf_counter() - began)


def _run(calls: Calls) -> None:
    for session, feeds in calls:
        session.run(None, feeds)


def _look(clip: Sequence[Frame], network: Network, config: DetectConfig) -> None:
    kept = [one for _, one in encoded(clip, network=network, config=config)]
    people_of(kept, [frame.index for frame in clip], network=network)


def _graph_calls(
    frames: Sequence[Frame], network: OnnxNetwork, config: DetectConfig
) -> list[Calls]:
    """What graphs are given for some frames, the first ones if that is too much to keep."""
    twin, graphs = watched(network)
    found, size = list[Calls](), 0
    for frame in frames:
        _look([frame], twin, config)
        found.append([(graph.session, call[2]) for graph in graphs for call in graph.calls])
        size += sum(given.nbytes for _, feeds in found[-1] for given in feeds.values())
        for graph in graphs:
            graph.calls.clear()
        if size > MOST_BYTES:
            break
    return found
