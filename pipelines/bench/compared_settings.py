"""Compares qualities and detector intervals on a video: how fast, and how much like the default."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.boxes import area
from posetube.errors import InputError
from posetube.keypoint_similarity import oks
from posetube.network import Quality
from posetube.skeletons import Skeleton
from posetube.structures import DetectedFrame, Frame

from ...tracker.assignment import solve
from ..loaded_model import LoadedModel
from ..settings import DetectConfig
from ..tracking.clip_window import detect_frames

COMPARED: tuple[tuple[Quality, int], ...] = (
    ("normal", 1),
    ("normal", 2),
    ("normal", 3),
    ("fast", 1),
    ("fast", 3),
    ("best", 1),
)
"""Quality and interval; the first is what the others are held against."""

SURE, SAME = 0.5, 0.5
"""Score of people who count, and the least OKS of two poses of one person."""

ENOUGH_FOUND, ENOUGH_OKS = 0.98, 0.95
"""What a faster setting must reach to be suggested."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedSetting:
    """One setting on the frames of the video."""

    quality: Quality
    detector_every: int
    rate: float
    """Frames per second, decoding and linking left out."""

    found: float
    """Share of the people of ``normal`` with every frame detected that it finds too; NaN: there is
    nobody."""

    oks: float
    """Mean OKS of their poses with those of ``normal``; NaN: there is nobody."""

    @property
    def words(self) -> str:
        """As options of the command line."""
        every = f" --detector-every {self.detector_every}" if self.detector_every > 1 else ""
        return f"--quality {self.quality}{every}"


def compare_settings(
    frames: Sequence[Frame],
    load: Callable[[Quality], LoadedModel],
    *,
    config: DetectConfig,
    workers: int,
) -> Iterator[ComparedSetting]:
    """Measure the settings one after the other; those that the network does not have are left out.

    Args:
        frames: With pictures, at an even distance.
        load: Gives the network in a quality.
        config: The other settings.
        workers: Frames side by side.
    """
    reference: list[DetectedFrame] = []
    for quality, every in COMPARED:
        asked = replace(config, quality=quality, detector_every=every)
        try:
            model = load(quality)
            began = time.perf_counter()
            found = list(
                detect_frames(
                    frames, model.network, batch=model.batch, workers=workers, config=asked
                )
            )
        except InputError:  # this network has no choice of quality, or takes no boxes
            continue
        seconds = time.perf_counter() - began
        reference = reference or found
        share, alike = agreement(reference, found, skeleton=model.network.skeleton)
        yield ComparedSetting(
            quality=quality,
            detector_every=every,
            rate=len(found) / seconds,
            found=share,
            oks=alike,
        )


def agreement(
    reference: Sequence[DetectedFrame], others: Sequence[DetectedFrame], *, skeleton: Skeleton
) -> tuple[float, float]:
    """Share of the reference's sure people that are found again, and their mean OKS.

    Args:
        reference: Detections of some frames.
        others: Of the same frames.
        skeleton: Their joints.
    """
    people, alike = 0, list[float]()
    for first, second in zip(reference, others, strict=True):
        sure = first.people[first.people.scores >= SURE]
        similar = oks(
            sure.keypoints,
            second.people.keypoints,
            scales=np.sqrt(area(sure.boxes)),
            sigmas=skeleton.sigmas,
        )
        people += len(sure)
        alike += similar[solve(1 - similar, limit=1 - SAME)].tolist()
    if not people:
        return float("nan"), float("nan")
    return len(alike) / people, float(np.mean(alike)) if alike else 0.0


def suggestion(settings: Sequence[ComparedSetting]) -> str:
    """The fastest setting that agrees well with the default one, in a sentence."""
    default, *others = settings
    if np.isnan(default.found):
        return "Nobody is sure to be in these frames, so nothing is suggested; try another stretch."
    good = [one for one in others if one.found >= ENOUGH_FOUND and one.oks >= ENOUGH_OKS]
    fastest = max(good, key=lambda one: one.rate, default=default)
    if fastest.rate <= 1.1 * default.rate:  # less is within what measuring varies by
        return "Keep the default settings: nothing else is faster and finds the same."
    return (
        f"{fastest.words} is {fastest.rate / default.rate:.1f} times as fast as the default, and "
        f"finds {100 * fastest.found:.0f} % of its people with a mean OKS of {fastest.oks:.2f}."
    )
