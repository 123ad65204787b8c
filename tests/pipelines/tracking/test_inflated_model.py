"""The embedded network, made to look at three frames at once, through the whole job."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.video.inputs import find_inputs
from posetube.datasets.video.writer import VideoWriter
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking import detect_stage
from posetube.pipelines.tracking.track_input import TrackTask, track_input

pytestmark = pytest.mark.slow
FRAMES = 10


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    config = SceneConfig(seconds=FRAMES / 25, people=2, camera="pan", size=(180, 320))
    with VideoWriter(tmp_path / "clip.mp4", size=config.size, rate=25) as writer:
        for frame in generate(config, seed=3).frames():
            writer.write(frame.image, frame.time)
    return tmp_path / "clip.mp4"


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    file = str(tmp_path / "three.safetensors")
    assert main(["models", "convert", "tiny", file, "--into", "tiny_clip"]) == 0
    return load_model(file, device="cpu")


def test_its_tubes_carry_ids_however_frames_are_batched_and_wherever_a_run_stopped(
    clip: Path, model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)
    [item] = find_inputs([str(clip)])
    config = TrackConfig(overlay=None)
    single, whole = RunDirectory(tmp_path / "single"), RunDirectory(tmp_path / "whole")
    track_input(TrackTask(item=item, run=single, config=config), model)
    task = TrackTask(item=item, run=whole, config=config)
    manifest = track_input(task, replace(model, batch=2))
    first = whole.tracks.read_bytes()

    (whole.detections / "part-00002.parquet").unlink()
    whole.write(msgspec.structs.replace(manifest, state="running", stages={}))
    track_input(task, replace(model, batch=2))

    assert whole.tracks.read_bytes() == first
    mine, theirs = read_tracks(single.path), read_tracks(whole.path)
    assert len(mine) > 0
    np.testing.assert_array_equal(mine.track_ids, theirs.track_ids)
    np.testing.assert_allclose(mine.boxes, theirs.boxes, atol=0.01)
    told = [f.continues for f in read_frames(whole.detections, joints=19)]
    assert all(rows is not None for rows in told)
    assert all((rows >= 0).any() for rows in told[1:] if rows is not None)
