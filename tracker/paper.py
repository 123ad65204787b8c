"""The linking of the published Detect-and-Track program, habits included.

Each frame is assigned to the one before and to nothing else: there is no gate (every pair the
solver returns is a link, however far apart), no memory (one missed frame ends a track), no motion,
and ids wrap around. Kept for whoever compares with the published numbers; people who want to live
with the ids use :class:`posetube.tracker.tracker.Tracker`.

Source: Girdhar et al., Detect-and-Track, CVPR 2018, and its program's ``tracking_engine``. Boxes
are inclusive there (width x2 - x1 + 1). One deviation: of more people in a frame than there are
ids, the surest are kept; there, ids collided. Otherwise ids agree with those it wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, clip
from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import Detections, DoubleArray, FramePoses, IntArray, RowState

from .assignment import margins, solve_greedy
from .munkres import munkres
from .similarity import Doubles, Floats

NEVER = 1e9
"""A gate that lets every pair through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperConfig:
    """How the published program linked; defaults are those of its released configurations."""

    min_score: float = 0.95
    """Detections less sure than this, in [0, 1], are left out."""

    min_area: float = 50.0
    """Boxes smaller than this, after clipping to the picture, are left out; square pixels."""

    algorithm: Literal["hungarian", "greedy"] = "hungarian"
    """Whether to minimise the total cost or to take the cheapest pair again and again."""

    overlap_weight: float = 1.0
    """How much 1 - box overlap counts in a link's cost, 0 or more."""

    pose_weight: float = 0.0
    """How much the share of joints that moved over half a head counts, 0 or more."""

    appearance_weight: float = 0.0
    """How much the cosine distance of embeddings counts, 0 or more."""

    id_limit: int = 999
    """Ids run from 0 to one less than this, then start again."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise InputError(f"PaperConfig.min_score must be in [0, 1], got {self.min_score}")
        for name in ("min_area", "overlap_weight", "pose_weight", "appearance_weight"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"PaperConfig.{name} must be 0 or more, got {getattr(self, name)}")
        if self.algorithm not in ("hungarian", "greedy"):
            raise InputError(
                f"PaperConfig.algorithm must be hungarian or greedy, got {self.algorithm!r}"
            )
        if self.id_limit < 1:
            raise InputError(f"PaperConfig.id_limit must be 1 or more, got {self.id_limit}")


class PaperTracker:
    """Follows the people of one video as the published program did; ids from 0.

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
        """Link one frame to the previous one; it is settled at once.

        The arguments are those of :meth:`posetube.tracker.tracker.Tracker.update`; the published
        program used neither ``tubes`` nor ``camera``, so they change nothing.
        """
        people = people[pruned_rows(people, size=self.size, config=self.config)]
        people = replace(people, boxes=_clipped(people.boxes, self.size))
        cost = paper_costs(self._people, people, skeleton=self.skeleton, config=self.config)
        rows, columns = assign_ungated(cost, algorithm=self.config.algorithm)
        ids = np.full(len(people), -1)
        ids[columns] = self._ids[rows]
        margin = np.full(len(people), np.nan, np.float32)
        margin[columns] = margins(cost, rows, columns, limit=NEVER)
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
        """Nothing: no frame ever waits."""
        return []

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later, as arrays and numbers: see :meth:`restore`."""
        people = {f.name: getattr(self._people, f.name) for f in fields(Detections)}
        return {"ids": self._ids, "next": self._next, "people": people}

    @classmethod
    def restore(
        cls,
        state: Mapping[str, Any],
        *,
        skeleton: Skeleton,
        size: tuple[int, int] | None = None,
        config: PaperConfig = PaperConfig(),
    ) -> "PaperTracker":
        """The tracker that :meth:`state` described; it goes on exactly as that one would."""
        tracker = cls(skeleton=skeleton, size=size, config=config)
        tracker._ids, tracker._next = state["ids"], int(state["next"])
        tracker._people = Detections(**state["people"])
        return tracker


def pruned_rows(
    people: Detections, *, size: tuple[int, int] | None, config: PaperConfig
) -> IntArray:
    """Which detections are sure and large enough, in their order; at most one for each id."""
    large = area(_clipped(people.boxes, size)) >= config.min_area
    rows = np.flatnonzero((people.scores >= config.min_score) & large)
    surest = np.argsort(-people.scores[rows], kind="stable")[: config.id_limit]
    return np.asarray(np.sort(rows[surest]), np.int64)


def paper_costs(
    previous: Detections, people: Detections, *, skeleton: Skeleton, config: PaperConfig
) -> Doubles:
    """(N, M) cost of linking each person of the frame before with each of this one.

    Raises:
        InputError: If a cost is asked for that the detections have no data for.
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


def head_pck(first: Floats, second: Floats, *, skeleton: Skeleton) -> Doubles:
    """Share of all K joints within half of the first person's head: not symmetric.

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
    return np.asarray((distance < 0.5 * head[:, None, None]).mean(axis=-1), np.float64)


def inclusive_iou(first: Floats, second: Floats) -> Doubles:
    """(N, M) overlap of boxes whose last pixel belongs to them: width x2 - x1 + 1."""
    one, two = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    low, high = np.maximum(one[..., :2], two[..., :2]), np.minimum(one[..., 2:], two[..., 2:])
    shared = np.maximum(high - low + 1, 0).prod(axis=-1)
    sizes = [(box[..., 2:] - box[..., :2] + 1).prod(axis=-1) for box in (one, two)]
    return np.asarray(shared / (sizes[0] + sizes[1] - shared))


def assign_ungated(
    cost: Doubles, *, algorithm: Literal["hungarian", "greedy"]
) -> tuple[IntArray, IntArray]:
    """Pair rows and columns, as many as there are; no gate."""
    if not cost.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return munkres(cost) if algorithm == "hungarian" else solve_greedy(cost, limit=NEVER)


def _cosine_distance(previous: Detections, people: Detections) -> Doubles:
    one, two = np.asarray(previous.embeddings), np.asarray(people.embeddings)
    norms = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(two, axis=1)[None]
    return np.asarray(1 - one @ two.T / norms, np.float64)


def _clipped(boxes: npt.NDArray[np.float32], size: tuple[int, int] | None) -> Any:
    return boxes if size is None else clip(boxes, height=size[0], width=size[1])
