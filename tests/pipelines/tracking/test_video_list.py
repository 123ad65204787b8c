"""Videos from a list: each line's own stretch and name; what is no list is refused by its line."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import posetube
from posetube.datasets.video import VideoConfig
from posetube.errors import FormatError, MissingFileError
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import track_command
from posetube.pipelines.tracking.video_list import read_video_list

ClipMaker = Callable[..., Path]


@pytest.fixture
def listed(make_clip: ClipMaker, tmp_path: Path) -> Callable[[str], Path]:
    """Writes a list of these lines, beside clips ``day1/walk.mp4`` and ``day2/walk.mp4``."""
    for day in (1, 2):
        make_clip(f"day{day}/walk.mp4", frames=20)

    def write(text: str) -> Path:
        path = tmp_path / "videos.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_each_line_is_a_run_of_its_own_stretch(
    listed: Callable[[str], Path],
    tmp_path: Path,
    make_model: Callable[..., LoadedModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
    path = listed(
        "\ufeffvideo,start,end,name\n"
        "day1/walk.mp4,200ms,00:00:00.4,first\n"
        "gone.mp4,,,\n"
        "\n"
        "day1/walk.mp4,0.4,,\n"
        "day2/walk.mp4,,,\n"
    )

    assert main(["track", "--list", str(path), "-o", str(tmp_path / "out"), "--end", "0.6s"]) == 4

    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8") as file:
        rows = [(row["input"], row["state"], row["frames"]) for row in csv.DictReader(file)]
    assert rows == [
        ("gone.mp4", "failed", ""),
        ("first", "complete", "5"),
        ("day1-walk-mp4", "complete", "5"),
        ("day2-walk-mp4", "complete", "15"),
    ]
    assert posetube.load(tmp_path / "out" / "first").frames.times[5] == pytest.approx(0.2)
    settings = RunDirectory(tmp_path / "out" / "first").read().settings.video
    assert (settings.start, settings.end) == (0.2, 0.4)


def test_names_that_the_list_gives_come_first(listed: Callable[[str], Path]) -> None:
    path = listed("name,video\n,day1/walk.mp4\n,day1/walk.mp4\nwalk,day2/walk.mp4\n")
    found, refused = read_video_list(path, VideoConfig())

    assert [video.item.name for video in found] == ["day1-walk-mp4", "day1-walk-mp4-2", "walk"]
    assert refused == []
    found, _ = read_video_list(
        listed("name,video\n,day1/walk.mp4\nWALK,day2/walk.mp4\n"), VideoConfig()
    )
    assert [video.item.name for video in found] == ["walk-2", "WALK"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: expected the columns video and any of start, end, name, got nothing"),
        ("video,strat\n", "line 1: expected the columns .*, got video, strat"),
        ("video,video\n", "line 1: expected the columns"),
        ("video\n", "videos.csv: it names no video"),
        ("video,end\nday1/walk.mp4\n", "line 2: expected 2 values, got 1"),
        ("video,end\n\nday1/walk.mp4,soon\n", "line 3: expected a time .*, got 'soon'"),
        ("video,start,end\nx.mp4,3s,2s\n", r"line 2: VideoConfig.end must be after .*start \(3.0"),
        ("video\nday1\n\n,x\n", "line 4: expected 1 values, got 2"),
        ("video,name\nday1/walk.mp4,a/b\n", "line 2: 'a/b' cannot be the name .*; 'a-b' could"),
        ("video,name\nday1/walk.mp4,Summary.csv\n", "line 2: 'Summary.csv' is the file beside"),
        (f"video,name\nday1/walk.mp4,{'x' * 201}\n", "line 2: a name may have 200 bytes, got 201"),
        (
            "video,name\nday1/walk.mp4,a\nday2/walk.mp4,A\n",
            "videos.csv: line 3: a line before has the name 'a', too",
        ),
        ('video\n"day1\n', "line 2: no list of videos"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(
    listed: Callable[[str], Path], text: str, complaint: str
) -> None:
    with pytest.raises(FormatError, match=complaint):
        read_video_list(listed(text), VideoConfig())


def test_a_line_names_one_video(listed: Callable[[str], Path], make_clip: ClipMaker) -> None:
    make_clip("day1/run.mp4", frames=2)
    with pytest.raises(FormatError, match=r"line 2: .*day1 is 2 videos; give each a line"):
        read_video_list(listed("video\nday1\n"), VideoConfig())


def test_a_list_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such file"):
        read_video_list(tmp_path / "videos.csv", VideoConfig())
    (tmp_path / "videos.csv").write_bytes(b"video\n\xff.mp4\n")
    with pytest.raises(FormatError, match="not UTF-8, so no list of videos"):
        read_video_list(tmp_path / "videos.csv", VideoConfig())


def test_videos_come_from_a_list_or_from_arguments(
    listed: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", "clip.mp4", "--list", str(listed("video\n"))]) == 2
    assert "--list names the videos; leave INPUTS away" in capsys.readouterr().err
