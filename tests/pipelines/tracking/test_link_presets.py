from collections.abc import Sequence

import numpy as np
import pytest

from posetube.pipelines.storage.detections_store import DetectedFrame
from posetube.pipelines.tracking.link_presets import Preset, link_by_preset
from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import Detections, FramePoses
from posetube.tracker.config import LinkConfig

RED, BLUE = (65535, 0, 0), (0, 0, 65535)


def seen(places: Sequence[float]) -> Detections:
    """People of 40 x 100 pixels, whose joints nobody knows."""
    boxes = np.array([[x - 20, 50, x + 20, 150] for x in places], np.float32).reshape(-1, 4)
    n, k = len(places), len(POSETRACK17SLOTS)
    return Detections(
        boxes=boxes,
        scores=np.full(n, 0.97, np.float32),
        keypoints=np.full((n, k, 2), np.nan, np.float32),
        keypoint_scores=np.zeros((n, k), np.float32),
    )


def linked(frames: Sequence[DetectedFrame], preset: Preset) -> list[FramePoses]:
    return list(
        link_by_preset(
            frames,
            preset=preset,
            config=LinkConfig(),
            skeleton=POSETRACK17SLOTS,
            size=(200, 400),
        )
    )


def frames(*, colours: Sequence[tuple[int, ...]], step: int = 1) -> list[DetectedFrame]:
    return [
        DetectedFrame(frame=step * i, time=i / 25, state="ok", people=seen([100]), colours=shares)
        for i, shares in enumerate(colours)
    ]


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_a_new_scene_ends_all_tracks(preset: Preset) -> None:
    found = linked(frames(colours=[RED] * 20 + [BLUE] * 20), preset)

    first, second = found[0].track_ids.tolist(), found[-1].track_ids.tolist()
    assert [f.track_ids.tolist() for f in found] == [first] * 20 + [second] * 20
    assert first != second


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_frames_whose_colours_are_not_known_are_no_cut(preset: Preset) -> None:
    found = linked(frames(colours=[()] * 40), preset)

    assert len({f.track_ids.tolist()[0] for f in found}) == 1


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_every_frame_comes_out_under_its_own_number(preset: Preset) -> None:
    found = linked(frames(colours=[RED] * 15, step=3), preset)

    assert [f.frame for f in found] == list(range(0, 45, 3))


def test_offline_sees_who_came_back_and_fills_nothing_in_across_a_cut() -> None:
    gone = range(15, 25)
    given = [
        DetectedFrame(
            frame=i,
            time=i / 25,
            state="ok",
            people=seen([] if i in gone else [100]),
            colours=RED if i < 20 else BLUE,
        )
        for i in range(40)
    ]

    assert sum(len(f) for f in linked(given, "offline")) == 30
