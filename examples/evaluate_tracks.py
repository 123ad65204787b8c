"""Compares tracks with the truth: here of a video of synthetic people, whose truth is exact.

python examples/evaluate_tracks.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import posetube
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset

with TemporaryDirectory() as scratch:
    folder = Path(scratch)
    scene = SceneConfig(people=2, seconds=1.0, size=(240, 320))
    write_dataset(folder, [generate(scene, seed=3)], layout="video")
    video, truth = next(folder.glob("*.mp4")), next(folder.glob("*.json"))

    tracks = posetube.track(video)
    report = posetube.evaluate(tracks, truth, protocol="clean", events=True)

    print(report.table())
    print("MOTA", report.total("mota"), "AP of knees", report["ap"]["right_knee"])
    print(len(report.events), "misses, false positives and switches of identity")
