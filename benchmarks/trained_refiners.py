"""What the trained refiners gain beside the others, on the clips of :mod:`benchmarks.refiners`.

Every clip is tracked once and its heatmaps are drawn once; each chain then works on the same tracks
and maps. With ``--keep`` both stay on disk, for other chains later. Measures are those of
:mod:`benchmarks.refiners`; milliseconds are a chain's own, without drawing the heatmaps.

    python -m benchmarks.trained_refiners --jhmdb ../shared/training/jhmdb_clips
"""

import argparse
import json
import pickle
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import posetube
from benchmarks.refiners import FIRST_SEED, Case, accuracy, drawn, filmed, tracking
from posetube.datasets.video import open_video
from posetube.models3d.refiners.mapped_frame import MappedFrame
from posetube.models3d.refiners.refine_maps import refine_maps
from posetube.pipelines.api.refine import as_chain
from posetube.pipelines.refining.drawn_maps import MapSource, drawn_maps
from posetube.pipelines.refining.refined_frames import heatmap_refiner
from posetube.structures import VideoTracks
from posetube.tracker.refiners.refine import refine_tracks
from posetube.tracker.refiners.refine_config import RefineConfig

RESULTS = Path(__file__).parent / "results" / "trained_refiners.json"
CAUSAL = ("none", "one-euro", "running-kalman", "lstm", "lstm,running-kalman")
OFFLINE = (
    "kalman",
    "still,kalman",
    "pool",
    "pool,kalman",
    "lstm,kalman",
    "lstm,pool",
    "lstm,pool,kalman",
)


@dataclass(frozen=True, kw_only=True)
class MappedCase:
    """A tracked clip with everybody's heatmaps, in half precision."""

    case: Case
    maps: list[MappedFrame]


def kept(cases: Iterable[Case], folder: Path) -> Iterator[MappedCase]:
    """The clips with their heatmaps, which go to a folder."""
    model = posetube.load_model("tiny")
    for one in cases:
        with open_video(one.path) as video:
            source = MapSource(pictures=video.frames(), model=model)
            frames = drawn_maps(one.found.poses(), source, flow=None, asked_by="still")
            maps = [replace(f, evidence=f.evidence.astype(np.float16)) for f in frames]
        made = MappedCase(case=one, maps=maps)
        with (folder / f"{one.path.stem}.pickle").open("wb") as file:
            pickle.dump(made, file)
        yield made


def measure(
    cases: Sequence[MappedCase], chains: Sequence[str], *, with_tracking: bool
) -> dict[str, dict[str, float]]:
    """All measures of every chain."""
    rows = sum(len(one.case.found.frame) for one in cases)
    plain = [one.case for one in cases]
    by_maps: dict[tuple[str, ...], tuple[list[VideoTracks], float]] = {}
    table = {}
    for chain in chains:
        config = as_chain(chain)
        names = config.of_heatmaps
        if names not in by_maps:
            start = time.process_time()
            found = [_by_maps(one, config) for one in cases]
            by_maps[names] = found, time.process_time() - start
        found, spent = by_maps[names]
        start = time.process_time()
        filters = replace(config, refiners=config.of_joints)
        refined = [refine_tracks(tracks, config=filters) for tracks in found]
        spent += time.process_time() - start
        table[chain] = accuracy(plain, refined)
        table[chain]["processor_ms_per_person_frame"] = round(1e3 * spent / rows, 2)
        if with_tracking:
            table[chain] |= tracking(plain, refined)
        print(chain, table[chain], file=sys.stderr, flush=True)
    return table


def _by_maps(one: MappedCase, config: RefineConfig) -> VideoTracks:
    """The tracks with the joints that the refiners of heatmaps find."""
    found = one.case.found
    if not config.of_heatmaps:
        return found
    mapped: Iterable[MappedFrame] = (
        replace(frame, evidence=frame.evidence.astype(np.float32)) for frame in one.maps
    )
    for name in config.of_heatmaps:
        refiner = heatmap_refiner(name, config, joints=found.skeleton)
        mapped = refine_maps(mapped, refiner, max_gap=config.max_gap)
    people = [frame.with_joints().people for frame in mapped]
    return replace(
        found,
        keypoints=np.concatenate([some.keypoints for some in people]),
        keypoint_scores=np.concatenate([some.keypoint_scores for some in people]),
    )


def _cases(fresh: Iterator[Case], names: Sequence[str], folder: Path) -> list[MappedCase]:
    """Those of a folder, and the others made anew."""
    files = [folder / f"{name}.pickle" for name in names]
    if all(file.exists() for file in files):
        return [pickle.loads(file.read_bytes()) for file in files]
    return list(kept(fresh, folder))


def main() -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=8, help="drawn clips")
    parser.add_argument("--jhmdb", type=Path, help="folder of JHMDB clips and human_joints.npz")
    parser.add_argument("--keep", type=Path, help="folder for tracks and heatmaps")
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.clips)
    result: dict[str, object] = {
        "command": " ".join(["python -m benchmarks.trained_refiners", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "seeds": [seeds[0], seeds[-1]],
    }
    with tempfile.TemporaryDirectory() as folder:
        keep = arguments.keep or Path(folder)
        clips = _cases(drawn(seeds, Path(folder)), [str(seed) for seed in seeds], keep)
        result["drawn"] = measure(clips, (*CAUSAL, *OFFLINE), with_tracking=True)
        if arguments.jhmdb:
            known = np.load(arguments.jhmdb / "human_joints.npz").files
            names = sorted({key.partition("/")[0] for key in known})
            clips = _cases(filmed(arguments.jhmdb, Path(folder)), names, keep)
            result["jhmdb"] = measure(clips, (*CAUSAL, *OFFLINE), with_tracking=False)
    print(json.dumps(result, indent=2))
    if arguments.record:
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
