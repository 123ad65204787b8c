"""Makes the page of a run: reads its tracks, finds what is doubtful, takes pictures of it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec
import numpy as np

from posetube.errors import InputError, MediaError

from ...datasets.video import Video
from ...tracker.shots import CutConfig, CutDetector
from ...tracker.weak_links import WeakLink, weakest_links
from ..storage.detections_store import open_part, parts
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_tracks
from ..tracking.run_video import run_video
from .packed_tracks import pack_tracks
from .page_file import build_page
from .report_facts import LinkFacts, PersonFacts, link_facts, person_facts, report_facts
from .report_pictures import ReportPictures, take_pictures

LINKS = 20
"""Doubtful links that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """A run's page."""

    html: str
    without_pictures: str = ""
    """Why it has no pictures of people and links; empty if it has them."""


def run_page(
    run: RunDirectory,
    manifest: Manifest,
    *,
    video: Video | None = None,
    progress: Callable[[int], None] = lambda done: None,
    review: bool = False,
) -> RunPage:
    """Make the page of a linked run.

    Args:
        run: The run.
        manifest: Its manifest.
        video: Its open video; None: it is opened, and where that cannot be done, the page does
            without pictures.
        progress: Is told how many frames of it were read.
        review: Whether the page can send corrections to where it came from.

    Raises:
        FormatError: If the tracks, or the detections, are missing or damaged.
    """
    tracks = read_tracks(run.path)
    links = [] if tracks.link_margins is None else weakest_links(tracks, count=LINKS)
    pictures, begin, problem = ReportPictures(), None, ""
    with ExitStack() as stack:
        try:
            if video is None:
                video = stack.enter_context(
                    run_video(run, manifest, config=manifest.settings.video, needed="for pictures")
                )
            begin = video.begin
            pictures = take_pictures(
                video, tracks, links, overlay=manifest.settings.overlay, progress=progress
            )
        except (InputError, MediaError) as error:
            problem = str(error)
    facts = report_facts(
        run,
        manifest,
        tracks,
        begin=begin,
        cuts=cuts_of(run, manifest.settings.link.cuts),
        people=_with_portraits(person_facts(tracks), pictures),
        links=_with_sides(links, pictures),
        review=review,
    )
    html = build_page(
        "report",
        facts=msgspec.json.encode(facts),
        packed=pack_tracks(tracks),
        connect="'self'" if review else "'none'",
    )
    return RunPage(html=html, without_pictures=problem)


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


def _with_sides(links: Sequence[WeakLink], pictures: ReportPictures) -> list[LinkFacts]:
    return [
        msgspec.structs.replace(
            link_facts(link),
            before=pictures.links.get((place, 0), ""),
            after=pictures.links.get((place, 1), ""),
        )
        for place, link in enumerate(links)
    ]
