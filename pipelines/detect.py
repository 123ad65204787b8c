"""The first stage: from a video to ``detections/part-00000.parquet`` and on.

Each part covers a fixed stretch of frame indices. A run that is taken up again keeps the parts that
are there and goes on behind them; since a part always begins at the same frame, and the frames that
are encoded together never belong to two parts, its numbers are those of a run without the stop.

Not here: how a network is moved along the frames (:mod:`.clip_window`).
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import msgspec

from posetube.structures import Frame

from .clip_window import Network, detect_frames
from .detections_store import DetectedFrame, parts, read_part_frames, write_part
from .recorder import Recorder

PART_FRAMES = 64
"""Frames per part: what a killed run loses at most, and what Ctrl-C waits for."""


class FrameSource(Protocol):
    """What this stage needs of an open video."""

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """The frames from an index on, numbered and timed as from the beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What an earlier run left."""

    parts: int = 0
    """Number of whole parts."""

    first: int = 0
    """Index of the first frame that is not in them."""

    context: int = 0
    """Index to decode from, so that the first clips see the frames before them."""

    states: Counter[str] = Counter()  # noqa: RUF009  (never changed: the record is frozen)
    """How many of their frames have each state."""


def kept_parts(folder: Path, *, clip_length: int = 1) -> Kept:
    """Look up what lies in ``detections/``.

    Args:
        folder: The run's ``detections/``.
        clip_length: T of the network; its first new clip reaches T // 2 decoded frames back.

    Raises:
        FormatError: If a part cannot be read.
    """
    starts: deque[tuple[int, int]] = deque(maxlen=clip_length // 2 + 1)  # of parts with frames to see
    states: Counter[str] = Counter()
    number = first = 0
    for number, path in enumerate(parts(folder), start=1):
        listed = read_part_frames(path)
        states.update(listed.state)
        first = listed.frame[-1] + 1
        starts.append((listed.frame[0], listed.state.count("ok")))
    context, missing = first, clip_length // 2
    while starts and missing > 0:
        context, seen = starts.pop()
        missing -= seen
    return Kept(parts=number, first=first, context=context, states=states)


def detect(
    record: Recorder, video: FrameSource, network: Network, *, kept: Kept, batch: int = 1
) -> None:
    """Find the people of every frame that no part holds yet.

    Args:
        record: The run.
        video: Its open video.
        network: Finds people.
        kept: What an earlier run left.
        batch: Frames that are encoded together; must divide :data:`PART_FRAMES`.

    Raises:
        Interrupted: After a part, if somebody asked to stop.
    """
    every = record.manifest.settings.every
    found = detect_frames(video.frames(first=kept.context), network, batch=batch * every)
    fresh = (frame for frame in found if frame.frame >= kept.first)
    states = Counter(kept.states)
    record.update(frames=_counted(record, states))
    for number, stretch in enumerate(_stretches(fresh, PART_FRAMES * every), start=kept.parts):
        frames = list(_watched(stretch, record, done=states.total()))
        write_part(record.run.detections, number, frames, skeleton=network.skeleton)
        states.update(frame.state for frame in frames)
        record.update(frames=_counted(record, states))
        record.interrupt.check()


def _stretches(
    frames: Iterable[DetectedFrame], length: int
) -> Iterator[Iterator[DetectedFrame]]:
    for _, stretch in groupby(frames, key=lambda frame: frame.frame // length):
        yield stretch


def _watched(
    frames: Iterable[DetectedFrame], record: Recorder, *, done: int
) -> Iterator[DetectedFrame]:
    for count, frame in enumerate(frames, start=done + 1):
        record.progress(count)
        yield frame


def _counted(record: Recorder, states: Counter[str]) -> object:
    return msgspec.structs.replace(
        record.manifest.frames,
        done=states.total(),
        corrupt=states["corrupt"],
        missing=states["missing"],
    )
