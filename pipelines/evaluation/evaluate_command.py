"""The command ``evaluate``: options in; table, JSON, list of errors and plots out.

Not here: choosing thresholds (:mod:`.tune_thresholds`), checking a submission (:mod:`.submission`).
"""

import csv
import io
import json as json_module
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from posetube.atomic_files import check_folder_of, write_bytes
from posetube.errors import InputError

from ...datasets.annotated_video import Part
from ...tracker.metrics.coco import Kind
from ...tracker.metrics.protocols import PROTOCOLS
from ...tracker.metrics.report import EvalReport, EventRow, event_dict
from .evaluate import evaluate
from .evaluate_config import EvaluateConfig, PckConfig, UpperBound
from .protocol_table import PROTOCOL_NAMES, find_evaluation
from .submission import check_submission_folder
from .tune_thresholds import as_dict, as_toml, tune_thresholds
from .tune_thresholds import table as table_of

PCK = PckConfig()

BOUNDS: Sequence[tuple[UpperBound, str]] = (
    ("tracking", "perfect tracking"),
    ("keypoints", "perfect keypoints"),
    ("both", "both"),
)
"""What ``--upper-bounds`` measures besides the predictions themselves."""

if TYPE_CHECKING:
    ProtocolName = str
else:
    ProtocolName = Literal[PROTOCOL_NAMES]
"""The names of the table, for the parser to offer."""


def evaluate_command(
    predictions: Path,
    truth: Path | None = None,
    /,
    *,
    protocol: ProtocolName = "clean",
    dataset: str | None = None,
    split: Part | None = None,
    strict: bool = False,
    json: Path | None = None,
    per_sequence: bool = False,
    events: Path | None = None,
    plots: Path | None = None,
    upper_bounds: bool = False,
    tune: Annotated[bool, Parameter(negative=())] = False,
    thresholds: Path | None = None,
    submission: Annotated[bool, Parameter(negative=())] = False,
    proposals: str | None = None,
    workers: int = 1,
    skip_missing: Annotated[bool, Parameter(negative=())] = False,
    pck: PckConfig = PCK,
    shape: Kind | None = None,
) -> int:
    """Compare predictions with truth by the rules of a named protocol.

    Either side is a file, a folder with a file per sequence, a data set's folder, or a run's
    directory; names and content tell which.

    Args:
        predictions: What was found.
        truth: What is there; only --submission may do without.
        protocol: clean counts every labelled frame with its real misses; poseval is PoseTrack's
            tool with its habits, poseval2017 its copy in Detect-and-Track; posetrack21 is HOTA of
            poses. Numbers of two protocols cannot be compared.
        dataset: Which data set or format the truth is: sub-jhmdb, csv ... [default: recognised].
        split: Which part of the truth [default: the test part; of PoseTrack val, if it is there].
        strict: posetrack21 only: repeat the published tool's defect in frames without people.
        json: Write the report as one JSON object.
        per_sequence: Print every sequence's table too (the JSON has them anyway).
        events: Write every miss, false positive and switch: .csv, or else JSON.
        plots: Folder for pictures: precision over recall, HOTA over threshold, bars by sequence, a
            timeline of errors. Needs posetube[plots].
        upper_bounds: Measure also with perfect identities, perfect joints, and both.
        tune: Choose thresholds of joints and of tracks, for MOTA and for AP each, without tracking
            again; measures only these two.
        thresholds: With --tune: write the thresholds as TOML, for export --thresholds.
        submission: Do not measure: refuse what PoseTrack's server would refuse of a folder of
            results. The truth is the data set, of which the names of frames are enough.
        proposals: Name of a network, or its weights: measure how many people its proposals cover,
            by their number. PREDICTIONS is the folder of pictures, TRUTH COCO's annotations.
        workers: Processes that read and measure sequences.
        skip_missing: Leave out sequences of the truth that have no prediction; a note names them.
        pck: How PCK is measured.
        shape: coco only: what is compared; segm is masks [default: joints, or else masks, or else
            boxes].
    """
    given: dict[str, Any] = {"dataset": dataset, "split": split or ""}
    measured = {"--events": events, "--plots": plots, "--upper-bounds": upper_bounds}
    measured |= {"--strict": strict, "--per-sequence": per_sequence, "--shape": shape is not None}
    if submission:
        _refuse("--submission", measured, {"--tune": tune, "--json": json})
        print(check_submission_folder(predictions, truth, **given))  # noqa: T201
        return 0
    if truth is None:
        raise InputError("TRUTH is missing: say what the predictions are compared with")
    if proposals is not None:
        _refuse("--proposals", measured, {"--tune": tune})
        _proposals(proposals, predictions, truth, json=json)
        return 0
    chosen: dict[str, Any] = given | {"protocol": protocol, "workers": workers}
    chosen |= {"skip_missing": skip_missing}
    if tune:
        _refuse("--tune", measured)
        _tune(predictions, truth, EvaluateConfig(**chosen), json=json, thresholds=thresholds)
        return 0
    if thresholds is not None:
        raise InputError("--thresholds is written with --tune")
    _check_outputs(json, events, plots, protocol=protocol)
    bounded = sorted(name for name, rules in PROTOCOLS.items() if rules.clear)
    if upper_bounds and protocol not in bounded:
        listed = f"{', '.join(bounded[:-1])} and {bounded[-1]}"
        raise InputError(f"--upper-bounds is for {listed}, got {protocol}")
    # first, because truth without joints has none, which is found out before anything is measured
    bounds = {
        name: evaluate(predictions, truth, upper_bound=bound, **chosen)
        for bound, name in BOUNDS
        if upper_bounds
    }
    report = evaluate(
        predictions,
        truth,
        strict=strict,
        events=events is not None or (plots is not None and protocol in PROTOCOLS),
        pck=pck,
        shape=shape,
        **chosen,
    )
    if events is not None:
        write_bytes(events, _events(report.events, as_csv=events.suffix == ".csv"))
    if json is not None:
        content = _content(report, bounds, with_events=events is not None)
        text = json_module.dumps(content, indent=1, allow_nan=False)
        write_bytes(json, (text + "\n").encode())
    print(_table(report, bounds, per_sequence=per_sequence))  # noqa: T201
    if plots is not None:
        from .evaluation_plots import draw_plots

        draw_plots(report, plots)
    return 0


def _refuse(option: str, *groups: Mapping[str, object]) -> None:
    """Refuse options that would have no effect beside another."""
    for group in groups:
        for name, value in group.items():
            if value:
                raise InputError(f"{name} does not go with {option}")


def _proposals(model: str, pictures: Path, truth: Path, *, json: Path | None) -> None:
    from .evaluate_proposals import evaluate_proposals, recall_table

    _refuse_runs_files(json)
    found = evaluate_proposals(model, pictures=pictures, truth=truth)
    if json is not None:
        write_bytes(json, (json_module.dumps(found, indent=1) + "\n").encode())
    print(recall_table(found))  # noqa: T201


def _tune(
    predictions: Path,
    truth: Path,
    config: EvaluateConfig,
    *,
    json: Path | None,
    thresholds: Path | None,
) -> None:
    _refuse_runs_files(json, thresholds)
    found = tune_thresholds(predictions, truth, config)
    if thresholds is not None:
        write_bytes(thresholds, as_toml(found).encode())
    if json is not None:
        text = json_module.dumps(as_dict(found), indent=1, allow_nan=False)
        write_bytes(json, (text + "\n").encode())
    print(table_of(found))  # noqa: T201


def _refuse_runs_files(*outputs: Path | None) -> None:
    """Refuse outputs that would replace a run's own files, or whose folder is not there."""
    if any(output is not None for output in outputs):
        from ..storage.run_directory import refuse_own_files  # brings the video library along

        refuse_own_files(*outputs)


def _check_outputs(
    json: Path | None, events: Path | None, plots: Path | None, *, protocol: str
) -> None:
    """Refuse what cannot be written before anything is measured: that may take hours."""
    _refuse_runs_files(json, events)
    if plots is not None:
        from .evaluation_plots import figure_type

        if not find_evaluation(EvaluateConfig(protocol=protocol)).is_drawn:
            raise InputError(f"--plots: there are none for the protocol {protocol}")
        check_folder_of(plots)
        figure_type()


def _table(report: EvalReport, bounds: dict[str, EvalReport], *, per_sequence: bool) -> str:
    lines = [report.table(per_sequence=per_sequence)]
    if bounds:
        lines += ["", f"{'':<20}{'AP':>7}{'gain':>7}{'MOTA':>9}{'gain':>7}"]
        for name, bound in {"as predicted": report, **bounds}.items():
            ap, mota = (_gain(report.total(m), bound.total(m)) for m in ("ap", "mota"))
            lines.append(f"{name:<20}{ap}  {mota}".rstrip())
    return "\n".join(lines)


def _gain(predicted: float | None, bound: float | None) -> str:
    """A number, and how much more it is than that of the predictions themselves."""
    if predicted is None or bound is None:
        return f"{'-':>7}{'':>7}"
    gain = bound - predicted
    return f"{bound:>7.1f}{format(gain, '+.1f') if gain else '':>7}"


def _content(
    report: EvalReport, bounds: dict[str, EvalReport], *, with_events: bool
) -> dict[str, Any]:
    content = (report if with_events else replace(report, events=())).to_dict()
    if bounds:
        content["upper_bounds"] = {
            name: {metric: dict(values) for metric, values in bound.metrics.items()}
            for name, bound in bounds.items()
        }
    return content


def _events(events: Sequence[EventRow], *, as_csv: bool) -> bytes:
    """A line each; there may be millions, so that they are not made plain values all at once."""
    rows = map(event_dict, events)
    if not as_csv:
        return b"[\n" + b",\n".join(json_module.dumps(row).encode() for row in rows) + b"\n]\n"
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(EventRow.__slots__))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
