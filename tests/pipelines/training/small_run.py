"""A small training run on drawn pictures, for the tests of training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from posetube.datasets.synthetic import PictureConfig
from posetube.datasets.training.drawn_pictures import DrawnConfig
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.datasets.training.picture_archive import write_archive
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.training.optimization import OptimizationConfig, ScheduleConfig
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.training.clip_sources import PicturesConfig
from posetube.pipelines.training.drawn_archive import DrawnArchiveConfig
from posetube.pipelines.training.train_config import TrainConfig
from posetube.skeletons import COCO17
from tests.models3d.small_networks import small_tiny

SIZE = (96, 128)
FROZEN = "body.stages.0."


def make_data(folder: Path) -> Path:
    """A photograph archive without people, and random weights to start from."""
    empty = LabelledClip(
        images=np.random.default_rng(0).integers(0, 255, (1, *SIZE, 3)).astype(np.uint8),
        times=np.zeros(1),
        skeleton=COCO17,
        boxes=np.zeros((0, 1, 4), np.float32),
        keypoints=np.zeros((0, 1, 17, 2), np.float32),
        joint_states=np.zeros((0, 1, 17), np.uint8),
        ignore=np.zeros((0, 1, 4), np.float32),
    )
    write_archive(folder / "photos.tar", [("0.webp", empty), ("1.webp", empty)])
    torch.manual_seed(0)
    save_weights(TubeRCNN(small_tiny()), folder / "start.safetensors")
    return folder


def config(*, steps: int = 4, **changes: Any) -> TrainConfig:
    scene = PictureConfig(size=SIZE, people=(1, 2), person_height=(0.5, 0.9))
    return TrainConfig(
        start="start.safetensors",
        pictures=PicturesConfig(archives={"photos.tar": 0.1}, sizes=(SIZE,), batch=2),
        drawn=DrawnArchiveConfig(
            count=6, onto={"photos.tar": 1.0}, people=DrawnConfig(scene=scene, pasted_share=0.3)
        ),
        optimization=OptimizationConfig(
            steps=steps,
            learning_rate=1e-3,
            frozen=(FROZEN,),
            schedule=ScheduleConfig(warmup=1),
            precision="float32",
        ),
        save_every=2,
        report_every=2,
        **changes,
    )


def joint_config(*, steps: int) -> TrainConfig:
    """The embedded model further, with four clips a step, which two processes can share."""
    given = config(steps=steps)
    assert given.pictures is not None
    return replace(
        given,
        start="tiny",
        pictures=replace(given.pictures, batch=4, sizes=((64, 96),)),
        optimization=OptimizationConfig(
            steps=steps, learning_rate=5e-5, frozen=("body.",), precision="float32"
        ),
        save_every=5,
        report_every=5,
    )
