"""Convert thousands of damaged and hostile ``.pth`` and ``.pkl`` files: one line refuses each.

    python -m benchmarks.fuzz_weights --count 2000 --out benchmarks/results/fuzz_weights.json

The files are those of other programs: bytes flipped, cut and doubled, on the disk and in the pickle
inside; arrays replaced by what no network holds; pickles that would execute something. Each goes
through ``posetube models convert``. A file fails if the command ends in anything but 0 or 6, says
more than a line, blames itself, takes over 20 seconds of the processor, or executes something.
"""

import argparse
import io
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from benchmarks.fuzz_readers import TooSlow, _alarm, mutate
from benchmarks.recording import write_record
from posetube.file_names import printable
from posetube.models3d.presets import detect_and_track_r18, detectron2_keypoint_rcnn
from posetube.pipelines.cli import main as posetube
from tests.models3d.checkpoints.test_convert import as_blobs, as_detectron2, made, small

PART = 250
"""Files to a process."""

SECONDS = 20
EXECUTED = "executed"
"""Folder that a payload makes where it is executed."""

MARKS = {
    "torchvision": "backbone.body.conv1.weight",
    "detectron2": "backbone.bottom_up.stem.conv1.weight",
    "detectron": "conv1_w",
}
Rng = np.random.Generator
Content = dict[Any, Any]


class Calls:
    """Asks for a call when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def whole(kind: str) -> Content:
    """All arrays of a network, as one of the programs names them."""
    if kind == "detectron2":
        return as_detectron2(made(small(detectron2_keypoint_rcnn())))
    return as_blobs(made(small(detect_and_track_r18())), video=True)


def some(kind: str, rng: Rng) -> Content:
    """A few arrays of the right names: a file of some kilobytes."""
    names = (MARKS[kind], "fc1.weight", "kps_score_w", "backbone.bottom_up.res2.0.conv1.weight")
    return {name: rng.normal(size=(4, 3, 3, 3)).astype(np.float32) for name in names}


def packed(content: Any, suffix: str, rng: Rng) -> bytes:
    """The file: a pickle of NumPy's arrays, or torch's archive of tensors."""
    if suffix == ".pkl":
        return pickle.dumps(content, protocol=int(rng.integers(0, 6)))
    tensors = content
    if isinstance(content, dict):
        tensors = {name: _as_tensor(value) for name, value in content.items()}
    file = io.BytesIO()
    torch.save(tensors, file, _use_new_zipfile_serialization=bool(rng.random() < 0.8))
    return file.getvalue()


def _as_tensor(value: Any) -> Any:
    plain = isinstance(value, np.ndarray) and value.dtype.kind in "fiubc"
    return torch.from_numpy(value.copy()) if plain and value.dtype.isnative else value


def damaged(suffix: str, rng: Rng) -> bytes:
    """A file with wrong bytes, for torch's half of the time inside the archive."""
    kind = str(rng.choice(list(MARKS)))
    content = packed(some(kind, rng), suffix, rng)
    if suffix == ".pkl" or rng.random() < 0.5 or not zipfile.is_zipfile(io.BytesIO(content)):
        return mutate(content, rng, text=False)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        victim = next(n for n in names if n.endswith("data.pkl"))
        victim = victim if rng.random() < 0.7 else names[int(rng.integers(len(names)))]
        for name in names:
            entry = old.read(name)
            new.writestr(name, mutate(entry, rng, text=False) if name == victim else entry)
    return out.getvalue()


def odd_values(rng: Rng) -> list[Any]:
    """What no array of a network is."""
    nested: Any = np.zeros(2, np.float32)
    for _ in range(int(rng.integers(1, 200))):
        nested = {"blobs": nested} if rng.random() < 0.5 else [nested]
    shape = tuple(int(n) for n in rng.integers(0, 4, int(rng.integers(0, 8))))
    kind = str(rng.choice(["f2", "f8", "i8", "u1", "?", "c8", "S3", "U2", ">f4", "i2"]))
    wild = np.resize(np.array([np.nan, np.inf, -np.inf, 3e38, 1.0], np.float32), (4, 3, 3, 3))
    odd = np.zeros(shape, kind)
    return [
        nested, odd, wild, None, 10**400, -1, float("nan"), "text\x1b[31m\u202e", b"\xff" * 9,
        np.array([{}, None], object), np.zeros(3, [("a", "f4")]), set(), (1, 2), {}, [], 1j,
        torch.zeros(1).expand(2 ** int(rng.integers(20, 45))), torch.zeros(2).to_sparse(),
        torch.zeros(4, 3, dtype=torch.bfloat16), torch.empty(2**40, device="meta"),
        torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8), torch.zeros(2, 2).T,
        torch.zeros(3, dtype=torch.complex64).conj(), torch.nn.Parameter(torch.zeros(2)),
        np.datetime64("2020-01-01"), np.float64(3), rng.normal(size=(7, 7)), frozenset((1,)),
    ]  # fmt: skip


def odd(suffix: str, rng: Rng, arrays: Callable[[], Content]) -> bytes:
    """A file with values, names or containers that no network has."""
    content = dict(arrays())
    for _ in range(int(rng.integers(1, 4))):
        values = odd_values(rng)
        value = values[int(rng.integers(len(values)))]
        names = [
            *content,
            7,
            None,
            ("a",),
            b"blob",
            "\ud800",
            "\x1b[2J",
            "x" * 5000,
            "blobs",
            "model",
        ]
        content[names[int(rng.integers(len(names)))]] = value
    wrapped: Any = content
    for name in rng.choice(["blobs", "model", "state_dict", "cfg"], int(rng.integers(0, 3))):
        wrapped = {str(name): wrapped}
    return packed(wrapped, suffix, rng)


def payload(rng: Rng) -> Any:
    """Something that executes, allocates or multiplies when a careless reader unpickles it."""
    rebuild = torch._utils._rebuild_tensor_v2
    far, four = 2 ** int(rng.integers(20, 62)), cast(Any, torch.zeros(4)).storage()
    doubled: Any = [0] * 10
    for _ in range(60):
        doubled = [doubled, doubled]
    found = [
        Calls(os.mkdir, EXECUTED), Calls(os.system, f"mkdir {EXECUTED}"),
        Calls(eval, f"__import__('os').mkdir('{EXECUTED}')"),
        Calls(exec, f"import os; os.mkdir('{EXECUTED}')"), Calls(getattr, os, "mkdir"),
        Calls(map, os.mkdir, [EXECUTED]), Calls(open, EXECUTED, "w"), Calls(bytearray, far),
        Calls(np.zeros, far), Calls(torch.zeros, far), Calls(np.dtype, "O"), Calls(range, far),
        Calls(torch.load, "other.pth"), Calls(np.ndarray, (far,)), Calls(np.memmap, EXECUTED),
        Calls(rebuild, four, far, (2, 2), (2, 1), False, {}),
        Calls(rebuild, four, 0, (far,), (1,), False, {}),
        Calls(rebuild, four, 0, (2, 2), (-far, far), False, {}),
        Calls(rebuild, four, 0, (far,), (0,), False, {}), doubled,
    ]  # fmt: skip
    return found[int(rng.integers(len(found)))]


def raw(rng: Rng) -> bytes:
    """Pickle code that asks for memory, depth or names by itself."""
    huge = int(rng.integers(2**31, 2**62)).to_bytes(8, "little")
    codes = [
        b"\x80\x04\x95" + huge + b"N.", b"\x80\x04\x8e" + huge + b"x.",
        b"\x80\x04\x8d" + huge + b"x.",
        b"\x80\x02\x8b\xff\xff\xff\x7fx.", b"\x80\x02Nr\xff\xff\xff\xff.", b"\x80\x02\x82\x01.",
        b"\x80\x04\x96" + huge + b".", b"I" + b"9" * 10**5 + b"\n.", b"(" * 10**5 + b".",
        b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".", b"cos\nmkdir\n(S'executed'\ntR.",
        b"(S'executed'\nios\nmkdir\n.",
        b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93\x8c\x08executed\x85R.",
        b"\x80\x02Qx.", b"Pother\n.", b"\x80\x02}(K\x01K\x02u" * 50 + b".", b"cnumpy\ndtype\n(tRo.",
        b"\x80\x02ccollections\nOrderedDict\n)R}(X\x01\x00\x00\x00aK\x01ub.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.",
        b"\x80\x02c__builtin__\ngetattr\ncposix\nmkdir\n\x86R.", b"L" + b"7" * 10**5 + b"L\n.",
    ]  # fmt: skip
    return codes[int(rng.integers(len(codes)))]


def hostile(suffix: str, rng: Rng) -> bytes:
    """A file that means harm."""
    if rng.random() < 0.5:
        content: Any = {MARKS["detectron2"]: payload(rng), "cfg": payload(rng)}
        content = content if rng.random() < 0.7 else {"blobs": content}
        try:
            return packed(content, suffix, rng)
        except Exception:  # not everything has each form
            return packed({MARKS["detectron"]: Calls(os.mkdir, EXECUTED)}, suffix, rng)
    code = raw(rng)
    if suffix == ".pkl" or rng.random() < 0.3:
        return code if rng.random() < 0.7 else mutate(code, rng, text=False)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.3 else 0) as new:
        new.writestr("archive/data.pkl", code)
        new.writestr("archive/version", b"3\n")
        new.writestr("archive/data/0", bytes(16))
    return out.getvalue()


def made_file(
    suffix: str, number: int, rng: Rng, networks: dict[str, Content]
) -> tuple[str, bytes]:
    """The kind of harm, and the file."""
    if number % 50 == 0:
        kind = str(rng.choice(list(networks)))
        return "odd whole", odd(suffix, rng, lambda: networks[kind])
    if number % 4 == 0:
        return "hostile", hostile(suffix, rng)
    if number % 4 == 1:
        kind = str(rng.choice(list(MARKS)))
        try:
            return "odd", odd(suffix, rng, lambda: some(kind, rng))
        except Exception:  # what cannot be written is no file
            return "hostile", hostile(suffix, rng)
    return "damaged", damaged(suffix, rng)


def outcome(file: Path) -> str:
    """What the command made of a file."""
    said, told = io.StringIO(), io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with redirect_stderr(said), redirect_stdout(told):
            code = posetube(["models", "convert", str(file), "out.safetensors"])
    except TooSlow:
        return "hang"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    lines = said.getvalue().splitlines()
    if Path(EXECUTED).exists():
        return "executed"
    if code == 0 and not lines:
        Path("out.safetensors").unlink()
        return "converted"
    sound = (
        code == 6 and len(lines) == 1 and len(lines[0]) < 2000 and printable(lines[0]) == lines[0]
    )
    return "refused" if sound else f"{code}: {said.getvalue()[:600]}"


def attack(suffix: str, *, first: int, count: int) -> tuple[Counter[str], dict[str, str], int]:
    """Outcomes, an example of each that must not be, and the process's peak of memory in MiB."""
    signal.signal(signal.SIGPROF, _alarm)
    warnings.simplefilter("always")
    networks = {kind: whole(kind) for kind in ("detectron", "detectron2")}
    outcomes: Counter[str] = Counter()
    bad: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        os.chdir(name)
        for number in range(first, first + count):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    rng = np.random.default_rng(number)
                    kind, content = made_file(suffix, number, rng, networks)
            except Exception as error:  # what cannot be written is no file
                outcomes[f"not written: {type(error).__name__}"] += 1
                continue
            file = Path(f"weights{suffix}").absolute()
            file.write_bytes(content)
            found = outcome(file)
            outcomes[f"{kind}: {found}" if found in ("refused", "converted") else "bad"] += 1
            if found not in ("refused", "converted"):
                bad[f"{suffix} {number} {kind}"] = found
                if Path(EXECUTED).is_dir():
                    Path(EXECUTED).rmdir()
        os.chdir("/")
    return outcomes, bad, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> int:
    """Attack both kinds of file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--suffixes", nargs="+", default=[".pth", ".pkl"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results, failed = {}, False
    for suffix in options.suffixes:
        outcomes: Counter[str] = Counter()
        bad: dict[str, str] = {}
        peak = 0
        for first in range(0, options.count, PART):
            size = min(PART, options.count - first)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                done = pool.apply_async(attack, (suffix,), {"first": first, "count": size})
                some_outcomes, worse, most = done.get()
            outcomes, bad, peak = outcomes + some_outcomes, bad | worse, max(peak, most)
            print(suffix, first + size, dict(outcomes), f"peak {peak} MiB", flush=True)
        for where, what in bad.items():
            print(where, ascii(what), flush=True)
        results[suffix] = {"outcomes": dict(outcomes), "peak_mib": peak, "bad": bad}
        failed |= bool(bad)
    if options.out:
        write_record(options.out, {"files": results})
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
