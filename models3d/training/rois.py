"""The choice of RoIs of a clip that the heads are trained on.

The people's own tubes are added to the proposals. From all of these some are drawn for the box
head, and from those that are people some for the keypoint head.

Not here: labels (:mod:`.targets`), random choices (:mod:`.sampling`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..box_coding import BoxConvention
from .loss_config import KeypointChoice, LossConfig
from .sampling import Draw, sample
from .targets import POSITIVE, UNUSED, AbsentBoxes, TubeTruth, fill_absent, match


@dataclass(frozen=True, kw_only=True, slots=True)
class Rois:
    """R tubes of one clip."""

    tubes: Tensor
    """(R, T, 4) pixels of the network's input."""

    labels: Tensor
    """(R,) int64: 1 a person, 0 background, -1 neither."""

    person: Tensor
    """(R,) int64 index of the person; any value for background."""

    def __getitem__(self, rows: Tensor) -> "Rois":
        """Some of them: a boolean mask or an index."""
        return Rois(tubes=self.tubes[rows], labels=self.labels[rows], person=self.person[rows])

    @property
    def people(self) -> "Rois":
        """Those that are people."""
        return self[self.labels == POSITIVE]


def choose_rois(
    proposed: Tensor,
    truth: TubeTruth,
    *,
    config: LossConfig,
    draw: Draw,
    convention: BoxConvention = "continuous",
    pick: Callable[[Rois], Tensor] | None = None,
) -> tuple[Rois, Rois]:
    """Label the proposals of a clip, and draw some for each head.

    Args:
        proposed: (R, T, 4) the proposals of a clip, pixels of the network's input.
        truth: Its people.
        config: When a proposal is a person, and how many are drawn.
        draw: Source of random choices.
        convention: Pixel arithmetic of the box head.
        pick: Says which of the labelled RoIs the box head is trained on; None: they are drawn.

    Returns:
        RoIs for the box head, and RoIs for the keypoint head, which are all people.
    """
    # early in training hardly any proposal is a person; the true tubes always are
    tubes = torch.cat([own_tubes(truth, absent=config.absent_boxes).to(proposed.dtype), proposed])
    matches = match(tubes, truth, config=config.rois, convention=convention)
    everything = Rois(tubes=tubes, labels=matches.labels, person=matches.person)
    if pick is None:
        drawn = everything[sample(matches, config=config.roi_sample, draw=draw) != UNUSED]
    else:
        known = everything[everything.labels != UNUSED]
        drawn = known[pick(known)]
    pool = (everything if config.keypoint_choice == "published" else drawn).people
    pool = pool[_holds_joints(pool, truth, choice=config.keypoint_choice)]
    chosen = draw.distinct(len(pool.labels), min(len(pool.labels), config.keypoint_rois))
    return drawn, pool[chosen.to(pool.labels.device)]


def own_tubes(truth: TubeTruth, *, absent: AbsentBoxes = "free") -> Tensor:
    """(N, T, 4) the tubes of everybody who is present in some frame.

    A frame without the person repeats the box of the nearest frame with the person; if ``absent``
    is ``origin``, its box is zero, as published.
    """
    seen = truth.present.any(dim=1)
    boxes, present = truth.boxes[seen], truth.present[seen]
    return boxes * present[..., None] if absent == "origin" else fill_absent(boxes, present)


def _holds_joints(rois: Rois, truth: TubeTruth, *, choice: KeypointChoice) -> Tensor:
    """(R,) whether each RoI holds a known joint, from which the keypoint head can learn."""
    # The published program compares the joints of all frames with the box of the first one.
    boxes = rois.tubes[:, :1] if choice == "published" else rois.tubes
    points, low, high = truth.keypoints[rois.person], boxes[..., None, :2], boxes[..., None, 2:]
    inside = ((points >= low) & (points <= high)).all(dim=-1)
    return (inside & (truth.known_joints[rois.person] > 0)).flatten(1).any(dim=1)
