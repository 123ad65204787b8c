"""Measures what each stage of tracking takes per frame, one stage after the other, in one thread.

The network is watched from outside: what lies between the calls of its graphs is preparation and
decoding. Networks without graphs are one stage.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from posetube.network import Network
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, DetectedFrame, Frame, FramePoses, PoseTubes

from ...datasets.formats.posetrack18_writer import PoseTrack18Writer
from ...datasets.video import Video
from ...datasets.video.writer import VideoWriter
from ...models3d.runtimes.onnx_network import Graphs, OnnxNetwork
from ..loaded_model import LoadedModel
from ..rendering.painter import Painter
from ..settings import TrackConfig
from ..storage.detections_store import write_part
from ..storage.tracks_store import TracksWriter
from ..tracking.clip_window import detect_frames
from ..tracking.detect_stage import PART_FRAMES
from ..tracking.link_people import link_people

MOST_BYTES = 1 << 29
"""Of decoded pictures, or of networks' inputs, that are kept: large ones are fewer."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTimes:
    """What one pass over some frames took."""

    seconds: dict[str, float]
    """Per frame, by the name of the stage, in the order of the work."""

    crops: float
    """How many people's joints were read per frame; 0 where nobody can tell."""


def decoded(video: Video, most: int) -> tuple[list[Frame], float]:
    """The first frames of a video that have a picture, and the seconds that decoding took."""
    height, width = video.size
    count = max(1, min(most, MOST_BYTES // (height * width * 3)))
    frames, seconds = _timed(lambda: list(islice(video.frames(), count)))
    return [frame for frame in frames if frame.image is not None], seconds


def stage_times(
    frames: Sequence[Frame], model: LoadedModel, *, config: TrackConfig, folder: Path, rate: float
) -> StageTimes:
    """Take frames through every stage behind decoding.

    Args:
        frames: With pictures of one size.
        model: Finds people; one worker looks.
        config: The settings.
        folder: For what is written.
        rate: Of the video, frames per second.
    """
    assert frames[0].image is not None
    config = model.completed(config)
    network, size = _WatchedNetwork(model.network), frames[0].image.shape[:2]
    found, spent = _timed(
        lambda: list(detect_frames(frames, network, batch=model.batch, config=config.detect))
    )
    spent -= network.seconds  # camera motion, colours, and what the engine itself takes
    skeleton = network.skeleton
    linked, linking = _timed(
        lambda: list(link_people(iter(found), config=config, skeleton=skeleton, size=size))
    )
    _, storing = _timed(lambda: _store(found, linked, folder, skeleton=skeleton, size=size))
    painter = Painter(skeleton, size=size, config=config.overlay)
    by_frame = {poses.frame: poses for poses in linked}
    empty = FramePoses.empty(frame=0, time=0.0, joints=len(skeleton))
    drawn, drawing = _timed(
        lambda: [
            painter.draw(frame.image, by_frame.get(frame.index, empty))
            for frame in frames
            if frame.image is not None
        ]
    )
    _, encoding = _timed(lambda: _encode(drawn, folder / "overlay.mp4", size=size, rate=rate))
    total = network.stages | {
        "measures for linking": spent,
        "linking": linking,
        "storing": storing,
        "drawing": drawing,
        "encoding": encoding,
    }
    return StageTimes(
        seconds={name: seconds / len(frames) for name, seconds in total.items()},
        crops=network.crops / len(frames),
    )


def _store(
    found: Sequence[DetectedFrame],
    linked: Sequence[FramePoses],
    folder: Path,
    *,
    skeleton: Skeleton,
    size: tuple[int, int],
) -> None:
    for number, first in enumerate(range(0, len(found), PART_FRAMES)):
        write_part(folder, number, found[first : first + PART_FRAMES], skeleton=skeleton)
    with (
        TracksWriter(folder / "t.parquet", source="bench", size=size, joints=skeleton) as table,
        PoseTrack18Writer(folder / "t.json", skeleton=skeleton, name="bench", size=size) as people,
    ):
        for poses in linked:
            table.write(poses)
            people.add(poses)


def _encode(
    pictures: Sequence[ByteArray], path: Path, *, size: tuple[int, int], rate: float
) -> None:
    with VideoWriter(path, size=size, rate=rate) as writer:
        for number, picture in enumerate(pictures):
            writer.write(picture, number / rate)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


@dataclass(slots=True)
class WatchedGraph:
    """A graph's session that notes its calls."""

    session: Any
    calls: list[tuple[float, float, dict[str, Any]]] = field(default_factory=list)
    """Begin and end, seconds, and what it was given."""

    def run(self, names: Sequence[str] | None, feeds: dict[str, Any]) -> Any:
        """Run the graph."""
        began = time.perf_counter()
        result = self.session.run(names, feeds)
        self.calls.append((began, time.perf_counter(), feeds))
        return result

    def get_outputs(self) -> Any:
        """What the graph gives."""
        return self.session.get_outputs()

    @property
    def seconds(self) -> float:
        """Time of all calls."""
        return sum(end - began for began, end, _ in self.calls)


def watched(network: OnnxNetwork) -> tuple[OnnxNetwork, Graphs]:
    """The same network with graphs that note their calls, and these graphs."""
    graphs = Graphs(*(WatchedGraph(session) for session in network.graphs))
    return OnnxNetwork(network.config, graphs=graphs, info=network.info), graphs


class _WatchedNetwork:
    """A network whose time is taken; for one thread."""

    def __init__(self, network: Network) -> None:
        self.clip_length, self.skeleton = network.clip_length, network.skeleton
        self._network, self._graphs = network, None
        if isinstance(network, OnnxNetwork):
            self._network, self._graphs = watched(network)
        self._encoding, self._begun, self._ended = 0.0, list[float](), list[float]()

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> Sequence[Any]:
        kept, seconds = _timed(lambda: self._network.encode(images, embeddings=embeddings))
        self._encoding += seconds
        return kept

    def detect_features(self, features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        self._begun.append(time.perf_counter())
        found = self._network.detect_features(features, frames)
        self._ended.append(time.perf_counter())
        return found

    @property
    def seconds(self) -> float:
        return self._encoding + sum(self._ended) - sum(self._begun)

    @property
    def crops(self) -> int:
        return len(self._graphs.joints.calls) if self._graphs else 0

    @property
    def stages(self) -> dict[str, float]:
        if not self._graphs:
            return {"network": self.seconds}
        people = self._graphs.people
        crops = self._graphs.crops.seconds + self._graphs.joints.seconds
        starts = np.array([call[0] for call in people.calls])
        # of a picture that is looked at in several sizes the first look counts
        first = starts[np.searchsorted(starts, self._begun)]
        before = float(first.sum()) - sum(self._begun) + self._encoding
        return {
            "preparation": before,
            "detector": people.seconds,
            "crops": crops,
            "decoding of joints": self.seconds - before - people.seconds - crops,
        }
