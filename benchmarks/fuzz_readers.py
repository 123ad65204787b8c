"""Damage files in thousands of ways and read them: only errors of the project's own may come out.

    python -m benchmarks.fuzz_readers --count 10000 --out benchmarks/results/fuzz_readers.json

Each reader gets files that the project itself writes, one of them changed: bytes flipped, cut,
doubled, numbers in text and in binary replaced by extremes. A mutation fails if anything but a
``PoseTubeError`` is raised, if it takes over 20 seconds, or if the process ends. Every few hundred
mutations have a process of their own, whose peak of memory is recorded, that of the process which
reads SLEAP's and NWB's files for it included; where that one had to be ended, or crashed, the file
counts as refused and is counted apart.
"""

import argparse
import json
import multiprocessing
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
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from benchmarks.fuzz_files import Target, targets
from benchmarks.recording import write_record
from posetube.errors import PoseTubeError

PART = 500
"""Mutations to a process."""

EXTREMES = [b"-1", b"0", b"1e308", b"-1e308", b"1e400", b"99999999999999999999", b"2147483648",
            b"null", b"NaN", b"true", b"[]", b"{}", b'"x"', b"0.5", b"-0.0", b""]  # fmt: skip
WORDS = [0, 1, 2, 14, 15, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 20, 1 << 28]
ENDS = {
    "crashed; the file": "refused after a crash",
    "has not been read": "refused as slow",
    "did not start": "the process did not start",
}
"""Outcomes of a reading process, by what the error says."""

GOOD = {"read", "refused", "refused as slow", "refused after a crash"}
NUMBER = re.compile(rb"-?\d+(\.\d+)?(e-?\d+)?")
TEXT = {".json", ".jsonl", ".csv", ".xml", ".txt", ".bvh"}


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
    match = (NUMBER.search(content, place) or NUMBER.search(content)) if text else None
    kind = rng.choice(["number", "flip", "cut", "double", "word", "end", "noise"],
                      p=[0.4, 0.15, 0.1, 0.1, 0.15, 0.05, 0.05])  # fmt: skip
    if kind == "number" and match:
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


def attack(target: Target, *, count: int, seed: int) -> tuple[Counter[str], dict[str, str]]:
    """Mutate and read.

    Returns:
        How often each outcome came, and an example of each that must not be.
    """
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    bad: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        root = Path(name)
        target.write(root)
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        originals = {path: path.read_bytes() for path in files}
        plain = {p: uncompressed(c) if p.suffix == ".mat" else c for p, c in originals.items()}
        target.read(root)
        for i in range(count):
            path = files[int(rng.integers(len(files)))]
            source = (plain if i % 4 else originals)[path]
            path.write_bytes(mutate(source, rng, text=path.suffix in TEXT))
            outcome = _outcome(target, root)
            outcomes[outcome] += 1
            if outcome not in GOOD and outcome not in bad:
                bad[outcome] = path.read_bytes()[:20_000].hex()
            path.write_bytes(originals[path])
    target.close()
    return outcomes, bad


def _outcome(target: Target, root: Path) -> str:
    signal.alarm(target.seconds)
    try:
        target.read(root)
        return "read"
    except PoseTubeError as error:
        return next((end for text, end in ENDS.items() if text in str(error)), "refused")
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
    target: Target, *, count: int, seed: int
) -> tuple[Counter[str], dict[str, str], int]:
    """:func:`attack` in a process that may crash; also its peak memory in MiB."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def work() -> None:
        signal.signal(signal.SIGALRM, _alarm)
        outcomes, bad = attack(target, count=count, seed=seed)
        whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak = max(resource.getrusage(who).ru_maxrss for who in whose) // 1024
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
    finally:
        process.terminate()
        process.join()
    return found


def measure(name: str, target: Target, *, count: int, seed: int) -> dict[str, Any]:
    """All outcomes of one reader; an interrupt ends it early with what was done."""
    start = time.perf_counter()
    outcomes: Counter[str] = Counter()
    bad: dict[str, str] = {}
    peak = 0
    for part, first in enumerate(range(0, count, PART)):
        size = min(PART, count - first)
        try:
            some, worse, most = in_own_process(target, count=size, seed=seed + 1000 * part)
        except KeyboardInterrupt:
            break  # what is done counts
        outcomes, bad, peak = outcomes + some, worse | bad, max(peak, most)
    seconds = round(time.perf_counter() - start, 1)
    print(f"{name:24} {seconds:7.1f} s  peak {peak} MiB  {dict(outcomes)}", flush=True)
    return {
        "mutations": outcomes.total(),
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
    known_targets = targets(options.samples)
    results = {
        name: measure(name, known_targets[name], count=options.count, seed=options.seed)
        for name in options.names or known_targets
    }
    if options.out:
        known = json.loads(options.out.read_text()) if options.out.exists() else {"readers": {}}
        write_record(options.out, {"readers": known["readers"] | results})
    return int(any(result["bad"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
