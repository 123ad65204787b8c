"""The training job on a handful of small synthetic clips."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posetube.datasets.formats.format_table import find_format
from posetube.datasets.people import open_people
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.datasets.training.augment_config import VideoAugmentConfig
from posetube.datasets.training.clip_frames import ClipConfig
from posetube.datasets.training.clip_index import ClipIndex
from posetube.errors import FormatError, InputError
from posetube.models3d.checkpoints.loading import load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.training.loss_config import LossConfig, detect_and_track_losses
from posetube.models3d.training.optimization import OptimizationConfig, ScheduleConfig
from posetube.models3d.training.over_time import over_time
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from posetube.pipelines.training.batches import ClipBatches, TrainingBatch
from posetube.pipelines.training.clip_sources import ClipsConfig, PicturesConfig, open_clip_source
from posetube.pipelines.training.drawn_archive import DrawnArchiveConfig
from posetube.pipelines.training.toml_config import read_config
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.train_config import TrainConfig
from posetube.pipelines.training.training_metrics import METRICS
from posetube.skeletons import COCO17
from tests.models3d.small_networks import small_anchor_rcnn, small_tiny

SIZE = (64, 96)
KINDS = {"dense": small_tiny(), "anchors": small_anchor_rcnn()}
"""Networks to start from, by the name of their file."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips as PoseTrack18 has them, and random weights of single frames to start from."""
    folder = tmp_path_factory.mktemp("data")
    scene = SceneConfig(people=2, seconds=0.4, size=SIZE, noise=0.0)
    write_dataset(folder / "clips", (generate(scene, seed=s) for s in (0, 1)), layout="posetrack18")
    torch.manual_seed(0)
    for name, network in KINDS.items():
        save_weights(TubeRCNN(network), folder / f"{name}.safetensors")
    return folder


def clips(**changes: Any) -> ClipsConfig:
    augment = VideoAugmentConfig(size=SIZE, scale=(0.9, 1.1), occlusion_share=0.0)
    settings = {"dataset": "posetrack18", "root": Path("clips"), "batch": 1, "augment": augment}
    return ClipsConfig(**{**settings, **changes})


def config(*, steps: int, kind: str = "dense", **changes: Any) -> TrainConfig:
    return TrainConfig(
        start=f"{kind}.safetensors",
        clips=clips(),
        optimization=OptimizationConfig(
            steps=steps,
            learning_rate=1e-3,
            frozen=("body.",),
            schedule=ScheduleConfig(warmup=1),
            precision="float32",
        ),
        save_every=2,
        report_every=2,
        **changes,
    )


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_with_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_network(config(steps=4), tmp_path / "straight", root=data)
    real = ClipBatches.__call__

    def stop_at_three(self: ClipBatches, step: int) -> TrainingBatch:
        if step == 3:
            raise KeyboardInterrupt
        return real(self, step)

    monkeypatch.setattr(ClipBatches, "__call__", stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        train_network(config(steps=4), tmp_path / "stopped", root=data)
    monkeypatch.undo()
    train_network(config(steps=4), tmp_path / "stopped", root=data)

    straight, stopped = (load_file(tmp_path / run / RESULT) for run in ("straight", "stopped"))
    assert straight.keys() == stopped.keys()
    for name, value in straight.items():
        assert torch.equal(value, stopped[name]), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "losses"),
    [
        ("dense", {"objectness", "proposal_boxes", "keypoints"}),
        (
            "anchors",
            {"objectness", "proposal_boxes", "keypoints", "classes", "boxes", "presence"},
        ),
    ],
)
def test_a_few_steps_make_the_losses_smaller_and_a_model_for_clips(
    data: Path, tmp_path: Path, kind: str, losses: set[str]
) -> None:
    train_network(config(steps=12, kind=kind), tmp_path, root=data)

    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    reports = [line for line in lines if "objectness" in line]
    assert all(losses <= report.keys() for report in reports)
    counted = losses & {"objectness", "classes", "keypoints"}
    sums = [sum(report[name] for name in counted) for report in reports]
    assert np.mean(sums[-2:]) < 0.9 * np.mean(sums[:2])
    assert load_network(tmp_path / RESULT).config == over_time(KINDS[kind], length=3)


def test_batches_are_clips_with_their_truth_and_depend_on_seed_and_step_alone(data: Path) -> None:
    wide = clips(frames=ClipConfig(length=5, stride=2), batch=2)

    first, again, other = (
        ClipBatches(
            source=open_clip_source(wide, root=data),
            config=wide,
            skeleton=COCO17,
            seed=seed,
            places=range(2),
        )
        for seed in (1, 1, 2)
    )

    batch = first(3)
    assert batch.images.shape == (2, 5, *SIZE, 3)
    assert [people.boxes.shape[1] for people in batch.truth] == [5, 5]
    assert np.array_equal(batch.images, again(3).images)
    assert any(not np.array_equal(first(step).images, other(step).images) for step in range(3))
    second = replace(first, places=range(1, 2))  # what the second of two processes makes
    assert np.array_equal(second(3).images, batch.images[1:])


def test_a_data_set_need_not_be_named(data: Path) -> None:
    named, told = (open_clip_source(clips(dataset=name), root=data) for name in ("posetrack18", ""))

    assert isinstance(named, ClipIndex)
    assert isinstance(told, ClipIndex)
    assert len(told) == len(named) > 0


def test_masks_are_asked_of_what_is_trained_on(data: Path) -> None:
    with pytest.raises(InputError, match="no clip of 3 labelled frames with pictures and masks; "):
        open_clip_source(clips(), root=data, masks=True)


def test_files_that_lie_beside_their_pictures_are_trained_on(data: Path, tmp_path: Path) -> None:
    dataset = open_people(data / "clips")
    shutil.copytree(data / "clips" / "images", tmp_path / "images")
    for name in dataset.videos():
        tracks = dataset.read(name).tracks
        find_format("posetrack18").write(tmp_path / f"{Path(name).name}.json", tracks)

    source = open_clip_source(clips(root=Path(), dataset="", batch=1), root=tmp_path)

    assert source.draw(np.random.default_rng(0)).present.any()


def test_a_data_set_without_clips_is_refused(data: Path) -> None:
    with pytest.raises(
        InputError, match="no clip of 3 labelled frames with pictures in part 'test'; 'posetube"
    ):
        open_clip_source(clips(split="test"), root=data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "ClipsConfig.batch must be 1 or more, got 0"),
        ({"frames": ClipConfig(length=2)}, "ClipsConfig.frames.length must be odd, got 2"),
        (
            {"augment": VideoAugmentConfig(size=(100, 128))},
            r"ClipsConfig.augment.size must be multiples of 32, got \(100, 128\)",
        ),
    ],
)
def test_settings_name_the_field_and_the_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        clips(**changes)


def test_there_is_one_thing_to_train_on() -> None:
    pictures, run = PicturesConfig(archives={"a.tar": 1.0}), config(steps=1)

    with pytest.raises(
        InputError, match="needs one of pictures, clips and refiner, got pictures and clips"
    ):
        replace(run, pictures=pictures)
    with pytest.raises(InputError, match="needs one of pictures, clips and refiner, got none"):
        replace(run, clips=None)
    with pytest.raises(InputError, match="TrainConfig.drawn is mixed among pictures"):
        replace(run, drawn=DrawnArchiveConfig(onto={"a.tar": 1.0}))


def test_the_documented_settings_are_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "training.md"
    written = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    found = []
    for settings in written:
        (tmp_path / "run.toml").write_text(settings)
        found.append(read_config(tmp_path / "run.toml", TrainConfig))

    named, pictures, drawn, hard, clips, refiner, measured, published = found
    assert measured.held_out is not None
    assert refiner.refiner is not None
    assert (named.name, named.licence) == ("dancers", "CC BY-NC 4.0")
    assert pictures.pictures is not None
    assert len(pictures.pictures.archives) == 2
    assert drawn.drawn is not None
    assert hard.loss_config.hard_joints == 8
    assert clips.clips is not None
    assert clips.clips.frames.length == 3
    assert published.loss_config == detect_and_track_losses()
    for recipe in ("tiny.toml", "lstm.toml", "pool.toml"):
        assert read_config(page.with_name(recipe), TrainConfig).start == "tiny"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "strides = [1, 2]",
            r"unknown key 'strides' in \[clips.augment\]; it has become stride in \[clips.frames\]",
        ),
        (
            "colour = 0.3",
            r"unknown key 'colour' in \[clips.augment\]; it has become brightness, contrast,",
        ),
    ],
)
def test_keys_of_earlier_versions_name_their_successors(
    tmp_path: Path, key: str, message: str
) -> None:
    (tmp_path / "run.toml").write_text(
        "start = 'tiny'\n[optimization]\nsteps = 1\n"
        f"[clips]\ndataset = 'coco'\nroot = '.'\n[clips.augment]\n{key}\n"
    )

    with pytest.raises(FormatError, match=message):
        read_config(tmp_path / "run.toml", TrainConfig)


def test_the_published_losses_are_chosen_by_name(data: Path, tmp_path: Path) -> None:
    settings = "start = 'tiny'\n[clips]\ndataset = 'coco'\nroot = '.'\n[optimization]\nsteps = 1\n"
    (tmp_path / "run.toml").write_text("losses = 'detect-and-track'\n" + settings)
    (tmp_path / "slip.toml").write_text("losses = 'detect-and-trac'\n" + settings)
    (tmp_path / "table.toml").write_text(settings + "[losses]\nkeypoints = 2\n")

    published = read_config(tmp_path / "run.toml", TrainConfig)
    table = read_config(tmp_path / "table.toml", TrainConfig)

    assert published.loss_config == detect_and_track_losses()
    assert table.loss_config == LossConfig(keypoints=2)
    with pytest.raises(
        FormatError,
        match="losses in the file must be one of detect-and-track, got 'detect-and-trac'",
    ):
        read_config(tmp_path / "slip.toml", TrainConfig)


@pytest.mark.slow
def test_the_published_losses_train_published_networks(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    ours = small_anchor_rcnn()
    head = replace(ours.box_head, convention="inclusive")
    proposals = replace(ours.proposals, convention="inclusive")
    save_weights(
        TubeRCNN(replace(ours, box_head=head, proposals=proposals)), tmp_path / "i.safetensors"
    )
    run = replace(config(steps=2), start=str(tmp_path / "i.safetensors"))

    train_network(run, tmp_path / "ours", root=data)
    train_network(replace(run, losses="detect-and-track"), tmp_path / "published", root=data)

    ours_said, published = (
        json.loads((tmp_path / name / METRICS).read_text().splitlines()[0])
        for name in ("ours", "published")
    )
    assert all(np.isfinite(value) for value in published.values())
    assert published["keypoints"] != ours_said["keypoints"]


def test_the_published_losses_refuse_other_networks(data: Path, tmp_path: Path) -> None:
    run = replace(config(steps=1), losses="detect-and-track")

    with pytest.raises(InputError, match=r"losses: 'detect-and-track' needs a network of the publ"):
        train_network(run, tmp_path, root=data)


@pytest.mark.slow
def test_the_command_reads_a_table_of_clips(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text(
        "start = 'dense.safetensors'\n"
        "[clips]\ndataset = 'posetrack18'\nroot = 'clips'\nbatch = 1\n"
        "frames = {length = 3, stride = 2}\naugment = {size = [64, 96]}\n"
        "[optimization]\nsteps = 1\nprecision = 'float32'\n"
    )

    assert (
        main(["train", str(settings), "--data", str(data), "--out", str(tmp_path), "--device=cpu"])
        == 0
    )
    assert load_network(tmp_path / RESULT).clip_length == 3
    assert capsys.readouterr().out.strip() == str(tmp_path / RESULT)


def test_videos_whose_labels_are_broken_are_named_and_left_out(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "clips", tmp_path / "clips")
    first, second = sorted((tmp_path / "clips" / "annotations").rglob("*.json"))
    first.write_text("{")
    told: list[str] = []

    source = open_clip_source(clips(), root=tmp_path, warn=told.append)

    assert source.draw(np.random.default_rng(0)).size == SIZE
    assert len(told) == 1
    assert first.name in told[0]
    assert told[0].endswith("; its video is left out")
    second.write_text("{")
    with pytest.raises(FormatError, match=second.stem):
        open_clip_source(clips(), root=tmp_path)
