"""A video that is cut: its parts, ids and counts are those of a run that nobody cut."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from posetube.datasets.video import VideoConfig
from posetube.datasets.video.inputs import Input, find_inputs
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.settings import DetectConfig, TrackConfig
from posetube.pipelines.storage.manifest import Manifest
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import detect_stage, stretches
from posetube.pipelines.tracking.clip_window import frames_before
from posetube.pipelines.tracking.detect_stage import Gap
from posetube.pipelines.tracking.stretches import StretchDone, fill_stretch, stretches_of
from posetube.pipelines.tracking.track_input import TrackTask, opened_run, track_input
from posetube.pipelines.watch import Watch

ClipMaker = Callable[..., Path]
ModelMaker = Callable[..., LoadedModel]
PLAIN = TrackConfig(overlay=None)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)
    monkeypatch.setattr(stretches, "STRETCH_PARTS", 2)


def cut(
    item: Input, run: RunDirectory, model: LoadedModel, config: TrackConfig, *, most: int = 9
) -> list[Gap]:
    task = TrackTask(item=item, run=run, config=config)
    with opened_run(task, model, boxes=None, watch=None) as opened:
        return stretches_of(opened, most=most)


def fill(
    item: Input, run: RunDirectory, stretch: Gap, model: LoadedModel, config: TrackConfig
) -> StretchDone:
    task = TrackTask(item=item, run=run, config=config)
    return fill_stretch(task, stretch, model, boxes=None, name="clip 1/2", watch=Watch())


def finished(
    item: Input, run: RunDirectory, model: LoadedModel, config: TrackConfig
) -> tuple[Manifest, Mapping[str, bytes]]:
    manifest = track_input(TrackTask(item=item, run=run, config=config), model)
    files = [*run.detections.iterdir(), run.tracks, run.posetrack]
    return manifest, {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "clip_length", "batch"),
    [
        (PLAIN, 1, 1),
        (PLAIN, 5, 2),
        (replace(PLAIN, video=VideoConfig(every=2)), 3, 1),
        (replace(PLAIN, video=VideoConfig(start=0.3, end=1.5)), 3, 1),
        (replace(PLAIN, video=VideoConfig(start=0.22, every=2)), 1, 2),
        (replace(PLAIN, detect=DetectConfig(appearance=False)), 3, 1),
    ],
    ids=["plain", "clips", "every", "part", "part-every", "no-appearance"],
)
def test_stretches_in_any_order_give_the_parts_of_one_go(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    tmp_path: Path,
    config: TrackConfig,
    clip_length: int,
    batch: int,
) -> None:
    item = find_inputs([str(make_clip(frames=50, pan=2))])[0]
    model = make_model(clip_length=clip_length, batch=batch)
    whole = finished(item, RunDirectory(tmp_path / "whole"), model, config)
    run = RunDirectory(tmp_path / "cut")

    found = cut(item, run, model, config)

    assert len(found) > 1
    assert run.read().state == "partial"
    for stretch in reversed(found):
        assert fill(item, run, stretch, model, config).seconds > 0
    looked_at = len(model.network.encoded)  # type: ignore[attr-defined]
    manifest, files = finished(item, run, model, config)
    assert files == whole[1]
    assert (manifest.frames, manifest.tracks) == (whole[0].frames, whole[0].tracks)
    # only to find the end of the video are frames looked at again
    again = sum(model.network.encoded[looked_at:])  # type: ignore[attr-defined]
    assert again <= 2 * detect_stage.PART_FRAMES + frames_before(model.network, config.detect)


@pytest.mark.slow
def test_a_stretch_goes_on_from_its_parts_and_a_run_is_cut_where_some_are_missing(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    item, model = find_inputs([str(make_clip(frames=50, pan=2))])[0], make_model(clip_length=3)
    _, whole = finished(item, RunDirectory(tmp_path / "whole"), model, PLAIN)
    run = RunDirectory(tmp_path / "cut")
    first, *_, last = cut(item, run, model, PLAIN)
    for stretch in (first, last):
        fill(item, run, stretch, model, PLAIN)
    kept = run.detections / "part-00000.parquet"
    (run.detections / "part-00001.parquet").unlink()
    before = kept.stat().st_mtime_ns
    fill(item, run, first, model, PLAIN)
    assert kept.stat().st_mtime_ns == before

    rest = cut(item, run, model, PLAIN)

    assert [stretch.number for stretch in rest] == [2, 4, 6, 8, 13]
    assert finished(item, run, model, PLAIN)[1] == whole
    assert cut(item, run, model, PLAIN) == []


@pytest.mark.slow
def test_damage_at_a_border_changes_nothing(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=60, pan=2)
    content = bytearray(clip.read_bytes())
    middle = content.find(b"mdat") + (len(content) - content.find(b"mdat")) // 3
    content[middle : middle + 60] = bytes(60)
    clip.write_bytes(content)
    item, model = find_inputs([str(clip)])[0], make_model(clip_length=3)
    whole, files = finished(item, RunDirectory(tmp_path / "whole"), model, PLAIN)
    assert whole.frames.corrupt
    run = RunDirectory(tmp_path / "cut")

    warnings = [
        line
        for stretch in cut(item, run, model, PLAIN)
        for line in fill(item, run, stretch, model, PLAIN).warnings
    ]

    manifest, cut_files = finished(item, run, model, PLAIN)
    assert cut_files == files
    assert manifest.frames == whole.frames
    assert warnings


def test_short_videos_and_a_single_process_cut_nothing(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    short, long = make_clip("short.mp4", frames=15), make_clip("long.mp4", frames=40)
    for name, clip, most in (("a", short, 9), ("b", long, 0), ("c", long, 1)):
        item = find_inputs([str(clip)])[0]
        assert cut(item, RunDirectory(tmp_path / name), make_model(), PLAIN, most=most) == []


def test_a_stretch_of_a_run_that_became_another_is_left_alone(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    item, run = find_inputs([str(make_clip(frames=50))])[0], RunDirectory(tmp_path / "run")
    first, *_ = cut(item, run, make_model(), PLAIN)

    assert fill(item, run, first, make_model(sha256="1" * 64), PLAIN) == StretchDone()
    assert not any(run.detections.glob("part-*"))


def test_time_that_others_spent_counts(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    item, run = find_inputs([str(make_clip(frames=5))])[0], RunDirectory(tmp_path / "run")
    task = TrackTask(item=item, run=run, config=PLAIN)
    with opened_run(task, make_model(), boxes=None, watch=None) as opened:
        manifest = opened.finish(notes=["frame 3 is damaged"], spent=100.0)

    assert manifest.stages["detect"].seconds > 100
    assert "frame 3 is damaged" in manifest.warnings
