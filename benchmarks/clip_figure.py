"""Draws what time costs and gives, from the recorded run of :mod:`benchmarks.clip_scores`.

python -m benchmarks.clip_figure        # docs/clips.svg
"""

import json
import re
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
    "T5": ("trained, T = 5", "#CC79A7"),
}
"""Name and colour of each kind of network (Okabe and Ito's colours)."""

PANELS = {
    ("ap", "drawn"): "AP of drawn people",
    ("hidden_pck_0.1", "drawn"): "hidden joints of drawn people, PCK 0.1",
    ("pck_0.1", "jhmdb"): "films of JHMDB, PCK 0.1",
}
"""What each panel shows, by its place in the record."""

MARKS = {"none": "o", "kalman": "^"}


def kind_of(name: str) -> str:
    """The kind of a network by its name, which ends with the seed."""
    return re.sub(r"-\d+$", "", name)


def draw_panel(axes: Axes, networks: dict[str, Any], measure: str, people: str) -> None:
    """A mark per network, with and without the refiner, joined by a line."""
    for name, found in networks.items():
        if kind_of(name) not in KINDS:
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
        figure = Figure(figsize=(11, 4), layout="constrained")
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
        figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Read the record and draw."""
    record = json.loads((RESULTS / "clip_training.json").read_text(encoding="utf-8"))
    draw(record["networks"], PICTURE)


if __name__ == "__main__":
    main()
