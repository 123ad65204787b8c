"""Links detections of another program into tracks: no video and no network is needed.

python examples/link_detections.py [FILE]

A file may have any format that ``posetube data convert`` reads. Without one, a table is made.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import posetube
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset


def made_detections(folder: Path) -> Path:
    """A CSV table of people without identities."""
    scene = SceneConfig(people=3, seconds=2.0, size=(240, 320))
    write_dataset(folder, [generate(scene, seed=5)], layout="video")
    people = posetube.load(next(folder.glob("*.json")))
    posetube.export(people, folder / "detections.csv", to="csv")
    return folder / "detections.csv"


with TemporaryDirectory() as scratch:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else made_detections(Path(scratch))
    for preset in ("online", "offline"):
        tracks = posetube.link(file, link=posetube.LinkConfig(preset=preset))
        print(preset, tracks)
