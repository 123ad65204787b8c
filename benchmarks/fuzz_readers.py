"""Damage files in thousands of ways and read them: only errors of the project's own may come out.

    python benchmarks/fuzz_readers.py --count 10000 --out benchmarks/results/fuzz_readers.json

Each reader gets files that the project itself writes, one of them changed: bytes flipped, cut,
doubled, numbers in text and in binary replaced by extremes. A mutation fails if anything but a
``PoseTubeError`` is raised, if it takes over 20 seconds, or if the process ends. Every few hundred
mutations have a process of their own, whose peak of memory is recorded.
"""

import argparse
import json
import multiprocessing
import platform
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import scipy.io

from posetube.datasets.formats import sleap
from posetube.datasets.formats.catalogue import FORMATS
from posetube.datasets.readers.catalogue import open_dataset
from posetube.datasets.synthetic.label_files import WRITERS, write_labels
from posetube.errors import PoseTubeError
from posetube.restricted_pickle import load_plain
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import FrameTable, VideoTracks

SECONDS = 20
"""A mutation that takes longer is a hang."""

PART = 500
"""Mutations to a process."""

EXTREMES = [b"-1", b"0", b"1e308", b"-1e308", b"1e400", b"99999999999999999999", b"2147483648",
            b"null", b"NaN", b"true", b"[]", b"{}", b'"x"', b"0.5", b"-0.0", b""]  # fmt: skip
WORDS = [0, 1, 2, 14, 15, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 20, 1 << 28]
TEXT = {".json", ".jsonl", ".csv", ".xml", ".txt"}

Reader = Callable[[Path], object]
Targets = dict[str, tuple[Callable[[Path], None], Reader]]


def invented(joints: Skeleton, name: str = "seq1", frames: int = 4) -> VideoTracks:
    """Two people in a few frames."""
    rng = np.random.default_rng(0)
    r, k = 2 * frames, len(joints)
    states = rng.choice([0, 1, 2], (r, k)).astype(np.uint8)
    points = np.where(states[..., None] > 0, rng.uniform(0, 300, (r, k, 2)), np.nan)
    low = rng.uniform(0, 100, (r, 2))
    boxes = np.concatenate([low, low + 50], axis=1)
    return VideoTracks(
        source=name,
        size=(360, 640),
        skeleton=joints,
        frames=FrameTable(times=np.arange(frames) / 25),
        frame=np.repeat(np.arange(frames), 2),
        track_ids=np.tile([1, 2], frames),
        boxes=boxes.astype(np.float32),
        scores=rng.uniform(0, 1, r).astype(np.float32),
        keypoints=points,
        keypoint_scores=rng.uniform(0, 1, (r, k)).astype(np.float32),
        joint_states=states,
        head_boxes=boxes,
    )


def penn_action(root: Path) -> None:
    """One clip's labels."""
    (root / "labels").mkdir(parents=True)
    n = 6
    content = {
        "action": "pushup", "pose": "left", "train": 1, "nframes": n, "bbox": np.ones((n - 1, 4)),
        "x": np.ones((n, 13)), "y": np.ones((n, 13)), "visibility": np.ones((n, 13), np.uint8),
        "dimensions": np.array([[360, 480, n]]),
    }  # fmt: skip
    scipy.io.savemat(root / "labels" / "0001.mat", content)


def jhmdb(root: Path) -> None:
    """One clip's joints and masks."""
    for kind, content in (
        ("joint_positions", {"pos_img": np.ones((2, 15, 4)), "viewpoint": "E"}),
        ("puppet_mask", {"part_mask": np.ones((24, 32, 4), np.uint8)}),
    ):
        (root / kind / "catch" / "clip").mkdir(parents=True)
        scipy.io.savemat(root / kind / "catch" / "clip" / f"{kind}.mat", content)


def mpii_json(root: Path) -> None:
    """Labels of two people."""
    person = {"image": "a.jpg", "joints": [[5.0, 6.0]] * 16, "joints_vis": [1] * 16,
              "center": [1, 2], "scale": 1.0}  # fmt: skip
    (root / "train.json").write_text(json.dumps([person, person]))


def hourglass(root: Path) -> None:
    """The hourglass program's HDF5."""
    h5py = import_module("h5py")
    with h5py.File(root / "valid.h5", "w") as file:
        file["imgname"] = np.array([b"a.jpg", b"b.jpg"])
        file["part"] = np.ones((2, 16, 2))
        file["visible"] = np.ones((2, 16))
        file["normalize"] = np.ones(2)


def jhmdb_json(root: Path) -> None:
    """Mmpose's form of sub-JHMDB."""
    content = {
        "images": [{"id": 1, "file_name": "a/1.png", "vid_id": "1", "frame_id": 1}],
        "annotations": [{"image_id": 1, "keypoints": [3.0] * 45, "bbox": [1, 2, 3, 4]}],
    }
    (root / "Sub1_test.json").write_text(json.dumps(content))


REAL = {
    "penn-action": ("penn_action/labels/1154.mat", "labels/1154.mat", "penn-action"),
    "lspet": ("lsp_extended/joints_im00001-00200.mat", "joints.mat", "lspet"),
    "mpii json": ("mmpose_tests_data/mpii/test_mpii.json", "test.json", "mpii"),
    "mpii hdf5": ("mpii/valid.h5", "valid.h5", "mpii"),
    "flic hdf5": ("flic/valid.h5", "valid.h5", "flic"),
    "human36m": ("mmpose_tests_data/h36m/test_h36m_body3d.npz", "body3d.npz", "human36m"),
    "sub-jhmdb json": ("mmpose_tests_data/jhmdb/test_jhmdb_sub1.json", "Sub1_test.json",
                       "sub-jhmdb-json"),
    "posetrack18": ("mmpose_tests_data/posetrack18/annotations/val/003418_mpii_test.json",
                    "003418_mpii_test.json", "posetrack18"),
    "coco": ("tiny_coco/annotations/person_keypoints_train2017.json", "person_keypoints_train.json",
             "coco"),
    "bonn": ("bonn_multiperson_posetrack/annolist/test_060470979_annolist.mat",
             "annolist/annolist.mat", "bonn"),
    "poses-in-the-wild": ("poses_in_the_wild/poses_in_the_wild_data.mat",
                          "poses_in_the_wild_data.mat", "poses-in-the-wild"),
}  # fmt: skip
"""Published files: where they lie among the samples, what they are called, whose they are."""


def real(source: Path, name: str) -> Callable[[Path], None]:
    """Copies a published file."""

    def write(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(source.read_bytes())

    return write


def pickled(root: Path) -> None:
    """Reads every pickle of a folder."""
    for path in root.glob("*.pkl"):
        load_plain(path)


def dataset(name: str) -> Reader:
    """Reads every video of a data set."""

    def read(root: Path) -> None:
        found = open_dataset(name, root)
        for video in found.videos():
            found.read(video)

    return read


def targets(samples: Path | None = None) -> Targets:
    """What writes a folder, and what reads it, by name; with samples, published files too."""
    found: Targets = {
        "penn-action": (penn_action, dataset("penn-action")),
        "jhmdb": (jhmdb, dataset("jhmdb")),
        "mpii json": (mpii_json, dataset("mpii")),
        "mpii hdf5": (hourglass, dataset("mpii")),
        "sub-jhmdb json": (jhmdb_json, dataset("sub-jhmdb-json")),
    }
    for layout, (joints, _) in WRITERS.items():
        name = {"posetrack17-mat": "posetrack17"}.get(layout, layout)
        found[layout] = (_labels(layout, joints), dataset(name))
    for name, form in FORMATS.items():
        found[f"format {name}"] = (_written(name), _first_file(form.read, form.suffix))
    if samples is not None:
        for name, (source, copy, whose) in REAL.items():
            found[f"real {name}"] = (real(samples / source, copy), dataset(whose))
        source = "jhmdb/DDNet_GT_test_1.pkl"
        found["real pickle"] = (real(samples / source, "poses.pkl"), pickled)
    return found


def _labels(layout: Any, joints: Skeleton) -> Callable[[Path], None]:
    return lambda root: write_labels(root, [invented(joints)], dataset=layout)


def _written(name: str) -> Callable[[Path], None]:
    form = FORMATS[name]
    joints = form.joints[0] if form.joints else COCO17
    return lambda root: form.write(root / f"seq1{form.suffix}", invented(joints))


def _first_file(read: Reader, suffix: str) -> Reader:
    return lambda root: read(root / f"seq1{suffix}")


def uncompressed(content: bytes) -> bytes:
    """A MATLAB file without compression, so that damage reaches what is inside."""
    out, place = content[:128], 128
    while place + 8 <= len(content):
        kind, size = struct.unpack_from("<II", content, place)
        data = content[place + 8 : place + 8 + size]
        out += zlib.decompress(data) if kind == 15 else content[place : place + 8 + size]
        place += 8 + size
    return out


def mutate(content: bytes, rng: np.random.Generator, *, text: bool) -> bytes:
    """The content with one to four changes."""
    for _ in range(int(rng.integers(1, 5))):
        content = _change(content, rng, text=text)
    return content


def _change(content: bytes, rng: np.random.Generator, *, text: bool) -> bytes:
    if not content:
        return bytes(rng.integers(0, 256, 8, np.uint8))
    place = int(rng.integers(len(content)))
    length = int(min(len(content) - place, rng.geometric(0.05)))
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?(e-?\d+)?", content)) if text else []
    kind = rng.choice(["number", "flip", "cut", "double", "word", "end", "noise"],
                      p=[0.4, 0.15, 0.1, 0.1, 0.15, 0.05, 0.05])  # fmt: skip
    if kind == "number" and numbers:
        match = numbers[int(rng.integers(len(numbers)))]
        value = EXTREMES[int(rng.integers(len(EXTREMES)))]
        return content[: match.start()] + value + content[match.end() :]
    if kind in ("number", "word"):
        place -= place % 4 if rng.random() < 0.8 else 0
        value = struct.pack("<I", WORDS[int(rng.integers(len(WORDS)))])
        return content[:place] + value + content[place + 4 :]
    if kind == "cut":
        return content[:place] + content[place + length :]
    if kind == "double":
        return content[: place + length] + content[place:]
    if kind == "end":
        return content[:place]
    changed = bytearray(content)
    changed[place] ^= 1 << int(rng.integers(8))
    if kind == "noise":
        changed[place : place + length] = rng.integers(0, 256, length, np.uint8).tobytes()
    return bytes(changed)


class TooSlow(BaseException):
    """Raised by the alarm; no reader can swallow it as an ``Exception``."""


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def attack(
    write: Callable[[Path], None], read: Reader, *, count: int, seed: int
) -> tuple[Counter[str], dict[str, str]]:
    """Mutate and read.

    Returns:
        How often each outcome came, and an example of each that must not be.
    """
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    bad: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        root = Path(name)
        write(root)
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        originals = {path: path.read_bytes() for path in files}
        plain = {p: uncompressed(c) if p.suffix == ".mat" else c for p, c in originals.items()}
        read(root)
        for i in range(count):
            path = files[int(rng.integers(len(files)))]
            source = (plain if i % 4 else originals)[path]
            path.write_bytes(mutate(source, rng, text=path.suffix in TEXT))
            outcome = _outcome(read, root)
            outcomes[outcome] += 1
            if outcome not in ("read", "refused") and outcome not in bad:
                bad[outcome] = path.read_bytes()[:20_000].hex()
            path.write_bytes(originals[path])
    return outcomes, bad


def _outcome(read: Reader, root: Path) -> str:
    signal.alarm(SECONDS)
    try:
        read(root)
        return "read"
    except PoseTubeError:
        return "refused"
    except TooSlow:
        return "hang"
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        return f"{type(error).__name__}: {str(error)[:80]} at {where}"
    finally:
        signal.alarm(0)


def in_own_process(
    target: tuple[Callable[[Path], None], Reader], *, count: int, seed: int
) -> tuple[Counter[str], dict[str, str], int]:
    """:func:`attack` in a process that may crash; also its peak memory in MiB."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def work() -> None:
        signal.signal(signal.SIGALRM, _alarm)
        outcomes, bad = attack(*target, count=count, seed=seed)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        theirs.send((outcomes, bad, peak))

    process = context.Process(target=work)
    process.start()
    theirs.close()
    try:
        found: tuple[Counter[str], dict[str, str], int] = ours.recv()
    except EOFError:
        process.join()
        end = f"the process ended with {process.exitcode}"
        found = (Counter({end: 1}), {end: f"seed {seed}"}, 0)
    process.join()
    return found


def measure(
    name: str, target: tuple[Callable[[Path], None], Reader], *, count: int, seed: int
) -> dict[str, Any]:
    """All outcomes of one reader."""
    start = time.perf_counter()
    outcomes: Counter[str] = Counter()
    bad: dict[str, str] = {}
    peak = 0
    for part, first in enumerate(range(0, count, PART)):
        some, worse, most = in_own_process(
            target, count=min(PART, count - first), seed=seed + 1000 * part
        )
        outcomes, bad, peak = outcomes + some, worse | bad, max(peak, most)
    seconds = round(time.perf_counter() - start, 1)
    print(f"{name:24} {seconds:7.1f} s  peak {peak} MiB  {dict(outcomes)}", flush=True)
    return {
        "mutations": count,
        "outcomes": dict(outcomes),
        "seconds": seconds,
        "peak_mib": peak,
        "bad": bad,
    }


def main() -> int:
    """Attack every reader, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--samples", type=Path, help="folder with published files, mutated too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sleap.SECONDS = SECONDS // 2  # its own limit comes before the alarm
    known_targets = targets(options.samples)
    results = {
        name: measure(name, known_targets[name], count=options.count, seed=options.seed)
        for name in options.names or known_targets
    }
    if options.out:
        known = json.loads(options.out.read_text()) if options.out.exists() else {"readers": {}}
        record = {
            "command": "python benchmarks/fuzz_readers.py --count " + str(options.count),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": platform.platform(),
            "readers": known["readers"] | results,
        }
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    return int(any(result["bad"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
