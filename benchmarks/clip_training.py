"""Trains the embedded model over clips, and its twin of single frames, on features that are kept.

Body, neck and most of the crop network stay as they are (:mod:`benchmarks.clip_features`), so a
step costs a quarter of a second on one processor core. Trained are the dense proposals and the
last convolutions over a crop; those of a network over clips have time kernels there. Or a box head
over the dense proposals, which the embedded model does without. All runs of a seed see the same
clips in the same order: a twin sees the frames of each clip one by one.

- ``T=1``, ``T=3``: everything named above is trained; kernels begin as the single frame's in the
  middle and zeros around it (``T=3, mean``: a third of it in each frame).
- ``still kept``: only the time kernels, and of those only what leaves the result for a still clip
  as it is: what the kernel gains in the frames beside, it loses in the middle. So photographs lose
  nothing, and the twin is the embedded model itself.
- ``box head``: only a new one, over the embedded model's proposals. Over clips it also says in
  which frames somebody is present; the crops have time kernels that change nothing.

Rates were chosen by the loss on validation stretches, with another seed: of 1e-3, 3e-3 and 1e-2 for
the crops (3.22, 3.19, 3.18; untrained 3.30), of 1e-3, 1e-2 and 3e-2 for the proposals (0.76, 0.75,
0.75; untrained 0.77).

    python -m benchmarks.clip_training FOLDER --training ../shared/training
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.clip_features import FRAMES, Stretch, keep_features, read_stretch
from posetube.models3d import ModelInfo, TubeRCNN, load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.configs.networks import TubeRCNNConfig
from posetube.models3d.configs.people_heads import BoxHeadConfig, CropKeypointHeadConfig, PoolConfig
from posetube.models3d.features import ClipFeatures
from posetube.models3d.inflate import Inflation, inflate
from posetube.models3d.training.cell_losses import cell_losses
from posetube.models3d.training.crop_losses import gaussian_maps
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.optimization import (
    OptimizationConfig,
    apply_gradients,
    freeze,
    optimizer_for,
    update_average,
)
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth
from posetube.models3d.training.tube_losses import level_losses

BATCH = ("drawn", "drawn", "jhmdb", "still")
"""What the clips of a step are."""

LOSSES = LossConfig()
BOX_HEAD = BoxHeadConfig(pool=PoolConfig(size=7, levels=3, aligned=True), hidden=256)
JUDGED = ("classes", "boxes", "presence")
"""Losses of the box head."""

KEYPOINTS = "keypoint_head.network."
FROZEN = (
    "body.",
    "neck.",
    *(KEYPOINTS + part for part in ("stem.", "enter.", "stages.", "merge.")),
    *(KEYPOINTS + f"added.{part}." for part in ("coarse", "fine", "mix")),
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is trained."""

    length: int
    """T, and the length of the time kernels."""

    inflation: Inflation = "center"
    """What they begin with."""

    proposals: bool = True
    """Whether the proposals have time kernels, and are trained."""

    still_kept: bool = False
    """Whether only what changes nothing in a still clip is trained."""

    box_head: bool = False
    """Whether a new box head is trained, and nothing else."""

    rate: float = 3e-4
    """Largest learning rate."""

    steps: int = 400
    """How long it is trained."""

    @property
    def frozen(self) -> tuple[str, ...]:
        """How the names of weights begin that stay as they are."""
        if self.box_head:
            return ("body.", "neck.", "proposals.", "keypoint_head.")
        return FROZEN if self.proposals else (*FROZEN, "proposals.")


VARIANTS = {
    "T=1": Variant(length=1),
    "T=3": Variant(length=3),
    "T=3, still kept": Variant(length=3, still_kept=True, rate=1e-2),
    "T=5, crops alone": Variant(length=5, still_kept=True, rate=1e-2, proposals=False),
    "T=3, mean": Variant(length=3, inflation="mean"),
    "T=1, box head": Variant(length=1, proposals=False, box_head=True, rate=1e-3, steps=1000),
    "T=3, box head": Variant(length=3, proposals=False, box_head=True, rate=1e-3, steps=1000),
}
PLAN = [
    *((name, seed) for seed in range(3) for name in ("T=1", "T=3", "T=3, still kept")),
    ("T=5, crops alone", 0),
    ("T=3, mean", 0),
    *((name, seed) for seed in range(3) for name in ("T=1, box head", "T=3, box head")),
]
"""The runs, in order."""


def over_frames(config: TubeRCNNConfig, *, length: int, proposals: bool = True) -> TubeRCNNConfig:
    """The network with time kernels of T frames, the neck left alone.

    Args:
        config: Of single frames.
        length: T.
        proposals: Whether the proposals have them, beside the crops.
    """
    head, finder = config.keypoint_head, config.proposals
    assert isinstance(head, CropKeypointHeadConfig)
    if proposals:
        finder = replace(finder, time=length, time_padding="replicate")
    return replace(
        config,
        clip_length=length,
        proposals=finder,
        keypoint_head=replace(head, time=length, time_padding="replicate"),
    )


def begin(variant: Variant) -> TubeRCNN:
    """The embedded model with time kernels."""
    flat = load_network("tiny")
    config = over_frames(flat.config, length=variant.length, proposals=variant.proposals)
    if variant.box_head:
        config = replace(config, box_head=replace(BOX_HEAD, presence=variant.length > 1))
    network = TubeRCNN(config, info=flat.info)
    fresh = network.state_dict()
    known = inflate(flat.state_dict(), fresh, mode=variant.inflation)
    network.load_state_dict({**fresh, **known})
    return network


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Frames of a stretch that are looked at together."""

    stretch: Stretch
    """These frames alone."""

    length: int
    """T; if it is 1, each frame is a clip by itself."""

    @property
    def truths(self) -> list[TubeTruth]:
        """Who is there: one of T frames, or one for each frame."""
        truth, steps = self.stretch.truth, range(0, self.stretch.truth.boxes.shape[1], self.length)
        return [
            TubeTruth(
                **{
                    name: getattr(truth, name)[:, first : first + self.length]
                    for name in ("boxes", "present", "keypoints", "keypoint_weights", "ignore")
                }
            )
            for first in steps
        ]

    def box_head_loss(self, network: TubeRCNN, draw: TorchDraw) -> Tensor:
        """What classes, boxes and presence of the network's own proposals cost."""
        strides = network.neck.strides
        height, width = self.stretch.levels[0].shape[2:]
        truths = self.truths
        losses = level_losses(
            network,
            ClipFeatures(levels=self.stretch.levels, strides=strides, length=self.length),
            truths,
            proposals=None,
            padded=(height * strides[0], width * strides[0]),
            config=LOSSES,
            draws=[draw] * len(truths),
        )
        return torch.stack([losses[name].mean for name in JUDGED if name in losses]).sum()

    def proposal_loss(self, network: Any) -> Tensor:
        """What the dense proposals cost."""
        found = network.proposals(self.stretch.levels, self.length)
        losses = cell_losses(found, self.truths, config=LOSSES.cells)
        total: Tensor = (
            LOSSES.objectness * losses["objectness"].mean
            + LOSSES.proposal_boxes * losses["proposal_boxes"].mean
        )
        return total

    def crop_loss(self, network: Any) -> Tensor | None:
        """What the heatmaps cost; None where nobody's crops are kept."""
        stretch = self.stretch
        if not len(stretch.person):
            return None
        regions = stretch.regions.flatten(0, 1)
        maps = network.keypoint_head.draw(stretch.crops.flatten(0, 1), regions, self.length)
        target, weights = gaussian_maps(
            stretch.truth.keypoints[stretch.person].flatten(0, 1),
            stretch.truth.known_joints[stretch.person].flatten(0, 1),
            regions,
            shape=(maps.shape[2], maps.shape[3]),
            spread=LOSSES.crops.spread,
        )
        cost = (maps - target).square().sum(dim=(2, 3))
        loss: Tensor = LOSSES.keypoints * (cost * weights).sum() / weights.sum().clamp(min=1e-6)
        return loss


def frames_of(length: int, rng: np.random.Generator) -> list[int]:
    """Frames of a stretch; for T = 1 those of T = 3, so that twins see the same."""
    centre = int(rng.integers(2, FRAMES - 2))
    step = 2 if rng.random() < 0.25 and length < 5 else 1
    around = [
        centre + step * offset for offset in range(-(length // 2 or 1), (length // 2 or 1) + 1)
    ]
    return around[::-1] if rng.random() < 0.5 else around


def batch(folder: Path, *, length: int, seed: int, step: int) -> list[Clip]:
    """The clips of a step."""
    rng = np.random.default_rng([seed, step])
    clips = []
    for source in BATCH:
        files = sorted(folder.glob(f"{source}.*.safetensors"))
        stretch = read_stretch(files[rng.integers(len(files))])
        clips.append(Clip(stretch=stretch.at(frames_of(length, rng)), length=length))
    return clips


def losses_of(
    network: TubeRCNN, clips: Sequence[Clip], variant: Variant, draw: TorchDraw
) -> dict[str, Tensor]:
    """The mean losses of some clips for what is trained."""
    if variant.box_head:
        judged = [clip.box_head_loss(network, draw) for clip in clips]
        return {"box head": torch.stack(judged).mean()}
    found = [clip.proposal_loss(network) for clip in clips if variant.proposals]
    drawn = [loss for clip in clips if (loss := clip.crop_loss(network)) is not None]
    both = {"proposals": found, "crops": drawn}
    return {name: torch.stack(each).mean() for name, each in both.items() if each}


def keep_still(network: TubeRCNN) -> list[tuple[torch.nn.Parameter, Tensor]]:
    """Let only the time kernels change, and what the frames beside gain be lost in the middle.

    Returns:
        The kernels, and the sum over time that each must keep.
    """
    kernels = []
    for parameter in network.parameters():
        parameter.requires_grad_(parameter.requires_grad and parameter.ndim == 5)
        if parameter.requires_grad:
            parameter.register_hook(_against_middle)  # type: ignore[no-untyped-call]
            kernels.append((parameter, parameter.detach().sum(2)))
    return kernels


def _against_middle(gradient: Tensor) -> Tensor:
    """The gradient of the frames beside, when the middle makes up for them."""
    middle = gradient.shape[2] // 2
    return gradient - gradient[:, :, middle : middle + 1]


@torch.no_grad()
def restore(kernels: Sequence[tuple[torch.nn.Parameter, Tensor]]) -> None:
    """Give the middle what its kernel lacks of its sum."""
    for kernel, total in kernels:
        middle = kernel.shape[2] // 2
        kernel[:, :, middle] += total - kernel.sum(2)


def train(variant: Variant, features: Path, *, seed: int) -> TubeRCNN:
    """One run; the averaged weights."""
    torch.manual_seed(seed)  # a box head begins with random weights
    network = begin(variant).train()
    draw = TorchDraw(generator=torch.Generator().manual_seed(seed))
    config = OptimizationConfig(
        steps=variant.steps,
        learning_rate=variant.rate,
        frozen=variant.frozen,
        weight_decay=0.0,
        average=0.99,
        precision="float32",
    )
    freeze(network, config)
    kernels = keep_still(network) if variant.still_kept else []
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = optimizer_for(network, config)
    meter: list[dict[str, float]] = []
    start = time.process_time()
    for step in range(variant.steps):
        clips = batch(features, length=variant.length, seed=seed, step=step)
        losses = losses_of(network, clips, variant, draw)
        if not losses:
            continue
        torch.autograd.backward(list(losses.values()))
        apply_gradients(optimizer, step=step, config=config)
        restore(kernels)
        update_average(average.parameters(), network.parameters(), step=step, config=config)
        meter.append({name: float(loss.detach()) for name, loss in losses.items()})
        if (step + 1) % 100 == 0:
            seconds = f"{(time.process_time() - start) / (step + 1):.2f} s"
            print(step + 1, mean_of(meter), seconds, file=sys.stderr, flush=True)
            meter.clear()
    return average.eval()


@torch.inference_mode()
def validation(network: TubeRCNN, variant: Variant, features: Path) -> dict[str, float]:
    """Losses on drawn stretches of other clips, all frames but the two at either end."""
    length, found = network.clip_length, []
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))
    for path in sorted(features.glob("validation.*.safetensors")):
        stretch = read_stretch(path)
        for centre in range(2, FRAMES - 2):
            reach = length // 2 or 1
            frames = range(centre - reach, centre + reach + 1)
            found.append(Clip(stretch=stretch.at(frames), length=length))
    # of the network of single frames and that of crops alone the proposals are told as well
    told = replace(variant, proposals=True)
    each = [losses_of(network, [clip], told, draw) for clip in found]
    return mean_of([{name: float(loss) for name, loss in one.items()} for one in each])


def mean_of(losses: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each loss where it is known."""
    names = dict.fromkeys(name for one in losses for name in one)
    known = {name: [one[name] for one in losses if name in one] for name in names}
    return {name: round(float(np.mean(each)), 4) for name, each in known.items() if each}


def file_of(folder: Path, name: str, seed: int) -> Path:
    """Where a run's weights lie."""
    return (
        folder / f"{name.replace('=', '').replace(', ', '-').replace(' ', '-')}-{seed}.safetensors"
    )


def main() -> None:
    """Keep features, train, say what it came to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="for features and weights; kept between calls")
    parser.add_argument("--training", type=Path, required=True, help="films and photographs")
    parser.add_argument("--clips", type=int, default=100, help="drawn clips to train on")
    parser.add_argument("--films", type=int, default=20, help="films to train on")
    parser.add_argument("--validation", type=int, default=4, help="drawn clips to validate on")
    parser.add_argument("--steps", type=int, help="of every run, for trials")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), help="some of the runs")
    parser.add_argument("--seeds", nargs="+", type=int, help="those of some seeds")
    options = parser.parse_args()
    torch.set_num_threads(1)
    features = options.folder / "features"
    counts = {name: getattr(options, name) for name in ("clips", "films", "validation")}
    keep_features(features, options.training, **counts)
    for name, seed in PLAN:
        path = file_of(options.folder, name, seed)
        asked = name in (options.only or [name]) and seed in (options.seeds or [seed])
        if path.exists() or not asked:
            continue
        start = time.process_time()
        variant = VARIANTS[name]
        if options.steps is not None:
            variant = replace(variant, steps=options.steps)
        network = train(variant, features, seed=seed)
        info = ModelInfo(
            name=path.stem,
            licence="Apache-2.0",
            source=f"{variant.steps} steps, {time.process_time() - start:.0f} s of processor time",
            parents=network.info.as_parent(),
            data=("drawn clips", "JHMDB clips", "Stanford 40 Actions", "imagenet-sample-images"),
        )
        save_weights(network, path, info=info)
        losses = validation(network, variant, features)
        path.with_suffix(".json").write_text(json.dumps(losses), encoding="utf-8")
        print(name, seed, losses, flush=True)


if __name__ == "__main__":
    main()
