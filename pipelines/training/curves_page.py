"""``curves.html`` of a training run: the numbers of ``metrics.jsonl``, and pictures.

The page has a curve for each number and the latest pictures of predictions. It opens from disk,
loads nothing, and is written anew with every state.
"""

import base64
import math
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from posetube.atomic_files import write_bytes

from .prediction_files import kept_predictions
from .training_metrics import read_metrics

PAGE = "curves.html"

WIDTH, HEIGHT = 320, 140
"""Of a curve, pixels."""

HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px system-ui, sans-serif; margin: 2em }}
main {{ display: flex; flex-wrap: wrap; gap: 1.5em }}
figure {{ margin: 0 }}
img {{ display: block; max-width: 100% }}
svg {{ display: block; border: 1px solid #8888; overflow: visible }}
polyline {{ fill: none; stroke: #2a7ae2; stroke-width: 1.5 }}
circle {{ fill: #2a7ae2 }}
small {{ opacity: 0.75 }}
</style>
<h1>{title}</h1>
<p>{lines} reports, to step {step}.</p>
<main>
"""

Curve = list[tuple[float, float]]
"""Steps and values."""


def write_curves(folder: Path) -> None:
    """Write the page of a run's metrics, if there are any yet."""
    records = read_metrics(folder)
    if records:
        kept = kept_predictions(folder)
        latest = {} if not kept else kept[max(kept)]
        pictures = {f"{name}, step {max(kept)}": p.read_bytes() for name, p in latest.items()}
        text = curves_page(records, title=folder.resolve().name, pictures=pictures)
        write_bytes(folder / PAGE, text.encode())


def curves_page(
    records: Iterable[dict[str, float]], *, title: str, pictures: Mapping[str, bytes] | None = None
) -> str:
    """A page with a curve for each number that changes with the step, and pictures.

    Args:
        records: Lines of metrics, each with its ``step``.
        title: Name of the run.
        pictures: JPEGs by what is said of them, labels on the left, predictions right.
    """
    curves: dict[str, Curve] = {}
    count, last = 0, 0.0
    for record in records:
        count, last = count + 1, record["step"]
        for name, value in record.items():
            if name != "step" and math.isfinite(value):
                curves.setdefault(name, []).append((last, float(value)))
    head = HEAD.format(title=escape(title), lines=count, step=f"{last:g}")
    drawn = "".join(_figure(name, curve) for name, curve in curves.items()) + "</main>\n"
    return head + drawn + _shown(pictures or {})


def _figure(name: str, curve: Curve) -> str:
    steps, values = zip(*curve, strict=True)
    low, high = min(values), max(values)
    points = [
        (_share(step, steps[0], steps[-1]) * WIDTH, (1 - _share(value, low, high)) * HEIGHT)
        for step, value in curve
    ]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    said = f"{name}: {values[0]:g} at step {steps[0]:g}, {values[-1]:g} at step {steps[-1]:g}"
    return (
        f'<figure><svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(said)}">'
        f'<polyline points="{drawn}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
        f"<figcaption><b>{escape(name)}</b> {values[-1]:g}<br>"
        f"<small>{low:g} to {high:g}, steps {steps[0]:g} to {steps[-1]:g}</small>"
        "</figcaption></figure>\n"
    )


def _shown(pictures: Mapping[str, bytes]) -> str:
    if not pictures:
        return ""
    figures = "".join(
        f'<figure><img alt="{escape(said)}" src="data:image/jpeg;base64,'
        f'{base64.b64encode(content).decode("ascii")}"><figcaption>{escape(said)}</figcaption>'
        "</figure>\n"
        for said, content in pictures.items()
    )
    return f"<h2>Labels, and what is found</h2>\n<main>\n{figures}</main>\n"


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between two others, in [0, 1]."""
    return (value - low) / (high - low) if high > low else 0.5
