"""Several inputs: a table at the end, and the same beside the runs."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import posetube
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.tracking import track_command
from tests.pipelines.conftest import HEIGHT, WIDTH

ClipMaker = Callable[..., Path]


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]) -> None:
    model = make_model()
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)


def test_a_table_says_what_came_of_each(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, broken = make_clip(frames=10), tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    missing = str(tmp_path / "missing.mp4")

    assert main(["track", str(clip), str(broken), missing, "-o", str(tmp_path / "out")]) == 4

    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["failed", "complete", "failed"]
    assert rows[0]["input"] == missing
    assert (rows[1]["people"], rows[1]["frames"], rows[1]["problems"]) == ("2", "10", "0")
    assert "no such file" in rows[0]["message"]
    shown = capsys.readouterr().out
    assert "input" in shown
    assert f"-> {tmp_path / 'out' / 'summary.csv'}" in shown
    again = ["track", str(clip), str(clip.parent), "-o", str(tmp_path / "out")]
    assert main([*again, "--on-existing", "skip"]) in (0, 4)
    assert "skipped" in (tmp_path / "out" / "summary.csv").read_text(encoding="utf-8")


def test_one_input_needs_no_table(make_clip: ClipMaker, tmp_path: Path) -> None:
    assert main(["track", str(make_clip(frames=3)), "-o", str(tmp_path / "run")]) == 0

    assert not [*tmp_path.rglob("summary.csv")]


def test_photographs_become_one_run_of_as_many_frames(make_clip: ClipMaker, tmp_path: Path) -> None:
    folder, clip, run = tmp_path / "photos", str(make_clip(frames=3)), str(tmp_path / "run")
    folder.mkdir()
    assert main(["track", clip, "-o", str(tmp_path / "clip"), "--no-overlay"]) == 0
    for name in ("b.png", "a10.png", "a9.png"):
        words = ["--overlay.no-boxes", "--overlay.no-ids", "--overlay.no-joints"]
        out = ["-o", str(folder / name)]
        assert main(["render", str(tmp_path / "clip"), *words, *out]) == 0

    assert main(["track", str(folder), "--as-one", "-o", run, "--no-overlay"]) == 0

    tracks = posetube.load(run)
    assert tracks.frames.names == ("a9.png", "a10.png", "b.png")
    assert tracks.size == (HEIGHT, WIDTH)
    # whoever is seen in two of them is two people: nothing says that they are one
    assert len(tracks) == len(tracks.frame) > 3
