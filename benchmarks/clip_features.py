"""Keeps what the frozen parts of the embedded model say of clips, to train the others on it.

Body, neck and the crop network up to its last map look at single frames and stay as they are. So
what they say of a clip is computed once: the neck's levels of every frame, and the last maps of the
crops of some people, each at the true box there, moved and scaled a little. A stretch of ``FRAMES``
frames lies in a file of half-precision numbers. Clips:

- ``drawn``: people of known places, blurred, hidden, crossing, entering, the camera moving; of
  seeds of their own.
- ``jhmdb``: films without labels; their tracks, linked and smoothed with all frames known, are the
  truth. The films with human joints are left out, for measuring.
- ``still``: photographs with the labels of the teacher, clips of one frame.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import posetube
from posetube.atomic_files import replacing
from posetube.datasets.training.drawn_clips import drawn_clip
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.datasets.training.picture_archive import PictureArchive
from posetube.datasets.video import open_video
from posetube.models3d import TubeRCNN
from posetube.models3d.features import ClipFeatures, Pictures
from posetube.models3d.network_input import prepare
from posetube.models3d.training.targets import TubeTruth, fill_absent
from posetube.pipelines.training.tube_truth import truth_of_clip
from posetube.structures import Frame, JointState, VideoTracks

FRAMES = 7
"""Of a stretch; clips of three or five lie in it at several places."""

SEED = 31_000
"""Of the drawn clips to train on; those to validate on have the next one."""

SMALL, SMALL_SHARE = 320, 0.2
"""Longer side of the network's input in the second look, pixels, and how often a drawn stretch is
looked at like that."""

PEOPLE = 2
"""Of a stretch whose crops are kept."""

TRUTH = ("boxes", "present", "keypoints", "keypoint_weights", "ignore")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """F frames that follow each other."""

    levels: list[Tensor]
    """Per level (F, C, h, w)."""

    truth: TubeTruth
    """Network pixels."""

    crops: Tensor
    """(P, F, C, h, w) last maps of people."""

    regions: Tensor
    """(P, F, 4) what they cover, network pixels."""

    person: Tensor
    """(P,) row in the truth."""

    def at(self, frames: Sequence[int]) -> "Stretch":
        """Some of the frames, in this order; a clip of one frame gives it again and again."""
        last = len(self.levels[0]) - 1
        rows = torch.tensor([min(frame, last) for frame in frames])
        known = {name: getattr(self.truth, name)[:, rows] for name in TRUTH}
        return Stretch(
            levels=[level[rows].float() for level in self.levels],
            truth=TubeTruth(**known),
            crops=self.crops[:, rows].float(),
            regions=self.regions[:, rows],
            person=self.person,
        )


def read_stretch(path: Path) -> Stretch:
    """One from its file; the numbers are read from the disk where they are used."""
    with safe_open(path, "pt") as file:
        read: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    levels = [read[name] for name in sorted(read) if name.startswith("level")]
    others = {name: read[name] for name in ("crops", "regions", "person")}
    return Stretch(levels=levels, truth=TubeTruth(**{name: read[name] for name in TRUTH}), **others)


def write_stretch(stretch: Stretch, path: Path) -> None:
    """One to its file, features in half precision."""
    parts = {f"level{number}": level.half() for number, level in enumerate(stretch.levels)}
    parts |= {name: getattr(stretch.truth, name) for name in TRUTH}
    parts |= {"crops": stretch.crops.half(), "regions": stretch.regions, "person": stretch.person}
    with replacing(path) as aside:
        save_file({name: part.contiguous() for name, part in parts.items()}, aside)


@torch.inference_mode()
def look(network: TubeRCNN, clip: LabelledClip, *, small: bool, rng: Any) -> Stretch:
    """What the frozen parts say of a clip."""
    inputs = network.config.preprocess
    side = SMALL if small else inputs.long_side
    pixels, geometry = prepare(clip.images, replace(inputs, long_side=side))
    truth = truth_of_clip(clip, skeleton=network.skeleton)
    truth = replace(
        truth,
        boxes=geometry.to_network(truth.boxes),
        keypoints=geometry.to_network(truth.keypoints),
        ignore=geometry.to_network(truth.ignore),
    )
    head: Any = network.keypoint_head
    known = torch.nonzero((truth.known_joints > 0).any(-1).float().mean(1) > 0.5)[:, 0].numpy()
    person = torch.from_numpy(np.sort(rng.permutation(known)[:PEOPLE]).astype(np.int64))
    boxes = shaken(fill_absent(truth.boxes[person], truth.present[person]), rng)
    images = torch.from_numpy(np.ascontiguousarray(clip.images)).permute(0, 3, 1, 2)
    pictures = Pictures(images, geometry)
    pooled = head.pool(ClipFeatures([], (), len(images), pictures), [boxes])
    crops = head.network.last_maps(head.network.features(pooled.pixels))
    return Stretch(
        levels=list(network.clip_part(network.frame_part(pixels), 1).levels),
        truth=truth,
        crops=crops.unflatten(0, boxes.shape[:2]),
        regions=head.regions(boxes),
        person=person,
    )


def shaken(boxes: Tensor, rng: np.random.Generator) -> Tensor:
    """(P, F, 4) boxes as a detector gives them: off as a whole, and a little in every frame."""
    size = (boxes[..., 2:] - boxes[..., :2]).repeat(1, 1, 2)
    whole = rng.uniform(-0.05, 0.05, (len(boxes), 1, 4))
    each = 0.02 * rng.standard_normal(boxes.shape)
    return boxes + size * torch.from_numpy(whole + each).to(boxes)


def drawn(count: int, *, seed: int) -> Iterator[tuple[str, LabelledClip]]:
    """Three stretches of each of some drawn clips."""
    for number in range(count):
        clip = drawn_clip(number, seconds=2.4, seed=seed)
        starts = np.linspace(0, len(clip) - FRAMES, 3).astype(int)
        for place, start in enumerate(starts.tolist()):
            yield f"drawn_{seed}_{number:04d}_{place}", stretch_of(clip, start)


def filmed(folder: Path, count: int) -> Iterator[tuple[str, LabelledClip]]:
    """Two stretches of each of the first films without human joints, labelled by its tracks."""
    labelled = {key.partition("/")[0] for key in np.load(folder / "human_joints.npz").files}
    model = posetube.load_model("tiny")
    others = [path for path in sorted(folder.glob("*.avi")) if path.stem not in labelled]
    for path in others[:count]:
        with open_video(path) as video:
            pictures = [frame for frame in video.frames() if frame.image is not None]
        tracks = posetube.track(
            path, model=model, link=posetube.LinkConfig(preset="offline"), min_joint=0.0
        )
        clip = clip_of(pictures, tracks)
        for place, start in enumerate((len(clip) // 5, len(clip) - 2 * FRAMES)):
            yield f"jhmdb_{path.stem}_{place}", stretch_of(clip, start)


def clip_of(pictures: Sequence[Frame], tracks: VideoTracks) -> LabelledClip:
    """Tracks as truth: joints that the network was sure of; who is doubtful is to be ignored."""
    ids = np.unique(tracks.track_ids)
    shape = (len(ids), len(pictures))
    boxes = np.full((*shape, 4), np.nan, np.float32)
    points = np.full((*shape, len(tracks.skeleton), 2), np.nan, np.float32)
    scores = np.zeros(shape, np.float32)
    row = np.searchsorted(ids, tracks.track_ids)
    boxes[row, tracks.frame] = tracks.boxes
    sure = tracks.keypoint_scores >= 0.5
    points[row, tracks.frame] = np.where(sure[..., None], tracks.keypoints, np.nan)
    scores[row, tracks.frame] = tracks.scores
    people = scores.max(1) >= 0.4
    states = np.where(np.isnan(points[..., 0]), JointState.ABSENT, JointState.VISIBLE)
    return LabelledClip(
        images=np.stack([frame.image for frame in pictures if frame.image is not None]),
        times=np.array([frame.time for frame in pictures]),
        skeleton=tracks.skeleton,
        boxes=boxes[people],
        keypoints=points[people],
        joint_states=states.astype(np.uint8)[people],
        ignore=boxes[~people],
    )


def photographs(folder: Path) -> Iterator[tuple[str, LabelledClip]]:
    """Random photographs with the teacher's labels, a fifth of them mostly without people."""
    for name, count in (("stanford", 240), ("imagenet", 60)):
        archive = PictureArchive(folder / f"{name}.tar")
        for place in np.random.default_rng(SEED).permutation(len(archive))[:count].tolist():
            yield f"still_{name}_{place:05d}", archive[place]


def stretch_of(clip: LabelledClip, start: int) -> LabelledClip:
    """``FRAMES`` frames of a clip."""
    rows = slice(start, start + FRAMES)
    weights = clip.keypoint_weights
    return replace(
        clip,
        images=clip.images[rows],
        times=clip.times[rows],
        boxes=clip.boxes[:, rows],
        keypoints=clip.keypoints[:, rows],
        joint_states=clip.joint_states[:, rows],
        ignore=clip.ignore[:, rows],
        keypoint_weights=None if weights is None else weights[:, rows],
        masks=None,
    )


def keep_features(folder: Path, training: Path, *, clips: int, films: int, validation: int) -> None:
    """Write the stretches that are not in the folder yet.

    Args:
        folder: Where they go.
        training: Folder of the films and the photographs.
        clips: Drawn clips to train on.
        films: Films to train on.
        validation: Drawn clips to choose settings on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = posetube.models3d.load_network("tiny")
    sources: dict[str, Callable[[], Iterator[tuple[str, LabelledClip]]]] = {
        "drawn": partial(drawn, clips, seed=SEED),
        "validation": partial(drawn, validation, seed=SEED + 1),
        "jhmdb": partial(filmed, training / "jhmdb_clips", films),
        "still": partial(photographs, training),
    }
    for source, stretches in sources.items():
        done = folder / f"{source}.done"
        if done.exists():
            continue
        for name, clip in stretches():
            rng = np.random.default_rng(list(name.encode()))
            small = source == "drawn" and rng.random() < SMALL_SHARE
            found = look(network, clip, small=small, rng=rng)
            write_stretch(found, folder / f"{source}.{name}.safetensors")
        done.touch()
