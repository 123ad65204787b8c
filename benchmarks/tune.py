"""How long choosing thresholds takes against one evaluation, in processor time, and its memory.

Data of the size of PoseTrack18's validation set, as :mod:`benchmarks.evaluate` makes it; 400 pairs
of thresholds. Processor time of one process, because others may be at work on the machine.

    python -m benchmarks.tune --record posetrack18_size
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.evaluate import Size, data
from benchmarks.recording import RESULTS, write_record

MEASURED = """
import resource
from posetube.pipelines.cli import main
assert main({words!r}) == 0
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def measure(folder: Path, *more: str) -> dict[str, Any]:
    """Processor time and memory of ``posetube evaluate`` in a fresh process."""
    words = ["evaluate", f"{folder}/pred", f"{folder}/gt", "--protocol", "poseval", *more]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED.format(words=words)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    cpu, memory = done.stdout.splitlines()[-1].split()
    return {"cpu_s": round(float(cpu), 2), "peak_memory_mb": round(float(memory))}


def main(say: Callable[[str], None] = print) -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="keep the files here for the next time")
    parser.add_argument("--record", help="name of the file in benchmarks/results")
    options = parser.parse_args()
    with data(options.data, Size()) as folder:
        once, tuned = measure(folder), measure(folder, "--tune")
    record = {
        "evaluate": once,
        "tune": tuned,
        "times_as_long": round(tuned["cpu_s"] / once["cpu_s"], 1),
    }
    say(json.dumps(record, indent=1))
    if options.record:
        write_record(RESULTS / f"tune_{options.record}.json", record)


if __name__ == "__main__":
    main()
