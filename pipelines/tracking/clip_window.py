"""Moves a network that looks at T frames at once along a video, frame by frame.

What the network computes from a frame alone is computed once per frame, and kept for as long as a
clip needs it. Of a clip's people those of its centre frame are kept; at the video's ends the clip
repeats the outermost frame. Frames that cannot be decoded are left out of the clips and keep their
place in the result. Each frame also says how it is related to the previous picture: how the camera
moved, and which people the network itself followed from one clip to the next.

Not here: storing the result (:mod:`.detect_stage`), telling who is who (:mod:`.link_stage`).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from posetube.network import Network
from posetube.structures import DetectedFrame, Detections, FloatArray, Frame, PoseTubes

from ...tracker.shots import colour_histogram
from ...tracker.tubes import continued
from ..settings import DetectConfig
from .camera_motion import CameraMotion
from .given_boxes import GivenBoxes, checked_times

DEFAULTS = DetectConfig()

LEAST_SEEN = 0.1
"""People less sure than this, who are most of all detections, have no appearance (zeros): linking
leaves them out, and zeros take no space."""


def detect_frames(
    frames: Iterable[Frame],
    network: Network,
    *,
    batch: int = 1,
    config: DetectConfig = DEFAULTS,
    boxes: GivenBoxes | None = None,
) -> Iterator[DetectedFrame]:
    """Find the people of each frame.

    The images that the network encodes together are those of a fixed stretch of indices, so that
    a run that is resumed at such a stretch gives the same numbers.

    Args:
        frames: The video's frames, in order.
        network: Finds people.
        batch: Indices of frames that are encoded together.
        config: What to say of each frame beside its people.
        boxes: Where to look for people; None: the network finds them.

    Yields:
        Every frame, in order, T // 2 frames later than they come in.

    Raises:
        InputError: If boxes are given to a network that cannot take them, or they are those of
            another video.
    """
    if boxes is not None:
        frames = checked_times(frames, boxes)
    centre = network.clip_length // 2
    window: deque[tuple[Frame, Any]] = deque()  # frames with an image, around the next to answer
    place = 0  # of that frame in the window
    waiting: deque[Frame] = deque()  # all that are not answered yet
    chain = _Chain(network, config)

    def answer(*, last: bool) -> Iterator[DetectedFrame]:
        nonlocal place
        while waiting:
            if waiting[0].image is None:
                yield chain.lost(waiting.popleft())
                continue
            if not last and len(window) - place <= network.clip_length - 1 - centre:
                return
            yield chain.seen(waiting.popleft(), _tubes_at(window, place, network, boxes))
            if place == centre:
                window.popleft()
            else:
                place += 1

    for group in _stretches(frames, batch):
        window.extend(_encoded(group, network, config))
        waiting.extend(group)
        yield from answer(last=False)
    yield from answer(last=True)


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


def _encoded(
    group: list[Frame], network: Network, config: DetectConfig
) -> Iterator[tuple[Frame, Any]]:
    """The frames that have an image, with what the network keeps of each."""
    seen = [frame for frame in group if frame.image is not None]
    for _, alike in groupby(seen, key=_shape):
        together = list(alike)
        images = np.stack([frame.image for frame in together if frame.image is not None])
        kept = network.encode(images, embeddings=config.appearance)
        yield from zip(together, kept, strict=True)


def _shape(frame: Frame) -> tuple[int, ...]:
    return () if frame.image is None else frame.image.shape


def _tubes_at(
    window: Sequence[tuple[Frame, Any]], place: int, network: Network, boxes: GivenBoxes | None
) -> PoseTubes:
    length = network.clip_length
    steps = np.clip(np.arange(length) - length // 2 + place, 0, len(window) - 1)
    clip = [window[step] for step in steps]
    indices, features = [frame.index for frame, _ in clip], [kept for _, kept in clip]
    if boxes is not None:
        return boxes.people(network, features, indices)
    return network.detect_features(features, indices)


class _Chain:
    """Turns the people of clips into frames, each related to the previous one."""

    def __init__(self, network: Network, config: DetectConfig) -> None:
        self._joints = len(network.skeleton)
        self._camera = CameraMotion() if config.camera_motion else None
        self._before: PoseTubes | None = None

    def lost(self, frame: Frame) -> DetectedFrame:
        """A frame without a picture."""
        people = Detections.empty(self._joints)
        return DetectedFrame(frame=frame.index, time=frame.time, state=frame.state, people=people)

    def seen(self, frame: Frame, tubes: PoseTubes) -> DetectedFrame:
        """A frame with a picture, the centre of a clip."""
        assert frame.image is not None
        centre = len(tubes.frames) // 2
        people = _as_stored(tubes.at(centre), tubes.presence[:, centre])
        shares = np.rint(65535 * colour_histogram(frame.image)).astype(np.int64)
        before, self._before = self._before, tubes
        continues = None
        if len(tubes.frames) > 1:
            continues = np.full(len(tubes), -1) if before is None else continued(before, tubes)
        return DetectedFrame(
            frame=frame.index,
            time=frame.time,
            state=frame.state,
            people=people,
            colours=tuple(shares.tolist()),
            camera=self._camera.update(frame.image, people) if self._camera else None,
            continues=continues,
        )


def _as_stored(people: Detections, presence: FloatArray) -> Detections:
    """People with scores that count their presence, and appearances of half precision."""
    scores, looks = people.scores * presence, people.embeddings
    if looks is not None:
        looks = np.where(scores[:, None] >= LEAST_SEEN, looks, 0)
        looks = looks.astype(np.float16).astype(np.float32)
    return replace(people, scores=scores, embeddings=looks)
