"""Three people who walk through two sequences, in memory and as files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.formats import posetrack18_writer
from posetube.skeletons import POSETRACK15, Skeleton
from posetube.structures import FrameTable, VideoTracks

Tracks = Callable[..., VideoTracks]
FRAMES, PEOPLE = 6, 3


def walk(
    name: str = "000001_mpii_test",
    *,
    skeleton: Skeleton = POSETRACK15,
    noise: float = 0.0,
    seed: int = 0,
) -> VideoTracks:
    """Three people who walk; with noise, predictions."""
    rng = np.random.default_rng(seed)
    rows, k = FRAMES * PEOPLE, len(skeleton)
    frame = np.repeat(np.arange(FRAMES), PEOPLE)
    person = np.tile(np.arange(PEOPLE), FRAMES)
    body = np.random.default_rng(7).uniform(0, 80, (k, 2))
    keypoints = body + np.stack([100 + 3.0 * frame, 100 + 300.0 * person], axis=1)[:, None]
    keypoints = (keypoints + rng.normal(0, noise, keypoints.shape)).round(2)
    corner = keypoints.min(axis=1)
    return VideoTracks(
        source=name,
        size=None,
        skeleton=skeleton,
        frames=FrameTable(
            times=np.arange(FRAMES) / 25,
            names=tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(FRAMES)),
        ),
        frame=frame,
        track_ids=person + 1,
        boxes=np.concatenate([corner, keypoints.max(axis=1)], axis=1).astype(np.float32),
        scores=rng.uniform(0, 1, rows).astype(np.float32),
        keypoints=keypoints,
        keypoint_scores=rng.uniform(0, 1, (rows, k)).round(5),
        head_boxes=np.concatenate([corner, corner + np.array([30.0, 40.0])], axis=1),
    )


@pytest.fixture(scope="session")
def tracks() -> Tracks:
    """Makes such people."""
    return walk


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two sequences as PoseTrack18: predictions and truth."""
    for side, noise in (("pred", 6.0), ("gt", 0.0)):
        for number in (1, 2):
            name = f"00000{number}_mpii_test"
            posetrack18_writer.write_tracks(
                tmp_path / side / f"{name}.json", walk(name, noise=noise, seed=number)
            )
    return tmp_path / "pred", tmp_path / "gt"
