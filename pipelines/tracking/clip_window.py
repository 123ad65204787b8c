"""Running a network that looks at T frames at once along a video, frame by frame.

What a frame alone tells the network is computed once per frame and kept for as long as a clip needs
it. A clip's answer is kept for its centre frame; at the video's ends the clip repeats the outermost
frame. Frames that cannot be decoded are left out of the clips and keep their place in the result.

Not here: where the result is stored (:mod:`.detect`), and which person is which (:mod:`.link`).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, Detections, Frame, PoseTubes

from ...tracker.shots import colour_histogram
from ..storage.detections_store import DetectedFrame


class Network(Protocol):
    """What a job needs of a network."""

    @property
    def clip_length(self) -> int:
        """T, the number of frames it looks at together."""

    @property
    def skeleton(self) -> Skeleton:
        """The joints it finds."""

    def encode(self, images: ByteArray) -> Sequence[Any]:
        """What each of (B, H, W, 3) images alone tells, to be kept."""

    def detect_features(self, features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        """The people of a clip, from what was kept of its T frames."""


def detect_frames(
    frames: Iterable[Frame], network: Network, *, batch: int = 1
) -> Iterator[DetectedFrame]:
    """Find the people of each frame.

    The images that the network encodes together are those of a fixed stretch of indices, so that
    a video that is taken up again at such a stretch gives the same numbers.

    Args:
        frames: The video's frames, in order.
        network: Finds people.
        batch: Indices of frames that are encoded together.

    Yields:
        Every frame, in order, T // 2 frames later than they come in.
    """
    centre = network.clip_length // 2
    window: deque[tuple[Frame, Any]] = deque()  # frames with an image, around the next to answer
    place = 0  # of that frame in the window
    waiting: deque[Frame] = deque()  # all that are not answered yet

    def answer(*, last: bool) -> Iterator[DetectedFrame]:
        nonlocal place
        while waiting:
            if waiting[0].image is None:
                yield _result(waiting.popleft(), Detections.empty(len(network.skeleton)))
                continue
            if not last and len(window) - place <= network.clip_length - 1 - centre:
                return
            yield _result(waiting.popleft(), _people_at(window, place, network))
            if place == centre:
                window.popleft()
            else:
                place += 1

    for group in _stretches(frames, batch):
        window.extend(_encoded(group, network))
        waiting.extend(group)
        yield from answer(last=False)
    yield from answer(last=True)


def _stretches(frames: Iterable[Frame], length: int) -> Iterator[list[Frame]]:
    """Frames of the same stretch of indices together, as soon as its last index has come."""
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


def _encoded(group: list[Frame], network: Network) -> Iterator[tuple[Frame, Any]]:
    """The frames that have an image, with what the network keeps of each."""
    seen = [frame for frame in group if frame.image is not None]
    for _, alike in groupby(seen, key=_shape):
        together = list(alike)
        images = np.stack([frame.image for frame in together if frame.image is not None])
        yield from zip(together, network.encode(images), strict=True)


def _shape(frame: Frame) -> tuple[int, ...]:
    return () if frame.image is None else frame.image.shape


def _people_at(window: Sequence[tuple[Frame, Any]], place: int, network: Network) -> Detections:
    length = network.clip_length
    steps = np.clip(np.arange(length) - length // 2 + place, 0, len(window) - 1)
    clip = [window[step] for step in steps]
    indices = [frame.index for frame, _ in clip]
    return network.detect_features([kept for _, kept in clip], indices).at(length // 2)


def _result(frame: Frame, people: Detections) -> DetectedFrame:
    colours: tuple[int, ...] = ()
    if frame.image is not None:
        shares = np.rint(65535 * colour_histogram(frame.image)).astype(np.int64)
        colours = tuple(shares.tolist())
    return DetectedFrame(
        frame=frame.index, time=frame.time, state=frame.state, people=people, colours=colours
    )
