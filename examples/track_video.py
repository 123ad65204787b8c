"""Tracks the people of a video and prints where each of them is.

python examples/track_video.py [VIDEO]

Without a video it draws one.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import posetube
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset


def drawn_video(folder: Path) -> Path:
    """A second of two synthetic people."""
    scene = SceneConfig(people=2, seconds=1.0, size=(240, 320))
    write_dataset(folder, [generate(scene, seed=3)], layout="video")
    return next(folder.glob("*.mp4"))


with TemporaryDirectory() as scratch:
    folder = Path(scratch)
    video = Path(sys.argv[1]) if len(sys.argv) > 1 else drawn_video(folder)
    posetube.track(video, out=folder / "run", overlay=posetube.OverlayConfig(), progress=True)
    tracks = posetube.load(folder / "run")

    print(tracks)
    for person in tracks:
        print(f"person {person.track_id}: {len(person)} frames from {person.times[0]:.2f} s on")
        print("  first box", person.boxes[0].round(1), "mean score", person.scores.mean().round(2))
    nose = tracks.skeleton.index("nose")
    print("noses in the first frame:", tracks.to_arrays().keypoints[0, :, nose, :2].round(1))
    print("the run holds", sorted(path.name for path in (folder / "run").iterdir()))
