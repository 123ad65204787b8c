"""Says in a few words what a record holds: for ``repr``, and as a table for notebooks."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from .arrays import DoubleArray


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 person``, ``3 people``; ``many`` defaults to one with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def people(number: int) -> str:
    """``1 person``, ``3 people``."""
    return counted(number, "person", "people")


def frames(times: DoubleArray) -> str:
    """``125 frames, 0.00 to 4.96 s``, from (F,) times in seconds."""
    return f"{counted(len(times), 'frame')}, {time_span(times)}"


def time_span(times: DoubleArray) -> str:
    """``0.00 to 4.96 s``, from (F,) times in seconds, of which some may be NaN."""
    known = times[np.isfinite(times)]
    return f"{known[0]:.2f} to {known[-1]:.2f} s" if len(known) else "times unknown"


def frame_size(size: Sequence[int] | None) -> str:
    """``640 x 360 pixels``, width first, from (H, W)."""
    return "size unknown" if size is None else f"{size[1]} x {size[0]} pixels"


def first_few(numbers: Sequence[int], *, most: int = 8) -> str:
    """``1, 2, 5``; long lists end in dots."""
    shown = ", ".join(str(number) for number in numbers[:most])
    return f"{shown} ..." if len(numbers) > most else shown


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in HTML; every text is escaped."""
    lines = [f"<table><caption>{escape(caption)}</caption>", _html_row("th", header)]
    return "".join([*lines, *(_html_row("td", row) for row in rows), "</table>"])


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
