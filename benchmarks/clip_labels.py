"""What reading labels again for every clip costs a training batch, and what remembering them saves.

    python -m benchmarks.clip_labels [--videos 60] [--clips 200]

A data set in PoseTrack18's layout is written into a temporary folder: 80 frames of 4 people per
sequence, pictures of 1280 x 720. Clips of three frames are drawn from it at random, in the same
order with and without :class:`posetube.datasets.training.recent_videos.RecentVideos`, and varied as
for training. Processor seconds, one thread; the clips must be equal. Results go to
benchmarks/results/clip_labels.json.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from posetube.datasets.formats import posetrack18_writer
from posetube.datasets.readers.annotated_video import Dataset
from posetube.datasets.readers.catalogue import open_dataset
from posetube.datasets.synthetic.layouts import write_picture
from posetube.datasets.training.augment import AugmentConfig, augment
from posetube.datasets.training.clips import ClipConfig, ClipIndex
from posetube.datasets.training.recent_videos import RecentVideos
from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import FrameTable, VideoTracks

RESULT = Path(__file__).parent / "results" / "clip_labels.json"
FRAMES, PEOPLE, SIZE = 80, 4, (720, 1280)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of drawing clips one way."""

    clips_per_s: float
    """With the variations of training, processor time."""

    read_clips_per_s: float
    """Reading alone, processor time."""

    checksum: int
    """Of all pixels, boxes and joints: the same for both ways."""


def write(root: Path, videos: int, rng: np.random.Generator) -> None:
    """Sequences of people who stand somewhere, before a picture that all frames share."""
    noise = rng.integers(0, 255, (45, 80, 3), np.uint8)
    write_picture(root / "shared.jpg", cv2.resize(noise, SIZE[::-1]).astype(np.uint8))
    for number in range(videos):
        name = f"{600_000 + number}_mpii_train"
        names = tuple(f"images/train/{name}/{i:06d}.jpg" for i in range(FRAMES))
        for picture in names:
            path = root / picture
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(root / "shared.jpg")
        path = root / "annotations" / "train" / f"{name}.json"
        posetrack18_writer.write_tracks(path, people(name, names, rng))


def people(name: str, names: tuple[str, ...], rng: np.random.Generator) -> VideoTracks:
    """Everybody in every frame."""
    frame = np.repeat(np.arange(FRAMES), PEOPLE)
    points = rng.uniform(0, SIZE[0], (len(frame), len(POSETRACK17SLOTS), 2))
    low, high = points.min(axis=1), points.max(axis=1)
    return VideoTracks(
        source=name,
        size=SIZE,
        skeleton=POSETRACK17SLOTS,
        frames=FrameTable(times=np.full(FRAMES, np.nan), names=names),
        frame=frame,
        track_ids=np.tile(np.arange(PEOPLE), FRAMES),
        boxes=np.concatenate([low, high], axis=1).astype(np.float32),
        scores=np.full(len(frame), np.nan, np.float32),
        keypoints=points,
        keypoint_scores=np.full(points.shape[:2], np.nan),
        head_boxes=np.concatenate([low, low + 20], axis=1),
    )


def measure(dataset: Dataset, count: int) -> Cost:
    """Draw clips, first as they are, then with their variations."""
    clips = ClipIndex(dataset=dataset, config=ClipConfig(length=3))
    config, places = AugmentConfig(), np.random.default_rng(0).integers(len(clips), size=count)
    checksum = 0
    start = time.process_time()
    for place in places:
        clip = clips[int(place)]
        checksum += int(clip.images.sum()) + hash((clip.boxes.tobytes(), clip.keypoints.tobytes()))
    read = time.process_time()
    rng = np.random.default_rng(1)
    for place in places:
        augment(clips[int(place)], config=config, rng=rng)
    end = time.process_time()
    return Cost(
        clips_per_s=round(count / (end - read), 1),
        read_clips_per_s=round(count / (read - start), 1),
        checksum=checksum,
    )


def main() -> None:
    """Measure both ways and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--clips", type=int, default=200)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with TemporaryDirectory() as folder:
        write(Path(folder), options.videos, np.random.default_rng(0))
        dataset = open_dataset("posetrack18", folder)
        again, remembered = (
            measure(one, options.clips) for one in (dataset, RecentVideos(dataset))
        )
    if again.checksum != remembered.checksum:
        raise SystemExit("the clips differ")
    result = {
        "clips_per_s": {"read again": again.clips_per_s, "remembered": remembered.clips_per_s},
        "read_clips_per_s": {
            "read again": again.read_clips_per_s,
            "remembered": remembered.read_clips_per_s,
        },
        "videos": options.videos,
        "clips": options.clips,
        "frames_per_video": FRAMES,
        "people_per_frame": PEOPLE,
        "command": f"python -m benchmarks.clip_labels {' '.join(sys.argv[1:])}".strip(),
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
