"""The command ``evaluate``: what it writes, what it refuses, and how quick it is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posetube.errors import FormatError, InputError, MissingExtraError
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation import evaluate_command
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.evaluation.evaluation_plots import draw_plots
from posetube.skeletons import POSETRACK15
from posetube.structures import VideoTracks

UPPER = ("ap", "mota")
Tracks = Callable[..., VideoTracks]


BAD = {
    "cut short": '{"images": [{"id": 1, "file_name": "a.j',
    "NaN": '{"images": [], "annotations": [], "categories": [], "x": NaN}',
    "text for a number": '{"images": [{"id": "1", "file_name": "a"}], "categories": []}',
    "something else": '{"hello": 1}',
    "a list": "[1, 2, 3]",
    "nested": '{"images": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "empty": "",
    "binary": "\x00\x01\x02",
    "huge number": '{"images": [{"id": 1e999, "file_name": "a"}]}',
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("protocol", ["clean", "poseval", "coco", "pixels"])
def test_bad_input_is_one_line_and_exit_code_2(
    name: str, protocol: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = files[0] / "000001_mpii_test.json"
    path.write_text(BAD[name])

    code = main(["evaluate", str(files[0]), str(files[1]), "--protocol", protocol])

    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert str(path) in error
    assert "our fault" not in error


def test_a_folder_without_anything_to_evaluate_is_named(files: tuple[Path, Path]) -> None:
    (files[0].parent / "other").mkdir()
    (files[0].parent / "other" / "picture.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="other: nothing that holds people is recognised"):
        evaluate(files[0].parent / "other", files[1])
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        evaluate(files[0], files[1].parent / "nowhere")
    (files[1] / "README.txt").write_text("labels")  # beside JSON it is no sequence
    assert evaluate(*files).sequences == 2


def test_the_command_writes_what_is_asked_for(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, events = tmp_path / "report.json", tmp_path / "events.csv"

    code = main([
        "evaluate", *map(str, files), "--json", str(out), "--events", str(events),
        "--upper-bounds", "--per-sequence",
    ])  # fmt: skip

    shown = capsys.readouterr().out
    content = json.loads(out.read_text())
    assert code == 0
    assert shown.startswith("protocol clean: 12 frames of 2 sequences\n")
    assert "Head  Shou   Elb   Wri   Hip  Knee  Ankl Total  MOTP  Prec   Rec" in shown
    (both,) = (line.split() for line in shown.splitlines() if line.startswith("both"))
    gains = [content["upper_bounds"]["both"][m]["total"] - content[m]["total"] for m in UPPER]
    assert both[2::2] == [f"{gain:+.1f}" for gain in gains]
    assert "000002_mpii_test" in shown
    assert (content["protocol"], content["frames"], content["sequences"]) == ("clean", 12, 2)
    names = {*POSETRACK15.joints, "Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "total"}
    for metric in ("ap", "ap_precision", "ap_recall", "mota", "motp", "precision", "recall",
                   "idf1", "hota", "deta", "assa", "loca", "misses", "false_positives",
                   "switches", "objects"):  # fmt: skip
        assert content[metric].keys() == names, metric
        assert content["per_sequence"]["000001_mpii_test"][metric].keys() == names
    header, *rows = events.read_text().splitlines()
    assert header == "sequence,frame,kind,joint,truth_id,predicted_id,distance"
    assert len(rows) == len(content["events"])
    assert main(["evaluate", *map(str, files), "--events", str(tmp_path / "events.json")]) == 0
    assert json.loads((tmp_path / "events.json").read_text()) == content["events"]


def test_upper_bounds_are_for_tracking(
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluate_command, "evaluate", None)  # refused before it is called
    arguments = ["evaluate", *map(str, files), "--upper-bounds", "--protocol", "posetrack21"]
    assert main(arguments) == 2
    assert "--upper-bounds is for clean, poseval and poseval2017" in capsys.readouterr().err


def test_reports_that_cannot_be_written_are_refused_before_measuring(
    files: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluate_command, "evaluate", None)
    for option in ("--json", "--events"):
        report = tmp_path / "no" / "report.json"
        assert main(["evaluate", *map(str, files), option, str(report)]) == 5
        assert f"{report.parent}: no such folder; make it first" in capsys.readouterr().err
    assert not report.parent.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--events", "x.csv", "--protocol", "coco"],
            "--events does not go with the protocol coco",
        ),
        (["--strict", "--protocol", "pixels"], "--strict does not go with the protocol pixels"),
        (
            ["--dataset", "flic", "--protocol", "coco"],
            "--dataset does not go with the protocol coco",
        ),
    ],
)
def test_options_that_a_protocol_has_no_use_for_are_refused(
    options: list[str],
    message: str,
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["evaluate", *map(str, files), *options]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(InputError, match="upper_bound= does not go with the protocol coco"):
        evaluate(*files, protocol="coco", upper_bound="both")


def test_what_is_neither_file_nor_folder_is_named(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", os.devnull, str(files[1])]) == 2
    assert f"{os.devnull}: a pipe or a device; name a file or a folder" in capsys.readouterr().err


@pytest.mark.slow
def test_plots_are_drawn(files: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = files[0] / "000001_mpii_test.json"
    found.write_text(found.read_text().replace('"track_id":1,', '"track_id":9,', 2))
    plots = tmp_path / "plots"

    for protocol in ("clean", "pixels"):
        command = ["evaluate", *map(str, files), "--plots", str(plots), "--protocol", protocol]
        assert main(command) == 0

    names = ("recall_precision", "hota", "pixels", "sequences", "timeline-000001_mpii_test")
    for name in names:
        assert (plots / f"{name}.png").stat().st_size > 5000
        assert "<svg" in (plots / f"{name}.svg").read_text()


def test_without_anything_to_draw_that_is_said_before_measuring(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    arguments = ["--plots", str(tmp_path / "plots"), "--protocol", "coco"]
    assert main(["evaluate", *map(str, files), *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "--plots: there are none for the protocol coco" in shown.err
    assert not (tmp_path / "plots").exists()


def test_a_report_becomes_a_data_frame(files: tuple[Path, Path]) -> None:
    pandas: Any = pytest.importorskip("pandas")
    frame = evaluate(*files).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert set(frame["sequence"]) == {"all", "000001_mpii_test", "000002_mpii_test"}
    row = frame[(frame["sequence"] == "all") & (frame["metric"] == "mota")]
    assert len(row) == 23


def test_evaluating_does_not_import_the_network_library(files: tuple[Path, Path]) -> None:
    code = (
        "import sys; from posetube.pipelines.cli import main; "
        f"main(['evaluate', {str(files[0])!r}, {str(files[1])!r}]); "
        "heavy = {'torch', 'pandas', 'matplotlib', 'av', 'cv2', 'pyarrow'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_that_is_far_too_large_is_refused(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posetube.datasets.files.json_files.MAX_BYTES", 1000)
    with pytest.raises(FormatError, match="larger than 0 MiB, refused"):
        evaluate(*files)


def test_plots_ask_for_matplotlib_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracks: Tracks
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'posetube\[plots\]'"):
        draw_plots(evaluate(tracks(), tracks()), tmp_path)
