"""The detector looks at every n-th frame only; in the others, joints are read in boxes that follow.

In a file the boxes between two detector frames lie on the way from the one to the other
(:func:`looks_between`). A live source has no later frame: there they go on as the joints moved
(:func:`looks_predicted`). Where that cannot be right the detector looks after all: somebody appears
or leaves, the joints in a box become unsure, the scene changes.

What is said of a frame depends on the frames of its stretch alone and never on linking, so that a
run that is resumed gives the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from posetube.boxes import iou
from posetube.errors import InputError
from posetube.network import BoxNetwork, Network
from posetube.structures import BoolArray, ByteArray, FloatArray, Frame, IntArray, PoseTubes

from ...tracker.assignment import solve
from ...tracker.shots import CutConfig
from ..settings import DetectConfig
from .camera_motion import SmallGrey, small_grey
from .frame_look import COLOUR_UNITS, FrameLook, encoded, look_at, looks_of, people_of
from .in_order import in_order

SURE = 0.3
"""People this sure, in [0, 1], must be followed; others may be let go between detector frames."""

OVERLAP = 0.2
"""Least overlap of a person's boxes in two detector frames."""

DOUBT = 0.6
"""Where the mean score of a person's joints falls below this share of what it is in the detector
frames, the box has probably lost the person."""

BORDER, GREY_LEVELS, MOTION = 0.06, 25, 0.05
"""Somebody may come in where, in the outer part of the picture (this share of each side deep),
pixels change by so many grey levels, and more than this share of them do."""


Grey = ByteArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Two detector frames and the frames between them."""

    before: FrameLook | None
    """The first; None where it is lost, or before the stretch that was asked for."""

    between: Sequence[Frame]
    """The frames that the detector has not seen, in order."""

    after: FrameLook | Frame | None
    """The second; a Frame where it is lost, None at the video's end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowedPeople:
    """M people who are in both detector frames."""

    first: IntArray
    """(M,) rows in the first frame."""

    second: IntArray
    """(M,) rows in the second frame."""

    joint_scores: FloatArray
    """(M,) mean score of the joints, in the frame where it is lower."""


def box_network(network: Network) -> BoxNetwork:
    """The network, if it looks at single frames and can be told where.

    Raises:
        InputError: If not.
    """
    if network.clip_length != 1 or not hasattr(network, "find_joints"):
        raise InputError(
            "--detector-every: only networks of single frames that take boxes, such as tiny, can "
            "leave frames to others; leave it at 1"
        )
    return network  # type: ignore[return-value]  # what was just looked at


def looks_between(
    frames: Iterable[Frame], network: BoxNetwork, *, step: int, workers: int, config: DetectConfig
) -> Iterator[FrameLook | Frame]:
    """Look at the frames of a file.

    Args:
        frames: The frames, in order.
        network: Finds people.
        step: The detector looks at frames whose index is a multiple of this.
        workers: Threads that look side by side.
        config: What to measure.

    Yields:
        What every frame says, in order; lost frames as they are.
    """
    detect = partial(_detected, network=network, step=step, config=config)
    fill = partial(_filled, network=network, config=config)
    stretches = _stretches(in_order(frames, detect, workers=workers))
    for looks in in_order(stretches, fill, workers=workers):
        yield from looks


def looks_predicted(
    frames: Iterable[Frame], network: BoxNetwork, *, step: int, config: DetectConfig
) -> Iterator[FrameLook | Frame]:
    """Look at the frames of a live source, each as soon as it comes; as :func:`looks_between`."""
    seen: FrameLook | None = None  # by the detector
    last: FrameLook | None = None
    before, speed = np.zeros((0, 0), np.uint8), np.zeros((0, 1, 2), np.float32)
    for frame in frames:
        if frame.image is None:
            yield frame
            continue
        look, grey = None, small_grey(frame.image)
        if frame.index % step and seen is not None and last is not None:
            boxes = last.tubes.boxes + np.tile(speed, 2) * (frame.index - last.frame)
            known = seen.tubes.boxes[:, 0] * np.tile(grey.scale, 2)
            if not _somebody_comes(before, grey.pixels, known):
                expected = seen.tubes.keypoint_scores.mean(axis=(1, 2))
                scores = seen.tubes.scores
                look = _read(
                    frame, boxes, scores, expected, network=network, config=config, grey=grey
                )
        if look is None or seen is None or last is None or _is_cut(seen, look):
            look = seen = _detect(frame, network=network, config=config, grey=grey)
            before, speed = grey.pixels, np.zeros((len(look.tubes), 1, 2), np.float32)
        else:
            # the box goes where the joints went, whatever was predicted
            moved = np.median(look.tubes.keypoints - last.tubes.keypoints, axis=2)
            speed = moved / (look.frame - last.frame)
            boxes = last.tubes.boxes + np.tile(moved, 2)
            look = replace(look, tubes=replace(look.tubes, boxes=boxes))
        last = look
        yield look


def followed(before: PoseTubes, after: PoseTubes) -> FollowedPeople | None:
    """Who of one detector frame is who in the next; None if somebody sure is in one of them only.

    Args:
        before: People of a single frame.
        after: People of another.
    """
    overlap = iou(before.boxes[:, 0], after.boxes[:, 0]).astype(np.float64)
    first, second = solve(1.0 - overlap, limit=1 - OVERLAP)
    for people, rows in ((before, first), (after, second)):
        if np.delete(people.scores, rows).max(initial=0) >= SURE:
            return None
    scores = [
        people.keypoint_scores[rows].mean(axis=(1, 2))
        for people, rows in ((before, first), (after, second))
    ]
    return FollowedPeople(first=first, second=second, joint_scores=np.minimum(*scores))


def _detected(
    frame: Frame, *, network: Network, step: int, config: DetectConfig
) -> tuple[Frame, FrameLook | Frame | None]:
    if frame.index % step:
        return frame, None
    return frame, looks_of([frame], network=network, config=config)[0]


def _stretches(seen: Iterable[tuple[Frame, FrameLook | Frame | None]]) -> Iterator[Stretch]:
    before, between = None, list[Frame]()
    for frame, look in seen:
        if look is None:
            between.append(frame)
            continue
        yield Stretch(before=before, between=between, after=look)
        before, between = look if isinstance(look, FrameLook) else None, []
    yield Stretch(before=before, between=between, after=None)


def _filled(
    stretch: Stretch, *, network: BoxNetwork, config: DetectConfig
) -> list[FrameLook | Frame]:
    """What the frames between say, and the detector frame behind them."""
    before, after = stretch.before, stretch.after
    pairs = None
    if before is not None and isinstance(after, FrameLook) and not _is_cut(before, after):
        pairs = followed(before.tubes, after.tubes)
    looks: list[FrameLook | Frame] = []
    for frame in stretch.between:
        look: FrameLook | Frame | None = None
        if pairs is not None and frame.image is not None:
            assert before is not None
            assert isinstance(after, FrameLook)
            share = (frame.index - before.frame) / (after.frame - before.frame)
            boxes, scores = (
                ((1 - share) * one[pairs.first] + share * two[pairs.second]).astype(np.float32)
                for one, two in (
                    (before.tubes.boxes, after.tubes.boxes),
                    (before.tubes.scores, after.tubes.scores),
                )
            )
            expected = pairs.joint_scores
            look = _read(frame, boxes, scores, expected, network=network, config=config)
        looks.append(look or looks_of([frame], network=network, config=config)[0])
    return looks if after is None else [*looks, after]


def _read(
    frame: Frame,
    boxes: FloatArray,
    scores: FloatArray,
    expected: FloatArray,
    *,
    network: BoxNetwork,
    config: DetectConfig,
    grey: SmallGrey | None = None,
) -> FrameLook | None:
    """Read the joints of N people in a frame with a picture; None if a sure one seems lost.

    Args:
        frame: With a picture.
        boxes: (N, 1, 4) pixels.
        scores: (N,) how sure the people are; the joints have changed them already.
        expected: (N,) mean score of their joints when the detector saw them.
        network: Reads the joints.
        config: What to measure.
        grey: The frame in small and grey, if there is one already.
    """
    ((_, kept),) = encoded([frame], network=network, config=config)
    found = network.find_joints([kept], [frame.index], tubes=boxes, scores=scores)
    lost = found.keypoint_scores.mean(axis=(1, 2)) < DOUBT * expected
    if (lost & (scores >= SURE)).any():
        return None
    return look_at(frame, replace(found, scores=scores), config=config, grey=grey)


def _detect(
    frame: Frame, *, network: BoxNetwork, config: DetectConfig, grey: SmallGrey
) -> FrameLook:
    """Look for people in a frame with a picture."""
    ((_, kept),) = encoded([frame], network=network, config=config)
    tubes = people_of([kept], [frame.index], network=network)
    return look_at(frame, tubes, config=config, grey=grey)


def _is_cut(before: FrameLook, after: FrameLook) -> bool:
    change = np.abs(np.subtract(before.colours, after.colours)).sum() / 2 / COLOUR_UNITS
    return bool(change >= CutConfig().min_change)


def _somebody_comes(before: Grey, after: Grey, boxes: npt.NDArray[np.floating]) -> bool:
    """Whether something moves at the border of a small grey picture, outside people's boxes."""
    if before.shape != after.shape:
        return True
    outer = np.ones(after.shape, bool)
    down, across = (max(1, round(BORDER * side)) for side in after.shape)
    outer[down:-down, across:-across] = False
    for x1, y1, x2, y2 in np.clip(boxes, 0, max(after.shape)).astype(int):
        outer[y1 : y2 + 1, x1 : x2 + 1] = False
    changed: BoolArray = cv2.absdiff(before, after) > GREY_LEVELS
    return bool(changed[outer].mean() > MOTION) if outer.any() else False
