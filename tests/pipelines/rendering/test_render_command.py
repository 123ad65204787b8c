"""``posetube render``: parts of a run, some of its people, photographs, the screen."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from posetube.datasets.video import open_video
from posetube.errors import InputError
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.rendering.heat_map import HeatMap
from posetube.pipelines.rendering.live_window import shown
from posetube.pipelines.tracking import track_command


@pytest.fixture
def run(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    model = make_model()
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)
    assert (
        main(["track", str(make_clip(frames=10)), "-o", str(tmp_path / "run"), "--no-overlay"]) == 0
    )
    return tmp_path / "run"


def frames_of(path: Path) -> list[tuple[float, Any]]:
    with open_video(str(path)) as video:
        return [(frame.time, frame.image) for frame in video.frames()]


def picture_in(path: Path) -> Any:
    return cv2.imread(str(path))


def test_a_stretch_becomes_a_file_that_begins_at_once(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "part.mp4"
    assert main(["render", str(run), "-o", str(tmp_path / "all.mp4")]) == 0
    times = [time for time, _ in frames_of(tmp_path / "all.mp4")]

    start, end = times[3], times[6]
    assert (
        main(["render", str(run), "-o", str(out), "--start", f"{start:.3f}", "--end", f"{end:.3f}"])
        == 0
    )

    part = frames_of(out)
    assert [time for time, _ in part] == pytest.approx([t - start for t in times[3:7]], abs=1e-3)
    assert f"4 frames -> {out}" in capsys.readouterr().out
    assert not (run / "overlay.mp4").exists()


def test_a_frame_becomes_a_picture_and_some_people_are_drawn(run: Path, tmp_path: Path) -> None:
    everybody, one = tmp_path / "everybody.png", tmp_path / "one.png"

    assert main(["render", str(run), "-o", str(everybody), "--start", "0.1"]) == 0
    assert main(["render", str(run), "-o", str(one), "--start", "0.1", "--only", "1"]) == 0

    pictures = [picture_in(path).astype(int) for path in (everybody, one)]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0] - pictures[1]).max() > 100


def test_a_picture_beside_is_twice_as_wide(run: Path, tmp_path: Path) -> None:
    assert main(["render", str(run), "--overlay.beside", "--overlay.heat-map"]) == 0

    _, picture = frames_of(run / "overlay.mp4")[0]
    plain = tmp_path / "plain.png"
    assert main(["render", str(run), "-o", str(plain)]) == 0
    height, width = picture_in(plain).shape[:2]
    assert picture.shape == (height, 2 * width, 3)


@pytest.mark.slow
def test_a_photograph_gives_a_picture(run: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    assert main(["render", str(run), "-o", str(photo), "--overlay.no-boxes"]) == 0
    out = tmp_path / "photo-run"

    assert main(["track", str(photo), "-o", str(out)]) == 0

    assert picture_in(out / "overlay.png").shape == picture_in(photo).shape
    assert not (out / "overlay.mp4").exists()
    assert main(["render", str(out)]) == 0
    assert main(["link", str(out)]) == 0
    assert not (out / "overlay.png").exists()  # made of the old tracks


REFUSED = [
    (["--start", "1s"], "a part of a run is drawn into a file of its own"),
    (["--only", "1"], "a part of a run is drawn into a file of its own"),
    (["-o", "x.gif"], "expected a name that ends in .mp4, .png or .jpg"),
    (["-o", "x.mp4", "--only", "7"], "no track 7; there are"),
    (["-o", "x.mp4", "--only", "anna"], "expected track ids such as 1,3, got 'anna'"),
    (["-o", "x.mp4", "--start", "1h"], "there is no frame between these times"),
    (["-o", "x.png", "--start", "1h"], "there is no frame between these times"),
    (["-o", "run/tracks.parquet"], "expected a name that ends in"),
    (["-o", "run/overlay.mp4"], "belongs to the run itself"),
]
"""Words, and a part of the line that says why."""


def test_what_cannot_be_drawn_is_refused(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    for words, message in REFUSED:
        assert main(["render", "run", *words]) == 2
        assert message in capsys.readouterr().err

    assert not [*tmp_path.glob("x.*")]


class FakeTk:
    """A Tk whose window is closed by its user after some pictures."""

    class TclError(Exception):
        """As tkinter's."""

    def __init__(self, closed_after: int) -> None:
        self.left = closed_after

    def Tk(self) -> Any:
        return SimpleNamespace(title=str, update=self.update, destroy=lambda: None)

    def update(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.TclError

    def Label(self, root: Any) -> Any:
        return SimpleNamespace(pack=lambda: None, configure=lambda image: None)

    def PhotoImage(self, **given: Any) -> bytes:
        assert given["data"].startswith(b"P6")
        return bytes(given["data"])


@pytest.mark.parametrize(("closed_after", "seen"), [(99, 3), (2, 2)])
def test_frames_are_shown_until_the_window_is_closed(
    closed_after: int, seen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", FakeTk(closed_after))
    frames = [(np.zeros((8, 8, 3), np.uint8), time / 1000) for time in range(3)]

    assert len([*shown(iter(frames), title="walk")]) == seen


def test_without_tk_or_a_screen_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = (np.zeros((8, 8, 3), np.uint8), 0.0)
    fake = FakeTk(1)

    def no_screen() -> None:
        raise fake.TclError

    monkeypatch.setitem(sys.modules, "tkinter", fake)
    monkeypatch.setattr(fake, "Tk", no_screen)
    with pytest.raises(InputError, match="--show needs a screen, and there is none here"):
        next(shown(iter([frame]), title="walk"))
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(InputError, match="--show needs Tk, which this Python lacks"):
        next(shown(iter([frame]), title="walk"))


def test_a_heat_map_glows_where_people_were() -> None:
    heat, canvas = HeatMap((96, 160)), np.full((96, 160, 3), 50, np.uint8)
    heat.draw(canvas)
    assert (canvas == 50).all()

    heat.add(np.array([[60, 10, 100, 80], [np.nan] * 4, [500, 0, 600, 10]], np.float32))
    heat.draw(canvas)

    assert canvas[80, 80].sum() > canvas[20, 20].sum()
    assert (canvas[5, 5] == 50).all()


def test_the_video_itself_is_never_drawn_over(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "clip.mp4"
    before = video.read_bytes()
    (tmp_path / "link.mp4").symlink_to(video)

    for name in ("clip.mp4", "link.mp4"):
        assert main(["render", str(run), "-o", str(tmp_path / name)]) == 2
        assert "belongs to the video that is drawn over" in capsys.readouterr().err

    assert video.read_bytes() == before
