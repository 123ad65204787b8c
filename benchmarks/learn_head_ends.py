"""Learns the embedded model's readout for the ends of the head; everything else stays as it is.

Shown are drawn people, whose truth is exact, and every second photograph of LSP-extended (even
places, neck and top of the head by hand), varied in place, size, rotation, light and sharpness. The
frozen maps of all crops are computed once, so that learning takes minutes. Prints how many ends lie
within 0.3 of the torso on the other photographs, in the crops around their labelled joints.

    python -m benchmarks.learn_head_ends ../shared/samples/lsp_extended --out tiny.safetensors
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision import ops

from posetube.boxes import around
from posetube.datasets.published.lsp import Lsp
from posetube.datasets.synthetic import PictureConfig, picture
from posetube.models3d import TubeRCNN, load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.high_resolution import AddedReadout
from posetube.models3d.joint_peaks import decode_parabola
from posetube.models3d.training.crop_losses import gaussian_maps
from posetube.skeletons import LSP14
from posetube.structures import JointState

Array = npt.NDArray[Any]
NECK, TOP = LSP14.index("neck"), LSP14.index("head_top")
TORSO = [LSP14.index("left_shoulder"), LSP14.index("right_hip")]
SIZES = ((336, 448), (480, 640), (448, 336))
NEAR, WINDOW, BATCH, RATE, DECAY = 0.3, 32, 48, 4e-3, 1e-3
LSP_SHARE = 0.55
"""How much of what is shown comes from LSP-extended."""


class Crop(NamedTuple):
    """A person's frozen maps and where the ends of the head lie in them."""

    coarse: Tensor
    """(40, 32, 24) float16."""

    fine: Tensor
    """(40, 64, 48) float16."""

    places: Array
    """(2, 2) x y of bottom and top, cells of the finer map; far outside where there is none."""

    weights: Array
    """(2,) how much each counts, in [0, 1]."""

    torso: float
    """Length, cells; NaN where not known."""


@torch.inference_mode()
def crops(head: CropKeypointHead, image: Array, boxes: Array) -> tuple[list[Tensor], Array]:
    """The last two maps of each box's crop, and the (N, 4) regions that these cover."""
    tubes = torch.from_numpy(boxes.astype(np.float32))
    pixels: Tensor = ops.roi_align(
        torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float(),
        [head.crop_boxes(tubes)],
        output_size=head.config.size,
        sampling_ratio=1,
        aligned=True,
    )
    mean, std = (torch.tensor(c)[:, None, None] for c in (head.config.mean, head.config.std))
    maps = head.network.features((pixels - mean) / std)
    return [each.half() for each in maps[-2:]], head.regions(tubes).numpy()


def made(
    head: CropKeypointHead, image: Array, boxes: Array, ends: Array, weights: Array, torso: Array
) -> Iterator[Crop]:
    """The crops of a picture's people; ends (N, 2, 2) and torso (N,) are pixels of it."""
    (coarse, fine), regions = crops(head, image, boxes)
    cell = (regions[:, 2:] - regions[:, :2]) / [48, 64]
    places = (ends - regions[:, None, :2]) / cell[:, None]
    inside = np.asarray(((places >= 0) & (places <= [48, 64])).all(axis=-1))
    places = np.where(inside[..., None], places, -99)
    for n in range(len(boxes)):
        yield Crop(coarse[n], fine[n], places[n], weights[n], float(torso[n] / cell[n, 0]))


def drawn(head: CropKeypointHead, count: int) -> Iterator[Crop]:
    """People of drawn pictures; an end outside the picture counts as one that has no peak."""
    number = 0
    while number < count:
        rng = np.random.default_rng([77, 1, number])
        size = SIZES[rng.integers(len(SIZES))]
        frame = picture(PictureConfig(size=size, people=(1, 4), tumbling=0.2), rng=rng)
        people = frame.people
        tall = people.boxes[:, 3] - people.boxes[:, 1] > 60
        kept = np.flatnonzero((people.visibility > 0.3) & tall)
        number += 1
        if not len(kept):
            continue
        whole = people.visibility[kept, None] >= 0.5
        boxes = np.where(whole, people.boxes[kept], people.visible_boxes[kept])
        states = people.joint_states[kept, 17:]
        weights = np.select(
            [states == JointState.VISIBLE, states == JointState.OCCLUDED], [1, 0.4], 0.5
        )
        ends = np.nan_to_num(people.keypoints[kept, 17:].astype(float), nan=-9999)
        yield from made(
            head,
            degraded(frame.image, rng),
            np.stack([varied(box, rng) for box in boxes]),
            ends,
            weights,
            np.full(len(kept), np.nan),
        )


def photographed(head: CropKeypointHead, root: Path, *, half: int, repeats: int) -> Iterator[Crop]:
    """People of every second photograph, the first time as they are."""
    data = Lsp(root=root, name="lspet")
    for number, name in list(enumerate(data.videos()))[half::2]:
        picture_file = cv2.imread(str(root / name))
        if picture_file is None:
            continue
        tracks = data.read(name).tracks
        assert tracks.joint_states is not None
        known = tracks.joint_states[0] > 0
        joints = np.where(known[:, None], tracks.keypoints[0], np.nan)
        for repeat in range(repeats):
            rng = np.random.default_rng([5, number, repeat])
            image, points = picture_file[..., ::-1], joints
            if repeat:
                image, points = turned(image, points, rng)
            box = around(points[None], scale=1.2)
            box = box if not repeat else varied(box[0], rng)[None]
            ends = points[None, [NECK, TOP]]
            weights = known[None, [NECK, TOP]].astype(float)
            torso = np.linalg.norm(points[TORSO[:1]] - points[TORSO[1:]], axis=1)
            yield from made(head, image, box, np.nan_to_num(ends, nan=-9999), weights, torso)


def turned(image: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """A photograph mirrored and turned at random, and made worse."""
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        image, points = image[:, ::-1], points * [-1, 1] + [width, 0]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 20), 1)
    turn[:, 2] += np.multiply([width, height], 0.15)
    wide = (int(width * 1.3), int(height * 1.3))
    image = np.asarray(cv2.warpAffine(np.ascontiguousarray(image), turn, wide))
    return degraded(image, rng), points @ turn[:, :2].T + turn[:, 2]


def degraded(image: Array, rng: np.random.Generator) -> Array:
    """At times less sharp, in another light, or grey."""
    height, width = image.shape[:2]
    if rng.random() < 0.35:
        factor = rng.uniform(0.25, 0.8)
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (width, height)))
    if rng.random() < 0.5:
        light = image * rng.uniform(0.6, 1.3) + rng.uniform(-20, 20) + rng.normal(0, 8, 3)
        image = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return image


def varied(box: Array, rng: np.random.Generator) -> Array:
    """A box moved and scaled a little, as a detector's are."""
    size, middle = box[2:] - box[:2], (box[:2] + box[2:]) / 2
    middle = middle + rng.uniform(-0.08, 0.08, 2) * size
    reach = size * np.exp(rng.uniform(-0.2, 0.2, 2)) / 2
    return np.concatenate([middle - reach, middle + reach])


def window(crop: Crop, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Part of a crop's maps, mostly around the head, and (4,) which cells of the finer map."""
    place = crop.places[rng.integers(2)]
    aimed = place[0] >= 0 and rng.random() >= 0.3
    centre = place + rng.uniform(-10, 10, 2) if aimed else rng.uniform([8, 8], [40, 56])
    x, y = (np.clip((centre - WINDOW / 2) / 2, 0, [(48 - WINDOW) // 2, (64 - WINDOW) // 2])).astype(
        int
    )
    half = WINDOW // 2
    coarse = crop.coarse[:, y : y + half, x : x + half]
    fine = crop.fine[:, 2 * y : 2 * y + WINDOW, 2 * x : 2 * x + WINDOW]
    return coarse, fine, torch.tensor([2 * x, 2 * y, 2 * x + WINDOW, 2 * y + WINDOW]).float()


def learn(readout: AddedReadout, shown: list[Crop], shares: Array, *, steps: int) -> None:
    """Fit the readout; its inputs differ in size by a thousand, so it learns on scaled ones."""
    rng = np.random.default_rng(0)
    sample = [shown[i] for i in rng.choice(len(shown), min(150, len(shown)))]
    scales = [
        torch.stack([getattr(crop, name).float().square().mean(dim=(1, 2)) for crop in sample])
        .mean(dim=0).sqrt() + 1e-3 for name in ("coarse", "fine")
    ]  # fmt: skip
    with torch.no_grad():
        readout.out.weight.mul_(0.1)
    optimizer = torch.optim.AdamW(readout.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for step in range(steps):
        chosen = [shown[i] for i in rng.choice(len(shown), BATCH, p=shares)]
        coarse, fine, cells = (
            torch.stack(part) for part in zip(*(window(c, rng) for c in chosen), strict=True)
        )
        inputs = [
            (maps.float() / scale[:, None, None]).contiguous(memory_format=torch.channels_last)
            for maps, scale in zip((coarse, fine), scales, strict=True)
        ]
        places = torch.from_numpy(np.stack([c.places for c in chosen])).float()
        weights = torch.from_numpy(np.stack([c.weights for c in chosen])).float()
        target, _ = gaussian_maps(
            places, torch.ones_like(weights), cells, shape=(WINDOW, WINDOW), spread=2.0
        )
        cost = (readout(inputs) - target).square().sum(dim=(2, 3))
        loss = (cost * weights).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: {float(loss.detach()):.2f}", flush=True)
    with torch.no_grad():
        readout.coarse.depthwise.weight.div_(scales[0][:, None, None, None])
        readout.fine.weight.div_(scales[1][:, None, None])


@torch.inference_mode()
def near(readout: AddedReadout, asked: list[Crop]) -> tuple[float, int]:
    """Percent of labelled ends within 0.3 of the torso, and how many there are."""
    whole = torch.tensor([[0.0, 0, 48, 64]])
    found, labelled = [], []
    for crop in asked:
        maps = readout([crop.coarse[None].float(), crop.fine[None].float()])
        place = decode_parabola(maps.clamp(min=1e-6).log(), whole).positions[0].numpy()
        found.append(np.linalg.norm(place - crop.places, axis=1) < NEAR * crop.torso)
        labelled.append((crop.weights > 0) & (crop.places[:, 0] >= 0) & np.isfinite(crop.torso))
    right, asked_for = np.array(found), np.array(labelled)
    return 100 * float(right[asked_for].mean()), int(asked_for.sum())


def main() -> None:
    """Read the arguments, learn, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lsp", type=Path, help="folder of LSP-extended")
    parser.add_argument("--pictures", type=int, default=600, help="how many pictures to draw")
    parser.add_argument("--repeats", type=int, default=16, help="crops of each photograph")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--drawn-only", action="store_true", help="learn from no photograph")
    parser.add_argument("--out", type=Path, help="file of weights to write")
    options = parser.parse_args()
    network = load_network("tiny")
    assert isinstance(network, TubeRCNN)
    head = network.keypoint_head
    assert isinstance(head, CropKeypointHead)
    torch.manual_seed(0)
    readout = AddedReadout(2, time=1, time_padding="zero")
    synthetic = list(drawn(head, options.pictures))
    photographs = (
        []
        if options.drawn_only
        else list(photographed(head, options.lsp, half=0, repeats=options.repeats))
    )
    share = LSP_SHARE if photographs else 0.0
    shares = np.concatenate([
        np.full(len(synthetic), (1 - share) / max(1, len(synthetic))),
        np.full(len(photographs), share / max(1, len(photographs))),
    ])  # fmt: skip
    print(f"{len(synthetic)} drawn crops, {len(photographs)} of photographs")
    learn(readout, [*synthetic, *photographs], shares, steps=options.steps)
    percent, count = near(readout, list(photographed(head, options.lsp, half=1, repeats=1)))
    print(f"{percent:.1f} % of {count} ends within {NEAR} of the torso")
    if options.out:
        head.network.added = readout
        save_weights(network, options.out, dtype=torch.float16)


if __name__ == "__main__":
    main()
