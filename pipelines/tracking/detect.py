"""The first stage: from a video to ``detections/part-00000.parquet`` and on.

Each part covers a fixed stretch of frame indices. A run that is taken up again keeps the parts that
are there and goes on behind them; since a part always begins at the same frame, the frames that are
encoded together never belong to two parts, and what a frame says of the one before is had by
looking at that one again, its numbers are those of a run without the stop.

Not here: how a network is moved along the frames (:mod:`.clip_window`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Protocol

import msgspec

from posetube.network import Network
from posetube.structures import DetectedFrame, Frame

from ..storage.detections_store import parts, read_part_frames, write_part
from ..storage.recorder import Recorder
from .clip_window import DEFAULTS, DetectConfig, detect_frames

PART_FRAMES = 32
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
    """Index to decode from, so that the first new frame can be told by the one before it."""

    states: Counter[str] = field(default_factory=Counter)
    """How many of their frames have each state."""


def kept_parts(folder: Path, *, clip_length: int = 1) -> Kept:
    """Look up what lies in ``detections/``.

    Args:
        folder: The run's ``detections/``.
        clip_length: T of the network; the clip before the first new one reaches T // 2 + 1
            decoded frames back.

    Raises:
        FormatError: If a part cannot be read.
    """
    states: Counter[str] = Counter()
    whole = list(parts(folder))
    first = 0
    for path in whole:
        listed = read_part_frames(path)
        states.update(listed.state)
        first = listed.frame[-1] + 1
    context, wanted = first, clip_length // 2 + 1
    for path in reversed(whole):
        if wanted <= 0:
            break
        listed = read_part_frames(path)
        context, wanted = listed.frame[0], wanted - listed.state.count("ok")
    return Kept(parts=len(whole), first=first, context=context, states=states)


def detect(
    record: Recorder,
    video: FrameSource,
    network: Network,
    *,
    kept: Kept,
    batch: int = 1,
    config: DetectConfig = DEFAULTS,
) -> None:
    """Find the people of every frame that no part holds yet.

    Args:
        record: The run.
        video: Its open video.
        network: Finds people.
        kept: What an earlier run left.
        batch: Frames that are encoded together; must divide :data:`PART_FRAMES`.
        config: What to tell of each frame beside its people.

    Raises:
        Interrupted: After a part, if somebody asked to stop.
    """
    every = record.manifest.settings.every
    frames = video.frames(first=kept.context)
    found = detect_frames(frames, network, batch=batch * every, config=config)
    fresh = (frame for frame in found if frame.frame >= kept.first)
    states = Counter(kept.states)
    record.update(frames=_counted(record, states))
    for number, stretch in enumerate(_stretches(fresh, PART_FRAMES * every), start=kept.parts):
        part = list(_watched(stretch, record, done=states.total()))
        write_part(record.run.detections, number, part, skeleton=network.skeleton)
        states.update(frame.state for frame in part)
        record.update(frames=_counted(record, states))
        record.interrupt.check()


def _stretches(frames: Iterable[DetectedFrame], length: int) -> Iterator[Iterator[DetectedFrame]]:
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
