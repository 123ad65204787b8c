"""Steps of training per second: torchvision's Keypoint R-CNN in its reference loop, and ours.

    python -m benchmarks.train_speed --record train_speed

Both have the same random weights, the same batch of drawn people, the same frozen parts (stem, res2
and the normalisation, as torchvision's program has it with trained weights), the same numbers of
proposals and RoIs. A step is what a training run does with a batch that is there: forward, backward
and the change of the weights; torchvision's by SGD with momentum, ours by SGD with clipped
gradients and averaged weights, in float32 and in the number type that training chooses here.

The programs take turns, step by step, on the same threads; medians of the rounds' ratios are
recorded. Beside them: the losses of both for the same weights, picture and samples, in float32 and
under autocast in bfloat16, and which operations take the time. Run it on a quiet machine: on a busy
one not even the ratios mean much. ``--losses-alone`` times nothing, and changes only the losses in
bfloat16 of a record that is there.
"""

import argparse
import copy
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.models import resnet50
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.keypoint_rcnn import KeypointRCNN
from torchvision.ops.misc import FrozenBatchNorm2d

from benchmarks.large_networks import tame_norms
from benchmarks.recording import RESULTS, write_record
from posetube.datasets.synthetic import PictureConfig
from posetube.datasets.training.drawn_pictures import DrawnConfig, drawn_pictures
from posetube.models3d.checkpoints.convert import convert_weights
from posetube.models3d.devices import usable_cores
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.optimization import (
    OptimizationConfig,
    TrainingPrecision,
    apply_gradients,
    freeze,
    half_precision,
    native_precision,
    optimizer_for,
    update_average,
)
from posetube.models3d.training.sampling import SampleConfig
from posetube.models3d.training.winograd_training import learn_by_winograd
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.training.batches import TrainingBatch
from posetube.pipelines.training.clip_sources import PicturesConfig
from posetube.pipelines.training.train import step_losses
from posetube.pipelines.training.train_config import TrainConfig
from posetube.pipelines.training.tube_truth import truth_of_clip
from posetube.skeletons import COCO17

PROPOSALS = 2000
"""torchvision's number in training, before suppression on each level and after it on all."""

ROIS = SampleConfig(size=512, positive_share=0.25)
"""RoIs of a picture, torchvision's numbers."""

ALL = 10**6
"""More than there are: then nothing is drawn at random."""

FROZEN = ("body.stages.0.", "body.stages.1.")
SHALLOW = ("backbone.body.conv1.", "backbone.body.bn1.", "backbone.body.layer1.")
"""Stem and res2, in the names of both programs."""

RATE, MOMENTUM, DECAY = 1e-4, 0.9, 1e-4

PAIRS = {
    "objectness": "loss_objectness",
    "proposal_boxes": "loss_rpn_box_reg",
    "classes": "loss_classifier",
    "boxes": "loss_box_reg",
    "keypoints": "loss_keypoint",
}
"""What both call their losses."""


def peer(size: tuple[int, int], *, proposals: int = PROPOSALS, samples: int = 0) -> KeypointRCNN:
    """The network of torchvision, as its program builds it on trained weights.

    Args:
        size: H and W of the pictures, pixels; they stay as they are.
        proposals: Before suppression on each level, and after it.
        samples: Anchors and RoIs that are drawn per picture; 0: the program's own numbers.
    """
    torch.manual_seed(0)
    body = _resnet_fpn_extractor(resnet50(norm_layer=FrozenBatchNorm2d), 3)
    own = {"rpn_batch_size_per_image": samples, "box_batch_size_per_image": samples}
    network = KeypointRCNN(
        body,
        num_classes=2,
        min_size=min(size),
        max_size=max(size),
        rpn_pre_nms_top_n_train=proposals,
        rpn_post_nms_top_n_train=proposals,
        **(own if samples else {}),
    )
    tame_norms(network.state_dict())
    for name, parameter in network.named_parameters():
        if name.startswith(SHALLOW):
            parameter.requires_grad_(False)
    return network.train()


def ours(network: KeypointRCNN, *, proposals: int = PROPOSALS) -> TubeRCNN:
    """Our network with the weights of torchvision's."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "peer.pth"
        torch.save(network.state_dict(), path)
        found = convert_weights(path).model
    head = replace(found.config.proposals, before_nms=proposals, after_nms=proposals)
    alike = TubeRCNN(replace(found.config, proposals=head))
    alike.load_state_dict(found.state_dict())
    return alike


def drawn_batch(count: int, size: tuple[int, int]) -> TrainingBatch:
    """Drawn people with all their joints; the same ones each time."""
    scene = PictureConfig(size=size, people=(2, 4), person_height=(0.4, 0.8))
    labels = DrawnConfig(scene=scene, whole=0, ignored=0, visible_weight=1, hidden_weight=1)
    clips = [clip for _, clip in drawn_pictures(None, count=count, config=labels, seed=0)]
    return TrainingBatch(
        images=np.stack([clip.images for clip in clips]),
        truth=tuple(truth_of_clip(clip, skeleton=COCO17) for clip in clips),
        places=range(count),
    )


def for_peer(batch: TrainingBatch) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """A batch as torchvision's program takes it: pictures in [0, 1], and what is on them."""
    pictures = [torch.from_numpy(i[0]).permute(2, 0, 1).contiguous() / 255 for i in batch.images]
    targets = [
        {
            "boxes": people.boxes[:, 0],
            "labels": torch.ones(len(people.boxes), dtype=torch.int64),
            "keypoints": torch.cat(
                [people.keypoints[:, 0], (people.keypoint_weights[:, 0, :, None] > 0).float()],
                dim=-1,
            ),
        }
        for people in batch.truth
    ]
    return pictures, targets


def settings(
    batch: TrainingBatch, *, samples: int = 0, precision: TrainingPrecision = "float32"
) -> TrainConfig:
    """Ours, with torchvision's schedule and losses.

    Args:
        batch: What is trained on.
        samples: Anchors and RoIs that are drawn per picture; 0: torchvision's own numbers.
        precision: Number type of the convolutions.
    """
    return TrainConfig(
        start="",
        pictures=PicturesConfig(archives={"": 1.0}, batch=len(batch)),
        losses=LossConfig(
            anchor_sample=replace(SampleConfig(), size=samples or SampleConfig().size),
            roi_sample=replace(ROIS, size=samples or ROIS.size),
            keypoint_rois=samples or int(ROIS.size * ROIS.positive_share),
            spread=None,
            proposal_boxes=1.0,
            boxes=1.0,
            keypoints=1.0,
        ),
        optimization=OptimizationConfig(
            steps=1000,
            method="sgd",
            learning_rate=RATE,
            momentum=MOMENTUM,
            weight_decay=DECAY,
            frozen=FROZEN,
            precision=precision,
        ),
    )


def losses_of_both(
    size: tuple[int, int], *, proposals: int = 50, precision: TrainingPrecision = "float32"
) -> dict[str, dict[str, float]]:
    """Every loss of the same weights, picture and samples, and the length of the gradient.

    All anchors and all RoIs count, so that nothing depends on what either program draws.

    Args:
        size: H and W of the picture, multiples of 32.
        proposals: Before suppression on each level, and after it.
        precision: Number type of both under autocast.
    """
    theirs = peer(size, proposals=proposals, samples=ALL)
    network, batch = ours(theirs, proposals=proposals), drawn_batch(1, size)
    config = settings(batch, samples=ALL, precision=precision)
    freeze(network, config.optimization)
    learn_by_winograd(network, precision=config.optimization.precision)
    half = half_precision(precision)
    with torch.autocast("cpu", dtype=half, enabled=half is not None):
        told = theirs(*for_peer(batch))
    shares = step_losses(network, batch, step=0, config=config)
    found = {
        name: {"torchvision": told[other].item(), "ours": shares[name].mean.item()}
        for name, other in PAIRS.items()
    }
    torch.autograd.backward(list(told.values()))
    torch.autograd.backward([share.mean for share in shares.values()])
    return found | {"gradient": {"torchvision": _length(theirs), "ours": _length(network)}}


def losses_in_half(size: tuple[int, int]) -> dict[str, dict[str, float]]:
    """Relative differences of every loss in bfloat16.

    Ours from torchvision's, and, for scale, each program's from its own in float32.
    """
    exact, half = losses_of_both(size), losses_of_both(size, precision="bfloat16")
    pairs = {
        "ours_from_torchvision": (half, "ours", half, "torchvision"),
        "ours_from_float32": (half, "ours", exact, "ours"),
        "torchvision_from_float32": (half, "torchvision", exact, "torchvision"),
    }
    return {
        name: {
            pair: float(f"{found[name][whose] / of[name][other] - 1:.2e}")
            for pair, (found, whose, of, other) in pairs.items()
        }
        for name in exact
    }


def _length(network: torch.nn.Module) -> float:
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return torch.nn.utils.get_total_norm(gradients).item()


Step = Callable[[int], None]


def reference_step(network: KeypointRCNN, batch: TrainingBatch) -> Step:
    """A step of torchvision's reference loop."""
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    pictures, targets = for_peer(batch)

    def step(number: int) -> None:
        losses = network(pictures, targets)
        optimizer.zero_grad()
        torch.autograd.backward(list(losses.values()))
        optimizer.step()

    return step


def own_step(network: TubeRCNN, batch: TrainingBatch, config: TrainConfig) -> Step:
    """A step of ``posetube train``, without the reading of pictures."""
    network = copy.deepcopy(network).to(memory_format=torch.channels_last)  # as training has it
    average = copy.deepcopy(network).requires_grad_(False)
    freeze(network, config.optimization)
    learn_by_winograd(network, precision=config.optimization.precision)
    optimizer = optimizer_for(network, config.optimization)

    def step(number: int) -> None:
        shares = step_losses(network, batch, step=number, config=config)
        torch.autograd.backward([share.mean for share in shares.values()])
        apply_gradients(optimizer, step=number, config=config.optimization)
        update_average(
            average.parameters(), network.parameters(), step=number, config=config.optimization
        )

    return step


def timed(step: Step, number: int) -> float:
    """Seconds that a step takes."""
    began = time.perf_counter()
    step(number)
    return time.perf_counter() - began


def profile(step: Step) -> dict[str, float]:
    """The share of each operation in the processor's time, in percent, the twelve largest."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    with profiler(activities=[ProfilerActivity.CPU]) as seen:
        step(1)
    times = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    best = sorted(times, key=lambda key: -times[key])[:12]
    return {key: round(100 * times[key] / sum(times.values()), 1) for key in best}


def measured(size: tuple[int, int], *, batch: int, rounds: int, profiled: bool) -> dict[str, Any]:
    """All numbers."""
    pictures = drawn_batch(batch, size)
    theirs = peer(size)
    network, precision = ours(theirs), native_precision("cpu")
    steps = {
        "torchvision": reference_step(theirs, pictures),
        "ours": own_step(network, pictures, settings(pictures)),
        f"ours, {precision}": own_step(network, pictures, settings(pictures, precision=precision)),
    }
    for step in steps.values():
        step(0)  # the first one takes memory
    seconds: list[dict[str, float]] = [
        {name: timed(step, number) for name, step in steps.items()}
        for number in range(1, rounds + 1)
    ]
    found: dict[str, Any] = {
        "size": size,
        "batch": batch,
        "rounds": rounds,
        "people": sum(len(people.boxes) for people in pictures.truth),
        "steps_per_second": {
            name: round(1 / median(one[name] for one in seconds), 3) for name in steps
        },
        "torchvision_over": {
            name: {
                "median": round(median(one["torchvision"] / one[name] for one in seconds), 2),
                "range": [
                    round(end(one["torchvision"] / one[name] for one in seconds), 2)
                    for end in (min, max)
                ],
            }
            for name in steps
            if name != "torchvision"
        },
    }
    if profiled:
        found["profile_percent"] = {name: profile(step) for name, step in steps.items()}
    return found


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and record on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=(256, 320), help="H and W, pixels")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument(
        "--profile", action="store_true", help="also which operations take the time"
    )
    parser.add_argument("--losses-alone", action="store_true", help="time nothing")
    parser.add_argument("--record", help="name of the file in benchmarks/results")
    options = parser.parse_args(words)
    torch.set_num_threads(options.threads)
    size = tuple(options.size)
    record: dict[str, Any] = {"losses_bfloat16": losses_in_half(size)}
    if not options.losses_alone:
        record = {
            "threads": options.threads,
            "load": os.getloadavg(),
            **measured(size, batch=options.batch, rounds=options.rounds, profiled=options.profile),
            "losses": losses_of_both(size),
            **record,
        }
    print(json.dumps(record, indent=2))
    if options.record:
        path = RESULTS / f"{options.record}.json"
        # what is there was measured by the command that it names
        there = json.loads(path.read_text()) if options.losses_alone else {}
        write_record(path, there | record)


if __name__ == "__main__":
    main()
