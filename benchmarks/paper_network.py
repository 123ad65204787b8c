"""The paper's own network learns drawn people: ResNet-18, C4, clips of three frames, all stages.

Nothing of it was trained before, so its numbers will be small beside the published ones. They are
to tell whether the network learns what it is shown, and whether its time kernels add to that.

- ``overfit``: three drawn clips, trained on and tracked.
- ``flat``: the network of single frames on drawn clips, from which the twins begin.
- ``T=1``, ``T=3``: twins that go on from there, with the same steps and seeds. Time kernels begin
  as in the paper, with the single frame's in the middle. A step sees as many frames either way.

A call that was stopped goes on where it was; the stages can share the cores (``--only``). On one
core of a processor with AMX all of it takes about two and a half hours.

    python -m benchmarks.paper_network FOLDER --record
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import posetube
from benchmarks.recording import RESULTS, write_record
from posetube.datasets.synthetic import SceneConfig, SyntheticClip, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.datasets.training.augment_config import VideoAugmentConfig
from posetube.datasets.training.clip_frames import ClipConfig
from posetube.models3d import ModelInfo, TubeRCNN, load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.configs.networks import AnchorRCNNConfig
from posetube.models3d.inflate import inflate
from posetube.models3d.network_input import prepare
from posetube.models3d.presets import detect_and_track_r18
from posetube.models3d.resnet import Affine
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.optimization import OptimizationConfig, ScheduleConfig
from posetube.models3d.training.sampling import SampleConfig
from posetube.pipelines.progress import Event
from posetube.pipelines.training.clip_sources import ClipsConfig
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.train_config import TrainConfig
from posetube.pipelines.watch import Watch
from posetube.structures import ByteArray

SIZE = (128, 192)
"""Height and width of the drawn pictures, pixels."""

SCENES = SceneConfig(size=SIZE, people=3, seconds=1.6, person_height=(0.5, 0.85), motion_blur=0.5)

THREE = replace(SCENES, people=2, seconds=0.8, motion_blur=0.0)
"""Those that are learned by heart."""

WHOLE = 0.9
"""In these everybody is seen to this share at least, in all frames: what nobody can see is not to
be learned, and joints outside the picture, which the network places as well, count as wrong."""

FIRST_SEED = {"three": 1, "train": 20_001, "unseen": 30_001}
"""Of each set of clips; those to learn by heart are the first in which everybody is whole."""

CLIPS = {"three": 3, "train": 60, "unseen": 6}

LOSSES = LossConfig(
    proposal_boxes=1.0,
    boxes=1.0,
    roi_sample=SampleConfig(size=16, positive_share=0.25),
    keypoint_rois=4,
)
"""The published weights, on fewer proposals of a clip: of small pictures, few are worth it."""

UNVARIED = VideoAugmentConfig(
    size=SIZE,
    flip_share=0.0,
    scale=(1.0, 1.0),
    rotate_share=0.0,
    reverse_share=0.0,
    occlusion_share=0.0,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    channel_gain=0.0,
    grey_share=0.0,
    blur_share=0.0,
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training."""

    start: str
    """Name of the stage whose weights it begins with; empty: random ones."""

    clips: str
    """Name of the clips."""

    length: int
    """T."""

    steps: int
    frames: int = 6
    """Frames of a step, in all clips together."""

    rate: float = 1e-3
    """Largest learning rate."""

    seed: int = 0


STAGES = {
    "overfit": Stage(start="", clips="three", length=3, steps=1200),
    "flat": Stage(start="", clips="train", length=1, steps=2000),
    **{
        f"T={length}, seed {seed}": Stage(
            start="flat", clips="train", length=length, steps=400, rate=3e-4, seed=seed
        )
        for seed in (1, 2)
        for length in (1, 3)
    },
}
"""The trainings, in order."""


def network_config(length: int) -> AnchorRCNNConfig:
    """The preset at small pictures, with all stages trained; with T = 1 it has no time kernels.

    Its keypoint head has 4 convolutions of 256 channels, not 8 of 512, which would take nine tenths
    of the time.
    """
    published = detect_and_track_r18()
    config = replace(
        published,
        preprocess=replace(published.preprocess, short_side=min(SIZE), long_side=max(SIZE)),
        body=replace(published.body, frozen_stages=0),
        proposals=replace(published.proposals, before_nms=300, after_nms=100),
        keypoint_head=replace(published.keypoint_head, channels=256, depth=4),
    )
    if length > 1:
        return config
    return replace(
        config,
        clip_length=1,
        body=replace(config.body, times=(1, 1, 1, 1, 1)),
        proposals=replace(config.proposals, time=1),
        keypoint_head=replace(config.keypoint_head, time=1),
    )


def begin(stage: Stage, folder: Path) -> Path:
    """Write the weights that a stage begins with."""
    path = folder / "start.safetensors"
    if path.exists():
        return path
    torch.manual_seed(stage.seed)
    network = TubeRCNN(network_config(stage.length))
    parents: tuple[str, ...] = ()
    if not stage.start:
        normalise(network, some_frames())
    else:
        before = load_network(str(result_of(folder.parent, stage.start)))
        weights = inflate(before.state_dict(), network.state_dict(), mode="center")
        network.load_state_dict(weights)
        parents = before.info.as_parent()
    info = ModelInfo(
        name=folder.name, licence="Apache-2.0", source="drawn people", parents=parents, data=()
    )
    save_weights(network, path, info=info)
    return path


def some_frames() -> ByteArray:
    """(12, H, W, 3) frames of drawn clips."""
    clips = [generate(SCENES, seed=FIRST_SEED["train"] + place) for place in range(4)]
    return np.stack([frame.image for clip in clips for frame in islice(clip.frames(), 3)])


@torch.no_grad()
def normalise(network: TubeRCNN, images: ByteArray) -> None:
    """Set the fixed scales and shifts of a new network as batch normalisation would at its start.

    The published program has them from ImageNet. Without them, pixels of up to 255 grow from layer
    to layer, and the first steps kill most of the rectifiers.
    """

    def fit(norm: Affine, inputs: tuple[Tensor]) -> None:
        deviation, mean = torch.std_mean(inputs[0], dim=(0, 2, 3))
        norm.scale.mul_(1 / deviation)
        norm.shift.copy_(-mean * norm.scale)

    hooks = [
        module.register_forward_pre_hook(fit)
        for module in network.modules()
        if isinstance(module, Affine)
    ]
    pixels, _ = prepare(images, network.config.preprocess)
    features = network.clip_part(network.frame_part(pixels), network.clip_length, None)
    height, width = SIZE
    whole = torch.tensor([width / 4, height / 8, width / 2, height / 1.1])
    tubes = whole.expand(1, network.clip_length, 4)
    count = len(images) // network.clip_length
    assert network.box_head is not None
    network.box_head(network.box_head.pool(features, [tubes] * count), network.clip_length)
    for hook in hooks:
        hook.remove()


def result_of(root: Path, name: str) -> Path:
    """Where a stage's averaged weights lie."""
    return root / name.replace("=", "").replace(", ", "-").replace(" ", "-") / "run" / RESULT


def train(name: str, root: Path) -> None:
    """Train a stage, or go on with it."""
    stage, folder = STAGES[name], result_of(root, name).parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    augment = UNVARIED
    if stage.clips != "three":
        augment = replace(UNVARIED, flip_share=0.5, scale=(0.8, 1.25), brightness=0.1, contrast=0.2)
    config = TrainConfig(
        start=str(begin(stage, folder).resolve()),
        clips=ClipsConfig(
            root=(root / stage.clips).resolve(),
            split="train",
            batch=stage.frames // stage.length,
            frames=ClipConfig(length=stage.length),
            augment=augment,
        ),
        optimization=OptimizationConfig(
            steps=stage.steps,
            learning_rate=stage.rate,
            weight_decay=1e-4,
            average=0.99,
            schedule=ScheduleConfig(warmup=50),
        ),
        losses=LOSSES,
        report_every=20,
        save_every=100,
        keep=0,
        seed=stage.seed,
    )
    start = time.perf_counter()

    def tell(event: Event) -> None:
        if event.event == "progress" and event.done and event.done % 20 == 0:
            spent = time.perf_counter() - start
            print(f"{name}: {event.done} of {event.total}, {spent:.0f} s", file=sys.stderr)

    train_network(config, folder / "run", watch=Watch(listener=tell))


def draw(name: str, root: Path) -> Path:
    """Draw a set of clips, unless it is there."""
    folder, config = root / name, THREE if name == "three" else SCENES
    if not folder.exists():
        drawn = (generate(config, seed=seed) for seed in count(FIRST_SEED[name]))
        clips = list(islice(filter(whole, drawn) if name == "three" else drawn, CLIPS[name]))
        scratch = root / f"{name}.part"
        write_dataset(scratch, clips, layout="posetrack18", split="train")
        scratch.rename(folder)
    return folder


def whole(clip: SyntheticClip) -> bool:
    """Whether everybody is there and seen in every frame."""
    shares = (frame.people.visibility for frame in clip.frames())
    return all(len(seen) == clip.config.people and min(seen) >= WHOLE for seen in shares)


def score(name: str, clips: str, root: Path) -> dict[str, float]:
    """Track a set of clips with a stage's weights, and compare with the truth."""
    runs = result_of(root, name).parent / f"tracks-{clips}"
    model = posetube.load_model(str(result_of(root, name)))
    pictures = sorted((root / clips / "images" / "train").iterdir())
    for sequence in pictures:
        posetube.track(sequence, out=runs / sequence.name, model=model)
    found: dict[str, float] = {}
    for protocol in ("clean", "poseval"):
        report = posetube.evaluate(runs, root / clips, protocol=protocol, split="train")
        for key in ("ap", "mota", "idf1", "switches"):
            if key in report.metrics and (total := report.total(key)) is not None:
                found[f"{protocol}_{key}"] = round(float(total), 2)
    return found


def means(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each number."""
    return {key: round(statistics.mean(each[key] for each in scores), 2) for key in scores[0]}


def main() -> None:
    """Draw, train, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="for clips, weights, tracks; kept between calls")
    parser.add_argument("--only", nargs="+", choices=list(STAGES), help="some of the stages")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="write results/paper_network.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in CLIPS:
        draw(name, options.folder)
    table: dict[str, Any] = {}
    for name, stage in STAGES.items():
        if options.only and name not in options.only:
            continue
        kept = result_of(options.folder, name).parent.parent / "scores.json"
        if not kept.exists():
            train(name, options.folder)
            scores = score(name, "three" if stage.clips == "three" else "unseen", options.folder)
            kept.write_text(json.dumps(scores), encoding="utf-8")
        table[name] = json.loads(kept.read_text(encoding="utf-8"))
        print(name, table[name], flush=True)
    for length in (1, 3):
        mine = [row for name, row in table.items() if name.startswith(f"T={length},")]
        if mine:
            table[f"T={length}"] = means(mine)
            print(f"T={length}", table[f"T={length}"])
    if options.record:
        write_record(RESULTS / "paper_network.json", {"clips": CLIPS, "networks": table})


if __name__ == "__main__":
    main()
