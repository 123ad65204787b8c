"""Tracks pictures from any program, frame by frame: here from NumPy arrays.

python examples/stream_frames.py

For a camera that OpenCV reads, yield from `pictures` what it gives, as RGB, with the clock's time:
``yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB), time.monotonic()``.
"""

from collections.abc import Iterator

import numpy as np

import posetube
from posetube.datasets.synthetic import SceneConfig, generate


def pictures() -> Iterator[tuple[np.ndarray, float]]:
    """Images (H, W, 3), RGB, uint8, each with its time in seconds."""
    scene = SceneConfig(people=2, seconds=0.6, size=(240, 320))
    for frame in generate(scene, seed=3).frames():
        yield frame.image, frame.time


model = posetube.load_model("tiny")
for poses in posetube.stream(pictures(), model=model):
    for track_id, box in zip(poses.track_ids, poses.people.boxes, strict=True):
        print(f"{poses.time:.2f} s: person {track_id} in box {box.round(1)}")
