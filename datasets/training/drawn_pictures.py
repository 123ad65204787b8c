"""Draws pictures to train on: synthetic people in synthetic scenes, or put onto photographs.

The exact truth of :mod:`posetube.datasets.synthetic` becomes the labels that a teacher would have
given. A picture is a clip of one frame.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from posetube import boxes as box
from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.skeletons import COCO17
from posetube.structures import JointState

from ..synthetic import PictureConfig, SyntheticFrame, paste_people, picture
from .labelled_clip import LabelledClip, join_clips


@dataclass(frozen=True, kw_only=True)
class DrawnConfig:
    """How synthetic people become pictures to train on."""

    scene: PictureConfig = field(default_factory=PictureConfig)
    """Pictures that are drawn as a whole."""

    pasted_share: float = 0.7
    """How often people are put onto a photograph instead, in [0, 1]."""

    pasted_people: tuple[int, int] = (1, 3)
    """Fewest and most people on a photograph."""

    whole: float = 0.5
    """People of whom at least this share is seen, in [0, 1], get the box of their whole body;
    others that of the part which is seen."""

    ignored: float = 0.2
    """People of whom less than this share is seen, in [0, 1], are regions to ignore."""

    visible_weight: float = 0.6
    """Weight of a joint that is seen, in [0, 1]: about what a teacher's joints weigh on average, so
    that a drawn person counts no more than a photographed one."""

    hidden_weight: float = 0.3
    """Weight of a joint that is hidden, in [0, 1]."""

    def __post_init__(self) -> None:
        shares = ("pasted_share", "whole", "ignored", "visible_weight", "hidden_weight")
        check_numbers(self, *shares, low=0, high=1)
        low, high = self.pasted_people
        if not 1 <= low <= high:
            raise InputError(
                f"DrawnConfig.pasted_people must rise from at least 1, got {self.pasted_people}"
            )


def drawn_pictures(
    photograph: Callable[[np.random.Generator], LabelledClip] | None,
    *,
    count: int,
    config: DrawnConfig,
    seed: int,
) -> Iterator[tuple[str, LabelledClip]]:
    """File name and picture, ``count`` times; each depends on ``seed`` and its own number alone.

    Args:
        photograph: Gives something to put people onto; None: all scenes are synthetic.
        count: How many.
        config: What they show.
        seed: What chance starts from.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        if rng.random() < config.pasted_share and photograph is not None:
            made = onto_photograph(photograph(rng), config=config, rng=rng)
        else:
            made = as_labelled(picture(config.scene, rng=rng), config=config)
        yield f"drawn_{number:05d}.webp", made


def as_labelled(frame: SyntheticFrame, *, config: DrawnConfig) -> LabelledClip:
    """The truth of a drawn frame as labels to train on."""
    people = frame.people
    whole = people.visibility >= config.whole
    boxes = np.where(whole[:, None], people.boxes, people.visible_boxes)
    seen = people.visibility >= config.ignored
    # archives hold COCO's joints, which come first
    keypoints = people.keypoints[:, : len(COCO17)]
    states = people.joint_states[:, : len(COCO17)]
    weights = np.select(
        [states == JointState.VISIBLE, states == JointState.OCCLUDED],
        [config.visible_weight, config.hidden_weight],
        0.0,
    )
    return LabelledClip(
        images=frame.image[None],
        times=np.array([frame.time]),
        skeleton=COCO17,
        boxes=boxes[seen, None].astype(np.float32),
        keypoints=keypoints[seen, None],
        joint_states=states[seen, None],
        keypoint_weights=weights[seen, None].astype(np.float32),
        ignore=people.boxes[~seen, None],
        masks=frame.masks[seen][:, None],
    )


def onto_photograph(
    photograph: LabelledClip, *, config: DrawnConfig, rng: np.random.Generator
) -> LabelledClip:
    """Put people onto a photograph, before those who are in it."""
    low, high = config.pasted_people
    people = int(rng.integers(low, high + 1))
    frame = paste_people(
        photograph.images[0], rng=rng, people=people, tumbling=config.scene.tumbling
    )
    return join_clips([as_labelled(frame, config=config), _covered(photograph, frame)])


def _covered(photograph: LabelledClip, frame: SyntheticFrame) -> LabelledClip:
    """The people in the photograph, now partly behind the drawn ones.

    Covered joints no longer count; who is mostly covered becomes a region to ignore.
    """
    covered = frame.owner > 0
    height, width = photograph.size
    column = np.nan_to_num(photograph.keypoints[..., 0]).astype(int).clip(0, width - 1)
    row = np.nan_to_num(photograph.keypoints[..., 1]).astype(int).clip(0, height - 1)
    corners = box.clip(photograph.boxes[:, 0], height=height, width=width).round().astype(int)
    share = np.array([covered[y1:y2, x1:x2].mean() if x2 > x1 and y2 > y1 else 1.0
                      for x1, y1, x2, y2 in corners.tolist()])  # fmt: skip
    hidden = share >= 0.5
    masks = photograph.masks
    if not len(photograph.boxes):  # of nobody, all masks are known
        masks = np.zeros((0, 1, height, width), np.bool_)
    behind = replace(
        photograph,
        masks=None if masks is None else masks & ~covered,
        keypoint_weights=np.where(covered[row, column], 0, photograph.weights).astype(np.float32),
        ignore=np.concatenate([photograph.ignore, photograph.boxes[hidden]]),
    )
    return behind.people(~hidden)
