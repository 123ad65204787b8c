"""``metrics.jsonl`` of a training run: a line of means per report, and none twice."""

import json
import time
from collections.abc import Callable
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


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The run's lines, the first one first; none where it has made none yet."""
    path = folder / METRICS
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def best_so_far(folder: Path, name: str) -> float | None:
    """The highest value of a score in the run's metrics; None where there is none yet."""
    found = [record.get(name) for record in read_metrics(folder)]
    return max((float(value) for value in found if value is not None), default=None)


class Meter:
    """Means and counts of what happened since they were last read."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._count = 0
        self._since = time.perf_counter()

    def add(self, values: dict[str, float]) -> None:
        """One step's numbers."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def count(self, name: str, number: int) -> None:
        """So many things of a kind."""
        self._counts[name] = self._counts.get(name, 0) + number

    def read(self, total: Callable[[int], int] = lambda number: number) -> dict[str, Any]:
        """The means, the counts above 0, and the seconds that a step took; starts anew.

        Args:
            total: Adds up what processes counted; a step that was skipped was so in all of them.
        """
        now, skipped = time.perf_counter(), self._counts.get("skipped", 0)
        steps = self._count + skipped
        record: dict[str, Any] = {n: round(v / self._count, 5) for n, v in self._sums.items()}
        record |= {"skipped": skipped, "broken": total(self._counts.get("broken", 0))}
        record = {name: value for name, value in record.items() if value or name in self._sums}
        record["seconds_per_step"] = round((now - self._since) / max(steps, 1), 4)
        self._sums, self._counts, self._count, self._since = {}, {}, 0, now
        return record
