"""Boxes, masks and joints together against alone, and deformable refinement, on drawn people.

Small networks at 128 x 192 learn from drawn pictures, and are measured on drawn pictures that they
have not seen. All runs of a table see the same pictures in the same order, begin with the same
weights, and take the same number of steps.

- ``multitask``: neck and heads on the embedded model's body, which stays as it is; the neck is what
  the heads share. Boxes are learned in all runs, joints and masks together or alone.
- ``deformable``: a ResNet-18 with a pyramid learns boxes and joints from nothing; then it learns
  further as it is, with deformable convolutions in its last three stages (RB), and with these in
  the keypoint head too, whose maps move themselves (RB+H). Both begin as the plain network.
- ``overfit``: boxes, joints and masks together of eight photographs, measured on these: whether
  they are learned by heart.

    python -m benchmarks.multitask FOLDER multitask --record
    python -m benchmarks.multitask FOLDER overfit --steps 1000 --photographs tiny_coco --record
    python -m benchmarks.multitask FOLDER deformable --steps 2000 --record

Runs that FOLDER holds already are not trained again, only measured.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.recording import RESULTS, write_record
from posetube.datasets.synthetic import PictureConfig
from posetube.datasets.training.augment_config import AugmentConfig
from posetube.datasets.training.augment_places import shrink
from posetube.datasets.training.clip_reader import read_clip
from posetube.datasets.training.drawn_pictures import DrawnConfig, drawn_pictures
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.datasets.training.picture_archive import PictureArchive, write_archive
from posetube.masks import encode_mask
from posetube.models3d import TubeRCNN, load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig
from posetube.models3d.configs.people_heads import MaskHeadConfig, PoolConfig
from posetube.models3d.configs.proposal_heads import AnchorConfig
from posetube.models3d.inflate import inflate
from posetube.models3d.joint_peaks import DecodeConfig
from posetube.models3d.presets import keypoint_rcnn_r50
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.optimization import OptimizationConfig
from posetube.models3d.training.sampling import SampleConfig
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.opened_people import open_people_or_run
from posetube.pipelines.training.clip_sources import PicturesConfig
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.train_config import TrainConfig
from posetube.skeletons import COCO17
from posetube.structures import FrameTable, VideoTracks

SIZE = (128, 192)
"""(H, W) of all pictures."""

SCENE = PictureConfig(size=SIZE, people=(1, 3), person_height=(0.4, 0.9), tumbling=0.0, occluders=1)
DRAWN = DrawnConfig(scene=SCENE, pasted_share=0.0)
TRAINED, UNSEEN = 1200, 200
"""Pictures to learn from, and to measure on."""

PHOTOGRAPHS = 8
"""Learned by heart: the first that are at most as high as they are to be, beside others."""

VARIED = AugmentConfig(scale=(0.8, 1.25), rotate_share=0.0, mosaic_share=0.0, grey_share=0.0)
UNVARIED = replace(
    VARIED,
    flip_share=0.0,
    scale=(1.0, 1.0),
    aim_share=0.0,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    channel_gain=0.0,
    blur_share=0.0,
)

NO_JOINTS, NO_MASKS = ("keypoint_head.",), ("mask_head.",)
MEASURES = {"boxes": "bbox", "joints": "keypoints", "masks": "segm"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one row of a table learns."""

    network: AnchorRCNNConfig
    """Its parts."""

    start: str
    """The run that it goes on from; empty: new heads on the embedded model's weights."""

    steps: int
    """How long it learns."""

    frozen: tuple[str, ...] = ()
    """What does not."""

    joints: float = 1.0
    """Weight of the joints' loss."""

    augment: AugmentConfig = VARIED
    """How pictures are varied."""


def on_embedded_body() -> AnchorRCNNConfig:
    """Anchors, a box head, and small heads for joints and masks, on the embedded model's body."""
    flat, tiny = keypoint_rcnn_r50(), load_network("tiny").config
    pool = PoolConfig(size=14, levels=3)
    return replace(
        flat,
        preprocess=replace(
            tiny.preprocess, resize="floats", pad_pixel=None, short_side=SIZE[0], long_side=SIZE[1]
        ),
        body=tiny.body,
        neck=tiny.neck,
        proposals=replace(
            flat.proposals,
            anchors=AnchorConfig(sizes=((32.0,), (64.0,), (128.0,))),
            before_nms=200,
            after_nms=100,
        ),
        box_head=replace(
            flat.box_head, pool=PoolConfig(size=7, levels=3), hidden=256, max_people=10
        ),
        keypoint_head=replace(flat.keypoint_head, pool=pool, channels=64, depth=3),
        mask_head=MaskHeadConfig(pool=pool, channels=64, depth=3),
        decode=DecodeConfig(),
    )


def on_resnet(*, stages: int = 0, head: bool = False) -> AnchorRCNNConfig:
    """Boxes and joints on a small ResNet; how many of its stages, and which head, deform."""
    flat, small = keypoint_rcnn_r50(), on_embedded_body()
    joints = replace(small.keypoint_head, pool=PoolConfig(size=14, levels=4))
    return replace(
        flat,
        preprocess=replace(flat.preprocess, short_side=SIZE[0], long_side=SIZE[1]),
        body=ResNetConfig(depth=18, deformable_stages=stages),
        neck=FPNConfig(channels=64),
        proposals=replace(
            flat.proposals,
            anchors=AnchorConfig(sizes=tuple((16.0 * 2**level,) for level in range(5))),
            before_nms=200,
            after_nms=100,
        ),
        box_head=replace(flat.box_head, hidden=256, max_people=10),
        keypoint_head=replace(joints, deformable=head, offsets=head),
        decode=DecodeConfig(),
    )


def multitask(steps: int) -> dict[str, Run]:
    """Boxes with joints, with masks, and with both."""
    run = Run(network=on_embedded_body(), start="", steps=steps, frozen=("body.",))
    return {
        "boxes, joints": replace(run, frozen=(*run.frozen, *NO_MASKS)),
        "boxes, masks": replace(run, frozen=(*run.frozen, *NO_JOINTS), joints=0.0),
        "boxes, joints, masks": run,
    }


def deformable(steps: int) -> dict[str, Run]:
    """A plain network, then itself, RB and RB+H from there on."""
    further = Run(network=on_resnet(), start="begun", steps=steps // 2)
    return {
        "begun": replace(further, start="", steps=steps),
        "plain": further,
        "RB": replace(further, network=on_resnet(stages=3)),
        "RB+H": replace(further, network=on_resnet(stages=3, head=True)),
    }


def overfit(steps: int) -> dict[str, Run]:
    """Boxes, joints and masks together."""
    name = "boxes, joints, masks"
    return {name: replace(multitask(steps)[name], augment=UNVARIED)}


PARTS = {"multitask": multitask, "deformable": deformable, "overfit": overfit}


def take_photographs(root: Path, folder: Path) -> None:
    """Write an archive of the first photographs with joints, unless it is there."""
    if (folder / "trained.npz").exists():
        return
    people, wanted = open_people_or_run(root, form="coco"), list[tuple[str, LabelledClip]]()
    for name in people.videos():
        video = people.read(name)
        for frame in video.labeled_frames:
            clip = shrink(read_clip(video, [frame], masks=True), long_side=max(SIZE))
            known = np.isfinite(clip.keypoints).any() and not clip.ignore.size
            if known and clip.images.shape[1] <= SIZE[0] and len(wanted) < PHOTOGRAPHS:
                wanted.append((f"{len(wanted)}.webp", on_canvas(clip)))
    write_archive(folder / "trained.tar", wanted, quality=95)


def on_canvas(clip: LabelledClip) -> LabelledClip:
    """A picture, and its masks, at the top left of one of the size of all."""
    height, width = clip.images.shape[1:3]
    rest = ((0, SIZE[0] - height), (0, SIZE[1] - width))
    masks = None if clip.masks is None else np.pad(clip.masks, ((0, 0), (0, 0), *rest))
    return replace(clip, images=np.pad(clip.images, ((0, 0), *rest, (0, 0))), masks=masks)


def draw(folder: Path) -> None:
    """Write both archives, unless they are there."""
    for name, count, seed in (("trained", TRAINED, 0), ("unseen", UNSEEN, 1)):
        if not (folder / f"{name}.npz").exists():
            pictures = drawn_pictures(None, count=count, config=DRAWN, seed=seed)
            write_archive(folder / f"{name}.tar", pictures, quality=95)


def train(name: str, run: Run, folder: Path) -> TubeRCNN:
    """One run's network, from its file if it is there."""
    out = folder / name.replace(", ", "_")
    if not (out / "done").exists():
        torch.manual_seed(0)
        begun = TubeRCNN(run.network)
        weights = load_network(folder / run.start / RESULT if run.start else "tiny").state_dict()
        fresh = begun.state_dict()
        known = {n: value for n, value in weights.items() if n in fresh}
        if not run.start:  # the heads of the embedded model are others
            known = {n: value for n, value in known.items() if n.startswith(("body.", "neck."))}
        begun.load_state_dict({**fresh, **inflate(known, fresh)})
        start = out.with_suffix(".safetensors")
        save_weights(begun, start)
        train_network(config_of(run, start=start), out, root=folder)
        (out / "done").touch()
    return load_network(out / RESULT).eval()


def config_of(run: Run, *, start: Path) -> TrainConfig:
    """How a run is trained."""
    return TrainConfig(
        start=str(start.resolve()),
        pictures=PicturesConfig(
            archives={"trained.tar": 1.0},
            sizes=(SIZE,),
            batch=4,
            augment=run.augment,
        ),
        losses=LossConfig(
            roi_sample=SampleConfig(size=64, positive_share=0.5),
            keypoints=run.joints,
            keypoint_rois=16,
        ),
        optimization=OptimizationConfig(
            steps=run.steps, learning_rate=1e-3, frozen=run.frozen, average=0.98
        ),
        save_every=10_000,
    )


def truth_of(clips: list[LabelledClip]) -> VideoTracks:
    """Pictures as frames of one video."""
    frame = np.repeat(np.arange(len(clips)), [len(clip.boxes) for clip in clips])
    points = np.concatenate([clip.keypoints[:, 0] for clip in clips])
    drawn = [clip.masks for clip in clips if clip.masks is not None]
    masks = [encode_mask(mask[0]) for people in drawn for mask in people]
    return VideoTracks(
        source="drawn",
        size=SIZE,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(len(clips), dtype=np.float64)),
        frame=frame,
        track_ids=np.arange(len(frame)),
        boxes=np.concatenate([clip.boxes[:, 0] for clip in clips]),
        scores=np.ones(len(frame), np.float32),
        keypoints=points,
        keypoint_scores=np.where(np.isnan(points[..., 0]), np.nan, 1).astype(np.float32),
        masks=np.array(masks, object),
    )


def found_by(network: TubeRCNN, clips: list[LabelledClip], *, masks: bool) -> VideoTracks:
    """What a network finds in the pictures, in the same form."""
    people = []
    for number, clip in enumerate(clips):
        features = network.encode(clip.images, masks=masks)
        people.append(network.detect_features(features, [number]).at(0))
    frame = np.repeat(np.arange(len(clips)), [len(found) for found in people])
    drawn = [mask for found in people for mask in (found.masks if masks else ())]  # type: ignore[union-attr]
    return VideoTracks(
        source="drawn",
        size=SIZE,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(len(clips), dtype=np.float64)),
        frame=frame,
        track_ids=np.arange(len(frame)),
        boxes=np.concatenate([found.boxes for found in people]),
        scores=np.concatenate([found.scores for found in people]),
        keypoints=np.concatenate([found.keypoints for found in people]),
        keypoint_scores=np.concatenate([found.keypoint_scores for found in people]),
        masks=np.array(drawn, object) if masks else None,
    )


def scores(run: Run, network: TubeRCNN, clips: list[LabelledClip]) -> dict[str, float]:
    """Average precisions of what a run has learned, in percent."""
    learned = {"boxes"}
    learned |= {"joints"} if run.joints else set()
    learned |= {"masks"} if network.draws_masks and NO_MASKS[0] not in run.frozen else set()
    truth, found = truth_of(clips), found_by(network, clips, masks="masks" in learned)
    return {
        name: round(evaluate(found, truth, protocol="coco", shape=kind).total("ap"), 1)  # type: ignore[arg-type]
        for name, kind in MEASURES.items()
        if name in learned
    }


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The scores for people to read."""
    head = "| learned | steps | box AP | keypoint AP | mask AP |\n|---|---|---|---|---|"
    lines = [
        f"| {name} | {row['steps']} | " + " | ".join(str(row.get(m, "")) for m in MEASURES) + " |"
        for name, row in rows.items()
    ]
    return "\n".join([head, *lines])


def main() -> None:
    """Draw, train, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where pictures and runs go")
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--photographs", type=Path, help="COCO's, with joints, for overfit")
    parser.add_argument("--record", action="store_true", help=f"write into {RESULTS.name}")
    arguments = parser.parse_args()
    folder = arguments.folder / f"{arguments.part}_{arguments.steps}"
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.part == "overfit":
        take_photographs(arguments.photographs, folder)
    else:
        draw(folder)
    measured = "trained" if arguments.part == "overfit" else "unseen"
    archive = PictureArchive(folder / f"{measured}.tar", masks=True)
    clips = [archive[number] for number in range(len(archive))]
    runs = PARTS[arguments.part](arguments.steps)
    rows = dict[str, dict[str, Any]]()
    for name, run in runs.items():
        network = train(name, run, folder)
        rows[name] = {"steps": run.steps, **scores(run, network, clips)}
        print(name, rows[name], flush=True)
    print(table(rows))
    if arguments.record:
        numbers = {
            "runs": rows,
            "pictures": {
                "trained": len(PictureArchive(folder / "trained.tar")),
                measured: len(clips),
            },
            "command": f"python -m benchmarks.multitask FOLDER {arguments.part} "
            f"--steps {arguments.steps} --record"
            + (" --photographs tiny_coco" if arguments.part == "overfit" else ""),
        }
        name = "multitask_overfit" if arguments.part == "overfit" else arguments.part
        write_record(RESULTS / f"{name}.json", numbers)


if __name__ == "__main__":
    main()
