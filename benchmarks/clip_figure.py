"""Draws what time costs and gives, from the recorded run of :mod:`benchmarks.clip_scores`.

python -m benchmarks.clip_figure        # docs/clips.svg
"""

import json
import re
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.recording import RESULTS

PICTURE = Path(__file__).parents[1] / "docs" / "clips.svg"

KINDS = {
    "tiny": ("as it ships", "#777777"),
    "T1": ("trained, T = 1", "#0072B2"),
    "T3": ("trained, T = 3", "#D55E00"),
    "T3-still-kept": ("T = 3, still kept", "#009E73"),
    "T5-crops-alone": ("T = 5, crops alone", "#CC79A7"),
}
"""Name and colour of each kind of network (Okabe and Ito's colours)."""

PANELS = {
    ("ap", "drawn"): "AP of drawn people",
    ("hidden_pck_0.1", "drawn"): "hidden joints of drawn people, PCK 0.1",
    ("pck_0.1", "jhmdb"): "films of JHMDB, PCK 0.1",
}
"""What each panel shows, by its place in the record."""

MARKS = {"none": "o", "kalman": "^"}


DRAWN = {
    "AP": "ap",
    "MOTA": "mota",
    "IDF1": "idf1",
    "switches": "switches",
    "people found": "people_found",
    "PCK 0.1": "pck_0.1",
    "hidden joints": "hidden_pck_0.1",
    "acceleration error, px": "mean_acceleration_error",
}
FILMED = {"PCK 0.1": "pck_0.1", "acceleration error, px": "mean_acceleration_error"}
"""Columns of the tables, and their names in the record."""


def kind_of(name: str) -> str:
    """The kind of a network by its name, which ends with the seed."""
    return re.sub(r"-\d+$", "", name)


def draw_panel(axes: Axes, networks: dict[str, Any], measure: str, people: str) -> None:
    """A mark per network, with and without the refiner, joined by a line."""
    for name, found in networks.items():
        if kind_of(name) not in KINDS or people not in found["none"]:
            continue
        _, colour = KINDS[kind_of(name)]
        cost = found["processor_ms_per_frame"]
        heights = [found[chain][people][measure] for chain in MARKS]
        axes.plot([cost, cost], heights, color=colour, linewidth=0.8, alpha=0.6)
        for mark, height in zip(MARKS.values(), heights, strict=True):
            axes.plot(cost, height, mark, color=colour, markersize=6)
    axes.set_title(PANELS[measure, people], fontsize=10)
    axes.set_xlabel("ms of a processor per frame")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)


def draw(networks: dict[str, Any], path: Path) -> None:
    """Draw all panels into a file."""
    style: dict[Any, Any] = {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "posetube",
        "svg.fonttype": "none",
    }
    with rc_context(style):
        figure = Figure(figsize=(11, 4.3), layout="constrained")
        for place, (measure, people) in enumerate(PANELS, start=1):
            draw_panel(figure.add_subplot(1, len(PANELS), place), networks, measure, people)
        shown = {kind_of(name) for name in networks}
        marks = [
            figure.axes[0].plot([], [], "s", color=colour, label=label)[0]
            for kind, (label, colour) in KINDS.items()
            if kind in shown
        ]
        marks += [
            figure.axes[0].plot([], [], mark, color="black", label=label)[0]
            for mark, label in zip("o^", ("joints as found", "after kalman"), strict=True)
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(path, metadata={"Date": None})


def cell(values: list[float]) -> str:
    """Mean, and the least and the greatest where there are several."""
    if not values:
        return ""
    mean = f"{statistics.mean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.1f} to {max(values):.1f})"


def table(networks: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a Markdown table: a row for each kind of network and chain."""
    films = [f"films: {name}" for name in FILMED]
    heads = ["", "joints", "ms", *DRAWN, *films, "OKS-AP", "box AP"]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    kinds: dict[str, list[Any]] = {}
    for name, found in networks.items():
        kinds.setdefault(kind_of(name), []).append(found)
    for kind, runs in kinds.items():
        for chain in MARKS:
            cells = [[run["processor_ms_per_frame"] for run in runs]]
            cells += [[run[chain]["drawn"][key] for run in runs] for key in DRAWN.values()]
            real = [run[chain]["jhmdb"] for run in runs if "jhmdb" in run[chain]]
            cells += [[one[key] for one in real] for key in FILMED.values()]
            pictures = [run["photographs"] for run in runs if "photographs" in run]
            cells += [[one[key] for one in pictures] for key in ("oks_ap", "box_ap")]
            words = [kind, {"none": "as found"}.get(chain, f"`{chain}`"), *map(cell, cells)]
            yield f"| {' | '.join(words)} |"


def main() -> None:
    """Read the record, draw and print."""
    record = json.loads((RESULTS / "clip_training.json").read_text(encoding="utf-8"))
    draw(record["networks"], PICTURE)
    print(*table(record["networks"]), sep="\n")


if __name__ == "__main__":
    main()
