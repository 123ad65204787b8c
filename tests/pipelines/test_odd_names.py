"""Names of files that are not UTF-8: every command works with them, or says so in a line."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from posetube.file_names import readable
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking import track_command

pytestmark = pytest.mark.skipif(
    os.name == "nt" or sys.platform == "darwin", reason="its file names are Unicode"
)

ODD = os.fsdecode(b"caf\xe9")
CSV = "frame,track_id,joint,x,y,score\n1,1,nose,10,20,0.9\n1,1,left_hip,12,60,0.9\n"


@pytest.fixture(autouse=True)
def _squares(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())


@pytest.mark.slow
def test_a_video_of_an_odd_name_is_tracked_linked_drawn_and_exported(
    tmp_path: Path, make_clip: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    video = make_clip("clip.mp4", frames=6).rename(tmp_path / f"{ODD}.mp4")
    run = tmp_path / ODD

    assert main(["track", str(video), "-o", str(run), "--progress", "json"]) == 0
    for words in (["link", str(run)], ["render", str(run)], ["export", str(run), "--to", "coco"]):
        assert main(words) == 0

    events = capfd.readouterr().out.splitlines()
    assert msgspec.json.decode(events[0])["event"] == "stage"
    assert RunDirectory(run).read().source.path == readable(video)
    assert len(read_tracks(run)) == 2


def test_a_folder_of_pictures_with_odd_names_can_be_told_from_another(tmp_path: Path) -> None:
    from posetube.pipelines.storage.fingerprint import fingerprint

    (tmp_path / f"{ODD}.png").touch()
    first = fingerprint(str(tmp_path))
    (tmp_path / f"{ODD}.png").rename(tmp_path / "cafe.png")

    assert fingerprint(str(tmp_path)) != first


@pytest.mark.parametrize("to", ["csv", "coco", "parquet", "jsonl", "mot", "cvat", "openpose"])
def test_a_table_of_an_odd_name_is_converted(tmp_path: Path, to: str) -> None:
    table = tmp_path / f"{ODD}.csv"
    table.write_text(CSV)
    endings = {"coco": ".json", "mot": ".txt", "cvat": ".xml", "openpose": ""}
    out = tmp_path / f"{ODD}-out{endings.get(to, f'.{to}')}"

    assert main(["data", "convert", str(table), "--to", to, "-o", str(out)]) == 0
    assert main(["data", "convert", str(out), "--to", "mot", "-o", str(tmp_path / "b.txt")]) == 0


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", str(tmp_path / f"{ODD}.mp4")]) == 5
    assert ".mp4: no such file or folder" in capfd.readouterr().err
