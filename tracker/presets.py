"""Links a video's detections in one of three ways: ``online``, ``offline`` or ``paper``.

``online``, the default, goes frame by frame and never looks ahead. ``offline`` does the same, then
repairs the tracks with the whole video known; it holds all tracks in memory. ``paper`` links as the
published Detect-and-Track did, for comparison.

Not here: the algorithms (:mod:`.tracker`, :mod:`.offline`, :mod:`.paper`), files.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import (
    DetectedFrame,
    Detections,
    FramePoses,
)

from .config import LinkConfig
from .offline import OfflineConfig, relink
from .paper import PaperTracker
from .shots import CutDetector
from .tracker import Tracker
from .tracklets import table_of
from .tubes import TubeNumbers


def link_frames(
    frames: Iterable[DetectedFrame],
    *,
    config: LinkConfig,
    skeleton: Skeleton,
    size: tuple[int, int] | None,
) -> Iterator[FramePoses]:
    """Give the people of each frame their track ids; a new scene ends all tracks.

    Args:
        frames: The detections of one video, in rising order.
        config: Which preset, and its settings.
        skeleton: The joints of the detections.
        size: (H, W) of the picture, pixels; only ``paper`` needs it. None: boxes are not clipped.

    Yields:
        Every frame, in order: ``paper`` at once, ``online`` a few frames later, ``offline`` after
        the last one.
    """
    cuts = CutDetector(config=config.cuts)
    if config.preset == "paper":
        paper = PaperTracker(skeleton=skeleton, size=size, config=config.paper)
        yield from _linked(frames, paper, cuts)
        return
    linked = _linked(frames, Tracker(skeleton=skeleton, config=config), cuts)
    if config.preset == "offline":
        linked = _repaired(list(linked), skeleton, cuts=cuts, config=config.offline)
    yield from linked


def _linked(
    frames: Iterable[DetectedFrame], tracker: Tracker | PaperTracker, cuts: CutDetector
) -> Iterator[FramePoses]:
    numbers = TubeNumbers()
    for found in frames:
        colours = np.array(found.colours, np.float64) if found.colours else None
        if cuts.update(colours):
            tracker.cut()
        tubes = None if found.continues is None else numbers.number(found.continues)
        yield from tracker.update(
            found.people, frame=found.frame, time=found.time, tubes=tubes, camera=found.camera
        )
    yield from tracker.finish()


def _repaired(
    found: Sequence[FramePoses], skeleton: Skeleton, *, cuts: CutDetector, config: OfflineConfig
) -> Iterator[FramePoses]:
    tracks = table_of(found, skeleton=skeleton)
    people = Detections.join([poses.people for poses in found], joints=len(skeleton))
    repaired = relink(tracks, config=config, cuts=cuts.found, embeddings=people.embeddings)
    for before, poses in zip(found, repaired.poses(), strict=True):
        yield replace(poses, frame=before.frame)  # its own number, not that in the table
