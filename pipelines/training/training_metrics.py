"""``metrics.jsonl`` of a training run: a line of means per report, and none twice."""

import json
import time
from pathlib import Path
from typing import Any

from posetube.atomic_files import write_bytes

METRICS = "metrics.jsonl"


def append_metrics(folder: Path, record: dict[str, Any]) -> None:
    """Append one line of JSON to the run's metrics."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def forget_after(folder: Path, step: int) -> None:
    """Remove the lines of steps that a killed run had made, but not saved; they are made again."""
    path = folder / METRICS
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        write_bytes(path, b"".join(line for line in lines if _step(line) <= step))


def _step(line: bytes) -> float:
    """Of a line of metrics; infinite where the line was cut off."""
    try:
        return float(json.loads(line)["step"]) if line.endswith(b"\n") else float("inf")
    except (ValueError, KeyError, TypeError):
        return float("inf")


class Meter:
    """Means of what happened since they were last read."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.perf_counter()

    def add(self, values: dict[str, float]) -> None:
        """One step's numbers."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def read(self) -> dict[str, Any]:
        """The means, and the seconds that a step took; starts anew."""
        now = time.perf_counter()
        means = {name: round(total / self._count, 5) for name, total in self._sums.items()}
        means["seconds_per_step"] = round((now - self._since) / self._count, 4)
        self._sums, self._count, self._since = {}, 0, now
        return means
