"""Draws what a network in training finds in a few clips, beside their labels.

The clips are a function of the settings and the seed, so that each state of a run is seen on the
same ones. Not here: drawing people (:mod:`..rendering.painter`), the files
(:mod:`.prediction_files`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from posetube.boxes import iou
from posetube.errors import FormatError, MediaError
from posetube.masks import decode_mask, encode_mask
from posetube.skeletons import Skeleton
from posetube.structures import (
    ByteArray,
    BytesArray,
    Detections,
    FramePoses,
    IntArray,
    JointState,
    PoseTubes,
)

from ...datasets.annotated_video import AnnotatedVideo
from ...datasets.training.clip_frames import ClipConfig
from ...datasets.training.clip_index import ClipIndex
from ...datasets.training.clip_reader import read_clip
from ...datasets.training.labelled_clip import ClipSource, LabelledClip
from ...datasets.video.picture import fitted
from ...models3d.tube_rcnn import TubeRCNN
from ...tracker.config import LinkConfig
from ..opened_people import open_people_or_run
from ..rendering.painter import Painter
from ..settings import OverlayConfig
from .batches import TRIES
from .train_config import TrainConfig

SIDE = 480
"""Longer side of a frame as it is drawn, pixels."""

GAP = 4
"""Pixels between two frames."""

SAME = 0.3
"""Mean overlap of two boxes over a clip's frames from which they are drawn in one colour."""

SCORE = LinkConfig().sure_score
"""Score from which people are drawn: that from which tracking follows somebody new."""

Draw = Callable[[np.random.Generator], LabelledClip]
"""Reads a random clip."""


@dataclass(frozen=True)
class DrawnPredictions:
    """Some clips of what a run measures on, or else of what it trains on."""

    config: TrainConfig
    root: Path
    """Folder that the settings' relative paths start from."""

    trained_on: ClipSource
    length: int
    """T, how many frames the network looks at."""

    warn: Callable[[str], None]
    """Is told of each clip that cannot be read."""

    def __call__(self, network: TubeRCNN) -> Iterator[tuple[str, ByteArray]]:
        """Names such as ``held-out-1``, and pictures: labels on the left, predictions right."""
        if not self.config.predictions:
            return
        name, draw = self._source
        for number in range(1, self.config.predictions + 1):
            clip = self._read(draw, np.random.default_rng([self.config.seed, number]))
            if clip is None:
                return
            yield f"{name}-{number}", beside_labels(clip, _found(network, clip), network.skeleton)

    def _read(self, draw: Draw, rng: np.random.Generator) -> LabelledClip | None:
        """A clip in the place of those that cannot be read; None where none can."""
        for tries in range(1, TRIES + 1):
            try:
                return draw(rng)
            except (MediaError, FormatError) as error:
                if tries == TRIES:
                    self.warn(f"{error}; no predictions are drawn")
        return None

    @cached_property
    def _source(self) -> tuple[str, Draw]:
        """What it is called, and how a clip of it is read."""
        config = self.config
        if config.held_out is not None:
            root, form = self.root / config.held_out.root, config.held_out.dataset or None
            clips = ClipIndex(
                dataset=open_people_or_run(root, form=form),
                config=ClipConfig(length=self.length, labeled="centre"),
                split=config.held_out.split,
            )
            if len(clips):
                return "held-out", clips.draw
        if config.validation is not None:
            photographs = _Photographs(
                annotations=self.root / config.validation.annotations,
                pictures=self.root / config.validation.pictures,
                length=self.length,
            )
            return "validation", photographs
        return "training", self.trained_on.draw


@dataclass(frozen=True)
class _Photographs:
    """Those to measure on, as clips in which nothing moves."""

    annotations: Path
    pictures: Path
    length: int

    @cached_property
    def _videos(self) -> list[AnnotatedVideo]:
        people = open_people_or_run(self.annotations, form="coco")
        videos = (replace(people.read(name), media=self.pictures) for name in people.videos())
        return [video for video in videos if len(video.tracks.frame)]

    def __call__(self, rng: np.random.Generator) -> LabelledClip:
        if not self._videos:
            raise FormatError(f"{self.annotations}: nobody is labelled")
        video = self._videos[rng.integers(len(self._videos))]
        frame = int(rng.choice(np.unique(video.tracks.frame)))
        return read_clip(video, [frame] * self.length)


def _found(network: TubeRCNN, clip: LabelledClip) -> PoseTubes:
    """Whom the network finds, with masks where it draws some."""
    features = network.encode(clip.images, masks=network.draws_masks)
    return network.detect_features(features, range(len(clip)))


def beside_labels(clip: LabelledClip, found: PoseTubes, joints: Skeleton) -> ByteArray:
    """A clip's labels on the left, predictions on the right, with their scores.

    Who overlaps somebody labelled has the same colour. Labelled joints that are hidden are faint
    and hollow, predicted ones that the network is not sure of.

    Args:
        clip: T frames with N people.
        found: Whom a network finds in it.
        joints: The network's.

    Returns:
        (H, W, 3) RGB: a row per frame; one where nothing moves.
    """
    sure = found.scores >= SCORE
    ids = _ids(clip, found)[sure]
    names = {int(i): f"{s:.2f}" for i, s in zip(ids, found.scores[sure], strict=True)}
    still = clip.times[0] == clip.times[-1]
    rows = [
        [
            _drawn(clip.images[step], _labelled(clip, step), clip.skeleton),
            _drawn(clip.images[step], found.at(step)[sure], joints, ids=ids, names=names),
        ]
        for step in ([len(clip) // 2] if still else range(len(clip)))
    ]
    return _beside([_beside(row, axis=1) for row in rows], axis=0)


def _ids(clip: LabelledClip, found: PoseTubes) -> IntArray:
    """(M,) for each person found, the number of the labelled one, from 1; others follow these."""
    ids = len(clip.boxes) + 1 + np.arange(len(found))
    if len(clip.boxes) and len(found):
        frames = zip(clip.boxes.swapaxes(0, 1), found.boxes.swapaxes(0, 1), strict=True)
        overlaps = np.mean([iou(*boxes) for boxes in frames], axis=0)
        for labelled, row in zip(*linear_sum_assignment(-overlaps), strict=True):
            if overlaps[labelled, row] >= SAME:
                ids[row] = labelled + 1
    return ids


def _labelled(clip: LabelledClip, step: int) -> Detections:
    states = clip.joint_states[:, step]
    points = np.where((states == JointState.ABSENT)[..., None], np.nan, clip.keypoints[:, step])
    masks = None if clip.masks is None else [encode_mask(mask) for mask in clip.masks[:, step]]
    return Detections(
        boxes=clip.boxes[:, step],
        scores=np.ones(len(clip.boxes), np.float32),
        keypoints=points.astype(np.float32),
        keypoint_scores=(states == JointState.VISIBLE).astype(np.float32),
        masks=None if masks is None else np.array(masks, object),
    )


def _drawn(
    image: ByteArray,
    people: Detections,
    joints: Skeleton,
    *,
    ids: IntArray | None = None,
    names: dict[int, str] | None = None,
) -> ByteArray:
    """A frame of a size to look at with people over it; without ids, they are numbered."""
    canvas, scale = fitted(image, (SIDE, SIDE))
    size = (canvas.shape[0], canvas.shape[1])
    count = len(people)
    people = replace(
        people,
        boxes=people.boxes * scale,
        keypoints=people.keypoints * scale,
        masks=None if people.masks is None else _resized(people.masks, size),
    )
    poses = FramePoses(
        frame=0,
        time=0.0,
        track_ids=np.arange(1, count + 1) if ids is None else ids,
        people=people,
        states=np.zeros(count, np.uint8),
        link_margins=np.zeros(count, np.float32),
    )
    config = OverlayConfig(ids=names is not None)
    return Painter(joints, size=size, config=config, names=names).draw(canvas, poses)


def _resized(masks: BytesArray, size: tuple[int, int]) -> BytesArray:
    found = np.empty(len(masks), object)
    for row, mask in enumerate(masks.tolist()):
        inside = decode_mask(mask).astype(np.uint8) if mask else None
        found[row] = b""
        if inside is not None:
            inside = np.asarray(cv2.resize(inside, size[::-1], interpolation=cv2.INTER_NEAREST))
            found[row] = encode_mask(inside > 0)
    return found


def _beside(pictures: list[ByteArray], *, axis: int) -> ByteArray:
    """Pictures of one size with gaps between them."""
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)]
    return np.concatenate(parts[1:], axis=axis)
