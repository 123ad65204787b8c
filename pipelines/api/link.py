"""``posetube.link``: links detections into tracks, in memory."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from posetube.skeletons import Skeleton, skeleton
from posetube.structures import DetectedFrame, FrameTable, VideoTracks

from ...datasets.formats.file_format import FileFormat
from ...datasets.people import PeopleSource, one_video
from ...tracker.config import LinkConfig
from ..opened_people import open_people_or_run, run_of
from ..progress import Event, listening, told
from ..settings import TrackConfig
from ..storage.detections_store import read_frames
from ..storage.part_check import frames_of_run
from ..storage.run_directory import RunDirectory
from ..tracking.link_external import as_detected, detections_of, refuse_runs
from ..tracking.link_people import link_people

log = logging.getLogger(__name__)


def link(
    source: PeopleSource,
    *,
    link: LinkConfig | None = None,
    min_joint: float | None = None,
    frame_rate: float = 25.0,
    video: str | None = None,
    form: str | FileFormat | None = None,
    progress: bool = False,
) -> VideoTracks:
    """Link detections into tracks; no video and no network is needed, and nothing is written.

    What a file does not say is assumed, and logged.

    Args:
        source: A run, whose detections are linked again with all that the run knows of them; or
            people in memory or in a file, as :func:`posetube.load` takes them. Identities that
            they have already are not looked at.
        link: How detections become tracks, the preset included; None: the defaults.
        min_joint: Joints less sure than this, in [0, 1], or outside the picture are absent (NaN);
            0 keeps them all. None: as the run has it; for other people 0.
        frame_rate: Frames per second, for a file that gives no times.
        video: Which of several videos; None: the only one.
        form: Name of a file's format; None: told by name and content.
        progress: Show a bar on a terminal and in a notebook, elsewhere a line every 30 s.

    Raises:
        InputError: If there is no such file, or an argument is wrong.
        FormatError: If a file is of no known format, or is damaged.

    Examples:
        >>> tracks = link("results.json", link=LinkConfig(preset="offline"))  # doctest: +SKIP
    """
    run = run_of(Path(source)) if isinstance(source, str | Path) else None
    if run is not None:
        found = _of_run(RunDirectory(run))
    else:
        people = open_people_or_run(source, form=form)
        refuse_runs(people, where=source)
        found = _of_people(one_video(people, where=source, video=video).tracks, frame_rate)
    settings = TrackConfig(
        link=link or LinkConfig(),
        min_joint=found.min_joint if min_joint is None else min_joint,
    )
    with listening(progress) as listener:
        linked = link_people(
            told(found.frames, listener, run=found.source, stage="link", total=len(found.table)),
            config=settings,
            skeleton=found.skeleton,
            size=found.size,
        )
        tracks = VideoTracks.from_frames(
            linked,
            source=found.source,
            size=found.size,
            skeleton=found.skeleton,
            frames=found.table,
        )
        listener(Event(event="end", run=found.source))
        return tracks


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkInput:
    """The detections of one video, and what linking needs to know of it."""

    frames: Iterable[DetectedFrame]
    table: FrameTable
    source: str
    size: tuple[int, int] | None
    skeleton: Skeleton
    min_joint: float | None = None


def _of_run(run: RunDirectory) -> LinkInput:
    manifest = run.read()
    joints = skeleton(manifest.skeleton)
    return LinkInput(
        frames=read_frames(run.detections, joints=len(joints)),
        table=frames_of_run(run, manifest),
        source=manifest.source.name,
        size=manifest.source.size,
        skeleton=joints,
        min_joint=manifest.settings.min_joint,
    )


def _of_people(tracks: VideoTracks, frame_rate: float) -> LinkInput:
    usable, notes = detections_of(tracks, frame_rate=frame_rate)
    for note in notes:
        log.warning("%s: %s", tracks.source, note)
    return LinkInput(
        frames=as_detected(usable),
        table=usable.frames,
        source=usable.source,
        size=usable.size,
        skeleton=usable.skeleton,
    )
