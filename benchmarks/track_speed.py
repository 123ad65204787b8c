"""Measures what a user waits for: file to tracks, the start of a process, many files, memory.

In each run a peer's network, the whole pipeline and the network alone take turns and look at as
many frames each, so that what else the machine does weighs on all; medians of the runs. The peer
runs in two ways, and the one counts whose median is better. Clips of drawn people, 640 x 360.

    python -m benchmarks.track_speed --record track_speed

Takes about twenty minutes on two quiet cores, ``--quick`` less than four. With the peer:
``pip install --no-deps ultralytics`` (see :mod:`benchmarks.yolo_peer`).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.recording import RESULTS, write_record
from benchmarks.yolo_peer import PeerNetwork, peer_graph
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.video import open_video
from posetube.datasets.video.config import VideoConfig
from posetube.datasets.video.writer import VideoWriter
from posetube.models3d.devices import usable_cores
from posetube.models3d.runtimes.convolution import convolution_rate
from posetube.pipelines.bench.network_rate import network_rate
from posetube.pipelines.bench.stage_times import decoded, stage_times
from posetube.pipelines.bench.whole_run import whole_run
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.settings import DetectConfig, OverlayConfig, TrackConfig
from posetube.structures import ByteArray, Frame

RATE, SIZE = 25.0, (360, 640)
SMALL_FILES = 62
EVERY = 8
"""Of the long clip, all frames are decoded and every eighth is looked at."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip: how many people, in how many pictures side by side, for how long."""

    people: int
    tiles: int
    """Scenes per side: a crowd is made of small ones."""
    frames: int
    sparse: bool = False
    """Whether it is also tracked with ``--detector-every 3``."""


SCENES = (
    Scene(1, 1, 250, sparse=True),
    Scene(2, 1, 150),
    Scene(4, 1, 100, sparse=True),
    Scene(20, 2, 30),
    Scene(80, 4, 12),
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    runs: int
    share: float
    """Of the frames and files."""
    minutes: int
    """Of the long clip."""


OTHER_PARTS = ("start_seconds", "small_files", "memory")
"""Of the record, beside ``speed``."""

FULL, QUICK = Effort(7, 1.0, 10), Effort(2, 0.3, 1)


def pictures(scene: Scene, frames: int) -> Iterator[ByteArray]:
    """The pictures of a clip."""
    count = scene.tiles**2
    config = SceneConfig(
        people=scene.people // count,
        seconds=frames / RATE,
        rate=RATE,
        size=(SIZE[0] // scene.tiles, SIZE[1] // scene.tiles),
        roles=("stay", "roam"),
        occluders=0,
    )
    clips = [generate(config, seed=7 + number).frames() for number in range(count)]
    for together in zip(*clips, strict=True):
        images = np.stack([frame.image for frame in together])
        rows = images.reshape(scene.tiles, scene.tiles, *images.shape[1:])
        yield np.concatenate(np.concatenate(rows.transpose(1, 0, 2, 3, 4), axis=2), axis=0)


def write_clip(path: Path, images: Iterator[ByteArray], size: tuple[int, int] = SIZE) -> None:
    """Write a clip of these pictures."""
    with VideoWriter(path, size=size, rate=RATE) as writer:
        for number, image in enumerate(images):
            writer.write(image, number / RATE)


def repeat_clip(source: Path, path: Path, *, seconds: float) -> None:
    """Write a clip over and over, without decoding it."""
    with av.open(str(source)) as clip, av.open(str(path), "w") as out:
        stream = clip.streams.video[0]
        target = out.add_stream_from_template(stream)
        packets = [packet for packet in clip.demux(stream) if packet.dts is not None]
        assert stream.time_base is not None
        length = round(len(packets) / RATE / stream.time_base)
        for turn in range(round(seconds * RATE / len(packets))):
            for packet in packets:
                again = av.Packet(bytes(packet))
                assert packet.pts is not None
                assert packet.dts is not None
                again.pts, again.dts = packet.pts + turn * length, packet.dts + turn * length
                again.time_base, again.is_keyframe = stream.time_base, packet.is_keyframe
                again.duration = packet.duration
                again.stream = target
                out.mux(again)


def speeds(
    scene: Scene, model: LoadedModel, peer: PeerNetwork | None, effort: Effort, folder: Path
) -> dict[str, Any]:
    """Rates of one clip, frames/s."""
    frames = max(6, round(scene.frames * effort.share))
    clip = folder / f"{scene.people}.mp4"
    write_clip(clip, pictures(scene, frames))
    with open_video(clip, config=VideoConfig(ahead=0)) as video:
        seen, decoding = decoded(video, frames)
    stages = _stages(seen[: max(6, frames // 2)], model, folder) | {
        "decoding": 1000 * decoding / len(seen)
    }
    rows: dict[str, list[float]] = {}
    for run in range(effort.runs):
        peers = {} if peer is None else peer.rates(frames)
        whole = whole_run(str(clip), folder / f"{scene.people}-{run}")
        alone = network_rate(seen, model, workers=model.workers, config=DetectConfig())
        found = {
            "file_to_tracks": whole.rate,
            "network_alone": alone,
            "share_of_network": whole.rate / alone,
            "first_frame_seconds": whole.start,
            "peak_mb": (whole.peak_bytes or 0) / 1e6,
        }
        if scene.sparse:
            out = folder / f"{scene.people}-{run}-sparse"
            found["detector_every_3"] = whole_run(str(clip), out, ["--detector-every", "3"]).rate
        for name, value in (found | peers).items():
            rows.setdefault(name, []).append(value)
    if peer is not None:
        rows["peer_network"] = max((rows.pop(way) for way in peer.ways), key=median)
        pairs = zip(rows["file_to_tracks"], rows["peer_network"], strict=True)
        rows["share_of_peer"] = [own / theirs for own, theirs in pairs]
    medians = {name: round(median(values), 3) for name, values in rows.items()}
    spread = {name: [round(min(v), 3), round(max(v), 3)] for name, v in rows.items()}
    return {"people": scene.people, "frames": frames, **medians, "ranges": spread, **stages}


def _stages(frames: list[Frame], model: LoadedModel, folder: Path) -> dict[str, Any]:
    scratch = folder / "stages"
    scratch.mkdir(exist_ok=True)
    config = TrackConfig(overlay=OverlayConfig())
    times = stage_times(frames, model, config=config, folder=scratch, rate=RATE)
    milliseconds = {name: round(1000 * one, 3) for name, one in times.seconds.items()}
    return {"crops_per_frame": round(times.crops, 2), "stages_ms_one_thread": milliseconds}


def starts(photo: Path, effort: Effort, folder: Path) -> dict[str, float]:
    """Seconds that whole processes take."""
    posetube = [sys.executable, "-m", "posetube"]
    commands = {
        "track a photograph": [*posetube, "track", str(photo), "--progress", "none", "-o"],
        "--help": [*posetube, "--help"],
        "models list": [*posetube, "models", "list"],
        "import posetube": [sys.executable, "-c", "import posetube"],
        "import numpy": [sys.executable, "-c", "import numpy"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(effort.runs + 1):  # the first is to warm the disk's cache
        for name, words in commands.items():
            more = [str(folder / f"photo-{run}")] if words[-1] == "-o" else []
            taken[name].append(_seconds([*words, *more]))
    return {name: round(median(seconds[1:]), 3) for name, seconds in taken.items()}


def _seconds(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def small_files(effort: Effort, folder: Path) -> dict[str, float]:
    """Seconds for many small clips, a process each, with overlay."""
    count = max(4, round(SMALL_FILES * effort.share))
    config = SceneConfig(people=1, seconds=0.4, rate=RATE, size=(180, 320))
    clip = folder / "small.mp4"
    images = (frame.image for frame in generate(config, seed=1).frames())
    write_clip(clip, images, config.size)
    words = [sys.executable, "-m", "posetube", "track", str(clip), "--progress", "none", "-o"]
    seconds = sum(_seconds([*words, str(folder / f"small-{n}")]) for n in range(count))
    return {"files": count, "seconds": round(seconds, 1), "for_62": round(seconds / count * 62, 1)}


def memory(clip: Path, effort: Effort, folder: Path) -> dict[str, float]:
    """Peak memory of a short and of a long run, MB."""
    found = {}
    for name, seconds in (("short", 10.0), ("long", 60.0 * effort.minutes)):
        path = folder / f"{name}.mp4"
        repeat_clip(clip, path, seconds=seconds)
        run = whole_run(str(path), folder / name, ["--every", str(EVERY)])
        found[f"{name}_seconds"], found[f"{name}_frames"] = seconds, float(run.frames)
        found[f"{name}_peak_mb"] = round((run.peak_bytes or 0) / 1e6, 1)
    return found


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, frames and files")
    parser.add_argument(
        "--people", type=int, nargs="+", help="only these clips; the rest stays in the record"
    )
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    path = RESULTS / f"{options.record}.json"
    kept = json.loads(path.read_text("utf-8")) if options.people and options.record else {}
    cv2.setNumThreads(1)  # as the command has it; stages are measured in this process
    effort, model = QUICK if options.quick else FULL, load_model("tiny")
    graph = peer_graph()
    peer = None if graph is None else PeerNetwork(graph, cores=usable_cores())
    record: dict[str, Any] = {
        **{name: kept[name] for name in OTHER_PARTS if name in kept},
        "runs": effort.runs,
        "peer": "YOLO26n-pose, random weights, ONNX Runtime" if peer else None,
        "load_before": round(os.getloadavg()[0], 2),
        "convolution_gflops": round(convolution_rate(model.runtime, workers=model.workers), 1),
        "speed": kept.get("speed", []),
    }
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for scene in SCENES:
            if options.people and scene.people not in options.people:
                continue
            row = speeds(scene, model, peer, effort, folder)
            others = (one for one in record["speed"] if one["people"] != scene.people)
            record["speed"] = sorted([*others, row], key=lambda one: one["people"])
            print(json.dumps(row), flush=True)
        if not options.people:
            photo = folder / "photo.jpg"
            _write_photo(folder / "1.mp4", photo)
            parts = (
                starts(photo, effort, folder),
                small_files(effort, folder),
                memory(folder / "1.mp4", effort, folder),
            )
            record |= zip(OTHER_PARTS, parts, strict=True)
            print(json.dumps(dict(zip(OTHER_PARTS, parts, strict=True))), flush=True)
    record["machine"] = f"{platform.machine()} {platform.system()}, {usable_cores()} cores"
    if options.record:
        write_record(path, record)


def _write_photo(clip: Path, path: Path) -> None:
    with open_video(clip) as video:
        frame = next(iter(video))
    assert frame.image is not None
    cv2.imwrite(str(path), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
