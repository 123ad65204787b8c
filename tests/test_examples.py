"""Each script in examples/ runs from any folder, prints something, and leaves nothing behind."""

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
MOST_LINES = 40


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_an_example_runs(
    script: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])

    runpy.run_path(str(script), run_name="__main__")

    assert capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_there_are_five_short_examples() -> None:
    assert len(SCRIPTS) == 5
    for script in SCRIPTS:
        assert len(script.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, script.name
