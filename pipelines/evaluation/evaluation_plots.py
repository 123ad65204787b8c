"""Pictures of an evaluation, PNG and SVG each: what the numbers are made of.

``recall_precision``   precision over recall of every joint
``hota``               HOTA over its thresholds
``sequences``          AP and MOTA of every sequence
``timeline-NAME``      when whose joints were missed or changed identity, for the sequences with the
                       most switches

Not here: the numbers (:mod:`posetube.tracker.metrics.report`).
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posetube.errors import MissingExtraError

from ...tracker.metrics.report import EvalReport, EventRow

TIMELINES = 12
"""How many sequences get a timeline."""

FORMATS = (".png", ".svg")


def draw_plots(report: EvalReport, folder: Path) -> list[Path]:
    """Draw everything that the report has numbers for.

    Args:
        report: With ``events``, for the timelines.
        folder: Where to; made if it is not there.

    Returns:
        The files.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    figure_type = _figure_type()
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    if "recall_precision" in report.curves:
        figures["recall_precision"] = _recall_precision(figure_type, report)
    if "hota" in report.curves:
        figures["hota"] = _hota(figure_type, report)
    if report.per_sequence:
        figures["sequences"] = _sequences(figure_type, report)
    switches = Counter(event.sequence for event in report.events if event.kind == "switch")
    for name, _ in switches.most_common(TIMELINES):
        events = [event for event in report.events if event.sequence == name]
        figures[f"timeline-{name.replace('/', '_')}"] = _timeline(figure_type, name, events)
    return [_save(figure, folder / name) for name, figure in figures.items()]


def _figure_type() -> Any:
    try:
        from matplotlib.figure import Figure  # no display, no global state
    except ImportError:
        raise MissingExtraError(
            "plots need matplotlib; run: pip install 'posetube[plots]'"
        ) from None
    return Figure


def _save(figure: Any, path: Path) -> Path:
    for suffix in FORMATS:
        figure.savefig(path.with_name(path.name + suffix), dpi=120)
    return path.with_name(path.name + FORMATS[0])


def _axes(figure_type: Any, *, size: tuple[float, float], **labels: str) -> tuple[Any, Any]:
    figure = figure_type(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set(**labels)
    axes.grid(alpha=0.3)
    return figure, axes


def _recall_precision(figure_type: Any, report: EvalReport) -> Any:
    figure, axes = _axes(
        figure_type,
        size=(8, 6),
        title=f"Precision over recall ({report.protocol})",
        xlabel="recall",
        ylabel="precision",
    )
    for joint, (recall, precision) in report.curves["recall_precision"].items():
        value = report["ap"][joint]
        if len(recall) and value is not None:
            axes.plot(recall, precision, label=f"{joint} {value:.1f}", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    if axes.get_lines():
        axes.legend(fontsize=7, loc="lower left")
    return figure


def _hota(figure_type: Any, report: EvalReport) -> Any:
    from ...tracker.metrics.hota import ALPHAS

    figure, axes = _axes(
        figure_type,
        size=(8, 5),
        title=f"HOTA over threshold ({report.protocol})",
        xlabel="threshold",
        ylabel="HOTA, %",
    )
    for joint, values in report.curves["hota"].items():
        whole = joint == "total"
        axes.plot(ALPHAS, 100 * values, label=joint, linewidth=3 if whole else 0.8)
    axes.legend(fontsize=7, ncols=2)
    return figure


def _sequences(figure_type: Any, report: EvalReport) -> Any:
    names = sorted(report.per_sequence)
    figure, axes = _axes(
        figure_type,
        size=(8, 1.5 + 0.25 * len(names)),
        title=f"By sequence ({report.protocol})",
        xlabel="%",
    )
    metrics = [metric for metric in ("ap", "mota", "hota", "pck") if metric in report.metrics]
    height = 0.8 / max(len(metrics), 1)
    for place, metric in enumerate(metrics):
        values = [report.per_sequence[name].total(metric) or 0.0 for name in names]
        rows = [row + place * height for row in range(len(names))]
        axes.barh(rows, values, height=height, label=metric.upper())
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(names))], names, fontsize=7)
    axes.invert_yaxis()
    if metrics:
        axes.legend(fontsize=8)
    return figure


def _timeline(figure_type: Any, name: str, events: Sequence[EventRow]) -> Any:
    people = sorted({event.truth_id for event in events if event.truth_id is not None})
    figure, axes = _axes(
        figure_type,
        size=(10, 1.5 + 0.3 * len(people)),
        title=f"{name}: missed joints and switches of every person",
        xlabel="frame",
        ylabel="track id of the truth",
    )
    rows = {identity: row for row, identity in enumerate(people)}
    for kind, colour, marker in (("miss", "tab:grey", "s"), ("switch", "tab:red", "|")):
        counts = Counter((e.frame, rows[e.truth_id]) for e in events
                         if e.kind == kind and e.truth_id is not None)  # fmt: skip
        if counts:
            frames, persons = zip(*counts, strict=True)
            axes.scatter(
                frames,
                persons,
                s=[8 + 6 * number for number in counts.values()],
                c=colour,
                marker=marker,
                label=f"{kind} (larger: more joints)",
                alpha=0.8,
            )
    axes.set_yticks(range(len(people)), people)
    axes.legend(fontsize=8)
    return figure
