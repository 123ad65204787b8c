"""What refiners gain on tracks of the embedded model: accuracy, steadiness, time.

Clips: drawn people of seeds that nothing was chosen on, and JHMDB's clips with human joints, if
at hand. Every clip is tracked once, with all joints and heatmaps kept; each chain then works on the
same tracks. The same refiners of heatmaps also work at true boxes, moved by 5 % at random, on which
the averages of a trial were measured (``TRIAL``). Measures, of people whose box a track covers (IoU
0.5):

- PCK: limb joints (shoulders, elbows, wrists, hips, knees, ankles) within 0.1 and 0.2 of the longer
  side of the true box; those that the truth calls hidden also alone.
- acceleration error: length of the difference of the second differences of found and true places of
  a joint over three neighbouring frames, pixels; median and mean.
- MOTA and mAP of the drawn clips by the protocol ``clean``.
- milliseconds of processor time per person and frame, the search for people left out.

    python -m benchmarks.refiners --jhmdb ../shared/training/jhmdb_clips
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

import posetube
from benchmarks.recording import RESULTS, write_record
from posetube.boxes import iou
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.camera import CameraKind
from posetube.datasets.video import open_video
from posetube.datasets.video.writer import VideoWriter
from posetube.heatmap_refining import StillConfig
from posetube.pipelines.api.refine import as_chain
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.refining.drawn_maps import MapSource
from posetube.pipelines.refining.refined_frames import refined_frames
from posetube.pipelines.settings import refine_settings
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.skeletons import COCO19
from posetube.structures import FrameTable, JointState, VideoTracks
from posetube.tracker.assignment import solve
from posetube.tracker.refiners.refine import refine_tracks
from posetube.tracker.refiners.refine_config import RefineConfig

FIRST_SEED = 8101
"""Of the drawn clips. Settings were chosen on clips of 7001 to 7008 and 7101 to 7108, and on
JHMDB's."""

CAMERAS: tuple[CameraKind, ...] = ("static", "pan", "zoom", "shake", "dolly")
PAST = StillConfig(past=1, future=0)
CHAINS = {
    **{
        names: as_chain(names)
        for names in (
            "none",
            "one-euro",
            "running-kalman",
            "median",
            "savitzky-golay",
            "kalman",
            "median,savitzky-golay",
            "median,kalman",
            "still",
            "still,kalman",
            "flow",
            "flow,kalman",
            "flow-vote",
            "flow-vote,kalman",
        )
    },
    "still of the past": RefineConfig(refiners=("still",), still=PAST),
    "still of the past,running-kalman": RefineConfig(
        refiners=("still", "running-kalman"), still=PAST
    ),
}
WITH_TRUE_BOXES = {
    "single frames": RefineConfig(refiners=("still",), still=StillConfig(past=0, future=0)),
    "still, 2 frames on either side": RefineConfig(
        refiners=("still",), still=StillConfig(past=2, future=2)
    ),
    "flow, 2 frames on either side": RefineConfig(refiners=("flow",)),
}
MEAN_OF_JOINTS = "joints averaged with the frames beside, weighted by score"
TRIAL = {
    "single frames": (80.7, 93.4),
    "still, 2 frames on either side": (83.2, 94.9),
    "flow, 2 frames on either side": (83.3, 94.9),
    MEAN_OF_JOINTS: (82.5, 95.3),
}
"""PCK 0.1 and 0.2 of the trial on 14 clips of JHMDB."""

JITTER = 0.05
LIMBS = slice(5, 17)
MIN_IOU = 0.5
TIMED = 5
"""How often each chain is timed."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A clip, tracked, and its truth."""

    path: Path
    found: VideoTracks
    truth: VideoTracks
    pairs: npt.NDArray[np.int64]
    """(2, P) rows of found and of true people who are the same."""

    detections: Path | None = None
    """The run's parts, in which heatmaps are kept; None: they are drawn anew."""


def drawn(seeds: Sequence[int], folder: Path) -> Iterator[Case]:
    """Clips of four drawn people, the camera moving in another way in each."""
    for seed in seeds:
        camera = CAMERAS[seed % len(CAMERAS)]
        clip = generate(SceneConfig(camera=camera, occluders=2), seed=seed)
        path = folder / f"{seed}.mp4"
        if not path.exists():
            with VideoWriter(path, size=clip.config.size, rate=clip.config.rate) as writer:
                for frame in clip.frames():
                    writer.write(frame.image, frame.time)
        yield case(path, clip.tracks(), runs=folder)


def filmed(folder: Path, runs: Path) -> Iterator[Case]:
    """JHMDB's clips with joints that people placed."""
    for path, truth in labelled_films(folder):
        yield case(path, truth, runs=runs)


def labelled_films(folder: Path) -> Iterator[tuple[Path, VideoTracks]]:
    """JHMDB's clips with joints that people placed, and these."""
    known = np.load(folder / "human_joints.npz")
    for name in sorted({key.partition("/")[0] for key in known.files}):
        frame, boxes, joints = (known[f"{name}/{part}"] for part in ("frames", "boxes", "joints"))
        rows = len(frame)
        both = np.full((rows, len(COCO19), 2), np.nan)
        both[:, : joints.shape[1]] = joints
        truth = VideoTracks(
            source=name,
            size=None,
            skeleton=COCO19,
            frames=FrameTable(times=np.full(frame.max() + 1, np.nan)),
            frame=frame,
            track_ids=np.ones(rows, np.int64),
            boxes=boxes,
            scores=np.ones(rows, np.float32),
            keypoints=both,
            keypoint_scores=np.ones(both.shape[:2]),
        )
        yield folder / f"{name}.avi", truth


def case(path: Path, truth: VideoTracks, *, runs: Path) -> Case:
    """Track a clip and find out who is who."""
    run = RunDirectory(runs / f"{path.stem}.run")
    refined = posetube.track(path, out=run.path, refine="still", min_joint=0.0)
    assert refined.keypoints_raw is not None
    raw = refined.keypoints_raw
    found = replace(
        refined, keypoints=raw[..., :2], keypoint_scores=raw[..., 2], keypoints_raw=None
    )
    return Case(
        path=path,
        found=found,
        truth=truth,
        pairs=all_pairs(found, truth),
        detections=run.detections,
    )


def all_pairs(found: VideoTracks, truth: VideoTracks) -> npt.NDArray[np.int64]:
    """(2, P) rows of found and of true people who are the same."""
    pairs = [_pairs(found, truth, frame) for frame in np.unique(truth.frame)]
    return np.concatenate(pairs, axis=1)


def _pairs(found: VideoTracks, truth: VideoTracks, frame: int) -> npt.NDArray[np.int64]:
    mine, theirs = found.rows_of(frame), truth.rows_of(frame)
    overlap = iou(found.boxes[mine], truth.boxes[theirs]).astype(np.float64)
    rows, columns = solve(1 - overlap, limit=1 - MIN_IOU + 1e-9)
    return np.stack([rows + mine.start, columns + theirs.start])


def accuracy(cases: Sequence[Case], refined: Sequence[VideoTracks]) -> dict[str, float]:
    """PCK and acceleration error over all clips."""
    parts = [_offsets(*both) for both in zip(cases, refined, strict=True)]
    off, hidden, jolts = (np.concatenate(column) for column in zip(*parts, strict=True))
    scores = {
        "pck_0.1": 100 * np.mean(off < 0.1),
        "pck_0.2": 100 * np.mean(off < 0.2),
        "median_acceleration_error": np.median(jolts),
        "mean_acceleration_error": np.mean(jolts),
    }
    if hidden.any():
        scores["hidden_pck_0.1"] = 100 * np.mean(off[hidden] < 0.1)
    return {name: round(float(value), 2) for name, value in scores.items()}


def _offsets(one: Case, refined: VideoTracks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every known limb joint: offset in longer sides, whether it is hidden; then the jolts."""
    mine, theirs = one.pairs
    truth = one.truth
    found, true = refined.keypoints[mine][:, LIMBS], truth.keypoints[theirs][:, LIMBS]
    known = ~np.isnan(true[..., 0])
    hidden = np.zeros_like(known)
    if truth.joint_states is not None:
        states = truth.joint_states[theirs][:, LIMBS]
        known, hidden = states != JointState.ABSENT, states == JointState.OCCLUDED
    side = (truth.boxes[theirs, 2:] - truth.boxes[theirs, :2]).max(axis=1)
    off = np.linalg.norm(found - true, axis=-1) / side[:, None]
    places = {
        (person, frame): row
        for row, (person, frame) in enumerate(
            zip(truth.track_ids[theirs].tolist(), truth.frame[theirs].tolist(), strict=True)
        )
    }
    jolts = [np.empty(0)]
    for (person, frame), row in places.items():
        around = [places.get((person, frame + step)) for step in (-1, 1)]
        if None not in around:
            three = [around[0], row, around[1]]
            seen = known[three].all(axis=0)
            bend = [np.diff(joints[three], n=2, axis=0)[0] for joints in (found, true)]
            jolts.append(np.linalg.norm(bend[0] - bend[1], axis=-1)[seen])
    return off[known], hidden[known], np.concatenate(jolts)


def tracking(cases: Sequence[Case], refined: Sequence[VideoTracks]) -> dict[str, float]:
    """Means over the clips of MOTA and mAP."""
    reports = [
        posetube.evaluate(mine, one.truth, protocol="clean")
        for one, mine in zip(cases, refined, strict=True)
    ]
    return {
        name: round(statistics.mean(float(report.total(key) or 0) for report in reports), 1)
        for name, key in (("mota", "mota"), ("map", "ap"))
    }


def measure(cases: Sequence[Case], *, with_tracking: bool) -> dict[str, dict[str, float]]:
    """All measures of every chain."""
    rows = sum(len(one.found.frame) for one in cases)
    table, model = {}, posetube.load_model("tiny")
    # what reads the video is slow: chains that begin alike share it
    begun: dict[tuple[object, ...], tuple[list[VideoTracks], float]] = {
        (): ([one.found for one in cases], 0.0)
    }
    for chain, config in CHAINS.items():
        first = replace(config, refiners=config.of_video)
        if (key := _settings(first)) not in begun:
            start = time.process_time()
            found = [_as_found(_refined(one, first, model)) for one in cases]
            begun[key] = (found, time.process_time() - start)
        found, spent = begun[key]
        rest, times = replace(config, refiners=config.of_joints), []
        for _ in range(TIMED):
            start = time.process_time()
            refined = [refine_tracks(one, config=rest) for one in found]
            times.append(time.process_time() - start)
        table[chain] = accuracy(cases, refined)
        spent += statistics.median(times)
        table[chain]["processor_ms_per_person_frame"] = round(1e3 * spent / rows, 4)
        if with_tracking:
            table[chain] |= tracking(cases, refined)
    return table


def _settings(first: RefineConfig) -> tuple[object, ...]:
    """What tells how a chain begins."""
    return tuple(sorted(refine_settings(first).items())) if first.refiners else ()


def _as_found(tracks: VideoTracks) -> VideoTracks:
    """Refined tracks as if their joints had been found like that."""
    return replace(tracks, keypoints_raw=None)


def _refined(one: Case, config: RefineConfig, model: LoadedModel) -> VideoTracks:
    """The tracks after a chain that reads the video."""
    if one.detections is None:
        return posetube.refine(one.found, config, pictures=one.path, model=model)
    joints = len(one.found.skeleton)
    kept = read_frames(one.detections, joints=joints, heatmaps=True)
    with open_video(str(one.path)) as video:
        maps = MapSource(pictures=video.frames(), model=model, kept=kept)
        chain = partial(refined_frames, maps=maps)
        return refine_tracks(one.found, config=config, chain=chain)


def with_true_boxes(cases: Sequence[Case]) -> dict[str, dict[str, float]]:
    """The averages of the trial, at true boxes moved at random."""
    model, rng = posetube.load_model("tiny"), np.random.default_rng(0)
    given = []
    for one in cases:
        truth = one.truth
        size = np.tile(truth.boxes[:, 2:] - truth.boxes[:, :2], 2)
        boxes = truth.boxes + JITTER * size * rng.normal(size=size.shape)
        tracks = replace(truth, boxes=boxes.astype(np.float32), joint_states=None)
        rows = np.arange(len(truth.frame))
        given.append(Case(path=one.path, found=tracks, truth=truth, pairs=np.stack([rows, rows])))
    table, single = {}, list[VideoTracks]()
    for chain, config in WITH_TRUE_BOXES.items():
        refined = [_refined(one, config, model) for one in given]
        single = single or refined
        table[chain] = accuracy(given, refined)
    table[MEAN_OF_JOINTS] = accuracy(given, [_averaged(one) for one in single])
    return table


def _averaged(tracks: VideoTracks) -> VideoTracks:
    """Each joint's mean over its own frame and those beside it, weighted by its scores."""
    joints = tracks.keypoints.copy()
    for person in np.unique(tracks.track_ids):
        rows = np.flatnonzero(tracks.track_ids == person)
        frames = tracks.frame[rows]
        for place, row in enumerate(rows):
            near = rows[max(0, place - 1) : place + 2]
            near = near[np.abs(tracks.frame[near] - frames[place]) <= 1]
            weights = tracks.keypoint_scores[near][..., None]
            joints[row] = (weights * tracks.keypoints[near]).sum(0) / weights.sum(0)
    return replace(tracks, keypoints=joints)


def main() -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=8, help="drawn clips")
    parser.add_argument("--jhmdb", type=Path, help="folder of JHMDB clips and human_joints.npz")
    parser.add_argument(
        "--runs", type=Path, help="keep drawn clips and runs here; those that are there are used"
    )
    parser.add_argument("--record", action="store_true", help="write results/refiners.json")
    arguments = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.clips)
    result: dict[str, object] = {"seeds": [seeds[0], seeds[-1]]}
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.runs or Path(scratch)
        folder.mkdir(exist_ok=True)
        if arguments.jhmdb:
            cases = list(filmed(arguments.jhmdb, folder))
            result["jhmdb"] = measure(cases, with_tracking=False)
            result["jhmdb, true boxes"] = with_true_boxes(cases)
            result["trial of 14 jhmdb clips, true boxes"] = TRIAL
        result["drawn"] = measure(list(drawn(seeds, folder)), with_tracking=True)
    print(json.dumps(result, indent=2))
    if arguments.record:
        write_record(RESULTS / "refiners.json", result)


if __name__ == "__main__":
    main()
