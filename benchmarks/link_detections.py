"""Makes detections with known faults from exact truth, for the benchmarks of linking."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, intersection
from posetube.structures import Detections, DoubleArray, VideoTracks


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Errors of a detector; rates are per person and frame unless a field says otherwise."""

    drop: float = 0.08
    """Share of people missed, independently in each frame."""

    burst: float = 0.006
    """Probability that a person is missed for the next 3 to 12 frames."""

    hidden: float = 0.6
    """Share missed of the people who are covered by more than 40 % by a nearer person."""

    jitter: float = 0.03
    """Standard deviation of corners and joints, in sizes of the person."""

    lost_joint: float = 0.05
    """Share of joints not found."""

    duplicate: float = 0.1
    """Probability of a second detection on a person, with three times the jitter."""

    false_positive: float = 0.4
    """False detections per frame where nobody is; each stays for 1 to 3 frames."""

    stolen_pose: float = 0.3
    """Share of covered people whose detection has the nearer person's joints."""

    def record(self) -> dict[str, float]:
        """The rates, for the report."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One sequence: ids, boxes and poses of each frame."""

    ids: list[npt.NDArray[np.int64]]
    boxes: list[DoubleArray]
    poses: list[DoubleArray]

    @classmethod
    def of(cls, tracks: VideoTracks) -> "Truth":
        """Everybody in a table of tracks."""
        rows = [tracks.rows_of(frame) for frame in range(len(tracks.frames))]
        return cls(
            ids=[tracks.track_ids[r] for r in rows],
            boxes=[tracks.boxes[r].astype(np.float64) for r in rows],
            poses=[tracks.keypoints[r].astype(np.float64) for r in rows],
        )


def detect(truth: Truth, faults: Faults, *, seed: int) -> Iterator[Detections]:
    """The detections of a faulty detector in each frame of a sequence."""
    rng = np.random.default_rng(seed)
    missing_until: dict[int, int] = {}
    ghosts: list[tuple[int, DoubleArray, DoubleArray, float]] = []
    everywhere = np.concatenate(truth.boxes)
    low, high = everywhere[:, :2].min(axis=0), everywhere[:, 2:].max(axis=0)
    sizes = np.sqrt(area(everywhere))
    for frame, (ids, boxes, poses) in enumerate(
        zip(truth.ids, truth.boxes, truth.poses, strict=True)
    ):
        cover = _covered_by(boxes)
        parts = []
        for row, person in enumerate(ids.tolist()):
            by, share = cover[row]
            if rng.random() < faults.burst:
                missing_until[person] = frame + int(rng.integers(3, 13))
            gone = rng.random() < (faults.hidden if share > 0.4 else faults.drop)
            if gone or frame < missing_until.get(person, 0):
                continue
            stolen = share > 0.4 and rng.random() < faults.stolen_pose
            pose = poses[by] if stolen else poses[row]
            score = rng.uniform(0.15, 0.95) if share > 0.4 else 1 - abs(rng.normal(0, 0.03))
            parts.append(_noisy(boxes[row], pose, score, faults, rng))
            if rng.random() < faults.duplicate:
                twin = _noisy(boxes[row], pose, rng.uniform(0.2, 0.98), faults, rng, times=3)
                parts.append(twin)
        for _ in range(rng.poisson(faults.false_positive / 2)):
            middle, size = rng.uniform(low, high), rng.choice(sizes)
            half = size * np.array([0.35, 0.7])
            box = np.concatenate([middle - half, middle + half])
            pose = rng.uniform(box[:2], box[2:], (poses.shape[1], 2))
            stays, score = int(rng.integers(1, 4)), rng.uniform(0.1, 0.97)
            ghosts.append((frame + stays, box, pose, score))
        ghosts = [ghost for ghost in ghosts if ghost[0] > frame]
        parts += [_noisy(box, pose, score, faults, rng) for _, box, pose, score in ghosts]
        yield _collected(parts, joints=poses.shape[1], rng=rng)


Found = tuple[DoubleArray, DoubleArray, float]


def _covered_by(boxes: DoubleArray) -> list[tuple[int, float]]:
    """For each person: who in front (with lower feet) covers most of the box, and what share."""
    if len(boxes) < 2:
        return [(0, 0.0)] * len(boxes)
    share = intersection(boxes, boxes) / area(boxes)[:, None]
    share = np.where(boxes[None, :, 3] > boxes[:, None, 3], share, 0)
    return [(int(row.argmax()), float(row.max())) for row in share]


def _noisy(
    box: DoubleArray, pose: DoubleArray, score: float, faults: Faults, rng: np.random.Generator,
    *, times: float = 1,
) -> Found:  # fmt: skip
    spread = times * faults.jitter * float(np.sqrt(area(box)))
    joints = pose + rng.normal(0, spread, pose.shape)
    joints[rng.random(len(pose)) < faults.lost_joint] = np.nan
    return box + rng.normal(0, spread, 4), joints, min(max(score, 0.05), 1.0)


def _collected(parts: list[Found], *, joints: int, rng: np.random.Generator) -> Detections:
    if not parts:
        return Detections.empty(joints)
    boxes, poses, scores = (np.array([part[i] for part in parts], np.float32) for i in range(3))
    found = Detections(
        boxes=boxes,
        scores=scores,
        keypoints=poses,
        keypoint_scores=(~np.isnan(poses[..., 0])).astype(np.float32),
    )
    return found[rng.permutation(len(parts))]
