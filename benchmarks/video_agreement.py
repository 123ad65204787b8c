"""Whether linking finds more people in real videos than the network alone, frame by frame.

Runs of ``posetube track`` are compared with reference poses of some of their frames: the
detections alone, cut off at rising scores, and the tracks that come of them with many settings of
linking. For each setting of linking stands beside it what the detections alone find where they
have as many boxes too many.

The reference is any folder of NAME.npz, one for each run whose source is called NAME, be it by hand
or by a better network:

    labelled   (F,) frames that were looked at, counted from 0
    frame      (P,) frame of each person, one of them
    boxes      (P, 4) x1 y1 x2 y2, pixels
    scores     (P,) how sure each box is, in [0, 1]
    keypoints  (P, 17, 3) x, y in pixels and score in [0, 1], in COCO's order

Boxes of score 0.4 and more are people; doubtful ones are regions where nothing counts, and so are
people with fewer than five joints. A doubtful box on a person is none: it would excuse finding the
person twice.

What the detections tell of the camera and of people's looks can be left out, to see what it is good
for.

    posetube track VIDEO... --out ../runs --no-overlay --appearance
    python -m benchmarks.video_agreement ../reference ../runs --record
    python -m benchmarks.video_agreement ../reference ../runs --quick --ignore camera looks
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.boxes import area, intersection, iou
from posetube.errors import InputError
from posetube.keypoint_similarity import oks, scale_of
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.skeletons import COCO17
from posetube.structures import BoolArray, DetectedFrame, Detections, DoubleArray
from posetube.tracker.config import LinkConfig
from posetube.tracker.presets import link_frames

RECORD = RESULTS / "video_agreement.json"
PERSON_SCORE = 0.4
IGNORE_SCORE = 0.2
JOINT_SCORE = 0.25
FEWEST_JOINTS = 5
ON_PERSON = 0.6
"""Share of a doubtful box within a person's box from which it shows that person."""

SCORES = tuple(np.arange(2, 81).tolist())
"""Where detections are cut off, in hundredths."""

SHOWN_SCORES = (10, 20, 25, 30, 40)
VARIED = ("min_score", "sure_score", "max_gap")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Who is in one frame."""

    boxes: DoubleArray
    """(N, 4) pixels."""

    keypoints: DoubleArray
    """(N, 17, 2) pixels, NaN where not known."""

    ignored: DoubleArray
    """(M, 4) where nothing counts."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How people found compare with the reference, over some frames."""

    frames: int = 0
    people: int = 0
    found_50: int = 0
    found_75: int = 0
    too_many: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        mine, theirs = asdict(self), asdict(other)
        return Tally(**{name: mine[name] + theirs[name] for name in mine})

    def report(self) -> dict[str, float]:
        """Shares of the people in percent, and boxes too many per frame."""
        return {
            "found_50": round(100 * self.found_50 / max(self.people, 1), 2),
            "found_75": round(100 * self.found_75 / max(self.people, 1), 2),
            "too_many": round(self.too_many / max(self.frames, 1), 3),
        }


@dataclass(frozen=True, kw_only=True)
class Video:
    """One run and its reference."""

    name: str
    size: tuple[int, int]
    model: str
    frames: list[DetectedFrame]
    reference: dict[int, Reference]

    def linked(self, config: LinkConfig) -> Iterator[tuple[int, Detections]]:
        """The people of each frame, as the tracks have them."""
        for poses in link_frames(self.frames, config=config, skeleton=COCO17, size=self.size):
            yield poses.frame, poses.people

    def cut_off(self, score: float) -> Iterator[tuple[int, Detections]]:
        """The people of each frame, as the network found them."""
        for frame in self.frames:
            yield frame.frame, frame.people[frame.people.scores >= score]

    def tally(self, found: Iterator[tuple[int, Detections]]) -> Tally:
        """Compare what was found with the reference, in the frames that have one."""
        people = dict(found)
        nobody = Detections.empty(len(COCO17))
        tallies = (compare(people.get(i, nobody), known) for i, known in self.reference.items())
        return sum(tallies, Tally())


def compare(found: Detections, known: Reference) -> Tally:
    """Compare one frame."""
    found = found[np.argsort(-np.nan_to_num(found.scores), kind="stable")]
    boxes = found.boxes.astype(np.float64)
    alike = oks(
        known.keypoints, found.keypoints, scales=scale_of(known.boxes), sigmas=COCO17.sigmas
    )
    alike = np.nan_to_num(alike).T
    close, free = paired(alike, 0.5)
    overlap = np.where(free[None], iou(boxes, known.boxes), 0)
    boxed, _ = paired(np.where(close[:, None], 0, overlap), 0.5)
    excused = share_within(boxes, known.ignored) > 0.5
    return Tally(
        frames=1,
        people=len(known.boxes),
        found_50=int(close.sum()),
        found_75=int(paired(alike, 0.75)[0].sum()),
        too_many=int((~close & ~boxed & ~excused).sum()),
    )


def paired(similarity: DoubleArray, least: float) -> tuple[BoolArray, BoolArray]:
    """Give each row in turn the column most like it: which rows got one, which columns are left."""
    taken = np.zeros(len(similarity), np.bool_)
    free = np.ones(similarity.shape[1], np.bool_)
    for row, values in enumerate(similarity):
        left = np.where(free, values, -1)
        if len(left) and left.max() >= least:
            taken[row], free[left.argmax()] = True, False
    return taken, free


def share_within(boxes: DoubleArray, regions: DoubleArray) -> DoubleArray:
    """The largest share of each box that lies in one region, (N,) in [0, 1]."""
    shares = intersection(boxes, regions) / np.maximum(area(boxes), 1e-9)[:, None]
    return np.asarray(shares.max(axis=1, initial=0), np.float64)


def read_reference(path: Path) -> dict[int, Reference]:
    """The reference of one video, by frame."""
    with np.load(path) as file:
        table = {name: file[name] for name in file.files}
    labelled = table.pop("labelled").tolist()
    columns = {name: table[name].astype(np.float64) for name in ("boxes", "scores", "keypoints")}
    return {
        i: reference(**{name: column[table["frame"] == i] for name, column in columns.items()})
        for i in labelled
    }


def reference(*, boxes: DoubleArray, scores: DoubleArray, keypoints: DoubleArray) -> Reference:
    """Tell people from regions where nothing counts."""
    known = keypoints[..., 2] >= JOINT_SCORE
    people = (scores >= PERSON_SCORE) & (known.sum(axis=1) >= FEWEST_JOINTS)
    doubtful = ~people & (scores >= IGNORE_SCORE)
    doubtful &= share_within(boxes, boxes[people]) < ON_PERSON
    points = np.where(known[..., None], keypoints[..., :2], np.nan)
    return Reference(boxes=boxes[people], keypoints=points[people], ignored=boxes[doubtful])


def without(frame: DetectedFrame, ignored: Sequence[str]) -> DetectedFrame:
    """A frame without what it tells of the camera, or of people's looks."""
    camera = None if "camera" in ignored else frame.camera
    looks = None if "looks" in ignored else frame.people.embeddings
    return replace(frame, camera=camera, people=replace(frame.people, embeddings=looks))


def read_videos(references: Path, runs: Path, *, ignored: Sequence[str] = ()) -> list[Video]:
    """The runs of a folder that have a reference, for the frames that both looked at."""
    found = []
    for folder in sorted(runs.iterdir()):
        run = RunDirectory(folder)
        manifest = run.read()
        path = references / f"{manifest.source.name}.npz"
        if path.exists():
            told = read_frames(run.detections, joints=len(COCO17))
            frames = [without(frame, ignored) for frame in told]
            seen = {frame.frame for frame in frames}
            known = read_reference(path)
            video = Video(
                name=manifest.source.name,
                size=manifest.source.size,
                model=manifest.model.sha256,
                frames=frames,
                reference={i: people for i, people in known.items() if i in seen},
            )
            found.append(video)
    if not found:
        raise InputError(f"{runs}: no run has a reference NAME.npz in {references}")
    return found


def measure(
    videos: Sequence[Video], found: Callable[[Video], Iterator[tuple[int, Detections]]]
) -> dict[str, Any]:
    """All videos together, their mean, and each."""
    tallies = {video.name: video.tally(found(video)) for video in videos}
    each = {name: tally.report() for name, tally in tallies.items()}
    columns = ("found_50", "found_75", "too_many")
    mean = {key: round(float(np.mean([e[key] for e in each.values()])), 3) for key in columns}
    return {"all": sum(tallies.values(), Tally()).report(), "mean": mean, "each": each}


def alone_at(curve: Sequence[dict[str, Any]], row: dict[str, Any], over: str) -> dict[str, float]:
    """What detections alone find where they have as many boxes too many, between scores."""
    points = [point[over] for point in reversed(curve)]
    excess = np.maximum.accumulate([p["too_many"] for p in points])
    return {
        key: round(float(np.interp(row[over]["too_many"], excess, [p[key] for p in points])), 2)
        for key in ("found_50", "found_75")
    }


def settings(*, quick: bool) -> Iterator[LinkConfig]:
    """The ways of linking that are tried: the defaults, and a grid."""
    yield LinkConfig(preset="online")
    yield LinkConfig(preset="offline")
    if not quick:
        for low, sure, gap in product((0.1, 0.2, 0.25, 0.3), (0.3, 0.4, 0.5), (0.8, 1.5, 2.0)):
            yield LinkConfig(min_score=low, sure_score=sure, max_gap=gap)


def label(config: LinkConfig) -> str:
    """One setting in words."""
    return (
        f"{config.preset} min {config.min_score:.2f} sure {config.sure_score:.2f} "
        f"gap {config.max_gap:.1f}"
    )


def line(name: str, row: dict[str, Any], alone: dict[str, float] | None = None) -> str:
    """One line of the table, pooled over the videos."""
    numbers = row["all"]
    text = f"{name:36s} {numbers['found_50']:6.1f} {numbers['found_75']:6.1f}"
    text += f" {numbers['too_many']:8.2f}"
    return text if alone is None else f"{text} {alone['found_50']:6.1f} {alone['found_75']:6.1f}"


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("references", type=Path, help="folder of NAME.npz")
    parser.add_argument("runs", type=Path, help="folder of runs")
    parser.add_argument("--quick", action="store_true", help="only the defaults of linking")
    parser.add_argument("--ignore", nargs="+", choices=["camera", "looks"], default=[])
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    options = parser.parse_args()
    videos = read_videos(options.references, options.runs, ignored=options.ignore)
    print(f"{'':36s} OKS.50 OKS.75 too many; detections alone at as many too many")
    curve = []
    for score in SCORES:
        curve.append(measure(videos, partial(Video.cut_off, score=score / 100)))
        if score in SHOWN_SCORES:
            print(line(f"detections from {score / 100:.2f}", curve[-1]), flush=True)
    linked = []
    for config in settings(quick=options.quick):
        row = measure(videos, partial(Video.linked, config=config))
        alone = {over: alone_at(curve, row, over) for over in ("all", "mean")}
        print(line(label(config), row, alone["all"]), flush=True)
        varied = {name: getattr(config, name) for name in VARIED}
        linked.append({"preset": config.preset, **varied, **row, "detections_alone": alone})
    if options.record:
        shown = [{"score": s / 100, **curve[SCORES.index(s)]} for s in SHOWN_SCORES]
        write(videos, {"detections": shown, "linked": linked})


def write(videos: Sequence[Video], numbers: dict[str, Any]) -> None:
    """Record what was measured."""
    counts = {video.name: asdict(video.tally(iter(()))) for video in videos}
    record = {
        "videos": {n: {"frames": c["frames"], "people": c["people"]} for n, c in counts.items()},
        "models": sorted({video.model for video in videos}),
        **numbers,
    }
    write_record(RECORD, record)


if __name__ == "__main__":
    main()
