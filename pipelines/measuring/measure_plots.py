"""Draws measures as PNG: a picture of angles and speed per person, the ways of all, the zones.

Left is blue, right is orange, as in the overlay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from posetube.atomic_files import replacing
from posetube.data_frames import Columns
from posetube.optional_library import optional_library

from .measured_tables import Measures

PEOPLE = 50
"""How many people get a picture of their own, those who are seen longest if there are more."""

ANGLES = ("knee", "hip", "elbow", "shoulder")
SIDES = {"left": "#0072B2", "right": "#E69F00"}
MIDDLE = "#444444"


def draw_measures(found: Measures, folder: Path, *, size: tuple[int, int] | None) -> None:
    """Draw everything that was measured.

    Args:
        found: The measures.
        folder: Where to; it is there.
        size: (H, W) of the frames, pixels, if known.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    matplotlib = optional_library("matplotlib", purpose="a plot", install="posetube[plots]")
    with matplotlib.rc_context({"axes.spines.top": False, "axes.spines.right": False}):
        longest = np.argsort(-found.people["time_seen"], kind="stable")[:PEOPLE]
        for track in found.people["track_id"][longest].tolist():
            _draw_person(found, track, folder / f"person-{track}.png")
        _draw_ways(found, folder / "ways.png", size)
        if len(found.zones["frame"]):
            _draw_zones(found.zones, folder / "zones.png")


@contextmanager
def _figure(path: Path, rows: int, *, width: float = 10, height: float = 1.8) -> Iterator[Any]:
    """Axes one below the other, written as a picture when the block ends."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height * rows + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    with replacing(path) as aside:
        figure.savefig(aside, dpi=100, format="png")


def _name(table: Columns, row: int) -> str:
    name = str(table["name"][row]) if "name" in table else ""
    return name or f"person {table['track_id'][row]}"


def _draw_person(found: Measures, track: int, path: Path) -> None:
    frames = found.frames
    rows = np.flatnonzero(frames["track_id"] == track)
    times = frames["time"][rows]
    steps = found.events["time"][
        (found.events["track_id"] == track) & (found.events["event"] == "step")
    ]
    with _figure(path, len(ANGLES) + 2) as axes:
        axes[0].set_title(_name(frames, rows[0]), loc="left")
        for axis, joint in zip(axes, ANGLES, strict=False):
            for side, colour in SIDES.items():
                values = frames[f"{side}_{joint}_angle"][rows]
                axis.plot(*_with_gaps(times, values), color=colour, label=side, linewidth=1.2)
            axis.set_ylabel(f"{joint}, °")
            axis.set_ylim(0, 180)
        axes[0].legend(loc="upper right", ncols=2, frameon=False)
        axes[-2].plot(*_with_gaps(times, frames["trunk_angle"][rows]), color=MIDDLE, linewidth=1.2)
        axes[-2].set_ylabel("trunk, °")
        axes[-1].plot(*_with_gaps(times, frames["speed"][rows]), color=MIDDLE, linewidth=1.2)
        axes[-1].set_ylabel(f"speed, {found.unit}/s")
        axes[-1].set_ylim(bottom=0)
        for time in steps:
            axes[-1].axvline(time, color="#CC79A7", linewidth=0.8, linestyle=":")
        axes[-1].set_xlabel("time, s" + (" (dotted: steps)" if len(steps) else ""))


def _with_gaps(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with a break wherever the person is away."""
    if len(times) < 2:
        return times, values
    steps = np.diff(times)
    breaks = np.flatnonzero(steps > 3 * np.median(steps)) + 1
    return np.insert(times, breaks, np.nan), np.insert(values, breaks, np.nan)


def _draw_ways(found: Measures, path: Path, size: tuple[int, int] | None) -> None:
    frames = found.frames
    with _figure(path, 1, height=6) as [axis]:
        for track in found.people["track_id"].tolist():
            rows = np.flatnonzero(frames["track_id"] == track)
            [line] = axis.plot(frames["x"][rows], frames["y"][rows], linewidth=1.2)
            axis.plot(frames["x"][rows[-1]], frames["y"][rows[-1]], "o", color=line.get_color())
            place = (frames["x"][rows[0]], frames["y"][rows[0]])
            axis.annotate(_name(frames, rows[0]), place, color=line.get_color(), fontsize=9)
        if size is not None and found.unit == "px":
            axis.set_xlim(0, size[1])
            axis.set_ylim(0, size[0])
        axis.invert_yaxis()
        axis.set_aspect("equal")
        axis.set_xlabel(f"x, {found.unit}")
        axis.set_ylabel(f"y, {found.unit}")


def _draw_zones(zones: Columns, path: Path) -> None:
    names = [*dict.fromkeys(zones["zone"].tolist())]
    with _figure(path, len(names)) as axes:
        for axis, name in zip(axes, names, strict=True):
            rows = zones["zone"] == name
            axis.step(zones["time"][rows], zones["people"][rows], where="post", color=MIDDLE)
            axis.set_ylabel(f"people in {name}")
            axis.set_ylim(bottom=0)
        axes[-1].set_xlabel("time, s")
