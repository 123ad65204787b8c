"""Trains parts of the embedded model further on photographs, and says what that gains.

- The crop head, all of it, on joints that the model labelled itself
  (:mod:`benchmarks.relabelled_pictures`), in crops that are turned, cut off, covered, coarse or
  blurred. The ends of the head are learned from labels of the same kind, because the maps that they
  are read from change. Measured whole, and half and a quarter of the way.
- A box head over the dense proposals: it judges the proposals and corrects their boxes. Everything
  before it is frozen, and what that says of the photographs is computed once.

Photographs with human labels measure: every second one (half 0) chooses, by the mean of OKS-AP, box
AP and the joints of LSP-extended; the others (half 1) report. All joints count. What is made lies
in a folder, and a second call goes on from there.

    python -m benchmarks.train_tiny_parts FOLDER PICTURES person_keypoints_train2017.json \
        LSP_EXTENDED --training ../shared/training --record tiny_parts
"""

import argparse
import contextlib
import copy
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmarks.coco_keypoints import detections, evaluate
from benchmarks.compare_models import count_joints, detect_people, labelled_people
from benchmarks.lsp_joints import percentages
from benchmarks.recording import RESULTS, write_record
from benchmarks.relabelled_pictures import SEED, cut, keep, proposer, read, somebody, worse
from posetube.atomic_files import replacing
from posetube.models3d import TubeRCNN, load_network
from posetube.models3d.box_coding import decode_boxes
from posetube.models3d.box_head import TubeDetections, build_box_head, proposed_people
from posetube.models3d.configs.people_heads import PERSON, BoxHeadConfig, PoolConfig
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.features import ClipFeatures
from posetube.models3d.preprocess import Geometry, geometry_of
from posetube.models3d.training.crop_losses import gaussian_maps
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.optimization import (
    OptimizationConfig,
    ScheduleConfig,
    apply_gradients,
    optimizer_for,
    update_average,
)
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth
from posetube.models3d.training.tube_losses import level_losses
from posetube.models3d.tube_choice import Proposals, choose_tubes
from posetube.pipelines.loaded_model import load_model

CROP_BATCH, BOX_BATCH = 8, 8
HEAD = BoxHeadConfig(pool=PoolConfig(size=7, levels=3, aligned=True), hidden=256)
LOSSES = LossConfig()

LEAST_JOINT = 0.1
"""Lower peaks tell nothing."""

SURE = 0.1
"""Score from which somebody of LSP-extended counts as found."""

SHARES = (1.0, 0.5, 0.25)
"""How far the crop head's weights are brought to the trained ones, but for own heights."""


Halves = list[dict[str, float]]
"""The figures of each half."""


@dataclass(frozen=True, kw_only=True)
class CropRun:
    """How the crop head is trained."""

    rate: float
    """Largest learning rate."""

    own_heights: bool = False
    """Whether peaks are to be as high as tiny's own; otherwise 1, and joints weigh that height."""


CROP_RUNS = {
    "crops": CropRun(rate=2e-4),
    "crops, slow": CropRun(rate=5e-5),
    "crops, own heights": CropRun(rate=2e-4, own_heights=True),
}
BOX_RATE = 1e-3


def crop_loss(
    head: CropKeypointHead, people: list[tuple[Path, int]], run: CropRun, step: int
) -> Tensor:
    """What the maps of a step's crops cost."""
    rng = np.random.default_rng([SEED, step])
    pixels, regions, points, heights = [], [], [], []
    for place in rng.choice(len(people), CROP_BATCH):
        clip, box = worse(somebody(*people[place]), rng)
        boxes = torch.from_numpy(box[None].astype(np.float32))
        pixels.append(cut(head, clip.images[0], boxes))
        regions.append(head.regions(boxes))
        points.append(torch.from_numpy(clip.keypoints[:, 0].astype(np.float32)))
        heights.append(torch.from_numpy(clip.weights[:, 0]))
    maps, height = head.network(torch.cat(pixels)), torch.cat(heights)
    wanted = height if not run.own_heights else (height > 0).float()
    target, weights = gaussian_maps(
        torch.cat(points),
        wanted * (run.own_heights or height >= LEAST_JOINT),
        torch.cat(regions),
        shape=(maps.shape[2], maps.shape[3]),
        spread=LOSSES.crops.spread,
    )
    if run.own_heights:
        target = target * height[..., None, None]
    cost = (maps - target).square().sum(dim=(2, 3))
    loss: Tensor = LOSSES.keypoints * (cost * weights).sum() / weights.sum().clamp(min=1e-6)
    return loss


def trained(part: nn.Module, loss: Callable[[int], Tensor], *, rate: float, steps: int) -> Any:
    """The averaged weights of a part that is trained in place."""
    config = OptimizationConfig(
        steps=steps, learning_rate=rate, weight_decay=0.0, average=0.99, precision="float32",
        schedule=ScheduleConfig(warmup=min(40, steps)),
    )  # fmt: skip
    average = copy.deepcopy(part).requires_grad_(False)
    optimizer, start, seen = optimizer_for(part, config), time.process_time(), list[float]()
    for step in range(steps):
        cost = loss(step)
        torch.autograd.backward([cost])
        apply_gradients(optimizer, step=step, config=config)
        update_average(average.parameters(), part.parameters(), step=step, config=config)
        seen.append(float(cost.detach()))
        if (step + 1) % 50 == 0:
            pace = (time.process_time() - start) / (step + 1)
            print(step + 1, f"{np.mean(seen[-50:]):.4f}, {pace:.2f} s", file=sys.stderr, flush=True)
    return average.state_dict()


class Judge(nn.Module):
    """A box head in the place of the network's own; what it leaves is chosen as without it."""

    def __init__(self, head: Any, choice: Any, *, product: bool, boxes: bool) -> None:
        """``product``: its score is averaged with the dense one; ``boxes``: it corrects boxes."""
        super().__init__()
        self.head, self.choice, self.product, self.boxes = head, choice, product, boxes

    def find_people(
        self, features: ClipFeatures, proposals: Proposals, geometry: Geometry
    ) -> TubeDetections:
        """See :class:`posetube.models3d.box_head.BoxHead`; boxes may leave the picture."""
        tubes, config = proposals.tubes, self.head.config
        judged = self.head(self.head.pool(features, tubes.unbind()), features.length)
        scores = judged.tube_logits.softmax(-1)[:, PERSON].view(proposals.scores.shape)
        if self.product:  # as ordered by the product, as high as thresholds expect
            scores = (scores * proposals.scores).sqrt()
        logits = torch.where(proposals.taken, scores.clamp(1e-6, 1 - 1e-6).logit(), -torch.inf)
        if self.boxes:
            deltas = judged.deltas[:, :, PERSON].view(tubes.shape)
            tubes = decode_boxes(deltas, tubes, weights=config.weights)
        return proposed_people(choose_tubes(logits, tubes, config=self.choice), geometry)


def box_loss(network: TubeRCNN, files: list[Path], step: int) -> Tensor:
    """What the box head's answers to a step's photographs cost."""
    rng = np.random.default_rng([SEED, step])
    draw = TorchDraw(generator=torch.Generator().manual_seed(SEED + step))
    costs = []
    for place in rng.choice(len(files), BOX_BATCH):
        kept = load_file(files[place])
        image, boxes, tubes = kept["image"], kept["boxes"], kept["tubes"][None]
        geometry = geometry_of((image.shape[0], image.shape[1]), network.config.preprocess)
        joints = torch.zeros(len(boxes), 1, len(network.skeleton), 2)
        truth = TubeTruth(
            boxes=geometry.to_network(boxes[:, None]),
            present=torch.ones(len(boxes), 1, dtype=torch.bool),
            keypoints=joints,
            keypoint_weights=joints[..., 0],
            ignore=geometry.to_network(kept["ignore"][:, None]),
        )
        features = ClipFeatures(
            levels=[kept[name] for name in ("level0", "level1", "level2")],
            strides=network.neck.strides,
            length=1,
        )
        everybody = torch.ones(tubes.shape[:2])
        losses = level_losses(
            network, features, [truth],
            proposals=Proposals(tubes, everybody, everybody > 0),
            padded=geometry.padded, config=LOSSES, draws=[draw],
        )  # fmt: skip
        costs.append(torch.stack([loss.mean for loss in losses.values()]).sum())
    return torch.stack(costs).mean()


def train(folder: Path, training: Path, *, pictures: int, steps: tuple[int, int]) -> None:
    """The runs that the folder lacks; steps of the crop head and of the box head."""
    files = keep(folder / "pictures", training, pictures)
    people = [
        (path, row)
        for path in files
        for row in torch.nonzero(read(path, "joints")[0][..., 2].any(dim=1))[:, 0].tolist()
    ]
    print(f"{len(files)} photographs, {len(people)} people", flush=True)
    if not (path := file_of(folder, "boxes")).exists():
        network = with_head(proposer().requires_grad_(False))
        loss = partial(box_loss, network, files)
        write(trained(network.box_head, loss, rate=BOX_RATE, steps=steps[1]), path)
    for name, run in CROP_RUNS.items():
        if not (path := file_of(folder, name)).exists():
            head: Any = load_network("tiny").keypoint_head.train()
            loss = partial(crop_loss, head, people, run)
            write(trained(head, loss, rate=run.rate, steps=steps[0]), path)


def file_of(folder: Path, name: str, suffix: str = ".safetensors") -> Path:
    """Where what is called so lies."""
    return folder / (name.replace(", ", "-").replace(" ", "-") + suffix)


def write(weights: dict[str, Tensor], path: Path) -> None:
    """Weights to a file, whole or not at all."""
    with replacing(path) as aside:
        save_file({name: each.contiguous() for name, each in weights.items()}, aside)


def with_head(network: TubeRCNN) -> TubeRCNN:
    """The network with an untrained box head."""
    torch.manual_seed(SEED)
    channels = network.neck.channels
    network.box_head = build_box_head(HEAD, body=network.config.body, channels=channels)
    return network


def candidates(folder: Path) -> Iterator[tuple[str, Callable[[], TubeRCNN]]]:
    """The embedded model, and all that was made of it."""
    tiny = load_network("tiny")
    choice = tiny.config.proposals
    yield "tiny", lambda: tiny
    yield "boxes", partial(judged, folder, choice)
    yield "boxes, product", partial(judged, folder, choice, product=True)
    both = partial(judged, folder, choice, product=True, boxes=False)
    yield "boxes, product, as proposed", both
    for run, how in CROP_RUNS.items():
        for share in SHARES[: 1 if how.own_heights else None]:
            name = run if share == 1 else f"{run}, {share:g} of the way"
            yield name, partial(moved, folder, run, share)


def moved(folder: Path, run: str, share: float) -> TubeRCNN:
    """The embedded model with a crop head that is brought so far to trained weights."""
    network: Any = load_network("tiny")
    weights = load_file(file_of(folder, run))
    for name, own in network.keypoint_head.state_dict().items():
        own.lerp_(weights[name], share)
    assert isinstance(network, TubeRCNN)
    return network


def judged(folder: Path, choice: Any, *, product: bool = False, boxes: bool = True) -> TubeRCNN:
    """The embedded model with a trained box head, see :class:`Judge`."""
    network = with_head(proposer())
    network.box_head.load_state_dict(load_file(file_of(folder, "boxes")))
    network.box_head = Judge(network.box_head, choice, product=product, boxes=boxes).eval()
    return network


def measured(network: TubeRCNN, pictures: Path, truth: COCO, lsp: Path) -> Halves:
    """The figures of each half."""
    model = replace(load_model("tiny", device="cpu", runtime="torch"), network=network)
    with TemporaryDirectory() as scratch:
        found = list(detections(pictures, truth, model, Path(scratch), min_joint=0))
    numbers = [image["id"] for image in truth.dataset["images"]]
    people = labelled_people("lspet", lsp)
    seen = detect_people(network, (picture for picture, _ in people))
    table = np.array(
        [
            count_joints(joints, each, sure=SURE)
            for (_, joints), each in zip(people, seen, strict=True)
        ]
    )
    return [
        evaluate(truth, found, images=numbers[half::2]) | percentages(table[half::2])
        for half in (0, 1)
    ]


def chosen(table: Mapping[str, Halves], kind: str) -> str:
    """The best of a kind by half 0."""
    figures = ("oks_ap", "box_ap", "joints_percent")
    return max(
        (name for name in table if name.startswith(kind)),
        key=lambda name: sum(table[name][0][figure] for figure in figures),
    )


def main() -> None:
    """Train, measure, choose, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="for all that is made; kept between calls")
    parser.add_argument("pictures", type=Path, help="folder of COCO's pictures")
    parser.add_argument("truth", type=Path, help="file of COCO keypoints")
    parser.add_argument("lsp", type=Path, help="folder of LSP-extended")
    parser.add_argument("--training", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--photographs", type=int, default=600, help="how many to train on")
    parser.add_argument("--crop-steps", type=int, default=250)
    parser.add_argument("--box-steps", type=int, default=500)
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    steps = options.crop_steps, options.box_steps
    train(options.folder, options.training, pictures=options.photographs, steps=steps)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(options.truth)
    table = dict[str, Halves]()
    for name, build in candidates(options.folder):
        path = file_of(options.folder, name, ".json")
        if not path.exists():
            halves = measured(build(), options.pictures, truth, options.lsp)
            path.write_text(json.dumps(halves), encoding="utf-8")
        table[name] = json.loads(path.read_text(encoding="utf-8"))
        print(name, *table[name], sep="\n    ", flush=True)
    choice = {kind: chosen(table, kind) for kind in ("crops", "boxes")}
    print(choice)
    if options.record:
        settings = {
            "photographs": options.photographs,
            "crop_steps": options.crop_steps,
            "box_steps": options.box_steps,
        }
        record = {**settings, "chosen_by_half_0": choice, "halves": table}
        write_record(RESULTS / f"{options.record}.json", record)


if __name__ == "__main__":
    main()
