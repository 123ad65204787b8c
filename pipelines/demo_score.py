"""How well a clip's tracks agree with its exact truth, in numbers that need no explanation.

Not here: the metrics that papers report (:mod:`posetube.tracker.metrics`).
"""

from dataclasses import dataclass

import numpy as np

from posetube.boxes import iou
from posetube.errors import InputError
from posetube.structures import IntArray, JointState, VideoTracks

from ..tracker.metrics.joint_pairing import nearest_pairs

MIN_IOU = 0.5
"""Overlap of the boxes from which somebody counts as found."""

MIN_VISIBLE = 0.5
"""Share of their joints that must be visible for people to be asked for."""

NEAR = 0.5
"""A joint is right within this many heads; a head is 0.6 of its box's diagonal, as in PCKh."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoScore:
    """What became of the people who were there to be found."""

    people: int
    """Persons to be found, counted in every frame."""

    found: int
    """Those that a track's box covers."""

    joints: int
    """Visible joints of those who were found."""

    joints_near: int
    """Those within half a head of their place."""

    switches: int
    """How often somebody's track changed. As in CLEAR MOT, people stay with their track while it
    overlaps enough: where people cross, another's box may fit them better for a moment."""

    @property
    def found_percent(self) -> float:
        """Of the people; NaN where there is nobody."""
        return 100 * self.found / self.people if self.people else np.nan

    @property
    def near_percent(self) -> float:
        """Of the visible joints of those who were found; NaN where there is none."""
        return 100 * self.joints_near / self.joints if self.joints else np.nan


def score(found: VideoTracks, truth: VideoTracks) -> DemoScore:
    """Compare tracks with the truth, frame by frame.

    Args:
        found: Tracks of the clip.
        truth: The same joints, with head boxes and with joints marked as visible or not.

    Raises:
        InputError: If the joints differ, or the truth lacks what is needed.
    """
    if found.skeleton.joints != truth.skeleton.joints:
        raise InputError(
            f"score: {found.skeleton.name} and {truth.skeleton.name} are different joints"
        )
    if truth.joint_states is None or truth.head_boxes is None:
        raise InputError(f"score: the truth of {truth.source} lacks joint states or head boxes")
    visible = truth.joint_states == JointState.VISIBLE
    heads = truth.head_boxes[:, 2:] - truth.head_boxes[:, :2]
    reach = NEAR * 0.6 * np.hypot(heads[:, 0], heads[:, 1])
    asked = visible.mean(axis=1) >= MIN_VISIBLE
    mine, theirs = _pairs(found, truth)
    wanted = asked[theirs]
    mine, theirs = mine[wanted], theirs[wanted]
    offset = np.linalg.norm(found.keypoints[mine] - truth.keypoints[theirs], axis=-1)
    near = (offset <= reach[theirs, None]) & visible[theirs]
    return DemoScore(
        people=int(asked.sum()),
        found=len(theirs),
        joints=int(visible[theirs].sum()),
        joints_near=int(near.sum()),
        switches=_switches(truth.track_ids[theirs], found.track_ids[mine]),
    )


def _pairs(found: VideoTracks, truth: VideoTracks) -> IntArray:
    """(2, P) rows of found and of true people who are the same, in the order of time."""
    pairs, last = [np.zeros((2, 0), np.int64)], dict[int, int]()
    for frame in range(len(truth.frames)):
        mine, theirs = found.rows_of(frame), truth.rows_of(frame)
        ids, people = found.track_ids[mine], truth.track_ids[theirs]
        miss = 1 - iou(found.boxes[mine], truth.boxes[theirs]).astype(np.float64)
        near = miss <= 1 - MIN_IOU
        before = np.array([last.get(person, -1) for person in people.tolist()], np.int64)
        # Those who stay together come first; then as many others as possible.
        kept = nearest_pairs(near & (ids[:, None] == before), miss)
        near[kept[0]], near[:, kept[1]] = False, False
        rows, columns = np.concatenate([kept, nearest_pairs(near, miss)], axis=1)
        last |= zip(people[columns].tolist(), ids[rows].tolist(), strict=True)
        pairs.append(np.stack([rows + mine.start, columns + theirs.start]))
    return np.concatenate(pairs, axis=1)


def _switches(truth: IntArray, found: IntArray) -> int:
    """Changes of the found identity along each true one; pairs are in the order of time."""
    count = 0
    for person in np.unique(truth):
        count += int(np.count_nonzero(np.diff(found[truth == person])))
    return count
