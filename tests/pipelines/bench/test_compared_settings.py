from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from posetube.datasets.video import open_video
from posetube.errors import InputError
from posetube.network import Quality
from posetube.pipelines.bench.compared_settings import (
    ComparedSetting,
    agreement,
    compare_settings,
    suggestion,
)
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.settings import DetectConfig
from posetube.skeletons import COCO17
from posetube.structures import DetectedFrame, Detections


def frame(shifts: Sequence[float], scores: Sequence[float]) -> DetectedFrame:
    """People 100 pixels tall, side by side, each moved to the right."""
    n = len(shifts)
    left = 200.0 * np.arange(n, dtype=np.float32) + np.array(shifts, np.float32)
    boxes = np.stack([left, np.zeros(n), left + 50, np.full(n, 100)], 1).astype(np.float32)
    steps = np.linspace(0, 1, 17, dtype=np.float32)
    x = left[:, None] + 50 * steps
    people = Detections(
        boxes=boxes,
        scores=np.array(scores, np.float32),
        keypoints=np.stack([x, np.broadcast_to(100 * steps, x.shape)], 2).astype(np.float32),
        keypoint_scores=np.ones((n, 17), np.float32),
    )
    return DetectedFrame(frame=0, time=0.0, state="ok", people=people)


def test_equal_detections_agree() -> None:
    one = frame([0, 0], [0.9, 0.8])

    found, alike = agreement([one], [one], skeleton=COCO17)

    assert found == 1.0
    assert alike == pytest.approx(1.0)


def test_unsure_people_do_not_count_and_lost_ones_do() -> None:
    first, second = frame([0, 0, 0], [0.9, 0.8, 0.2]), frame([1], [0.3])

    found, alike = agreement([first], [second], skeleton=COCO17)

    assert found == 0.5
    assert 0.5 < alike < 1


def test_without_people_there_is_nothing_to_say() -> None:
    nobody = frame([], [])

    assert np.isnan(agreement([nobody], [nobody], skeleton=COCO17)).all()


def setting(quality: Quality, every: int, rate: float, found: float, oks: float) -> ComparedSetting:
    return ComparedSetting(quality=quality, detector_every=every, rate=rate, found=found, oks=oks)


DEFAULT = setting("normal", 1, 10.0, 1.0, 1.0)


def test_the_fastest_that_agrees_is_suggested() -> None:
    near, fast = setting("normal", 3, 16.0, 0.99, 0.97), setting("fast", 3, 30.0, 0.9, 0.97)

    assert suggestion([DEFAULT, near, fast]) == (
        "--quality normal --detector-every 3 is 1.6 times as fast as the default, and finds 99 % "
        "of its people with a mean OKS of 0.97."
    )


@pytest.mark.parametrize("rate", [5.0, 10.5])
def test_what_gains_nothing_is_not_suggested(rate: float) -> None:
    assert suggestion([DEFAULT, setting("best", 1, rate, 1.0, 1.0)]) == (
        "Keep the default settings: nothing else is faster and finds the same."
    )


def test_nothing_is_suggested_where_nobody_is() -> None:
    empty = setting("normal", 1, 10.0, float("nan"), float("nan"))

    assert suggestion([empty]).startswith("Nobody is sure to be in these frames")


def test_settings_that_a_network_lacks_are_left_out(
    make_clip: Callable[..., Any], make_model: Callable[..., LoadedModel]
) -> None:
    with open_video(make_clip(frames=4)) as video:
        frames = list(video)

    def load(quality: Quality) -> LoadedModel:
        if quality != "normal":
            raise InputError("no choice of quality")
        return make_model()

    compared = list(compare_settings(frames, load, config=DetectConfig(), workers=1))

    assert [(one.quality, one.detector_every) for one in compared] == [("normal", 1)]
    assert compared[0].found == 1.0
    assert compared[0].oks == pytest.approx(1.0)
