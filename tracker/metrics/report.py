"""Holds the numbers of an evaluation, and shows them as a table, JSON or a data frame.

Not here: how the numbers are computed (:mod:`.protocols`), files, plots.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from posetube.data_frames import pandas_frame
from posetube.structures import DoubleArray
from posetube.structures.summaries import counted

Values = Mapping[str, float | None]
"""Numbers of one metric by joint, by group and ``total``; None where undefined."""

GROUPS = {
    "Head": ("head_top", "head_bottom", "nose"),
    "Shou": ("right_shoulder", "left_shoulder"),
    "Elb": ("right_elbow", "left_elbow"),
    "Wri": ("right_wrist", "left_wrist"),
    "Hip": ("right_hip", "left_hip"),
    "Knee": ("right_knee", "left_knee"),
    "Ankl": ("right_ankle", "left_ankle"),
}
"""Columns of poseval's table, and the joints of which each is the mean."""

ROWS = {
    "ap": "AP",
    "mota": "MOTA",
    "idf1": "IDF1",
    "hota": "HOTA",
    "deta": "DetA",
    "assa": "AssA",
    "loca": "LocA",
    "reid_hota": "re-id HOTA",
    "pck": "PCK",
    "pcp": "PCP",
    "pcp_loose": "PCP loose",
    "within_5px": "5 pixels",
    "within_6px": "6 pixels",
    "within_10px": "10 pixels",
    "within_20px": "20 pixels",
}
"""Metrics with a row in the table, and their labels."""

BESIDE_MOTA = {"motp": "MOTP", "precision": "Prec", "recall": "Rec"}
"""Metrics whose total is shown to the right of MOTA's, and their labels."""

LABELS = (
    ROWS
    | BESIDE_MOTA
    | {
        "detre": "DetRe",
        "detpr": "DetPr",
        "assre": "AssRe",
        "asspr": "AssPr",
        "fraga": "FragA",
        "rhota": "RHOTA",
        "fa_hota": "FA-HOTA",
        "hota_tp": "HOTA TP",
        "hota_fn": "HOTA FN",
        "hota_fp": "HOTA FP",
    }
)
"""Labels of metrics; others are shown by their own name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """One miss, false positive or switch, with names."""

    sequence: str
    """Name of the sequence."""

    frame: int
    """Index of the frame in the truth."""

    kind: str
    """``miss``, ``false positive`` or ``switch``."""

    joint: str
    """Name of the joint."""

    truth_id: int | None
    """Identity of the true person."""

    predicted_id: int | None
    """Identity of the predicted person."""

    distance: float | None
    """Distance of the two, in head sizes."""


@dataclass(frozen=True, kw_only=True)
class EvalReport:
    """The result of an evaluation: ratios in percent, counts as they are."""

    protocol: str
    """Name of the protocol."""

    frames: int
    """Number of frames that counted."""

    sequences: int
    """Number of sequences."""

    metrics: Mapping[str, Values]
    """Numbers by metric, such as ``ap`` or ``mota``; see :data:`Values`."""

    per_sequence: Mapping[str, "EvalReport"] = field(default_factory=dict)
    """The same for each sequence alone."""

    events: tuple[EventRow, ...] = field(default=(), repr=False)
    """Every error, if asked for."""

    curves: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Arrays for plots: ``recall_precision`` by joint, ``hota`` by joint and total."""

    notes: tuple[str, ...] = ()
    """Facts that readers of the numbers must know."""

    def __str__(self) -> str:
        return self.table()

    def __getitem__(self, metric: str) -> Values:
        return self.metrics[metric]

    def total(self, metric: str) -> float | None:
        """A metric's total; None if undefined or not measured by this protocol."""
        return self.metrics.get(metric, {}).get("total")

    def table(self, *, per_sequence: bool = False) -> str:
        """Lines for people: poseval's columns with a row per metric, or a total per line."""
        rows = [name for name in self.metrics if name in ROWS]
        columns = self._columns(rows)
        lines = [f"protocol {self.protocol}: {counted(self.frames, 'frame')} of "
                 f"{counted(self.sequences, 'sequence')}"]  # fmt: skip
        if len(columns) > 1:
            lines += self._grid(rows, columns)
        else:
            lines += [f"{_label(name):<16}{_cell(self.total(name)):>8}" for name in self.metrics]
        lines += [f"note: {note}" for note in self.notes]
        if per_sequence:
            for name, report in self.per_sequence.items():
                lines += ["", name, *report.table().splitlines()[1:]]
        return "\n".join(lines)

    def _columns(self, rows: Sequence[str]) -> list[str]:
        """Groups of joints, and joints of no group, for which some row has a value."""
        grouped = {joint for joints in GROUPS.values() for joint in joints}
        first = [group for group in GROUPS if any(group in self.metrics[row] for row in rows)]
        others = dict.fromkeys(
            name
            for row in rows
            for name, value in self.metrics[row].items()
            if name not in (*GROUPS, "total") and value is not None
        )
        return first + [name for name in others if not first or name not in grouped]

    def _grid(self, rows: Sequence[str], columns: Sequence[str]) -> list[str]:
        more = [name for name in BESIDE_MOTA if "mota" in rows and name in self.metrics]
        lines = [["", *columns, "Total", *(LABELS[name] for name in more)]]
        for row in rows:
            cells = [self.metrics[row].get(name) for name in [*columns, "total"]]
            cells += [self.total(name) for name in more] if row == "mota" else []
            lines.append([LABELS[row], *(_cell(cell) for cell in cells)])
        width = max(5, *(len(cell) for line in lines for cell in line[1:])) + 1
        return [
            f"{name:<11}" + "".join(f"{cell:>{width}}" for cell in cells) for name, *cells in lines
        ]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values: what :meth:`to_json` writes."""
        content: dict[str, Any] = {
            "protocol": self.protocol,
            "frames": self.frames,
            "sequences": self.sequences,
            **{metric: dict(values) for metric, values in self.metrics.items()},
        }
        if self.per_sequence:
            content["per_sequence"] = {n: r.to_dict() for n, r in self.per_sequence.items()}
        if self.events:
            content["events"] = [event_dict(event) for event in self.events]
        if self.notes:
            content["notes"] = list(self.notes)
        return content

    def to_json(self) -> str:
        """The report as one JSON object; undefined values are null."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def to_pandas(self) -> Any:
        """A long data frame with columns sequence (``all`` for the whole), metric, joint, value.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        reports = {"all": self, **self.per_sequence}
        rows = [
            (sequence, metric, joint, np.nan if value is None else value)
            for sequence, report in reports.items()
            for metric, values in report.metrics.items()
            for joint, value in values.items()
        ]
        names = ("sequence", "metric", "joint", "value")
        return pandas_frame({n: np.array([row[i] for row in rows]) for i, n in enumerate(names)})


def event_dict(event: EventRow) -> dict[str, Any]:
    """An event as plain values, by field name."""
    return {name: getattr(event, name) for name in EventRow.__slots__}


def percent(values: DoubleArray, joints: Sequence[str], *, nan_total: bool = False) -> Values:
    """Turn fractions of J joints into percent, with groups and the total.

    Args:
        values: (J,) fractions, or (J + 1,) with the total last; NaN where undefined.
        joints: J names.
        nan_total: Whether one undefined joint makes the total undefined, as in poseval of 2017.

    Returns:
        A group is undefined if one of its joints is; the total is the mean of the defined joints.
    """
    cells = dict(zip(joints, (100 * values).tolist(), strict=False))
    each = 100 * values[: len(joints)]
    cells |= {
        group: float(np.mean([cells[name] for name in names]))
        for group, names in GROUPS.items()
        if set(names) <= set(joints)
    }
    defined = each[~np.isnan(each)]
    if len(values) > len(joints):
        cells["total"] = float(100 * values[-1])
    elif nan_total or not len(defined):
        cells["total"] = float(np.mean(each)) if len(each) else math.nan
    else:
        cells["total"] = float(np.mean(defined))
    return {name: None if math.isnan(value) else value for name, value in cells.items()}


def counts(values: DoubleArray, joints: Sequence[str]) -> Values:
    """Turn counts of J joints, (J,) or (J + 1,), into values with sums for groups and total."""
    cells = dict(zip(joints, values.tolist(), strict=False))
    cells |= {
        group: sum(cells[name] for name in names)
        for group, names in GROUPS.items()
        if set(names) <= set(joints)
    }
    cells["total"] = float(values[: len(joints)].sum())
    return {name: int(value) if value == int(value) else value for name, value in cells.items()}


def undefined(joints: Sequence[str]) -> Values:
    """Values of a metric that could not be computed at all."""
    return percent(np.full(len(joints), math.nan), joints)


def _label(metric: str) -> str:
    """A metric's label, such as ``AP medium`` for COCO's ``ap_medium``."""
    name = metric.replace("_", " ")
    coco = metric[:2] in ("ap", "ar")
    return LABELS.get(metric, name[:2].upper() + name[2:] if coco else name)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1f}"
