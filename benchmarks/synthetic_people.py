"""Measures how much the drawn people look like people.

A network that was never trained on drawn people looks for them: how many of those that are at least
half visible does it find, and how many of their visible joints?

    python -m benchmarks.synthetic_people --record tiny
"""

import argparse
import json
from collections.abc import Iterable
from itertools import islice

import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.boxes import iou
from posetube.datasets.synthetic import (
    PictureConfig,
    SceneConfig,
    SyntheticFrame,
    generate,
    picture,
)
from posetube.models3d import TubeRCNN, load_network
from posetube.structures import Clip, JointState

LEAST_SCORE = 0.3
"""Detections less sure than this do not count."""


def likeness(frames: Iterable[SyntheticFrame], network: TubeRCNN) -> dict[str, float]:
    """People found (box IoU 0.5), their joints within half a head, wrong boxes per frame."""
    people = found = joints = near = wrong = count = 0
    for frame in frames:
        clip = Clip(frames=np.array([0]), times=np.array([0.0]), images=frame.image[None])
        tubes = network.detect(clip).at(0)
        tubes = tubes[tubes.scores >= LEAST_SCORE]
        overlap = iou(frame.people.boxes, tubes.boxes)
        count += 1
        wrong += int((overlap.max(axis=0, initial=0) < 0.3).sum())
        heads = frame.people.head_boxes
        sizes = 0.6 * np.linalg.norm(heads[:, 2:] - heads[:, :2], axis=1)
        for n in np.flatnonzero(frame.people.visibility >= 0.5):
            people += 1
            if overlap[n].max(initial=0) < 0.5:
                continue
            found += 1
            seen = frame.people.joint_states[n] == JointState.VISIBLE
            miss = tubes.keypoints[overlap[n].argmax()] - frame.people.keypoints[n]
            joints += int(seen.sum())
            near += int((np.linalg.norm(miss[seen], axis=1) <= 0.5 * sizes[n]).sum())
    return {
        "people": people,
        "found_percent": round(100 * found / people, 1),
        "joints_percent": round(100 * near / joints, 1),
        "wrong_boxes_per_frame": round(wrong / count, 3),
    }


def _clips(count: int) -> Iterable[SyntheticFrame]:
    for seed in range(count):
        yield from islice(generate(SceneConfig(), seed=100 + seed).frames(), 10, None, 30)


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="tiny", help="name of a model, or a file of weights")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    network = load_network(options.model)
    rng = np.random.default_rng(7)
    pictures = (picture(PictureConfig(), rng=rng) for _ in range(40))
    numbers = {
        "clips": likeness(_clips(8), network),
        "pictures": likeness(pictures, network),
    }
    print(json.dumps(numbers, indent=2))
    if options.record:
        record = {
            **numbers,
            "model": network.info.name,
            "sha256": network.info.sha256,
        }
        write_record(RESULTS / f"synthetic_people_{options.record}.json", record)


if __name__ == "__main__":
    main()
