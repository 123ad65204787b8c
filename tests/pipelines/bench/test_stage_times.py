from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.datasets.video import open_video
from posetube.datasets.video.config import VideoConfig
from posetube.pipelines.bench import stage_times as module
from posetube.pipelines.bench.network_rate import network_rate
from posetube.pipelines.bench.stage_times import decoded, stage_times
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.settings import DetectConfig, TrackConfig

AROUND = ["measures for linking", "linking", "storing", "drawing", "encoding"]


def test_no_more_pictures_are_kept_than_fit(
    make_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3 * 96 * 160 * 3)
    with open_video(make_clip(frames=5), config=VideoConfig(ahead=0)) as video:
        frames, seconds = decoded(video, 4)

    assert [frame.index for frame in frames] == [0, 1, 2]
    assert seconds > 0


def test_a_network_without_graphs_is_one_stage(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    with open_video(make_clip(frames=4)) as video:
        frames = list(video)

    times = stage_times(frames, make_model(), config=TrackConfig(), folder=tmp_path, rate=25.0)

    assert [*times.seconds] == ["network", *AROUND]
    assert min(times.seconds.values()) > 0
    assert times.crops == 0
    assert network_rate(frames, make_model(), workers=2, config=DetectConfig()) > 0


def test_graphs_are_told_from_what_surrounds_them(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    with open_video(make_clip(frames=3)) as video:
        frames = list(video)
    model = load_model("tiny", runtime="onnx")

    times = stage_times(frames, model, config=TrackConfig(), folder=tmp_path, rate=25.0)

    assert [*times.seconds] == [
        "preparation",
        "detector",
        "crops",
        "decoding of joints",
        *AROUND,
    ]
    assert times.seconds["detector"] > times.seconds["preparation"] > 0
    assert network_rate(frames, model, workers=2, config=DetectConfig()) > 0
