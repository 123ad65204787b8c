"""What time inside the embedded model gives: the networks of :mod:`benchmarks.clip_training`.

Each network tracks, by PyTorch:

- drawn clips of seeds that nothing was trained or chosen on: people cross, enter and leave behind
  pillars and each other, the camera still or moving, every second clip blurred by motion. AP, MOTA
  and IDF1 by the protocol ``clean``, means over the clips; switches in sum; PCK and acceleration
  error as in :mod:`benchmarks.refiners`; people found, of those in the picture;
- JHMDB's films with joints that people placed: PCK and acceleration error;
- photographs: OKS-AP and box AP.

Once with the joints as found, and once refined by ``kalman``, the default; networks over clips also
linked without what they know of who is who (``tube_trust`` 0), and by it as far as it goes (1).
Milliseconds are those of a processor per frame of the drawn clips, from the file to the people.

    python -m benchmarks.clip_scores FOLDER --training ../shared/training \
        --photographs ../shared/samples/tiny_coco --record
"""

import argparse
import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

import posetube
from benchmarks.clip_training import over_frames
from benchmarks.coco_keypoints import detections, evaluate
from benchmarks.recording import RESULTS, write_record
from benchmarks.refiners import CAMERAS, Case, accuracy, all_pairs, labelled_films
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.video import open_video
from posetube.datasets.video.writer import VideoWriter
from posetube.models3d import TubeRCNN, load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.pipelines.api.refine import as_chain
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.tracking.clip_window import detect_video
from posetube.pipelines.tracking.link_people import link_people
from posetube.skeletons import Skeleton
from posetube.structures import DetectedFrame, FrameTable, VideoTracks
from posetube.tracker.config import LinkConfig
from posetube.tracker.refiners.refine import refine_tracks

FIRST_SEED, FIRST_CROSSING = 12_001, 13_001
"""Of the drawn clips, and of those in which everybody crosses."""

TRUSTS = (0.0, 0.5, 1.0)
"""How far linking believes the network's tubes: not at all, as usual, as far as they go."""

Labelled = tuple[Path, VideoTracks]
"""A video and its truth."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Parts of two networks put together."""

    proposals: str
    """Name of the file whose proposals it has."""

    crops: str
    """Name of the file whose crops it has."""


ALONE = {
    "T3-still-kept-proposals-0": Pair(proposals="T3-still-kept-0", crops="tiny"),
    "T3-still-kept-crops-0": Pair(proposals="tiny", crops="T3-still-kept-0"),
}
"""Each time kernel alone."""

WITH_PRESENCE, WITHOUT = "T3-box-head-0", "T3-box-head-without-presence-0"
"""A network that says in which frames somebody is present, and the same without a word of it."""


def unseen(count: int, folder: Path) -> Iterator[Labelled]:
    """Drawn clips, written to a folder."""
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        config = SceneConfig(
            seconds=2.4,
            camera=CAMERAS[seed % len(CAMERAS)],
            occluders=2,
            motion_blur=0.5 * (seed % 2),
        )
        yield written(config, seed, folder)


def crossing(count: int, folder: Path) -> Iterator[Labelled]:
    """Drawn clips of six people in the same clothes, all of whom cross."""
    config = SceneConfig(seconds=2.4, people=6, roles=("cross",), same_clothes=True)
    for seed in range(FIRST_CROSSING, FIRST_CROSSING + count):
        yield written(config, seed, folder)


def written(config: SceneConfig, seed: int, folder: Path) -> Labelled:
    """A drawn clip as a file, and its truth."""
    clip, path = generate(config, seed=seed), folder / f"{seed}.mp4"
    if not path.exists():
        with VideoWriter(path, size=config.size, rate=config.rate) as writer:
            for frame in clip.frames():
                writer.write(frame.image, frame.time)
    return path, clip.tracks()


def network_of(folder: Path, name: str) -> TubeRCNN:
    """A network of the training by its file's name, or the embedded one."""
    return load_network(name if name == "tiny" else str(folder / f"{name}.safetensors"))


def put_together(pair: Pair, folder: Path) -> TubeRCNN:
    """A network whose parts come from two; what only one of them lacks stays without time."""
    finder, reader = (network_of(folder, name) for name in (pair.proposals, pair.crops))
    length = max(finder.clip_length, reader.clip_length)
    config = over_frames(finder.config, length=length)
    config = replace(
        config, proposals=finder.config.proposals, keypoint_head=reader.config.keypoint_head
    )
    made = TubeRCNN(config, info=finder.info)
    drawn = {n: t for n, t in reader.state_dict().items() if n.startswith("keypoint_head.")}
    made.load_state_dict({**finder.state_dict(), **drawn})
    return made


def make_pairs(folder: Path) -> None:
    """Write the networks of :data:`ALONE` whose parts are there."""
    for name, pair in ALONE.items():
        path, parts = folder / f"{name}.safetensors", {pair.proposals, pair.crops} - {"tiny"}
        if not path.exists() and all((folder / f"{part}.safetensors").exists() for part in parts):
            save_weights(put_together(pair, folder), path)


def make_absent_minded(folder: Path) -> None:
    """Write the network with a box head that takes everybody for present, if the other is there."""
    path = folder / f"{WITHOUT}.safetensors"
    if path.exists() or not (folder / f"{WITH_PRESENCE}.safetensors").exists():
        return
    known = network_of(folder, WITH_PRESENCE)
    assert known.config.box_head is not None
    head = replace(known.config.box_head, presence=False)
    made = TubeRCNN(replace(known.config, box_head=head), info=known.info)
    weights = known.state_dict()
    made.load_state_dict({name: weights[name] for name in made.state_dict()})
    save_weights(made, path)


@dataclass(frozen=True, kw_only=True)
class Detected:
    """A clip's truth, and who was found in each frame, not linked yet."""

    path: Path
    truth: VideoTracks
    size: tuple[int, int]
    frames: list[DetectedFrame]

    def linked(self, skeleton: Skeleton, link: LinkConfig) -> Case:
        """The tracks, all joints as they are found."""
        config = TrackConfig(link=link, min_joint=0.0)
        people = link_people(self.frames, config=config, skeleton=skeleton, size=self.size)
        found = VideoTracks.from_frames(
            people,
            source=self.path.stem,
            size=self.size,
            skeleton=skeleton,
            frames=FrameTable(times=np.array([frame.time for frame in self.frames])),
        )
        pairs = all_pairs(found, self.truth)
        return Case(path=self.path, found=found, truth=self.truth, pairs=pairs)


def look(clips: Sequence[Labelled], model: LoadedModel) -> tuple[list[Detected], float]:
    """Find the people of clips; and processor seconds per frame."""
    found, frames, start = [], 0, time.process_time()
    for path, truth in clips:
        with open_video(path) as video:
            seen = list(detect_video(video, model))
            found.append(Detected(path=path, truth=truth, size=video.size, frames=seen))
        frames += len(seen)
    return found, (time.process_time() - start) / frames


def tracking(cases: Sequence[Case], refined: Sequence[VideoTracks]) -> dict[str, float]:
    """AP, MOTA, IDF1, switches and recall of the clips."""
    reports = [
        posetube.evaluate(mine, one.truth, protocol="clean")
        for one, mine in zip(cases, refined, strict=True)
    ]
    rows = {
        key: [float(report.total(key) or 0) for report in reports]
        for key in ("ap", "mota", "idf1", "switches")
    }
    means = {key: round(statistics.mean(row), 2) for key, row in rows.items() if key != "switches"}
    seen = sum(one.pairs.shape[1] for one in cases)
    people = sum(len(one.truth.frame) for one in cases)
    return {
        **means,
        "switches": sum(rows["switches"]),
        "people_found": round(100 * seen / people, 2),
    }


def on_photographs(folder: Path, model: LoadedModel) -> dict[str, float]:
    """OKS-AP and box AP."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(folder / "annotations" / "person_keypoints_train2017.json")
    with tempfile.TemporaryDirectory() as scratch:
        found = list(detections(folder / "train2017", truth, model, Path(scratch), min_joint=0.0))
    return evaluate(truth, found)


def measure(
    model: LoadedModel,
    drawn: Sequence[Labelled],
    films: Sequence[Labelled],
    photographs: Path | None,
) -> dict[str, Any]:
    """All measures of a network; those of films and photographs where there are any."""
    found, seconds = look(drawn, model)
    filmed = look(films, model)[0] if films else []
    joints, usual = model.network.skeleton, LinkConfig()
    cases = [one.linked(joints, usual) for one in found]
    real = [one.linked(joints, usual) for one in filmed]
    table: dict[str, Any] = {
        "clip_length": model.network.clip_length,
        "processor_ms_per_frame": round(1e3 * seconds, 1),
    }
    if photographs is not None:
        table["photographs"] = on_photographs(photographs, model)
    for chain in ("none", "kalman"):
        config = as_chain(chain)
        refined = [refine_tracks(one.found, config=config) for one in cases]
        table[chain] = {"drawn": accuracy(cases, refined) | tracking(cases, refined)}
        if real:
            steadied = [refine_tracks(one.found, config=config) for one in real]
            table[chain]["jhmdb"] = accuracy(real, steadied)
    if model.network.clip_length > 1:
        table["tubes"] = by_trust(found, joints)
    return table


def by_trust(found: Sequence[Detected], joints: Skeleton) -> dict[str, dict[str, float]]:
    """Tracking where linking believes the network's tubes more or less."""
    table = {}
    for trust in TRUSTS:
        cases = [one.linked(joints, LinkConfig(tube_trust=trust)) for one in found]
        table[f"trust {trust}"] = tracking(cases, [one.found for one in cases])
    return table


def main() -> None:
    """Measure what is there and not measured yet, print, and record all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of the networks; measures are kept there")
    parser.add_argument("--training", type=Path, help="for the films; left out: none")
    parser.add_argument("--photographs", type=Path, help="tiny_coco; left out: none")
    parser.add_argument("--clips", type=int, default=8, help="drawn clips")
    parser.add_argument("--only", nargs="+", help="names of some networks")
    parser.add_argument("--crossing", action="store_true", help="where everybody crosses, instead")
    parser.add_argument("--record", action="store_true", help="write results/clip_training.json")
    options = parser.parse_args()
    make_pairs(options.folder)
    make_absent_minded(options.folder)
    scratch = options.folder / "scores"
    scratch.mkdir(exist_ok=True)
    drawn = list(unseen(options.clips, scratch))
    films = list(labelled_films(options.training / "jhmdb_clips")) if options.training else []
    names = ["tiny", *sorted(path.stem for path in options.folder.glob("*.safetensors"))]
    table = {}
    for name in options.only or names:
        kept = scratch / f"{name}{'.crossing' * options.crossing}.json"
        if not kept.exists():
            weights = name if name == "tiny" else str(options.folder / f"{name}.safetensors")
            model = load_model(weights, runtime="torch")
            if options.crossing:
                seen, _ = look(list(crossing(options.clips, scratch)), model)
                measured: Any = by_trust(seen, model.network.skeleton)
            else:
                measured = measure(model, drawn, films, options.photographs)
            kept.write_text(json.dumps(measured), encoding="utf-8")
            print(name, json.dumps(measured), flush=True)
        if options.crossing:
            continue
        table[name] = json.loads((scratch / f"{name}.json").read_text(encoding="utf-8"))
        hard = scratch / f"{name}.crossing.json"
        if hard.exists():
            table[name]["crossing"] = json.loads(hard.read_text(encoding="utf-8"))
        losses = options.folder / f"{name}.json"
        if losses.exists():
            table[name]["validation"] = json.loads(losses.read_text(encoding="utf-8"))
    if options.record:
        seeds = [FIRST_SEED, FIRST_SEED + options.clips - 1]
        write_record(RESULTS / "clip_training.json", {"seeds": seeds, "networks": table})


if __name__ == "__main__":
    main()
