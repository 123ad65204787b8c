"""The heatmaps of people who are linked already: kept ones, and what the network draws anew.

Where the search for people kept somebody's heatmaps, these count. The network is asked again for
people who were filled in between detections, and for all where nothing was kept. A network of
several frames is given each person's boxes in the frames around; those of its clips' centre frames
count.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.network import HeatmapNetwork, TubeHeatmaps
from posetube.structures import DetectedFrame, FloatArray, Frame, FramePoses, IntArray

from ...models3d.packed_maps import PersonMaps, unpack
from ...models3d.refiners.evidence import evidence_of
from ...models3d.refiners.flow_sources import FlowSource
from ...models3d.refiners.mapped_frame import MappedFrame, without_picture
from ..loaded_model import LoadedModel
from ..tracking.in_order import in_order
from .detected_rows import detected_rows
from .overlapping_clips import DrawnClip, averaged_clips


@dataclass(frozen=True, kw_only=True, slots=True)
class MapSource:
    """Where the heatmaps of a video's people come from."""

    pictures: Iterable[Frame]
    """The video's frames, in rising order."""

    model: LoadedModel | None = None
    """Draws them; None where only pictures are wanted."""

    kept: Iterable[DetectedFrame] = ()
    """What was found in the frames, in rising order, with the heatmaps that were kept."""

    live: bool = False
    """Whether pictures take memory until they are asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PicturedPoses:
    """A frame's N people, with what the refiners that come first need of it."""

    poses: FramePoses
    """The people."""

    kept: Sequence[bytes]
    """N packed maps, empty where they were not kept."""

    frame: Frame | None
    """None where there is no picture, or nobody needs it."""

    before: Frame | None
    """The frame before, where both have pictures."""


class _Encoded:
    """A frame with a picture that the network looks at if somebody asks."""

    def __init__(self, item: PicturedPoses, network: HeatmapNetwork) -> None:
        self.poses = item.poses
        self._item, self._network = item, network
        self._features: Any = None

    def features(self) -> Any:
        """What the network makes of it."""
        if self._features is None:
            assert self._item.frame is not None
            assert self._item.frame.image is not None
            [self._features] = self._network.encode(self._item.frame.image[None])
        return self._features


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
    """The heatmaps of everybody in every frame.

    Args:
        people: Linked, in rising order of frames.
        source: What was kept, the pictures and the network.
        flow: Says how the picture moves; None: nobody asks.
        asked_by: The refiner that needs heatmaps, for errors.
        overlapping: Whether to average what all clips say of a frame that it lies in.

    Yields:
        Every frame of ``people``.

    Raises:
        InputError: If the network draws no heatmaps, or looks at single frames where clips are to
            be averaged.
    """
    model = source.model
    assert model is not None, "heatmaps are asked of a source without a network"
    network = heatmap_network(model, asked_by=asked_by)
    if overlapping and network.clip_length == 1:
        raise InputError(
            f"the refiner {asked_by} averages what clips of several frames say; "
            f"{model.record.name} looks at single frames: take still"
        )
    alone = network.clip_length == 1
    if overlapping:  # other frames' maps are not kept
        source = replace(source, kept=())
    pictured = with_pictures(people, source, always=flow is not None or source.live or not alone)
    if alone:
        draw = partial(_draw_frame, network=network, flow=flow)
        yield from in_order(pictured, draw, workers=model.workers)
    elif overlapping:
        clips = _draw_clips(pictured, network, flow, whole=True)
        yield from averaged_clips(clips, reach=network.clip_length // 2)
    else:
        yield from (clip.centre for clip in _draw_clips(pictured, network, flow, whole=False))


def with_pictures(
    people: Iterable[FramePoses], source: MapSource, *, always: bool
) -> Iterator[PicturedPoses]:
    """The people with what is known of them, and the picture where it is needed."""
    waiting, detections = iter(source.pictures), iter(source.kept)
    frame: Frame | None = None
    before: Frame | None = None
    found: DetectedFrame | None = None
    for poses in people:
        # no further than that: the frames of a live source have not come yet
        while found is None or found.frame < poses.frame:
            if (found := next(detections, None)) is None:
                break
        kept = _kept(poses, found)
        if not always and all(kept):
            yield PicturedPoses(poses=poses, kept=kept, frame=None, before=None)
            continue
        while frame is None or frame.index < poses.frame:
            before, frame = frame, next(waiting, None)
            if frame is None:
                break
        own = frame if frame is not None and frame.index == poses.frame else None
        if own is None or own.image is None:
            yield PicturedPoses(poses=poses, kept=kept, frame=None, before=None)
        else:
            known = before if before is not None and before.image is not None else None
            yield PicturedPoses(poses=poses, kept=kept, frame=own, before=known)


def _kept(poses: FramePoses, found: DetectedFrame | None) -> Sequence[bytes]:
    if found is None or found.frame != poses.frame or found.people.heatmaps is None:
        return [b""] * len(poses)
    maps = [*found.people.heatmaps.tolist(), b""]  # the last for those who were filled in
    return [maps[row] for row in detected_rows(poses, found)]


def _draw_frame(
    item: PicturedPoses, *, network: HeatmapNetwork, flow: FlowSource | None
) -> MappedFrame:
    def draw(rows: IntArray) -> TubeHeatmaps:
        features = _Encoded(item, network).features()
        return network.heatmaps([features], item.poses.people.boxes[rows, None])

    return _with_flow(_mapped(item, draw), item, flow)


def _draw_clips(
    pictured: Iterable[PicturedPoses],
    network: HeatmapNetwork,
    flow: FlowSource | None,
    *,
    whole: bool,
) -> Iterator[DrawnClip]:
    """The same with a network of T frames; at the video's ends the outermost frame is repeated.

    Args:
        pictured: The frames.
        network: Draws.
        flow: As for :func:`drawn_maps`.
        whole: Whether what clips say of all their frames is wanted.
    """
    length = network.clip_length
    centre, place = length // 2, 0
    seen: deque[_Encoded] = deque()
    waiting: deque[PicturedPoses] = deque()

    def answer() -> DrawnClip:
        nonlocal place
        item = waiting.popleft()
        if item.frame is None:
            return DrawnClip(centre=without_picture(item.poses), pictured=False)
        clip = [seen[i] for i in np.clip(np.arange(length) - centre + place, 0, len(seen) - 1)]
        drawn: TubeHeatmaps | None = None

        def draw(rows: IntArray) -> TubeHeatmaps:
            nonlocal drawn
            tubes = _tubes(item.poses, [other.poses for other in clip])[rows]
            drawn = network.heatmaps([other.features() for other in clip], tubes)
            return _at(drawn, centre)

        found = DrawnClip(centre=_with_flow(_mapped(item, draw), item, flow))
        if whole and drawn is not None:
            found = replace(
                found,
                frames=[other.poses.frame for other in clip],
                evidence=evidence_of(drawn),
            )
        if place == centre:
            seen.popleft()
        else:
            place += 1
        return found

    for item in pictured:
        waiting.append(item)
        if item.frame is not None:
            seen.append(_Encoded(item, network))
        while waiting and (waiting[0].frame is None or len(seen) - place > length - 1 - centre):
            yield answer()
    while waiting:
        yield answer()


def _tubes(own: FramePoses, others: Sequence[FramePoses]) -> FloatArray:
    """(N, T, 4) boxes of a frame's people in the frames of a clip; their own where they miss."""
    tubes = np.repeat(own.people.boxes[:, None], len(others), axis=1)
    for step, other in enumerate(others):
        rows = {person: row for row, person in enumerate(other.track_ids.tolist())}
        for place, person in enumerate(own.track_ids.tolist()):
            if person in rows:
                tubes[place, step] = other.people.boxes[rows[person]]
    return tubes


def _at(drawn: TubeHeatmaps, step: int) -> TubeHeatmaps:
    """The maps of one frame of the clip."""
    only = slice(step, step + 1)
    return replace(drawn, logits=drawn.logits[:, only], regions=drawn.regions[:, only])


def _mapped(item: PicturedPoses, draw: Callable[[IntArray], TubeHeatmaps]) -> MappedFrame:
    """A frame's people with the maps that were kept; the other rows' are drawn, from a picture."""
    maps = [unpack(packed) if packed else None for packed in item.kept]
    missing = np.flatnonzero([one is None for one in maps])
    if len(missing):
        if item.frame is None:
            return without_picture(item.poses)
        drawn = draw(missing)
        for row, evidence, region in zip(
            missing, evidence_of(drawn)[:, 0], drawn.regions[:, 0], strict=True
        ):
            maps[row] = PersonMaps(evidence=evidence, region=region, calibration=drawn.calibration)
    known = [one for one in maps if one is not None]
    if not known:
        return without_picture(item.poses)
    return MappedFrame(
        poses=item.poses,
        evidence=np.stack([one.evidence for one in known]),
        regions=np.stack([one.region for one in known]),
        calibration=known[0].calibration,
    )


def _with_flow(found: MappedFrame, item: PicturedPoses, flow: FlowSource | None) -> MappedFrame:
    if flow is None or item.before is None or item.frame is None:
        return found
    return replace(found, flow=flow.between(item.before, item.frame))
