"""Whether the camera's motion is found, what that costs, and whether linking gains by it.

Synthetic clips whose camera stands, pans, zooms, shakes or travels sideways have exact truth: where
the background goes from each frame to the next, and who is who. Detections are made from the truth
by the rates of ``link_detections.Faults``. Of every clip all frames are linked, and every third one
alone, as a camera that moves three times as fast.

    python -m benchmarks.camera_motion --record
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np

from benchmarks.link_detections import Faults, Truth, detect
from benchmarks.link_hard_cases import scores
from benchmarks.recording import RESULTS, write_record
from posetube.datasets.synthetic import SceneConfig, SyntheticClip, generate
from posetube.datasets.synthetic.camera import CameraKind
from posetube.datasets.synthetic.ground_truth import collect_tracks
from posetube.pipelines.tracking.camera_motion import background_of, camera_motion, small_grey
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, Detections, DoubleArray, FrameTable, VideoTracks
from posetube.tracker.offline import relink
from posetube.tracker.tracker import Tracker

RECORD = RESULTS / "camera_motion.json"
STEPS = (1, 3)
CHECKED = 10
"""Every so many frames the motion is compared with the truth."""

SCORES = ("mota", "idf1", "hota", "switches")

Cameras = list[DoubleArray | None]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A clip as linking sees it."""

    truth: VideoTracks
    images: list[ByteArray]
    detections: list[Detections]
    motion: dict[int, tuple[Any, Any]]
    """By frame: (P, 2) places of the background in the frame before, and in this one."""


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--cameras", nargs="+", default=list(get_args(CameraKind)))
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    options = parser.parse_args()
    rows = []
    for kind in options.cameras:
        config = SceneConfig(seconds=options.seconds, people=6, camera=kind)
        clips = [drawn(generate(config, seed=seed)) for seed in range(options.seeds)]
        for step in STEPS:
            made = [prepared(*clip, step=step, seed=seed) for seed, clip in enumerate(clips)]
            rows.append({"camera": kind, "every": step, **measure(made)})
            print(json.dumps(rows[-1]), flush=True)
    if options.record:
        write_record(RECORD, {"rows": rows, "faults": Faults().record()})


def drawn(clip: SyntheticClip) -> tuple[SyntheticClip, list[ByteArray], VideoTracks]:
    """Draw a clip once."""
    frames = list(clip.frames())
    truth = collect_tracks(
        iter(frames),
        source=f"{clip.config.camera}_{clip.seed}",
        size=clip.config.size,
        times=clip.times,
        skeleton="coco17",
        min_visibility=0.1,
    )
    return clip, [frame.image for frame in frames], truth


def prepared(
    clip: SyntheticClip, images: list[ByteArray], truth: VideoTracks, *, step: int, seed: int
) -> Taken:
    """Every ``step``-th frame of a clip, with detections."""
    kept = truth.select(truth.frame % step == 0)
    frames = FrameTable(times=truth.frames.times[::step])
    kept = replace(kept, frames=frames, frame=kept.frame // step)
    return Taken(
        truth=kept,
        images=images[::step],
        detections=list(detect(Truth.of(kept), Faults(), seed=seed)),
        motion=dict(background_motion(clip, step=step)),
    )


def background_motion(clip: SyntheticClip, *, step: int) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """Where the background really went, in some frames; the ground and what stands on it."""
    from posetube.datasets.synthetic.flow import optical_flow

    for frame in range(CHECKED, len(clip) // step, CHECKED):
        before, after = clip.moment(step * (frame - 1)), clip.moment(step * frame)
        flow = optical_flow(before, after)
        rows, columns = np.nonzero(~flow.occluded & (before.canvas.owner == 0))
        rows, columns = rows[::97], columns[::97]
        places = np.stack([columns, rows], axis=-1) + 0.5
        yield frame, (places, places + flow.motion[rows, columns])


def measure(made: Sequence[Taken]) -> dict[str, Any]:
    """How well motion is found, how long it takes, and what linking makes of it."""
    start = time.process_time()
    began = time.perf_counter()
    cameras = [estimated(one) for one in made]
    cpu, wall = time.process_time() - start, time.perf_counter() - began
    frames = sum(len(one.images) for one in made)
    table: dict[str, Any] = {
        "ms_per_frame": round(1000 * wall / frames, 2),
        "cpu_ms_per_frame": round(1000 * cpu / frames, 2),
        "motion_px": round(error(made, [[None] * len(one.images) for one in made]), 2),
        "error_px": round(error(made, cameras), 2),
    }
    still: list[Cameras] = [[None] * len(one.images) for one in made]
    for name, used in (("without", still), ("with", cameras)):
        online = [follow(one, found) for one, found in zip(made, used, strict=True)]
        for preset, tracks in (("online", online), ("offline", [relink(one) for one in online])):
            found = scores([(one.truth, two) for one, two in zip(made, tracks, strict=True)])
            table[f"{preset}_{name}"] = {key: found[key] for key in SCORES}
    return table


def estimated(one: Taken) -> Cameras:
    """The camera's motion of every frame."""
    known = [
        background_of(small_grey(image), people.boxes, people.scores)
        for image, people in zip(one.images, one.detections, strict=True)
    ]
    return [None, *(camera_motion(*pair) for pair in pairwise(known))]


def error(made: Sequence[Taken], cameras: Sequence[Sequence[DoubleArray | None]]) -> float:
    """Median distance between where the background is said to go, and where it goes, pixels."""
    misses = []
    for one, found in zip(made, cameras, strict=True):
        for frame, (before, after) in one.motion.items():
            camera = found[frame]
            said = before if camera is None else before @ camera[:, :2].T + camera[:, 2]
            misses.append(np.linalg.norm(said - after, axis=1))
    return float(np.median(np.concatenate(misses)))


def follow(one: Taken, cameras: Sequence[DoubleArray | None]) -> VideoTracks:
    """Link a sequence."""
    tracker, found = Tracker(skeleton=COCO17), []
    times = one.truth.frames.times.tolist()
    for frame, (people, camera) in enumerate(zip(one.detections, cameras, strict=True)):
        found += tracker.update(people, frame=frame, time=times[frame], camera=camera)
    return VideoTracks.from_frames(
        found + tracker.finish(),
        source=one.truth.source,
        size=one.truth.size,
        skeleton=COCO17,
        frames=one.truth.frames,
    )


if __name__ == "__main__":
    main()
