"""Exports tracks for other programs, and measures with pandas how fast people's hands move.

python examples/analyse_with_pandas.py [RUN]

It takes a run's directory or any file of tracks. Without one, it makes tracks.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import posetube
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset


def made_tracks(folder: Path) -> Path:
    """The truth of a video of synthetic people."""
    scene = SceneConfig(people=3, seconds=2.0, size=(240, 320))
    write_dataset(folder, [generate(scene, seed=5)], layout="video")
    return next(folder.glob("*.json"))


with TemporaryDirectory() as scratch:
    folder = Path(scratch)
    tracks = posetube.load(sys.argv[1] if len(sys.argv) > 1 else made_tracks(folder))
    for name, file in (("coco", "tracks.json"), ("deeplabcut", "dlc.csv"), ("mot", "mot.txt")):
        posetube.export(tracks, folder / file, to=name)
        print(file, (folder / file).stat().st_size, "bytes")

    table = tracks.to_pandas().sort_values(["track_id", "frame"])
    steps = table.groupby("track_id")[["time", "right_wrist_x", "right_wrist_y"]].diff()
    table["speed"] = steps["right_wrist_x"].pow(2).add(steps["right_wrist_y"].pow(2)).pow(0.5)
    table["speed"] /= steps["time"]
    print(table.groupby("track_id")["speed"].describe()[["count", "mean", "max"]].round(1))
