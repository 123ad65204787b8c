"""What a report says beside the poses: the run, its frames, its people, its doubtful links.

This is plain JSON in the page, small enough to be shown before the poses are unpacked.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
import numpy as np

from posetube.file_names import original, readable
from posetube.skeletons import side_of
from posetube.structures import IntArray, RowState, VideoTracks

from ...tracker.weak_links import WeakLink
from ..editing.edit_words import spelled
from ..storage.edit_journal import corrections_of
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from .packed_tracks import first_time, rows_by_track, stretches

Stretch = tuple[int, int]
"""Index of a first frame, and how many frames."""


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One track."""

    id: int
    name: str
    seen: list[Stretch]
    """Where it has rows; these follow each other in the packed columns."""

    filled: list[Stretch]
    """Where its rows were filled in between detections."""

    score: float | None
    """Mean of the person's scores; None where no row has one."""

    picture: str = ""
    """A small picture as a data URL; empty where there is none."""


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One doubtful link."""

    id: int
    frames: tuple[int, int]
    cost: float | None
    gate: float | None
    margin: float | None
    """None where nobody else could have been meant."""

    before: str = ""
    after: str = ""
    """Pictures as data URLs; empty where there are none."""


class SourceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a browser may be able to play."""

    url: str
    """Relative to the report."""

    begin: float | None
    """Time of its first frame as the run counts it, seconds; None: not known."""

    drawn: bool = False
    """Whether people are drawn into it already."""

    picture: bool = False


class ReportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything but the poses."""

    name: str
    path: str
    size: tuple[int, int]
    """(H, W) pixels."""

    sources: list[SourceFacts]
    """What to show behind the people, the best first."""

    frames: int
    numbers: list[int]
    """Index of each frame in its video; empty if the run looked at all of them. All other numbers
    of frames count those that were looked at."""

    first_time: float
    """Seconds."""

    lost: list[tuple[int, int, str]]
    """Stretches of frames that are corrupt or missing."""

    cuts: list[int]
    """Frames that begin a new scene."""

    joints: tuple[str, ...]
    sides: list[str]
    """Of each joint: left, right or middle."""

    edges: list[tuple[int, int]]
    people: list[PersonFacts]
    links: list[LinkFacts]
    summary: dict[str, str]
    """What the run was made of and with, for people to read."""

    settings: dict[str, str]
    warnings: tuple[str, ...]
    corrections: list[str]
    review: bool = False
    """Whether the page can send corrections to the program that serves it."""


def person_facts(tracks: VideoTracks) -> list[PersonFacts]:
    """Every track, by rising id, as its rows are packed."""
    rows = rows_by_track(tracks)
    ids, firsts = np.unique(tracks.track_ids[rows], return_index=True)
    found = []
    for track, own in zip(ids.tolist(), np.split(rows, firsts[1:]), strict=False):
        frames, scores = tracks.frame[own], tracks.scores[own]
        filled = np.zeros(len(own), bool)
        if tracks.states is not None:
            filled = tracks.states[own] == RowState.INTERPOLATED
        found.append(
            PersonFacts(
                id=track,
                name=tracks.track_names.get(track, ""),
                seen=stretches(frames),
                filled=stretches(frames[filled]),
                score=_finite(np.nanmean(scores)) if np.isfinite(scores).any() else None,
            )
        )
    return found


def link_facts(link: WeakLink, looked_at: IntArray) -> LinkFacts:
    """A doubtful link, without its pictures.

    Args:
        link: The link.
        looked_at: (F,) index of each frame of the page.
    """
    before, after = np.searchsorted(looked_at, link.frames).tolist()
    return LinkFacts(
        id=link.track_id,
        frames=(before, after),
        cost=_finite(link.cost),
        gate=_finite(link.gate),
        margin=_finite(link.margin),
    )


def _finite(number: float | np.floating) -> float | None:
    return round(float(number), 4) if np.isfinite(number) else None


def report_facts(
    run: RunDirectory,
    manifest: Manifest,
    tracks: VideoTracks,
    *,
    numbers: list[int],
    sources: list[SourceFacts],
    cuts: Sequence[int],
    people: list[PersonFacts],
    links: list[LinkFacts],
    review: bool = False,
) -> ReportFacts:
    """Everything that a page says of a run beside the poses.

    Args:
        run: The run.
        manifest: Its manifest.
        tracks: Its tracks, in the frames that were looked at.
        numbers: Index of each of these in the video; empty if these are all.
        sources: What to show behind the people, the best first.
        cuts: Index of each frame that begins a new scene.
        people: Its people.
        links: Its doubtful links.
        review: Whether the page can send corrections.
    """
    joints, states = tracks.skeleton, tracks.frames.states
    lost = [
        (first, count, name)
        for state, name in enumerate(("corrupt", "missing"), start=1)
        if states is not None
        for first, count in stretches(np.flatnonzero(states == state))
    ]
    steps = corrections_of(run)
    return ReportFacts(
        name=manifest.source.name,
        path=manifest.source.path,
        size=manifest.source.size,
        sources=sources,
        frames=len(tracks.frames),
        numbers=numbers,
        first_time=first_time(tracks),
        lost=sorted(lost),
        cuts=[*cuts],
        joints=joints.joints,
        sides=[side_of(joint) for joint in joints.joints],
        edges=[(a, b) for a, b in joints.edge_indices.tolist()],
        people=people,
        links=links,
        summary=_summary(run, manifest),
        settings={name: str(value) for name, value in manifest.identity.items()},
        warnings=manifest.warnings,
        corrections=[spelled(kept.edit) for step in steps for kept in step.edits],
        review=review,
    )


def page_sources(
    run: RunDirectory, manifest: Manifest, *, begin: float | None, first: float
) -> list[SourceFacts]:
    """What a page on disk may show behind the people: the source, else the overlay.

    Addresses and cameras are left out: the page reads nothing from outside; so is a source with
    faces that were to be blurred.

    Args:
        run: The run.
        manifest: Its manifest.
        begin: Time of the first frame of the source, seconds; None where nobody knows.
        first: Time of the run's first frame, with which the overlay begins, seconds.
    """
    source, overlay, found = manifest.source, manifest.settings.overlay, []
    if source.kind in ("video", "picture") and not (overlay and overlay.blur_faces):
        url = _relative_url(original(source.path), run.path)
        found.append(SourceFacts(url=url, begin=begin, picture=source.kind == "picture"))
    drawn = run.picture if manifest.frames.done == 1 else run.overlay
    still = drawn == run.picture
    return [*found, SourceFacts(url=drawn.name, begin=first, drawn=True, picture=still)]


def served_sources(manifest: Manifest, *, begin: float | None, first: float) -> list[SourceFacts]:
    """What a page that is served may show behind the people: the source, else a copy of it.

    Args:
        manifest: The run's.
        begin: Time of the first frame of the source, seconds; None where nobody knows.
        first: Time of the run's first frame, with which the copy begins, seconds.
    """
    kind = manifest.source.kind
    own = SourceFacts(url=SERVED_SOURCE, begin=begin, picture=kind == "picture")
    return [own] * (kind in ("video", "picture")) + [SourceFacts(url=SERVED_COPY, begin=first)]


SERVED_SOURCE, SERVED_COPY = "source", "copy.mp4"
"""What a program that serves a page calls the source, and a copy that every browser plays."""


def _relative_url(path: str, folder: Path) -> str:
    try:
        way = os.path.relpath(path, folder.resolve())
    except ValueError:  # another drive of Windows
        return Path(path).resolve().as_uri()
    return quote(os.fsencode(way.replace(os.sep, "/")))


def _summary(run: RunDirectory, manifest: Manifest) -> dict[str, str]:
    frames, model = manifest.frames, manifest.model
    height, width = manifest.source.size
    spent = sum(stage.seconds for stage in manifest.stages.values())
    lost = [(frames.corrupt, "corrupt"), (frames.missing, "missing")]
    parts = [f"{frames.done}", *(f"{count} {what}" for count, what in lost if count)]
    facts = {
        "Source": manifest.source.path,
        "Run": readable(run.path.resolve()),
        "State": manifest.final_state + (", the source was cut short" if frames.cut_short else ""),
        "Frames": ", ".join(parts),
        "Size": f"{width} x {height} pixels",
        "Joints": manifest.skeleton,
        "Model": f"{model.name} ({model.sha256[:12]})",
        "Licence of the model": model.licence or "not stated",
        "Device": manifest.device + (f", {manifest.threads} threads" if manifest.threads else ""),
        "Time spent": f"{spent:.1f} s"
        + "".join(f", {name} {one.seconds:.1f} s" for name, one in manifest.stages.items()),
        "Versions": ", ".join(f"{name} {number}" for name, number in manifest.versions.items()),
    }
    if manifest.detector is not None:
        facts["Detector"] = f"{manifest.detector.name}, licence {manifest.detector.licence}"
    if manifest.boxes is not None:
        facts["Boxes"] = f"{manifest.boxes.name} of {manifest.boxes.path}"
    return facts
