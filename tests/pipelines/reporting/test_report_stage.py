"""The stage that makes a run's page, and what the page holds."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posetube.pipelines.cli import main
from posetube.pipelines.reporting.page_file import build_page
from posetube.pipelines.storage.run_directory import RunDirectory


def facts(run: Path) -> Any:
    html = (run / "report.html").read_text("utf-8")
    found = re.search(r'id="facts">(.*?)</script>', html)
    assert found is not None
    return json.loads(found[1])


def test_a_report_says_what_the_run_was_made_of(make_run: Callable[..., Path]) -> None:
    run = make_run("clips/a b.mp4", frames=12)

    said = facts(run)

    assert said["sources"][0] == {
        "url": "../a%20b.mp4",
        "begin": 0.0,
        "drawn": False,
        "picture": False,
    }
    assert [person["seen"] for person in said["people"]] == [[[0, 12]], [[0, 12]]]
    assert all(p["picture"].startswith("data:image/jpeg;base64,") for p in said["people"])
    assert all(link["before"] and link["after"] for link in said["links"])
    assert said["summary"]["State"] == "complete"
    assert said["summary"]["Licence of the model"] == "none"
    assert RunDirectory(run).read().finished("report")


def test_frames_that_were_not_looked_at_are_not_shown(make_run: Callable[..., Path]) -> None:
    said = facts(make_run(frames=12, every=3))

    assert (said["frames"], said["numbers"]) == (4, [0, 3, 6, 9])
    assert [person["seen"] for person in said["people"]] == [[[0, 4]], [[0, 4]]]
    assert {link["frames"][1] - link["frames"][0] for link in said["links"]} == {1}


@pytest.mark.slow
def test_a_correction_is_in_the_next_report(make_run: Callable[..., Path]) -> None:
    run = make_run()

    assert main(["edit", str(run), "rename", "1", "anna", "--progress", "none"]) == 0
    assert not (run / "report.html").exists()
    assert main(["report", str(run), "--progress", "none"]) == 0

    assert facts(run)["people"][0]["name"] == "anna"
    assert facts(run)["corrections"] == ["rename 1 anna"]


def test_without_its_video_a_run_has_a_report_without_pictures(
    make_run: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run()
    (run.parent / "clip.mp4").unlink()

    assert main(["report", str(run), "--progress", "auto"]) == 0

    assert "the report has no pictures of people" in capsys.readouterr().err
    assert facts(run)["people"][0]["picture"] == ""


def test_what_is_no_run_and_holds_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert f"{tmp_path} is no run, and none lies in it" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "none")]) == 5
    assert "no such file or folder" in capsys.readouterr().err


def test_data_cannot_end_the_element_that_holds_it() -> None:
    page = build_page("report", facts=b'{"name": "</script><script>@@PACKED@@"}', packed="QUJD")

    assert "</script><script>@@" not in page
    assert '\\u003c/script>\\u003cscript>@@PACKED@@"}' in page
    assert page.count("QUJD") == 1
