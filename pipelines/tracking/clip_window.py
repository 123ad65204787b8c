"""Moves a network along a video, frame by frame.

What the network computes from a frame alone is computed once per frame, for several frames side by
side, and kept for as long as a clip needs it. Of a clip's people those of its centre frame are
kept; at the video's ends the clip repeats the outermost frame. Frames that cannot be decoded are
left out of the clips and keep their place in the result. Each frame also says how it is related to
the previous picture: how the camera moved, and which people the network itself followed from one
clip to the next.

Not here: what a frame says by itself (:mod:`.frame_look`), storing the result
(:mod:`.detect_stage`), telling who is who (:mod:`.link_stage`).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.network import Network
from posetube.structures import DetectedFrame, Detections, FloatArray, Frame, PoseTubes

from ...datasets.video import Video
from ...tracker.tubes import continued
from ..loaded_model import LoadedModel
from ..settings import DetectConfig
from .camera_motion import camera_motion
from .frame_look import FrameLook, encoded, look_at, looks_of, people_of
from .given_boxes import GivenBoxes, checked_times
from .in_order import in_order
from .sparse_detection import box_network, looks_between, looks_predicted

DEFAULTS = DetectConfig()

LEAST_SEEN = 0.1
"""People less sure than this, who are most of all detections, have no appearance (zeros), heatmaps
and masks: linking leaves them out, and zeros take no space."""


def detect_video(
    video: Video,
    model: LoadedModel,
    *,
    first: int = 0,
    frames: Iterable[Frame] | None = None,
    config: DetectConfig = DEFAULTS,
    boxes: GivenBoxes | None = None,
) -> Iterator[DetectedFrame]:
    """:func:`detect_frames` for the frames of a video from index ``first`` on, or some of them."""
    every = video.config.every
    return detect_frames(
        video.frames(first=first) if frames is None else frames,
        model.network,
        batch=model.batch * every,
        workers=config.workers or model.workers,
        config=config,
        every=every,
        live=video.live,
        boxes=boxes,
    )


def frames_before(network: Network, config: DetectConfig) -> int:
    """How many frames before a frame decide what is said of it, its relation to the last included.

    The clip before its own reaches T // 2 + 1 frames back, and may have taken crops from the T - 1
    clips before it; with a detector that leaves frames out, the last detector frame at or before
    the frame before it can be that many frames back.
    """
    sparse = config.detector_every + 1 if config.detector_every > 1 else 0
    return max(network.clip_length // 2 + network.clip_length, sparse)


def detect_frames(
    frames: Iterable[Frame],
    network: Network,
    *,
    batch: int = 1,
    workers: int = 1,
    config: DetectConfig = DEFAULTS,
    every: int = 1,
    live: bool = False,
    boxes: GivenBoxes | None = None,
) -> Iterator[DetectedFrame]:
    """Find the people of each frame.

    The images that the network encodes together are those of a fixed stretch of indices, so that
    a run that is resumed at such a stretch gives the same numbers.

    Args:
        frames: The video's frames, in order.
        network: Finds people.
        batch: Indices of frames that are encoded together.
        workers: Threads that look at frames side by side; results do not depend on it.
        config: What to say of each frame beside its people.
        every: How far apart the frames' indices are.
        live: Whether to answer each frame as soon as it comes.
        boxes: Where to look for people; None: the network finds them.

    Yields:
        Every frame, in order, T // 2 frames later than they come in; with several workers up to
        two frames per worker later.

    Raises:
        InputError: If boxes are given to a network that cannot take them, or they are those of
            another video; if the network cannot leave frames to others.
    """
    if boxes is not None:
        frames = checked_times(frames, boxes.times, where=boxes.where)
    relation = _Relation(len(network.skeleton))
    if config.detector_every > 1:
        if boxes is not None:
            raise InputError("--detector-every: with boxes from outside no detector looks at all")
        # not by groups: each frame waits for a detector frame, and a live one for nothing
        given, step = box_network(network), every * config.detector_every
        if live:
            looks = looks_predicted(frames, given, step=step, config=config)
        else:
            looks = looks_between(frames, given, step=step, workers=workers, config=config)
        yield from map(relation.of, looks)
    elif network.clip_length == 1:
        look = partial(looks_of, network=network, config=config, boxes=boxes)
        for found in in_order(_stretches(frames, batch), look, workers=workers):
            yield from map(relation.of, found)
    else:
        window = _Window(network, config, boxes)
        encode = partial(_kept, network=network, config=config)
        for group, kept in in_order(_stretches(frames, batch), encode, workers=workers):
            yield from map(relation.of, window.add(group, kept))
        yield from map(relation.of, window.rest())


def _stretches(frames: Iterable[Frame], length: int) -> Iterator[list[Frame]]:
    """Group frames by stretches of indices; a group comes as soon as its last index has come."""
    group: list[Frame] = []
    for frame in frames:
        if group and frame.index // length != group[0].index // length:
            yield group
            group = []
        group.append(frame)
        if (frame.index + 1) % length == 0:
            yield group
            group = []
    if group:
        yield group


def _kept(
    group: list[Frame], *, network: Network, config: DetectConfig
) -> tuple[list[Frame], list[tuple[Frame, Any]]]:
    return group, list(encoded(group, network=network, config=config))


class _Window:
    """The frames that a clip of T frames can still need."""

    def __init__(self, network: Network, config: DetectConfig, boxes: GivenBoxes | None) -> None:
        self._network, self._config, self._boxes = network, config, boxes
        self._centre = network.clip_length // 2
        self._seen: deque[tuple[Frame, Any]] = deque()  # with a picture, around the next to answer
        self._place = 0  # of that frame among them
        self._waiting: deque[Frame] = deque()  # all that are not answered yet

    def add(
        self, group: Sequence[Frame], kept: Sequence[tuple[Frame, Any]]
    ) -> Iterator[FrameLook | Frame]:
        """Take some more frames; what can be said now."""
        self._seen.extend(kept)
        self._waiting.extend(group)
        behind = self._network.clip_length - 1 - self._centre
        while self._waiting and (
            self._waiting[0].image is None or len(self._seen) - self._place > behind
        ):
            yield self._answer()

    def rest(self) -> Iterator[FrameLook | Frame]:
        """What is left at the video's end."""
        while self._waiting:
            yield self._answer()

    def _answer(self) -> FrameLook | Frame:
        frame = self._waiting.popleft()
        if frame.image is None:
            return frame
        look = look_at(frame, self._tubes(), config=self._config)
        if self._place == self._centre:
            self._seen.popleft()
        else:
            self._place += 1
        return look

    def _tubes(self) -> PoseTubes:
        length = self._network.clip_length
        steps = np.arange(length) - self._centre + self._place
        clip = [self._seen[step] for step in np.clip(steps, 0, len(self._seen) - 1)]
        indices, features = [frame.index for frame, _ in clip], [kept for _, kept in clip]
        judged = self._config.judge_boxes
        return people_of(features, indices, network=self._network, boxes=self._boxes, judged=judged)


class _Relation:
    """Turns looks at frames, in order, into detections that are related to the previous frame."""

    def __init__(self, joints: int) -> None:
        self._joints = joints
        self._before: FrameLook | None = None

    def of(self, look: FrameLook | Frame) -> DetectedFrame:
        """The next frame; one without a picture was not looked at."""
        if isinstance(look, Frame):
            people = Detections.empty(self._joints)
            return DetectedFrame(frame=look.index, time=look.time, state=look.state, people=people)
        before, self._before = self._before, look
        centre = len(look.tubes.frames) // 2
        return DetectedFrame(
            frame=look.frame,
            time=look.time,
            state=look.state,
            people=_as_stored(look.tubes.at(centre), look.tubes.presence[:, centre]),
            colours=look.colours,
            camera=_camera(before, look),
            continues=_continued(before, look.tubes),
        )


def _camera(before: FrameLook | None, after: FrameLook) -> Any:
    if before is None or before.background is None or after.background is None:
        return None
    return camera_motion(before.background, after.background)


def _continued(before: FrameLook | None, tubes: PoseTubes) -> Any:
    if len(tubes.frames) == 1:
        return None
    return np.full(len(tubes), -1) if before is None else continued(before.tubes, tubes)


def _as_stored(people: Detections, presence: FloatArray) -> Detections:
    """People with scores that count their presence, in the precision that the parts have.

    So whoever links them as they are found gets what a later linking of the parts gets. Heatmaps
    and masks are kept of those who have an appearance.
    """
    scores, looks = people.scores * presence, people.embeddings
    seen = scores >= LEAST_SEEN
    if looks is not None:
        looks = np.where(seen[:, None], looks, 0)
        looks = looks.astype(np.float16).astype(np.float32)
    maps, masks = (
        None if kept is None else np.where(seen, kept, b"")
        for kept in (people.heatmaps, people.masks)
    )
    numbers = {
        "boxes": people.boxes,
        "keypoints": people.keypoints,
        "keypoint_scores": people.keypoint_scores,
        "scores": scores,
    }
    stored = {name: array.astype(np.float32, copy=False) for name, array in numbers.items()}
    return replace(people, **stored, embeddings=looks, heatmaps=maps, masks=masks)
