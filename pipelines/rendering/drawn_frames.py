"""Draws the frames of a run over its video, one after the other."""

from collections.abc import Generator, Iterable

import numpy as np

from posetube.skeletons import skeleton
from posetube.structures import ByteArray, IntArray

from ...datasets.video import Video
from ...datasets.video.prefetch import prefetch_items
from ..settings import OverlayConfig
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_names, read_poses
from ..tracking.frame_people import PeopleByFrame
from .painter import Painter

DRAWN_AHEAD = 4
"""Pictures that may wait while others are drawn."""


def drawn_frames(
    run: RunDirectory,
    manifest: Manifest,
    video: Video,
    config: OverlayConfig | None,
    *,
    only: Iterable[int] | None = None,
) -> Generator[tuple[ByteArray, float], None, None]:
    """Every frame with its people, (H, W, 3) RGB, and its time in seconds.

    Args:
        run: The run.
        manifest: Its manifest.
        video: Its open video.
        config: What the overlay looks like; None: the default.
        only: Ids of the people to draw; None: everybody. Faces are blurred of all.
    """
    joints = skeleton(manifest.skeleton)
    names = read_names(run.tracks)
    painter = Painter(joints, size=manifest.source.size, config=config, names=names)
    people = PeopleByFrame(read_poses(run.tracks), joints=len(joints))
    wanted = None if only is None else np.array([*only], np.int64)
    return prefetch_items(_drawn(video, painter, people, wanted), depth=DRAWN_AHEAD)


def _drawn(
    video: Video, painter: Painter, people: PeopleByFrame, only: IntArray | None
) -> Generator[tuple[ByteArray, float], None, None]:
    previous: ByteArray = np.zeros((*video.size, 3), np.uint8)
    for frame in video.frames():
        if frame.image is None:
            drawn = painter.draw_lost(previous, f"frame {frame.index}: {frame.state}")
        else:
            previous = frame.image
            poses = people.at(frame.index, time=frame.time)
            drawn = painter.draw(previous, poses, only=only)
        yield drawn, frame.time


def drawn_size(size: tuple[int, int], config: OverlayConfig | None) -> tuple[int, int]:
    """(H, W) of drawn frames."""
    beside = config is not None and config.beside
    return (size[0], 2 * size[1]) if beside else size
