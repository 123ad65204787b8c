"""What a network and a few measures say of one frame, whatever the frames around it show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from posetube.network import Network
from posetube.structures import Frame, FrameState, PoseTubes

from ...tracker.shots import colour_histogram
from ..settings import DetectConfig
from .camera_motion import Background, SmallGrey, background_of, small_grey
from .given_boxes import GivenBoxes

COLOUR_UNITS = 65535
"""Shares of colours are stored as whole numbers of this part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameLook:
    """A frame that was looked at. Its picture is not kept."""

    frame: int
    """Index of the frame in the video."""

    time: float
    """Presentation time, seconds."""

    state: FrameState
    """Whether the picture can be relied on."""

    tubes: PoseTubes
    """The people of the clip around it."""

    colours: tuple[int, ...]
    """Share of each colour, in 65535ths."""

    background: Background | None
    """What the next frame is compared with to see how the camera moved; None: nobody asks."""


def look_at(
    frame: Frame, tubes: PoseTubes, *, config: DetectConfig, grey: SmallGrey | None = None
) -> FrameLook:
    """Measure a frame whose people are known.

    Args:
        frame: With a picture.
        tubes: The people of the clip whose centre it is.
        config: What to measure.
        grey: The frame in small and grey, if there is one already.
    """
    assert frame.image is not None
    shares = np.rint(COLOUR_UNITS * colour_histogram(frame.image)).astype(np.int64)
    background = None
    if config.camera_motion:
        centre = len(tubes.frames) // 2
        sure = tubes.scores * tubes.presence[:, centre]
        background = background_of(grey or small_grey(frame.image), tubes.boxes[:, centre], sure)
    return FrameLook(
        frame=frame.index,
        time=frame.time,
        state=frame.state,
        tubes=tubes,
        colours=tuple(shares.tolist()),
        background=background,
    )


def looks_of(
    group: Sequence[Frame],
    *,
    network: Network,
    config: DetectConfig,
    boxes: GivenBoxes | None = None,
) -> list[FrameLook | Frame]:
    """Look at frames with a network of single frames; lost frames come back as they are."""
    find = partial(people_of, network=network, boxes=boxes, judged=config.judge_boxes)
    looks = {
        frame.index: look_at(frame, find([kept], [frame.index]), config=config)
        for frame, kept in encoded(group, network=network, config=config)
    }
    return [looks.get(frame.index, frame) for frame in group]


def encoded(
    group: Sequence[Frame], *, network: Network, config: DetectConfig
) -> Iterator[tuple[Frame, Any]]:
    """The frames that have a picture, with what the network keeps of each."""
    seen = [frame for frame in group if frame.image is not None]
    # only who draws masks is asked for them
    asked = {"embeddings": config.appearance} | ({"masks": True} if config.masks else {})
    for _, alike in groupby(seen, key=_shape):
        together = list(alike)
        pictures = [frame.image for frame in together if frame.image is not None]
        images = pictures[0][None] if len(pictures) == 1 else np.stack(pictures)
        kept = network.encode(images, **asked)
        yield from zip(together, kept, strict=True)


def people_of(
    features: Sequence[Any],
    indices: Sequence[int],
    *,
    network: Network,
    boxes: GivenBoxes | None = None,
    judged: bool = False,
) -> PoseTubes:
    """The people of a clip, where the network finds them or where boxes say that they are.

    Boxes that are to be ``judged`` only say where they may be.
    """
    if boxes is not None:
        return boxes.people(network, features, indices, judged=judged)
    return network.detect_features(features, indices)


def _shape(frame: Frame) -> tuple[int, ...]:
    return () if frame.image is None else frame.image.shape
