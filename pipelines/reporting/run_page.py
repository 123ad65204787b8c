"""Makes the page of a run: reads its tracks, finds what is doubtful, takes pictures of it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import msgspec
import numpy as np

from posetube.errors import InputError, MediaError
from posetube.structures import IntArray

from ...datasets.video import Video
from ...tracker.shots import CutConfig, CutDetector
from ...tracker.weak_links import WeakLink, weakest_links
from ..storage.detections_store import open_part, parts
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_tracks
from ..tracking.run_video import run_video
from .packed_outlines import pack_outlines
from .packed_tracks import first_time, pack_times, pack_tracks
from .page_file import build_page
from .report_facts import (
    LinkFacts,
    PersonFacts,
    link_facts,
    page_sources,
    person_facts,
    report_facts,
    served_sources,
)
from .report_pictures import CleanPictures, ReportPictures, take_pictures

LINKS = 20
"""Doubtful links that are shown."""


@dataclass(kw_only=True, slots=True)
class SeenVideo:
    """What is kept of a run's video for its next page."""

    pictures: CleanPictures = field(default_factory=dict)
    begin: float | None = None
    """Time of its first frame, seconds; None: not known."""

    problem: str = ""
    """Why there are no pictures of it; empty if there are."""


def run_page(
    run: RunDirectory,
    manifest: Manifest,
    *,
    seen: SeenVideo,
    video: Video | None = None,
    progress: Callable[[int], None] = lambda done: None,
    review: bool = False,
) -> str:
    """Make the page of a linked run.

    Args:
        run: The run.
        manifest: Its manifest.
        seen: What an earlier page kept of the video; gets what this one reads.
        video: Its open video; None: it is opened if need be, and where that cannot be done, the
            page does without pictures.
        progress: Is told how many frames of it were read.
        review: Whether it is served by a program that takes corrections, else it lies in the
            run's folder.

    Raises:
        FormatError: If the tracks, or the detections, are missing or damaged.
    """
    tracks = read_tracks(run.path)
    links = [] if tracks.link_margins is None else weakest_links(tracks, count=LINKS)
    pictures = ReportPictures()
    with ExitStack() as stack:

        def opened() -> Video:
            found = video or stack.enter_context(
                run_video(run, manifest, config=manifest.settings.video, needed="for pictures")
            )
            seen.begin = found.begin
            return found

        try:
            pictures = take_pictures(
                opened,
                tracks,
                links,
                clean=seen.pictures,
                overlay=manifest.settings.overlay,
                progress=progress,
            )
            seen.problem = ""
        except (InputError, MediaError) as error:
            seen.problem = str(error)
    looked_at = tracks.frames.labeled_indices
    shown = tracks.take_frames(looked_at)  # of --every 2, every other one
    sources = served_sources if review else partial(page_sources, run)
    facts = report_facts(
        run,
        manifest,
        shown,
        numbers=[] if len(looked_at) == len(tracks.frames) else looked_at.tolist(),
        sources=sources(manifest, begin=seen.begin, first=first_time(shown)),
        cuts=np.searchsorted(looked_at, cuts_of(run, manifest.settings.link.cuts)).tolist(),
        people=_with_portraits(person_facts(shown), pictures),
        links=_with_sides(links, pictures, looked_at),
        review=review,
    )
    return build_page(
        "report",
        facts=msgspec.json.encode(facts),
        times=pack_times(shown),
        packed=pack_tracks(shown),
        outlines=pack_outlines(shown),
        connect="'self'" if review else "'none'",
    )


def cuts_of(run: RunDirectory, config: CutConfig) -> list[int]:
    """Index of each frame of a run that begins a new scene, as linking saw it."""
    cuts, frames = CutDetector(config=config), []
    for path in parts(run.detections):
        listed = open_part(path).frames
        colours = listed.colours or [()] * len(listed.frame)
        for frame, colour in zip(listed.frame, colours, strict=True):
            cuts.update(np.array(colour, np.float64) if colour else None)
            frames.append(frame)
    return [frames[place] for place in cuts.found]


def _with_portraits(people: Sequence[PersonFacts], pictures: ReportPictures) -> list[PersonFacts]:
    return [msgspec.structs.replace(p, picture=pictures.people.get(p.id, "")) for p in people]


def _with_sides(
    links: Sequence[WeakLink], pictures: ReportPictures, looked_at: IntArray
) -> list[LinkFacts]:
    return [
        msgspec.structs.replace(
            link_facts(link, looked_at),
            before=pictures.links.get((place, 0), ""),
            after=pictures.links.get((place, 1), ""),
        )
        for place, link in enumerate(links)
    ]
