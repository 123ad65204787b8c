"""Every odd file there is: tracked, or refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.datasets.video.inputs import Input
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking.batch import InputOutcome, track_inputs
from posetube.pipelines.tracking.track_input import TrackTask
from posetube.pipelines.watch import Watch

REFUSED = {
    *("audio_only.m4a", "random_named.mkv", "text_named.mp4", "truncated_mdat_or_no_moov.mp4"),
    *("zero_bytes.mp4", "zero_length.webm"),
}
DAMAGED = {"corrupted.mp4", "corrupt_bytes.mp4", "truncated_half.mkv", "frames_gap"}


@pytest.mark.slow
def test_odd_files_are_tracked_or_refused_in_a_line(
    samples: Path, tmp_path: Path, make_model: Callable[..., LoadedModel], nobody_finder: type
) -> None:
    folder = samples / "robustness"
    files = [*folder.iterdir(), *(folder / "generated").iterdir()]
    items = [
        Input(name=path.name, source=str(path), kind="frames" if path.is_dir() else "video")
        for path in sorted(files)
        if path.name != "generated"
    ]

    outcomes: list[InputOutcome] = list(
        track_inputs(
            [
                TrackTask(item=item, run=RunDirectory(tmp_path / item.name), config=TrackConfig())
                for item in items
            ],
            make_model(finder=nobody_finder),
            watch=Watch(),
        )
    )

    codes = {item.name: each.exit_code for item, each in zip(items, outcomes, strict=True)}
    assert {name for name, code in codes.items() if code == 5} == REFUSED
    assert {name for name, code in codes.items() if code == 3} >= DAMAGED
    assert set(codes.values()) == {0, 3, 5}
    for item, outcome in zip(items, outcomes, strict=True):
        assert "\n" not in outcome.line
        run = RunDirectory(tmp_path / item.name)
        assert any(run.path.glob("overlay.*")) == (outcome.exit_code != 5)  # a PNG of one frame
