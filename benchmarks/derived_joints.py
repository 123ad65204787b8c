"""How far estimated head_bottom and head_top lie from labelled ones, in head sizes.

    python -m benchmarks.derived_joints SAMPLES --out benchmarks/results/derived_joints.json

People who have nose, both shoulders and both ends of the head labelled are stripped of the ends,
converted to COCO's joints and back; the estimate is compared with the label. A head size is 0.6 of
the diagonal of the head's box, as in PoseTrack's metrics.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.recording import write_record
from posetube.datasets.formats import posetrack18
from posetube.datasets.formats.joint_sets import with_joints
from posetube.skeletons import COCO17
from posetube.structures import DoubleArray, VideoTracks

ENDS = ("head_bottom", "head_top")
SETS = {
    "PoseTrack18 (photographs)": "mmpose_tests_data/posetrack18/annotations/val/*.json",
    "drawn people": "synthetic/*.json",
}


def errors(video: VideoTracks) -> dict[str, DoubleArray]:
    """Distance of estimate and label in head sizes, for everybody who has what it takes."""
    assert video.head_boxes is not None
    sides = video.head_boxes[:, 2:] - video.head_boxes[:, :2]
    head = 0.6 * np.linalg.norm(sides, axis=1)
    back, _ = with_joints(with_joints(video, COCO17)[0], video.skeleton)
    found = {}
    for joint in ENDS:
        place = video.skeleton.index(joint)
        off = np.linalg.norm(back.keypoints[:, place] - video.keypoints[:, place], axis=1) / head
        found[joint] = off[np.isfinite(off)]
    return found


def summary(videos: Iterable[VideoTracks]) -> dict[str, dict[str, float]]:
    """Number, median, 90th percentile and share within half a head, by joint."""
    parts = [errors(video) for video in videos]
    result = {}
    for joint in ENDS:
        off = np.concatenate([part[joint] for part in parts])
        result[joint] = {
            "people": len(off),
            "median": round(float(np.median(off)), 3),
            "p90": round(float(np.quantile(off, 0.9)), 3),
            "within_half_a_head": round(float((off <= 0.5).mean()), 3),
        }
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = {
        name: summary(posetrack18.read(path) for path in sorted(options.samples.glob(pattern)))
        for name, pattern in SETS.items()
    }
    print(json.dumps(found, indent=2))
    if options.out:
        write_record(options.out, {"errors_in_head_sizes": found})


if __name__ == "__main__":
    main()
