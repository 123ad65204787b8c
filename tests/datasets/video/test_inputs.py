import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.datasets.people import open_people
from posetube.datasets.video import open_video
from posetube.datasets.video.inputs import find_inputs
from posetube.errors import InputError, MediaError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with videos, pictures and frames; the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("videos/walk.mp4", "videos/run.MOV", "videos/.hidden.mp4", "more/walk.mp4"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"video")
    Path("videos/notes.txt").write_text("no video")
    picture = np.zeros((8, 8, 3), np.uint8)
    for name in ("frames/0001.jpg", "frames/0002.jpg", "photos/anna.jpg", "photos/berta.png"):
        Path(name).parent.mkdir(exist_ok=True)
        cv2.imwrite(name, picture)
    Path("empty").mkdir()
    return tmp_path


def found(*patterns: str) -> list[tuple[str, str, str]]:
    return [(one.name, one.source.replace(os.sep, "/"), one.kind) for one in find_inputs(patterns)]


@pytest.mark.usefixtures("home")
def test_each_kind_of_argument_is_told_apart() -> None:
    assert found("videos/walk.mp4") == [("walk", "videos/walk.mp4", "video")]
    assert found("frames") == [("frames", "frames", "frames")]
    assert found("photos/anna.jpg") == [("anna", "photos/anna.jpg", "picture")]
    assert found("camera:0") == [("camera-0", "camera:0", "camera")]
    assert found("rtsp://me:pw@host/hall.sdp?x=1") == [
        ("hall", "rtsp://me:pw@host/hall.sdp?x=1", "url")
    ]


@pytest.mark.usefixtures("home")
def test_a_folder_gives_its_videos_or_else_its_pictures() -> None:
    assert [name for name, _, _ in found("videos")] == ["run", "walk"]
    assert found("photos") == [
        ("anna", "photos/anna.jpg", "picture"),
        ("berta", "photos/berta.png", "picture"),
    ]


@pytest.mark.usefixtures("home")
def test_a_glob_gives_what_can_be_read() -> None:
    assert [name for name, _, _ in found("videos/*")] == ["run", "walk"]
    assert {kind for _, _, kind in found("*")} == {"video", "frames", "picture"}
    assert [source for _, source, _ in found("**/walk.*")] == ["more/walk.mp4", "videos/walk.mp4"]


@pytest.mark.usefixtures("home")
def test_a_file_is_taken_once() -> None:
    assert len(found("videos/walk.mp4", "videos", "./videos/../videos/walk.mp4")) == 2


@pytest.mark.usefixtures("home")
def test_equal_names_get_the_ending_then_the_folder_then_a_number() -> None:
    Path("videos/walk.mkv").write_bytes(b"video")
    assert [name for name, _, _ in found("videos/walk.mkv", "videos/walk.mp4")] == [
        "walk-mkv",
        "walk-mp4",
    ]
    assert [name for name, _, _ in found("videos/walk.mp4", "more/walk.mp4")] == [
        "videos-walk-mp4",
        "more-walk-mp4",
    ]
    Path("deep/more").mkdir(parents=True)
    Path("deep/more/walk.mp4").write_bytes(b"video")
    assert [name for name, _, _ in found("more/walk.mp4", "deep/more/walk.mp4")] == [
        "more-walk-mp4",
        "more-walk-mp4-2",
    ]


@pytest.mark.usefixtures("home")
def test_names_differ_in_more_than_case() -> None:
    Path("WALK.mp4").write_bytes(b"video")

    names = [name.lower() for name, _, _ in found("WALK.mp4", "videos/walk.mp4")]

    assert len(set(names)) == 2


def test_pictures_numbered_too_far_apart_are_single_ones(home: Path) -> None:
    folder = home / "coco"
    folder.mkdir()
    for number in (139, 285, 581781):
        cv2.imwrite(str(folder / f"{number:012}.jpg"), np.zeros((8, 8, 3), np.uint8))

    assert [kind for _, _, kind in found("coco")] == ["picture"] * 3


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        ("nothing.mp4", MediaError, "nothing.mp4: no such file or folder"),
        ("*.xyz", MediaError, r"\*.xyz: matches no file"),
        ("videos/*.txt", MediaError, "none of the 1 matches is a video or a picture"),
        ("empty", MediaError, "empty: no videos and no pictures in this folder"),
        ("camera:", InputError, "expected a camera such as camera:0"),
        ("file:///a.mp4", InputError, "give files as paths"),
        ("concat:a|b", MediaError, "no such file or folder"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_matches_nothing_is_said(pattern: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        find_inputs([pattern])


def test_no_argument_is_an_error() -> None:
    with pytest.raises(InputError, match="no input given"):
        find_inputs([])


@pytest.mark.usefixtures("home")
def test_a_name_with_brackets_is_a_file_first() -> None:
    Path("clip[1].mp4").write_bytes(b"video")

    assert found("clip[1].mp4") == [("clip-1", "clip[1].mp4", "video")]


@pytest.mark.usefixtures("home")
def test_links_that_lead_in_circles_are_not_followed() -> None:
    for name in ("videos/again", "videos/once_more"):
        Path(name).symlink_to(Path("videos").absolute())
    Path("videos/linked.mp4").symlink_to(Path("more/walk.mp4").absolute())

    assert [source for _, source, _ in found("**/*.mp4")] == [
        "more/walk.mp4",
        "videos/linked.mp4",
        "videos/walk.mp4",
    ]
    assert [source for _, source, _ in found("videos/**/w*.mp4")] == ["videos/walk.mp4"]
    assert [name for name, _, _ in found("videos/**")] == ["linked", "run", "walk"]


@pytest.mark.parametrize("words", [("",), ("walk.mp4", "")])
def test_an_empty_name_is_not_the_current_folder(words: tuple[str, ...], home: Path) -> None:
    (home / "walk.mp4").write_bytes(b"video")
    with pytest.raises(InputError, match="an empty name was given"):
        find_inputs(words)
    with pytest.raises(MediaError, match="an empty name was given"):
        open_video("")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["pipe.mp4", "pipe.png", "pipe"])
def test_a_named_pipe_is_refused_at_once(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)

    with pytest.raises(MediaError, match=f"{name}: not a regular file"):
        open_video(tmp_path / name)
    with pytest.raises(InputError, match=f"{name}: a pipe or a device; name a file"):
        open_people(tmp_path / name)
