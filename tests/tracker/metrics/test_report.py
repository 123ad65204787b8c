"""What a report shows."""

import json
import sys
from typing import Any

import numpy as np
import pytest

from posetube.errors import MissingExtraError
from posetube.skeletons import POSETRACK15
from posetube.tracker.metrics.report import EvalReport, EventRow, Values, counts, percent

JOINTS = POSETRACK15.joints


def report(**given: Any) -> EvalReport:
    values = np.linspace(0, 1, 15)
    values[JOINTS.index("nose")] = np.nan
    metrics = {
        "ap": percent(values, JOINTS),
        "mota": percent(values - 1, JOINTS),
        "motp": percent(values, JOINTS),
        "misses": counts(np.arange(15.0), JOINTS),
    }
    fields: dict[str, Any] = {"protocol": "clean", "frames": 1, "sequences": 1}
    return EvalReport(**fields, metrics=metrics, **given)


def test_a_group_is_undefined_with_a_joint_the_total_is_not() -> None:
    values = report()["ap"]
    assert values["nose"] is values["Head"] is None
    assert values["Shou"] == pytest.approx(100 * (8 + 9) / 14 / 2)
    assert values["total"] == pytest.approx(np.mean([100 * i / 14 for i in range(15) if i != 13]))
    poisoned = percent(np.array([np.nan] + [1.0] * 14), JOINTS, nan_total=True)
    assert poisoned["total"] is None
    assert percent(np.full(15, np.nan), JOINTS)["total"] is None


def test_counts_add_up() -> None:
    assert report()["misses"]["total"] == 105
    assert report()["misses"]["Ankl"] == 5
    assert isinstance(report()["misses"]["total"], int)


def test_the_table_has_poseval_s_columns() -> None:
    first, head, *rows = report().table().splitlines()
    assert first == "protocol clean: 1 frame of 1 sequence"
    assert head.split() == ["Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "Total", "MOTP"]
    assert rows[0].split()[:3] == ["AP", "-", "60.7"]
    assert rows[1].split()[0] == "MOTA"
    assert len(rows) == 2


def test_columns_are_wide_enough_and_totals_alone_are_a_list() -> None:
    values = percent(np.full(15, -12.0), JOINTS)
    wide = EvalReport(protocol="poseval", frames=1, sequences=1, metrics={"mota": values})
    assert wide.table().splitlines()[2].split() == ["MOTA", *["-1200.0"] * 8]
    only: dict[str, Values] = {
        "ap": {"total": 1.0},
        "ap_medium": {"total": None},
        "misses": {"total": 3},
    }
    report = EvalReport(protocol="coco", frames=1, sequences=1, metrics=only)
    assert [line.rsplit(maxsplit=1) for line in report.table().splitlines()[1:]] == [
        ["AP", "1.0"], ["AP medium", "-"], ["misses", "3"],
    ]  # fmt: skip


def test_joints_in_no_group_have_columns_of_their_own() -> None:
    joints = ("head", "left_wrist", "right_wrist", "left_ear")
    values = percent(np.array([0.1, 0.2, 0.4, np.nan]), joints)
    table = EvalReport(protocol="pixels", frames=1, sequences=1, metrics={"pck": values}).table()
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["Wri", "head", "Total"], ["PCK", "30.0", "10.0", "23.3"],
    ]  # fmt: skip


def test_the_table_repeats_itself_by_sequence() -> None:
    whole = report(per_sequence={"one": report(), "two": report()}, notes=("take care",))
    lines = whole.table(per_sequence=True).splitlines()
    assert "note: take care" in lines
    assert lines[lines.index("two") + 1].split()[0] == "Head"


def test_reports_are_printed_as_tables_and_compared_by_their_numbers() -> None:
    curves = {"hota": {"total": np.zeros(19)}}
    assert str(report(curves=curves)) == report().table()
    assert report(curves=curves) == report(curves=curves)
    assert report(notes=("other",)) != report()


def test_json_is_one_object_with_null_where_undefined() -> None:
    event = EventRow(sequence="one", frame=3, kind="miss", joint="nose", truth_id=1,
                     predicted_id=None, distance=None)  # fmt: skip
    content = json.loads(report(per_sequence={"one": report()}, events=(event,)).to_json())
    assert (content["protocol"], content["frames"], content["sequences"]) == ("clean", 1, 1)
    assert content["ap"]["nose"] is None
    assert content["per_sequence"]["one"]["misses"]["total"] == 105
    assert content["events"][0]["kind"] == "miss"


def test_pandas_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="to_pandas needs .* pandas; .*pip install pandas"):
        report().to_pandas()
