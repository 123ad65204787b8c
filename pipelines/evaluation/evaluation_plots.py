"""Draws what an evaluation's numbers are made of, as PNG and SVG.

``recall_precision``   precision over recall of every joint
``hota``               HOTA over its thresholds
``pixels``             share of right joints over the distance
``sequences``          AP, MOTA, HOTA or PCK of every sequence
``timeline-NAME``      when whose joints were missed or changed identity, for the sequences with the
                       most switches and misses

A part of the body has one colour in all of them, of a palette for colour-blind readers; left is a
solid line, right a broken one. Not here: the numbers (:mod:`posetube.tracker.metrics.report`).

Source: Okabe & Ito, "Color Universal Design", 2008, for the colours.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from posetube.errors import InputError
from posetube.optional_library import optional_library
from posetube.skeletons import side_of

from ...tracker.metrics.hota import ALPHAS
from ...tracker.metrics.report import GROUPS, ROWS, EvalReport, EventRow, Values

TIMELINES = 12
"""How many sequences get a timeline."""

BARS = 200
"""How many sequences have bars, those with the lowest numbers if there are more."""

PEOPLE = 60
"""How many people a timeline shows, those with the most errors if there are more."""

FORMATS = (".png", ".svg")

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#777777")
BLACK = "#000000"
STYLES = {"left": "-", "right": "--", "middle": "-"}
HEAD_STYLES = {"nose": ":", "head_bottom": "--"}

Key = TypeVar("Key", str, int)

Curve = tuple[np.ndarray, np.ndarray]
"""x and y."""


def draw_plots(report: EvalReport, folder: Path) -> list[Path]:
    """Draw everything that the report has numbers for.

    Args:
        report: With ``events``, for the timelines.
        folder: Where to; made if it is not there.

    Returns:
        The files.

    Raises:
        InputError: If there is nothing to draw.
        MissingExtraError: If matplotlib is not installed.
    """
    drawing = figure_type()
    figures: dict[str, Any] = {}
    if any(len(recall) for recall, _ in report.curves.get("recall_precision", {}).values()):
        figures["recall_precision"] = _recall_precision(drawing, report)
    if "hota" in report.curves:
        figures["hota"] = _hota(drawing, report)
    if "within_0px" in report.metrics:
        figures["pixels"] = _pixels(drawing, report)
    if report.per_sequence:
        figures["sequences"] = _sequences(drawing, report)
    joints = len({event.joint for event in report.events})
    errors = [event for event in report.events if event.truth_id is not None]
    for name in _worst([(event.sequence, event.kind) for event in errors], TIMELINES):
        events = [event for event in errors if event.sequence == name]
        figures[f"timeline-{name.replace('/', '_')}"] = _timeline(drawing, name, events, joints)
    if not figures:
        raise InputError(f"there are no plots for the protocol {report.protocol}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_save(figure, folder / name) for name, figure in figures.items()]


def figure_type() -> Any:
    """Matplotlib's class of figures, which draws without a display.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    # no display, no global state
    return optional_library("matplotlib.figure", purpose="a plot", install="posetube[plots]").Figure


def _save(figure: Any, path: Path) -> Path:
    for suffix in FORMATS:
        figure.savefig(path.with_name(path.name + suffix), dpi=120)
    return path.with_name(path.name + FORMATS[0])


def _axes(
    figure_type: Any, *, size: tuple[float, float], title: str, **labels: str
) -> tuple[Any, Any]:
    figure = figure_type(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    axes.set(**labels)
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3)
    return figure, axes


def _recall_precision(figure_type: Any, report: EvalReport) -> Any:
    curves: dict[str, Curve] = {}
    for joint, (recall, precision) in report.curves["recall_precision"].items():
        if len(recall) and report["ap"][joint] is not None:
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            curves[joint] = 100 * recall, 100 * envelope
    return _joints(
        figure_type,
        curves,
        values={joint: report["ap"][joint] for joint in curves},
        title=f"{report.protocol}: precision over recall, and AP",
        xlabel="recall, %",
        ylabel="precision, %, made not to rise as for AP",
        right=100,
        top=102,
    )


def _hota(figure_type: Any, report: EvalReport) -> Any:
    curves = {joint: (ALPHAS, 100 * share) for joint, share in report.curves["hota"].items()}
    return _joints(
        figure_type,
        curves,
        values=report["hota"],
        title=f"{report.protocol}: HOTA over threshold, and its mean",
        xlabel="threshold: how alike two must be",
        ylabel="HOTA, %",
        right=1,
    )


def _pixels(figure_type: Any, report: EvalReport) -> Any:
    limits = [name for name in report.metrics if name.startswith("within_")]
    pixels = np.array([int(name[len("within_") : -len("px")]) for name in limits])
    curves = {
        joint: (pixels, np.array([report[limit][joint] for limit in limits]))
        for joint, share in report["within_0px"].items()
        if joint not in GROUPS and share is not None
    }
    return _joints(
        figure_type,
        curves,
        values=report[limits[-1]],
        title=f"{report.protocol}: joints within a distance",
        xlabel="distance, pixels",
        ylabel="joints, %",
        right=20,
        top=102,
    )


def _joints(
    figure_type: Any,
    curves: Mapping[str, Curve],
    *,
    values: Values,
    right: float,
    top: float | None = None,
    **labels: str,
) -> Any:
    """A line for each joint, the head first, and a thick one for the total."""
    figure, axes = _axes(figure_type, size=(9, 5.5), **labels)
    grouped = [joint for group in GROUPS.values() for joint in group]
    order = sorted(curves, key=lambda j: grouped.index(j) if j in grouped else len(grouped))
    for joint in order:
        axes.plot(*curves[joint], label=f"{joint} {values[joint]:.1f}", **_style(joint, order))
    axes.set_xlim(0, right)
    axes.set_ylim(0, top)
    if curves:
        figure.legend(loc="outside right upper", fontsize=8, handlelength=3)
    return figure


def _style(joint: str, joints: Sequence[str]) -> dict[str, Any]:
    if joint == "total":
        return {"color": BLACK, "linewidth": 3}
    parts = list(dict.fromkeys(_part(name) for name in joints))
    return {
        "color": COLOURS[parts.index(_part(joint)) % len(COLOURS)],
        "linestyle": HEAD_STYLES.get(joint, STYLES[side_of(joint)]),
        "linewidth": 1.5,
    }


def _part(joint: str) -> str:
    """The group of a joint, or its name without its side."""
    for group, names in GROUPS.items():
        if joint in names:
            return group
    return joint if side_of(joint) == "middle" else joint.partition("_")[2]


def _sequences(figure_type: Any, report: EvalReport) -> Any:
    metrics = [m for m in ("ap", "mota", "hota", "pck", "within_10px") if m in report.metrics]
    names = sorted(report.per_sequence)
    few = len(names) <= BARS
    if not few:
        names.sort(key=lambda name: report.per_sequence[name].total(metrics[0]) or 0.0)
    figure, axes = _axes(
        figure_type,
        size=(9, 1.5 + 0.4 * len(names[:BARS])),
        title=f"{report.protocol}: by sequence" + ("" if few else f", the {BARS} lowest"),
        xlabel="%",
    )
    names = names[:BARS]
    height = 0.8 / len(metrics)
    for place, metric in enumerate(metrics):
        totals = [report.per_sequence[name].total(metric) for name in names]
        values = np.array(totals, np.float64)  # None becomes NaN, which has no bar
        rows = np.arange(len(names)) + (place + 0.5) * height - 0.4
        bars = axes.barh(rows, values, height, label=ROWS[metric], color=COLOURS[place])
        axes.bar_label(bars, _texts(values), padding=2, fontsize=6)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top
    axes.set_xlim(min(0, 1.1 * axes.get_xlim()[0]), 106)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def _texts(values: np.ndarray) -> list[str]:
    return ["undefined" if np.isnan(value) else f"{value:.1f}" for value in values]


def _worst(errors: Iterable[tuple[Key, str]], count: int) -> list[Key]:
    """Of sequences or people with kinds of errors, those with the most switches, then misses."""
    counts = Counter(errors)
    keys = sorted({key for key, _ in counts})
    keys.sort(key=lambda key: (-counts[key, "switch"], -counts[key, "miss"]))
    return keys[:count]


def _timeline(figure_type: Any, name: str, events: Sequence[EventRow], joints: int) -> Any:
    people = sorted(_worst([(int(e.truth_id or 0), e.kind) for e in events], PEOPLE))
    rows = {identity: row for row, identity in enumerate(people)}
    figure, axes = _axes(
        figure_type,
        size=(10, 1.6 + 0.35 * len(people)),
        title=f"{name}: what was missed, and switches of identity",
        xlabel="frame",
        ylabel="track id in the truth",
    )
    counts = {
        kind: Counter((e.frame, rows[e.truth_id]) for e in events
                      if e.kind == kind and e.truth_id in rows)
        for kind in ("miss", "switch")
    }  # fmt: skip
    if counts["miss"]:
        first = min(frame for frame, _ in counts["miss"])
        last = max(frame for frame, _ in counts["miss"])
        missed = np.full((len(people), last - first + 1), np.nan)
        for (frame, row), number in counts["miss"].items():
            missed[row, frame - first] = number
        mesh = axes.pcolormesh(
            np.arange(first, last + 2) - 0.5,
            np.arange(len(people) + 1) - 0.5,
            missed,
            cmap="Blues",
            vmin=0,
            vmax=joints,
        )
        ticks = range(0, joints + 1, max(1, joints // 5))
        bar = figure.colorbar(mesh, ax=axes, pad=0.01, ticks=ticks, aspect=5 * len(people))
        bar.set_label(f"missed, of {joints}")
    if counts["switch"]:
        frames, persons = zip(*counts["switch"], strict=True)
        axes.scatter(
            frames, persons, s=40, c=COLOURS[3], marker="D", edgecolors="white", label="switch"
        )
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    axes.set_yticks(range(len(people)), people)
    axes.set_ylim(len(people) - 0.5, -0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure
