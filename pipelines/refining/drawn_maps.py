"""Asks the network for the heatmaps of people who are linked already, at their boxes.

Every picture of the video is looked at again. A network of several frames is given each person's
boxes in the frames around; those of its clips' centre frames count.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.network import HeatmapNetwork, TubeHeatmaps
from posetube.structures import FloatArray, Frame, FramePoses

from ...models3d.refiners.evidence import evidence_of
from ...models3d.refiners.flow_sources import FlowSource
from ...models3d.refiners.mapped_frame import MappedFrame, without_picture
from ..loaded_model import LoadedModel
from ..tracking.in_order import in_order
from .overlapping_clips import DrawnClip, averaged_clips


@dataclass(frozen=True, kw_only=True, slots=True)
class MapSource:
    """Where the heatmaps of a video's people come from."""

    pictures: Iterable[Frame]
    """The video's frames, in rising order."""

    model: LoadedModel
    """Draws them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _PicturedPoses:
    poses: FramePoses
    frame: Frame | None
    """None where there is no picture."""

    before: Frame | None
    """The frame before, where both have pictures."""


def heatmap_network(model: LoadedModel, *, asked_by: str) -> HeatmapNetwork:
    """The network, if it draws heatmaps of given people.

    Raises:
        InputError: If it does not.
    """
    network: Any = model.network
    if not hasattr(network, "heatmaps"):
        raise InputError(
            f"the refiner {asked_by} works on heatmaps, which {model.record.name} does not give; "
            "take another model, such as tiny, or refiners of joints, such as kalman"
        )
    drawer: HeatmapNetwork = network
    return drawer


def drawn_maps(
    people: Iterable[FramePoses],
    source: MapSource,
    *,
    flow: FlowSource | None,
    asked_by: str,
    overlapping: bool = False,
) -> Iterator[MappedFrame]:
    """Draw the heatmaps of everybody in every frame.

    Args:
        people: Linked, in rising order of frames.
        source: The pictures and the network.
        flow: Says how the picture moves; None: nobody asks.
        asked_by: The refiner that needs heatmaps, for errors.
        overlapping: Whether to average what all clips say of a frame that it lies in.

    Yields:
        Every frame of ``people``.

    Raises:
        InputError: If the network draws no heatmaps, or looks at single frames where clips are to
            be averaged.
    """
    network = heatmap_network(source.model, asked_by=asked_by)
    if overlapping and network.clip_length == 1:
        raise InputError(
            f"the refiner {asked_by} averages what clips of several frames say; "
            f"{source.model.record.name} looks at single frames: take still"
        )
    pictured = _with_pictures(people, source.pictures)
    if network.clip_length == 1:
        draw = partial(_draw_frame, network=network, flow=flow)
        yield from in_order(pictured, draw, workers=source.model.workers)
    elif overlapping:
        yield from averaged_clips(
            _draw_clips(pictured, network, flow), reach=network.clip_length // 2
        )
    else:
        yield from (clip.centre for clip in _draw_clips(pictured, network, flow))


def _with_pictures(
    people: Iterable[FramePoses], pictures: Iterable[Frame]
) -> Iterator[_PicturedPoses]:
    waiting = iter(pictures)
    frame: Frame | None = None
    before: Frame | None = None
    for poses in people:
        # not a picture further than that: those of a live source have not come yet
        while frame is None or frame.index < poses.frame:
            before, frame = frame, next(waiting, None)
            if frame is None:
                break
        own = frame if frame is not None and frame.index == poses.frame else None
        if own is None or own.image is None:
            yield _PicturedPoses(poses=poses, frame=None, before=None)
        else:
            known = before if before is not None and before.image is not None else None
            yield _PicturedPoses(poses=poses, frame=own, before=known)


def _draw_frame(
    item: _PicturedPoses, *, network: HeatmapNetwork, flow: FlowSource | None
) -> MappedFrame:
    if item.frame is None:
        return without_picture(item.poses)
    found = without_picture(item.poses)
    if len(item.poses):
        drawn = network.heatmaps(_encoded(item, network), item.poses.people.boxes[:, None])
        found = _mapped(item, drawn, step=0)
    return _with_flow(found, item, flow)


def _draw_clips(
    pictured: Iterable[_PicturedPoses], network: HeatmapNetwork, flow: FlowSource | None
) -> Iterator[DrawnClip]:
    """The same with a network of T frames; at the video's ends the outermost frame is repeated."""
    length = network.clip_length
    centre, place = length // 2, 0
    seen: deque[tuple[_PicturedPoses, Any]] = deque()
    waiting: deque[_PicturedPoses] = deque()

    def answer() -> DrawnClip:
        nonlocal place
        item = waiting.popleft()
        if item.frame is None:
            return DrawnClip(centre=without_picture(item.poses), pictured=False)
        steps = np.clip(np.arange(length) - centre + place, 0, len(seen) - 1)
        found = DrawnClip(centre=without_picture(item.poses))
        if len(item.poses):
            clip = [seen[step] for step in steps]
            tubes = _tubes(item.poses, [other.poses for other, _ in clip])
            drawn = network.heatmaps([features for _, features in clip], tubes)
            found = DrawnClip(
                centre=_mapped(item, drawn, step=centre),
                frames=[other.poses.frame for other, _ in clip],
                evidence=evidence_of(drawn),
            )
        if place == centre:
            seen.popleft()
        else:
            place += 1
        return replace(found, centre=_with_flow(found.centre, item, flow))

    for item in pictured:
        waiting.append(item)
        if item.frame is not None:
            seen.extend((item, features) for features in _encoded(item, network))
        while waiting and (waiting[0].frame is None or len(seen) - place > length - 1 - centre):
            yield answer()
    while waiting:
        yield answer()


def _encoded(item: _PicturedPoses, network: HeatmapNetwork) -> Sequence[Any]:
    assert item.frame is not None
    assert item.frame.image is not None
    return network.encode(item.frame.image[None])


def _tubes(own: FramePoses, others: Sequence[FramePoses]) -> FloatArray:
    """(N, T, 4) boxes of a frame's people in the frames of a clip; their own where they miss."""
    tubes = np.repeat(own.people.boxes[:, None], len(others), axis=1)
    for step, other in enumerate(others):
        rows = {person: row for row, person in enumerate(other.track_ids.tolist())}
        for place, person in enumerate(own.track_ids.tolist()):
            if person in rows:
                tubes[place, step] = other.people.boxes[rows[person]]
    return tubes


def _mapped(item: _PicturedPoses, drawn: TubeHeatmaps, *, step: int) -> MappedFrame:
    only = slice(step, step + 1)
    one = replace(drawn, logits=drawn.logits[:, only], regions=drawn.regions[:, only])
    return MappedFrame(
        poses=item.poses,
        evidence=evidence_of(one)[:, 0],
        regions=one.regions[:, 0],
        calibration=drawn.calibration,
    )


def _with_flow(found: MappedFrame, item: _PicturedPoses, flow: FlowSource | None) -> MappedFrame:
    if flow is None or item.before is None or item.frame is None:
        return found
    return replace(found, flow=flow.between(item.before, item.frame))
