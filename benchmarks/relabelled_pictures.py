"""Photographs for training parts of the embedded model: its own labels, frozen maps, harder crops.

Photographs are drawn at random from archives with a teacher's boxes. The embedded model labels the
joints of each person itself: the mean of its heatmaps over four boxes and their mirrored crops of
the untouched photograph, decoded once. With that are kept the neck's levels and the proposals, in a
file per photograph. Made harder, a person is turned, cut off, covered, coarse or blurred.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.learn_head_ends import varied
from posetube.atomic_files import replacing
from posetube.datasets.synthetic.flow import motion_blur
from posetube.datasets.training.augment import augment_clip
from posetube.datasets.training.augment_config import AugmentConfig
from posetube.datasets.training.augment_places import shrink
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.datasets.training.picture_archive import PictureArchive
from posetube.models3d import TubeRCNN, load_network
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.crop_sampling import cut_crops
from posetube.models3d.features import join_frames
from posetube.models3d.joint_peaks import LEAST, decode_parabola
from posetube.models3d.map_moving import move_maps
from posetube.skeletons import skeleton
from posetube.structures import ByteArray, FloatArray, JointState

SEED = 15
SHARES = {"stanford": 0.66, "jhmdb": 0.16, "coco128": 0.08, "imagenet": 0.1}
"""How much of the photographs comes from where; those of imagenet mostly show nobody."""

BOXES = ((0, 0, 1), (0.04, 0, 1.08), (-0.04, 0.03, 0.95), (0, -0.04, 1.15))
"""Shift, as a share of width and height, and scale of the boxes whose heatmaps are averaged."""

MIRROR = 3
"""How far the mirrored crop's heatmaps, turned back, lie to the right, crop pixels."""

TALL, MOST = 64, 3
"""People from this height on, pixels, are labelled, and so many of a photograph at most."""

LEAST_SCORE, NMS = 0.05, 0.7
"""Of the proposals that are kept."""

AUGMENT = AugmentConfig(
    scale=(0.7, 1.6), aim_share=1, rotate_share=0.5, rotate_degrees=25, mosaic_share=0,
    occlusion_share=0.4, least_visible=0.3,
)  # fmt: skip
CANVAS = (384, 384)
CUT, BLURRED, COARSE = 0.3, 0.2, 0.3
"""How often a box is cut off, a crop blurred by motion, or coarse."""


def photographs(training: Path, count: int) -> Iterator[tuple[str, LabelledClip]]:
    """Random photographs with the teacher's labels."""
    for name, share in SHARES.items():
        archive = PictureArchive(training / f"{name}.tar")
        order = np.random.default_rng(SEED).permutation(len(archive))
        for place in order[: round(share * count)].tolist():
            clip = archive[place]
            yield f"{name}_{place:05d}", unlabelled(clip) if name == "imagenet" else clip


def unlabelled(clip: LabelledClip) -> LabelledClip:
    """A photograph in which those whom the teacher took for people are to be ignored."""
    ignore = np.concatenate([clip.boxes, clip.ignore])
    return replace(clip.people(np.zeros(len(clip.boxes), bool)), ignore=ignore)


def proposer() -> TubeRCNN:
    """The embedded model with more proposals, for a box head to judge."""
    tiny = load_network("tiny")
    assert isinstance(tiny, TubeRCNN)
    loose: Any = replace(tiny.config.proposals, min_score=LEAST_SCORE, nms=NMS)
    network = TubeRCNN(replace(tiny.config, proposals=loose), info=tiny.info).eval()
    network.load_state_dict(tiny.state_dict())
    return network


@torch.inference_mode()
def relabelled(head: CropKeypointHead, image: ByteArray, box: FloatArray) -> Tensor:
    """(K, 3) x y, pixels, and height of the peak of the joints of somebody in a photograph."""
    size, middle = box[2:] - box[:2], (box[:2] + box[2:]) / 2
    ways = torch.tensor(
        np.array([
            [*(middle + size * way[:2] - size * way[2] / 2),
             *(middle + size * way[:2] + size * way[2] / 2)] for way in BOXES
        ]), dtype=torch.float32,
    )  # fmt: skip
    pixels = cut(head, image, ways)
    plain = head.network(pixels)
    mirrored = head.network(pixels.flip(3))[:, skeleton(head.config.skeleton).flip.tolist()].flip(3)
    crops, regions = head.crop_boxes(ways), head.regions(ways)
    shift = (crops[:, 2:3] - crops[:, :1]) * MIRROR / head.config.size[1]
    sources = torch.cat([regions, regions + shift * torch.tensor([1.0, 0, 1, 0])])
    target = regions[:1]
    moved = move_maps(
        torch.cat([plain, mirrored]), source=sources, target=target.expand(len(sources), 4)
    )
    mean = moved.mean(dim=0, keepdim=True).clamp(min=LEAST).log()
    joints = decode_parabola(mean, target)
    return torch.cat([joints.positions[0], joints.scores[0, :, None]], dim=1)


def cut(head: CropKeypointHead, image: ByteArray, boxes: Tensor) -> Tensor:
    """(N, 3, H, W) what the head sees of an (H, W, 3) picture under (N, 4) boxes."""
    crops = head.crop_boxes(boxes)
    rois = torch.cat([torch.zeros(len(crops), 1), crops], dim=1)
    pictures = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    return head.normalised(cut_crops(pictures, rois, head.config.size))


@torch.inference_mode()
def look(network: TubeRCNN, clip: LabelledClip) -> dict[str, Tensor]:
    """All that training needs of a photograph: pixels and boxes as they are, levels, proposals."""
    joined = join_frames(network.encode(clip.images))
    features = network.clip_part([*joined.maps], 1)
    found = network.propose(features, joined.geometry, joined.further)
    boxes = clip.boxes_inside[clip.present[:, 0], 0]
    tall = boxes[:, 3] - boxes[:, 1]
    joints = torch.zeros(len(boxes), len(network.skeleton), 3)
    for row in np.argsort(-tall, kind="stable")[:MOST].tolist():
        if tall[row] >= TALL:
            joints[row] = relabelled(network.keypoint_head, clip.images[0], boxes[row])
    return {
        "image": torch.from_numpy(clip.images[0]),
        "boxes": torch.from_numpy(boxes),
        "ignore": torch.from_numpy(clip.ignore[:, 0]),
        "joints": joints,
        "tubes": found.tubes[0, found.taken[0]],
        **{f"level{number}": level.half() for number, level in enumerate(features.levels)},
    }


def keep(folder: Path, training: Path, count: int) -> list[Path]:
    """The files of the photographs; those that the folder lacks are made."""
    folder.mkdir(parents=True, exist_ok=True)
    network, files = proposer(), []
    for name, clip in photographs(training, count):
        path = folder / f"{name}.safetensors"
        files.append(path)
        if not path.exists():
            with replacing(path) as aside:
                save_file({k: v.contiguous() for k, v in look(network, clip).items()}, aside)
    return files


def read(path: Path, *names: str) -> list[Tensor]:
    """Some tensors of a photograph's file."""
    with safe_open(path, "pt") as file:
        return [file.get_tensor(name) for name in names]


def somebody(path: Path, row: int) -> LabelledClip:
    """A photograph with one of its people, by tiny's own labels."""
    image, boxes, joints = read(path, "image", "boxes", "joints")
    known = joints[row, :, 2].numpy()[None, None]
    return LabelledClip(
        images=image.numpy()[None],
        times=np.zeros(1),
        skeleton=skeleton("coco19"),
        boxes=boxes[row].numpy()[None, None],
        keypoints=joints[row, :, :2].numpy()[None, None],
        joint_states=np.full(known.shape, JointState.VISIBLE, np.uint8),
        ignore=np.zeros((0, 1, 4), np.float32),
        keypoint_weights=known,
    )


def worse(clip: LabelledClip, rng: np.random.Generator) -> tuple[LabelledClip, FloatArray]:
    """One person's photograph made harder, and the box that a detector might give."""
    moved = augment_clip(lambda: clip, size=CANVAS, config=AUGMENT, rng=rng)
    clip = moved if len(moved.boxes) else clip
    box = clip.boxes_inside[0, 0].astype(float)
    tall = max(box[3] - box[1], 8)
    if rng.random() < BLURRED:
        way, angle = tall * rng.uniform(0.02, 0.08), rng.uniform(0, np.pi)
        motion = np.full((*clip.size, 2), way * np.array([np.cos(angle), np.sin(angle)]))
        streaked = motion_blur(clip.images[0], motion.astype(np.float32), shutter=1)
        clip = replace(clip, images=streaked[None])
    if rng.random() < CUT:
        side, share = rng.choice(4, p=[0.15, 0.2, 0.15, 0.5]), rng.uniform(0.1, 0.45)
        box[side] += (box[(side + 2) % 4] - box[side]) * share
    if rng.random() < COARSE:
        before = clip.size
        clip = shrink(clip, long_side=max(16, round(max(before) * rng.uniform(40, 110) / tall)))
        box = box * np.tile([clip.size[1] / before[1], clip.size[0] / before[0]], 2)
    return clip, varied(box, rng)
