"""Every case of the fixtures that were computed with the reference tools, to 1e-9.

poseval at 4258a15 (with the MOTP of motmetrics 1.0.2), PoseTrack21 at 3e61960, TrackEval,
py-motmetrics 1.4.0, pycocotools 2.0.11, LSTM Pose Machines' and mmpose's PCK. The folder is named
by POSETUBE_EVAL_FIXTURES; each case says in words what it is about.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube import boxes
from posetube.datasets.formats.annotation_rows import NO_JOINTS
from posetube.errors import PoseTubeError
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.metrics.pck import box_sizes, pck, pixel_curve, torso_sizes
from posetube.tracker.metrics.report import EvalReport

FOLDER = Path(
    os.environ.get(
        "POSETUBE_EVAL_FIXTURES", Path(__file__).parents[3].parent / "shared" / "eval-fixtures"
    )
)
CASES = sorted(path.parent.name for path in FOLDER.glob("*/case.json"))
FORMATS = ("posetrack17", "posetrack18")
BOTH = [(case, form) for case in CASES for form in FORMATS if (FOLDER / case / form).is_dir()]


def expected(case: str) -> Any:
    return json.loads((FOLDER / case / "expected.json").read_text())


KIT = [case for case in CASES if "hota" in expected(case).get("posetrack21_tool", {})]
CLEAR = {"mota": "mota", "motp": "motp", "precision": "pre", "recall": "rec"}
COUNTS = {
    "misses": "num_misses",
    "switches": "num_switches",
    "false_positives": "num_false_positives",
    "objects": "num_objects",
    "matches": "num_detections",
}
PARTS = {
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "detre": "DetRe", "detpr": "DetPr",
    "assre": "AssRe", "asspr": "AssPr", "loca": "LocA", "fraga": "FragA", "fa_hota": "FA-HOTA",
}  # fmt: skip

needs_fixtures = pytest.mark.skipif(
    not CASES, reason=f"{FOLDER} is absent; set POSETUBE_EVAL_FIXTURES to the folder with the cases"
)


def run(case: str, form: str, protocol: str, *, strict: bool = False) -> EvalReport:
    folder = FOLDER / case / form
    return evaluate(folder / "pred", folder / "gt", protocol=protocol, strict=strict)


def agree(
    got: Mapping[str, float | None],
    joints: Iterable[str],
    wanted: Sequence[float | str],
    *,
    factor: float = 1.0,
) -> None:
    names = ["head_bottom" if name == "neck" else name for name in joints]
    ours = [np.nan if (value := got[name]) is None else value for name in names[: len(wanted)]]
    theirs = [np.nan if value in ("nan", None) else factor * float(value) for value in wanted]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@needs_fixtures
@pytest.mark.parametrize(("case", "form"), BOTH)
def test_poseval(case: str, form: str) -> None:
    want = expected(case)[form]
    if "error" in want or "ap_error" in want:
        with pytest.raises(PoseTubeError, match=r"000\d\d\d_"):
            run(case, form, "poseval")
        return

    report = run(case, form, "poseval")

    joints = want["joint_order"]
    assert report.frames == want["num_frames_after_cleanup"]
    if case != "score_ties":
        parts = [(report, want["ap"])]
        parts += [(report.per_sequence[s], v) for s, v in want["ap_per_sequence"].items()]
        for part, values in parts:
            for ours, theirs in (("ap", "ap"), ("ap_precision", "pre"), ("ap_recall", "rec")):
                agree(part[ours], joints, values[theirs])
        groups = list(want["ap_row"])[:-1]
        agree(report["ap"], groups, [want["ap_row"][group] for group in groups])
    if "mot_classic" not in want:
        assert "IndexError" in want["mot_classic_error"]["type"]
        assert set(report["mota"].values()) == {None}
        assert "has only one" in report.notes[0]
        return
    parts = [(report, want["mot_classic"])]
    parts += [(report.per_sequence[s], v) for s, v in want["mot_classic_per_sequence"].items()]
    for part, values in parts:
        for ours, theirs in CLEAR.items():
            agree(part[ours], joints, values[theirs])
    for sequence, counts in want["mot_counts"].items():
        for ours, theirs in COUNTS.items():
            agree(report.per_sequence[sequence][ours], joints, counts[theirs])


@needs_fixtures
@pytest.mark.parametrize(("case", "form"), BOTH)
def test_clean(case: str, form: str) -> None:
    want = expected(case)[form]
    if "ext_mot_clean" not in want:
        pytest.skip("the reference has no numbers for this case")
    if case == "frame_names_not_checked":
        assert run(case, form, "clean").total("mota") == 100  # frames are matched by name
        return

    report = run(case, form, "clean")

    joints = want["joint_order"]
    for ours, theirs in {**CLEAR, "idf1": "idf1"}.items():
        agree(report[ours], joints, want["ext_mot_clean"][theirs])
    for sequence, counts in want["ext_mot_clean_counts"].items():
        for ours, theirs in COUNTS.items():
            agree(report.per_sequence[sequence][ours], joints, counts[theirs])


@needs_fixtures
@pytest.mark.parametrize("case", KIT)
def test_posetrack21(case: str) -> None:
    want = expected(case)["posetrack21_tool"]

    report = run(case, "posetrack18", "posetrack21", strict=True)

    joints, whole = want["joint_order"], want["hota"]["combined_alpha_mean"]
    for ours, theirs in PARTS.items():
        agree(report[ours], joints, whole[theirs], factor=100)
    for ours in ("hota_tp", "hota_fn", "hota_fp"):
        agree(report[ours], joints, whole[ours.upper()])
    by_threshold = 100 * np.array(want["hota"]["combined_total_per_alpha"]["HOTA"])
    np.testing.assert_allclose(100 * report.curves["hota"]["total"], by_threshold, atol=1e-9)
    for sequence, values in want["hota"]["per_sequence_alpha_mean"].items():
        for theirs, numbers in values.items():
            ours = {theirs: ours for ours, theirs in PARTS.items()}[theirs]
            agree(report.per_sequence[sequence][ours], joints, numbers, factor=100)
    if "map" in want and case != "score_ties":
        for ours, theirs in (("ap", "map"), ("ap_precision", "precision"), ("ap_recall", "recall")):
            rows = want["map"]["combined"][theirs]
            values = {**report[ours], "Total": report[ours]["total"]}
            agree(values, list(rows), list(rows.values()))


@pytest.mark.slow
@needs_fixtures
@pytest.mark.parametrize("case", KIT)
def test_posetrack21_re_identification(case: str) -> None:
    want = expected(case)["posetrack21_tool"]
    if "reid_hota" not in want:
        pytest.skip("the reference fails on this case")

    report = run(case, "posetrack18", "posetrack21", strict=True)

    whole = want["reid_hota"]["combined_alpha_mean"]
    for ours, theirs in PARTS.items():
        agree(report[f"reid_{ours}"], want["joint_order"], whole[theirs], factor=100)


@needs_fixtures
@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("error_")])
def test_a_failure_is_one_line_with_exit_code_2(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in FORMATS:
        want = expected(case).get(form, {})
        if "error" not in want and "ap_error" not in want:
            continue
        folder = FOLDER / case / form

        code = main(["evaluate", str(folder / "pred"), str(folder / "gt"), "--protocol", "poseval"])

        line = capsys.readouterr().err
        assert code == 2
        assert line.count("\n") == 1
        assert str(folder) in line
        if case not in ("error_frame_count", "error_missing_prediction_file"):
            assert "frame images/" in line
        if case not in (
            "error_frame_count", "error_missing_prediction_file", "error_sequence_type_18"
        ):  # fmt: skip
            assert "person " in line


@needs_fixtures
@pytest.mark.parametrize(
    "path", sorted((FOLDER / "coco").glob("*.json")), ids=lambda path: str(path.stem)
)
def test_coco(path: Path, tmp_path: Path) -> None:
    content = json.loads(path.read_text())
    truth, results = tmp_path / "truth.json", tmp_path / "results.json"
    truth.write_text(json.dumps(content["gt"]))
    results.write_text(json.dumps(content["dt"]))

    report = evaluate(results, truth, protocol="coco")

    ours = [np.nan if (v := cells["total"]) is None else v for cells in report.metrics.values()]
    stats = np.array(content["expected"]["stats"])
    np.testing.assert_allclose(ours, np.where(stats < 0, np.nan, 100 * stats), atol=1e-9)
    categories = [v for name, v in report["ap"].items() if name != "total"]
    np.testing.assert_allclose(
        np.array(categories, np.float64),
        100 * np.array(content["expected"]["ap_per_category_all"]),
        atol=1e-9,
    )


@needs_fixtures
@pytest.mark.parametrize("name", ["penn", "jhmdb"])
def test_pck(name: str) -> None:
    content = json.loads((FOLDER / "pck" / f"{name}.json").read_text())
    truth, found = np.array(content["gt"], float), np.array(content["pred"], float)
    labeled = np.array(content["visible"]) > 0
    first, second = (content["joints"].index(joint) for joint in content["torso_joints"])
    sizes = {
        "bbox": box_sizes(np.array(content["boxes_xyxy"], float)),
        "torso": torso_sizes(truth, found, (first, second)),
    }
    for key, want in content["expected"].items():
        if key == "pixel_curve":
            limits = want["thresholds_px"]
            curve = pixel_curve(truth, found, labeled=labeled, thresholds=limits)
            ours = np.stack([accuracy.joints for accuracy in curve], axis=1)
            np.testing.assert_allclose(ours, _numbers(want["per_joint"]), atol=1e-9)
            continue
        *rule, normalizer, threshold = key.split("_")
        accuracy = pck(
            truth,
            found,
            sizes=sizes[normalizer],
            labeled=labeled,
            threshold=float(threshold),
            rule="mmpose" if rule == ["mmpose"] else "lstm-pm",
        )
        np.testing.assert_allclose(accuracy.joints, _numbers(want["per_joint"]), atol=1e-9)
        total = want.get("overall_micro", want.get("mean_macro"))
        assert accuracy.total == pytest.approx(total, abs=1e-9)


def _numbers(values: Any) -> np.ndarray:
    array = np.array([[v] if not isinstance(v, list) else v for v in values], dtype=object)
    floats = np.where(array == "nan", np.nan, array).astype(float)
    return np.where(floats == -1, np.nan, floats).squeeze()


def tracks_of(frames: Sequence[Mapping[str, Any]], side: str) -> VideoTracks:
    corners = [box for frame in frames for box in frame[f"{side}_boxes"]]
    ids = [identity for frame in frames for identity in frame[f"{side}_ids"]]
    rows = len(ids)
    return VideoTracks(
        source="sequence",
        size=None,
        skeleton=NO_JOINTS,
        frames=FrameTable(times=np.zeros(len(frames))),
        frame=np.repeat(np.arange(len(frames)), [len(frame[f"{side}_ids"]) for frame in frames]),
        track_ids=np.array(ids, np.int64),
        boxes=np.asarray(boxes.from_xywh(np.array(corners, float).reshape(-1, 4))),
        scores=np.ones(rows, np.float32),
        keypoints=np.zeros((rows, 0, 2)),
        keypoint_scores=np.zeros((rows, 0)),
    )


@needs_fixtures
def test_boxes_against_trackeval_and_motmetrics() -> None:
    content = json.loads((FOLDER / "mot_boxes" / "boxes.json").read_text())
    want = content["expected"]
    for name, frames in content["sequences"].items():
        report = evaluate(tracks_of(frames, "pred"), tracks_of(frames, "gt"))

        theirs = want["trackeval_per_sequence"][name]
        for ours, part in PARTS.items():
            if part in theirs["HOTA"]:
                mean = 100 * np.mean(theirs["HOTA"][part])
                assert report.total(ours) == pytest.approx(mean, abs=1e-9), (name, part)
        motmetrics = want["motmetrics_1.4.0_per_sequence"][name]
        assert report.total("mota") == pytest.approx(100 * motmetrics["mota"], abs=1e-9)
        assert report.total("idf1") == pytest.approx(100 * motmetrics["idf1"], abs=1e-9)
        assert report.total("switches") == motmetrics["num_switches"]
        assert report.total("misses") == motmetrics["num_misses"]
        if motmetrics["motp"] != "nan":
            assert report.total("motp") == pytest.approx(100 * (1 - motmetrics["motp"]), abs=1e-9)


@needs_fixtures
def test_boxes_against_posetrack21() -> None:
    folder = FOLDER / "posetrack21_mot"
    want = json.loads((folder / "expected.json").read_text())

    report = evaluate(folder / "pred", folder / "gt", protocol="posetrack21")

    for ours, part in PARTS.items():
        if part in want["hota"]["COMBINED_SEQ"]:
            mean = 100 * np.mean(want["hota"]["COMBINED_SEQ"][part])
            assert report.total(ours) == pytest.approx(mean, abs=1e-9), part
    theirs = want["motmetrics_ignore_regions_True"]
    parts = [(report, theirs["OVERALL"])]
    parts += [(part, theirs[name]) for name, part in report.per_sequence.items()]
    for part_report, numbers in parts:
        assert part_report.total("mota") == pytest.approx(100 * numbers["mota"], abs=1e-9)
        assert part_report.total("idf1") == pytest.approx(100 * numbers["idf1"], abs=1e-9)
        for ours in ("misses", "false_positives", "switches", "objects"):
            assert part_report.total(ours) == numbers[f"num_{ours}"]
