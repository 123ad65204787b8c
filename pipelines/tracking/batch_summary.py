"""What came of several inputs: a table on the terminal, and ``summary.csv`` beside the runs."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from posetube.atomic_files import write_bytes
from posetube.file_names import SUMMARY

from .batch import InputOutcome

COLUMNS = ("input", "state", "people", "frames", "problems", "seconds", "message")

SHOWN = COLUMNS[:-1]
"""Columns of the terminal: the message was said when it came."""


def write_summary(outcomes: Sequence[InputOutcome], folder: Path) -> Path:
    """Write ``summary.csv``; its path."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(_row(outcome) for outcome in outcomes)
    path = folder / SUMMARY
    # names of files may hold what is no UTF-8
    write_bytes(path, text.getvalue().encode("utf-8", "replace"))
    return path


def summary_lines(outcomes: Sequence[InputOutcome]) -> Iterator[str]:
    """A table for people, aligned."""
    rows = [SHOWN, *(_row(outcome)[: len(SHOWN)] for outcome in outcomes)]
    return aligned(rows, texts=2)


def aligned(rows: Sequence[Sequence[str]], *, texts: int) -> Iterator[str]:
    """Rows as lines: so many columns of text to the left, numbers to the right of theirs."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        padded = [
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(cells)
        ]
        yield "  ".join(padded).rstrip()


def _row(outcome: InputOutcome) -> tuple[str, ...]:
    run = outcome.result
    if run is None:
        state = "failed" if outcome.failed else "skipped"
        return (outcome.name, state, "", "", "", "", outcome.line)
    numbers = (str(run.people), str(run.frames), str(run.problems), f"{run.seconds:.1f}")
    return (outcome.name, run.state, *numbers, outcome.line)
