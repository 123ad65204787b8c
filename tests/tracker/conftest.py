"""People made of arithmetic: what most tests of linking follow."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from posetube.skeletons import COCO17
from posetube.structures import Detections

POSE = np.random.default_rng(7).uniform([-20, -50], [20, 50], (17, 2))


def people_at(
    centres: Sequence[tuple[float, float]],
    *,
    scores: float | Sequence[float] = 0.9,
    jitter: float = 0.0,
    seed: int = 0,
) -> Detections:
    """One person, 40 x 100 pixels, around each centre; every one in a slightly different pose."""
    rng = np.random.default_rng(seed)
    n = len(centres)
    middle = np.reshape(np.array(centres, np.float64), (n, 1, 2))
    # The pose leans by place in the list, so that people who cross do not look alike.
    lean = np.linspace(-0.3, 0.3, n)[:, None] * POSE[None, :, 1] if n else np.zeros((0, 17))
    joints = middle + POSE + np.stack([lean, np.zeros_like(lean)], axis=-1)
    joints = joints + rng.normal(0, 1, joints.shape) * jitter
    boxes = np.concatenate([middle[:, 0] - [20, 50], middle[:, 0] + [20, 50]], axis=1)
    return Detections(
        boxes=(boxes + rng.normal(0, 1, boxes.shape) * jitter).astype(np.float32),
        scores=np.broadcast_to(np.asarray(scores, np.float32), (n,)).copy(),
        keypoints=joints.astype(np.float32),
        keypoint_scores=np.ones((n, len(COCO17)), np.float32),
    )


@pytest.fixture(scope="session")
def people() -> Callable[..., Detections]:
    """See :func:`people_at`."""
    return people_at
