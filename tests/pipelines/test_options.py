"""How the settings' tree becomes options, and how errors about it read."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App, ArgumentCollection

from posetube.datasets.video import VideoConfig
from posetube.errors import InputError
from posetube.pipelines import settings
from posetube.pipelines.cli import build_app, main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.options import CommandOptions
from posetube.pipelines.settings import DetectConfig, TrackConfig, detection_settings, link_settings
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import track_command
from posetube.tracker.config import LinkConfig
from posetube.tracker.filters.kalman import KalmanConfig
from posetube.tracker.refiners.refine_config import RefineConfig


@pytest.fixture
def tracked(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., TrackConfig]:
    """Tracks a short clip with options, and gives the settings that the manifest holds."""
    monkeypatch.setattr(
        track_command,
        "as_loaded",
        lambda name, *, detect, **_: replace(
            make_model(), quality=detect.quality, flip=detect.flip
        ),
    )
    clip = str(make_clip(frames=8))

    def track(*words: str) -> TrackConfig:
        run = tmp_path / "run"
        assert main(["track", clip, "-o", str(run), "--on-existing", "overwrite", *words]) == 0
        return RunDirectory(run).read().settings

    return track


def test_options_are_the_tree_of_settings(tracked: Callable[..., TrackConfig]) -> None:
    # the model says what runs it, and that nobody has measured what its scores mean
    assert tracked() == TrackConfig(
        detect=DetectConfig(runtime="torch"),
        refine=RefineConfig(kalman=KalmanConfig(by_score=False)),
    )
    assert tracked("--no-overlay").overlay is None

    found = tracked(
        *("--start", "0.04s", "--end", "00:00:00.3", "--every", "2", "--no-camera-motion"),
        *("--no-appearance", "--link.max-gap", "500ms", "--link.pose-weight", "0.5"),
        *("--preset", "offline", "--link.offline.fill-gap", "1s", "--overlay.trail", "2s"),
        *("--max-pixels", "1000000", "--min-joint", "0.4", "--quality", "fast", "--flip"),
    )

    assert (found.video.start, found.video.end, found.video.every) == (0.04, 0.3, 2)
    assert found.video.max_pixels == 1_000_000
    assert (found.detect.camera_motion, found.detect.appearance) == (False, False)
    assert (found.detect.quality, found.detect.flip) == ("fast", True)
    assert (found.link.preset, found.link.max_gap, found.link.pose_weight) == ("offline", 0.5, 0.5)
    assert found.link.offline.fill_gap == 1.0
    assert found.overlay is not None
    assert found.overlay.trail == 2.0
    assert found.min_joint == 0.4


def test_the_preset_of_the_command_line_is_that_of_the_tracks(
    tracked: Callable[..., TrackConfig],
) -> None:
    assert tracked("--link.preset", "paper", "--link.paper.min-score", "0.5").link == replace(
        LinkConfig(), preset="paper", paper=replace(LinkConfig().paper, min_score=0.5)
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--link.pose-weight", "500ms"], "--link.pose-weight"),
        (["--link.max-cost", "1min"], "--link.max-cost"),
        (["--link.max-cost", "3"], "--link.max-cost must be in [0, 1], got 3"),
        (["--link.offline.max-gap", "0"], "--link.offline.max-gap must be above 0, got 0"),
        (["--link.paper.min-score", "2"], "--link.paper.min-score must be in [0, 1], got 2"),
        (["--start", "5s", "--end", "3s"], "--end must be after --start (5.0 s), got 3.0 s"),
        (
            ["--link.confirm-frames", "1"],
            "--link.confirm-frames must be at least --link.confirm-hits (3), got 1",
        ),
        (["--every", "1.5"], "--every: expected a whole number, got 1.5"),
        (["--link.confirm-hits", "2.9"], "--link.confirm-hits: expected a whole number, got 2.9"),
        (["--preset", "offline", "--link.preset", "paper"], "--link.preset is paper; give one"),
        (["--preset", "best"], "--preset"),
        (["--link.paper.min-score", "0.5"], "--link.paper.*: only --preset paper reads"),
        (["--preset", "paper", "--link.offline.fill-gap", "1s"], "only --preset offline reads"),
    ],
)
def test_errors_name_the_option_as_typed(
    make_clip: Callable[..., Path],
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["track", str(make_clip(frames=2)), *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("posetube track: ")
    assert said.count("\n") == 1
    assert message in said
    assert "Config" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["link", "x", "--link.max-cost", "3"], "--link.max-cost must be in [0, 1], got 3"),
        (["evaluate", "x", "y", "--workers", "0.5"], "--workers"),
        (["data", "synthesize", "x", "--people", "99"], "--people must be"),
        (["data", "synthesize", "x", "--rate", "5s"], "--rate"),
    ],
)
def test_every_command_names_its_options(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "lists"),
    [(["link", "x", "--frame-rate", "10"], 2), (["track", "x", "-o", "y", "--every", "2"], 1)],
)
def test_options_are_listed_again_for_lines_with_a_number_that_may_be_a_time(
    words: list[str], lists: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[App] = []
    listing = App.assemble_argument_collection

    def count(app: App, **settings: Any) -> ArgumentCollection:
        listed.append(app)
        return listing(app, **settings)

    monkeypatch.setattr(App, "assemble_argument_collection", count)
    options = CommandOptions()
    app = build_app(words, options=options)
    assert options.look_up(app, words) == f"posetube {words[0]}"

    app.parse_args(words, exit_on_error=False, print_error=False)

    assert len(listed) == lists


def test_from_python_errors_name_the_field() -> None:
    with pytest.raises(InputError, match=r"LinkConfig.max_cost must be in \[0, 1\], got 3"):
        LinkConfig(max_cost=3)


def test_a_run_is_compared_by_what_changes_its_result() -> None:
    config = TrackConfig()

    assert VideoConfig(ahead=0, timeout=1, max_pixels=9) == config.video
    assert VideoConfig(every=2) != config.video
    assert replace(config, overlay=None) == config
    assert set(detection_settings(config)) == {
        *("start", "end", "every", "as_one", "quality", "flip", "runtime", "precision"),
        *("detector_every", "camera_motion", "appearance", "masks", "judge_boxes"),
    }


@pytest.mark.parametrize(
    ("preset", "branches"),
    [("online", {"cuts"}), ("offline", {"cuts", "offline"}), ("paper", {"cuts", "paper"})],
)
def test_a_preset_is_compared_by_the_settings_that_it_reads(
    preset: Any, branches: set[str]
) -> None:
    names = link_settings(LinkConfig(preset=preset))

    assert names["link.preset"] == preset
    assert {name.split(".")[1] for name in names if name.count(".") == 2} == branches
    assert ("link.max_gap" in names) == (preset != "paper")


def test_every_setting_stands_in_one_place() -> None:
    branches = (VideoConfig, settings.DetectConfig, settings.OverlayConfig, TrackConfig)
    names = [field.name for kind in branches for field in fields(kind)]

    assert len(names) == len(set(names))
