"""Links people as the published Detect-and-Track program did, including its habits.

Each frame is linked only to the previous one. There is no gate: every pair of the assignment is a
link, however far apart. There is no memory: one missed frame ends a track. There is no motion
model, and ids start again after 999. Use it to compare with the published numbers; for anything
else, :class:`posetube.tracker.tracker.Tracker` is better.

Source: Girdhar et al., Detect-and-Track, CVPR 2018, and the module ``tracking_engine`` of its
program. Boxes are inclusive there (width x2 - x1 + 1). One deviation: if a frame has more people
than there are ids, those with the highest scores are kept; in the program, ids collided. All other
ids agree with the program's.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from posetube.boxes import area, clip
from posetube.errors import InputError
from posetube.keypoint_similarity import Floats
from posetube.setting_checks import check_choice, check_numbers
from posetube.skeletons import Skeleton
from posetube.structures import Detections, DoubleArray, FloatArray, FramePoses, IntArray, RowState

from .assignment import margins, solve_greedy
from .munkres import munkres

PaperAlgorithm = Literal["hungarian", "greedy"]
"""How pairs are chosen."""

NO_GATE = 1e9
"""A gate that every pair passes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperConfig:
    """How the published program linked; defaults are those of its released configurations."""

    min_score: float = 0.95
    """Detections with a lower score, in [0, 1], are ignored."""

    min_area: float = 50.0
    """Boxes with a smaller area, after clipping to the picture, are ignored; square pixels."""

    algorithm: PaperAlgorithm = "hungarian"
    """``hungarian`` minimises the total cost; ``greedy`` takes the cheapest pair first."""

    overlap_weight: float = 1.0
    """Weight of 1 - box overlap in a link's cost, 0 or more."""

    pose_weight: float = 0.0
    """Weight of the share of joints that moved by more than half a head, 0 or more."""

    appearance_weight: float = 0.0
    """Weight of the cosine distance of the embeddings, 0 or more."""

    id_limit: int = 999
    """Ids run from 0 to one less than this, then start again; 1 or more."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_score", low=0, high=1)
        weights = ("overlap_weight", "pose_weight", "appearance_weight")
        check_numbers(self, "min_area", *weights, low=0)
        check_choice(self, "algorithm", PaperAlgorithm)
        check_numbers(self, "id_limit", low=1)


class PaperTracker:
    """Follows the people of one video as the published program did; ids start at 0.

    Args:
        skeleton: The joints of the detections; the pose cost needs ``head_top``, ``head_bottom``.
        size: (H, W) of the picture, pixels; None: boxes are not clipped.
        config: Thresholds, weights and solver.
    """

    def __init__(
        self,
        *,
        skeleton: Skeleton,
        size: tuple[int, int] | None = None,
        config: PaperConfig = PaperConfig(),
    ) -> None:
        self.skeleton = skeleton
        self.size = size
        self.config = config
        self._people = Detections.empty(len(skeleton))
        self._ids = np.zeros(0, np.int64)
        self._next = 0

    def update(
        self,
        people: Detections,
        *,
        frame: int,
        time: float,
        tubes: IntArray | None = None,
        camera: DoubleArray | None = None,
    ) -> list[FramePoses]:
        """Link one frame to the previous one, and return it.

        The arguments are those of :meth:`posetube.tracker.tracker.Tracker.update`. The published
        program knew neither tubes nor camera motion, so ``tubes`` and ``camera`` have no effect.

        Raises:
            InputError: If a cost has a weight that the detections have no data for.
        """
        people = people[pruned_rows(people, size=self.size, config=self.config)]
        # The program clips boxes where they lie: it compares and writes the clipped ones.
        people = replace(people, boxes=_clipped(people.boxes, self.size))
        cost = paper_costs(self._people, people, skeleton=self.skeleton, config=self.config)
        rows, columns = assign_ungated(cost, algorithm=self.config.algorithm)
        ids = np.full(len(people), -1)
        ids[columns] = self._ids[rows]
        margin = np.full(len(people), np.nan, np.float32)
        margin[columns] = margins(cost, rows, columns, limit=NO_GATE)
        # After 999 ids, a new id may equal one that another person still has; so it was there.
        for row in np.flatnonzero(ids < 0):
            ids[row] = self._next
            self._next = (self._next + 1) % self.config.id_limit
        self._people, self._ids = people, ids
        return [
            FramePoses(
                frame=frame,
                time=time,
                track_ids=ids,
                people=people,
                states=np.full(len(people), RowState.DETECTED, np.uint8),
                link_margins=margin,
            )
        ]

    def cut(self) -> None:
        """End all tracks, because the next frame shows another scene."""
        self._people, self._ids = self._people[:0], self._ids[:0]

    def finish(self) -> list[FramePoses]:
        """Return nothing: no frame ever waits."""
        return []


def pruned_rows(
    people: Detections, *, size: tuple[int, int] | None, config: PaperConfig
) -> IntArray:
    """(M,) rows of the detections that are sure and large enough, in order; at most one per id."""
    large = area(_clipped(people.boxes, size)) >= config.min_area
    rows = np.flatnonzero((people.scores >= config.min_score) & large)
    # The surest are selected but not sorted: the detector's order decides ties, and so ids.
    surest = np.argsort(-people.scores[rows], kind="stable")[: config.id_limit]
    return np.asarray(np.sort(rows[surest]), np.int64)


def paper_costs(
    previous: Detections, people: Detections, *, skeleton: Skeleton, config: PaperConfig
) -> DoubleArray:
    """(N, M) cost of linking each person of the previous frame with each of this one.

    Raises:
        InputError: If a cost has a weight that the detections have no data for.
    """
    cost = np.zeros((len(previous), len(people)))
    if config.overlap_weight:
        overlap = inclusive_iou(previous.boxes, people.boxes)
        cost += config.overlap_weight * (1 - overlap)
    if config.appearance_weight:
        if people.embeddings is None or (len(previous) and previous.embeddings is None):
            raise InputError("PaperConfig.appearance_weight is set, but detections lack embeddings")
        if len(previous):
            cost += config.appearance_weight * _cosine_distance(previous, people)
    if config.pose_weight:
        share = head_pck(previous.keypoints, people.keypoints, skeleton=skeleton)
        cost += config.pose_weight * (1 - share)
    return cost


def head_pck(first: Floats, second: Floats, *, skeleton: Skeleton) -> DoubleArray:
    """Share of all K joints that are within half of the first person's head size: not symmetric.

    Args:
        first: (N, K, 2) pixels; a joint that is NaN is never near.
        second: (M, K, 2) pixels.
        skeleton: The joints; must have ``head_top`` and ``head_bottom``.

    Returns:
        (N, M).
    """
    top, bottom = skeleton.index("head_top"), skeleton.index("head_bottom")
    head = np.linalg.norm(first[:, top] - first[:, bottom], axis=-1) + 1
    distance = np.linalg.norm(first[:, None] - second[None], axis=-1)
    # All slots count, also the ears that nobody labelled: the program does so.
    return np.asarray((distance < 0.5 * head[:, None, None]).mean(axis=-1), np.float64)


def inclusive_iou(first: Floats, second: Floats) -> DoubleArray:
    """(N, M) overlap of boxes that include their last pixel: width x2 - x1 + 1."""
    one, two = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    low, high = np.maximum(one[..., :2], two[..., :2]), np.minimum(one[..., 2:], two[..., 2:])
    shared = np.maximum(high - low + 1, 0).prod(axis=-1)
    sizes = [(box[..., 2:] - box[..., :2] + 1).prod(axis=-1) for box in (one, two)]
    return np.asarray(shared / (sizes[0] + sizes[1] - shared))


def assign_ungated(
    cost: DoubleArray, *, algorithm: Literal["hungarian", "greedy"]
) -> tuple[IntArray, IntArray]:
    """Pair as many rows and columns as possible, without a gate."""
    if not cost.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return munkres(cost) if algorithm == "hungarian" else solve_greedy(cost, limit=NO_GATE)


def _cosine_distance(previous: Detections, people: Detections) -> DoubleArray:
    one, two = np.asarray(previous.embeddings), np.asarray(people.embeddings)
    norms = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(two, axis=1)[None]
    return np.asarray(1 - one @ two.T / norms, np.float64)


def _clipped(boxes: FloatArray, size: tuple[int, int] | None) -> Any:
    return boxes if size is None else clip(boxes, height=size[0], width=size[1])
