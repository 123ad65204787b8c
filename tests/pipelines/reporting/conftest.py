"""Runs with a report, and a real browser that looks at it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posetube.datasets.video import VideoConfig
from posetube.datasets.video.inputs import find_inputs
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.settings import DetectConfig, TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking.track_input import TrackTask, track_input
from tests.pipelines.conftest import ClipMaker, MaskFinder, SquareFinder

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def make_run(make_clip: ClipMaker, make_model: Callable[..., LoadedModel]) -> Callable[..., Path]:
    """Tracks a clip of two squares, with a report: ``make_run("a.mp4", frames=12)``."""

    def make(
        name: str = "clip.mp4",
        *,
        frames: int = 12,
        out: str = "run",
        every: int = 1,
        end: float | None = None,
        masks: bool = False,
    ) -> Path:
        clip = make_clip(name, frames=frames)
        folder = clip.parent / out
        config = TrackConfig(
            video=VideoConfig(every=every, end=end),
            detect=DetectConfig(masks=masks),
            overlay=None,
            report=True,
        )
        model = make_model(finder=MaskFinder if masks else SquareFinder)
        item = find_inputs([str(clip)])[0]
        track_input(TrackTask(item=item, run=RunDirectory(folder), config=config), model)
        return folder

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


class Page:
    """A page in the browser, and what went wrong in it."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1200, "height": 900})
        self.errors: list[str] = []
        self.page.on("console", lambda said: self.errors.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self.note_dialog)

    def note_dialog(self, dialog: Any) -> None:
        """A dialog that nobody asked for."""
        self.errors.append(f"dialog: {dialog.message}")

    def open(self, url: str) -> None:
        """Open a report and wait until it shows a frame."""
        self.page.goto(url)
        self.page.wait_for_selector("body[data-ready]", timeout=20_000)

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def colour_at(self, x: float, y: float) -> list[int]:
        """Red, green, blue and opacity, 0 to 255, drawn over a place of the clip's picture."""
        script = """([x, y]) => {
          const canvas = document.getElementById('drawing');
          const place = [x * canvas.width / 160, y * canvas.height / 96].map(Math.round);
          return [...canvas.getContext('2d').getImageData(...place, 1, 1).data];
        }"""
        colour: list[int] = self.page.evaluate(script, [x, y])
        return colour

    def wait_for_frame(self, frame: int) -> None:
        """Wait until the browser shows a frame of the video, and the page says so."""
        self.wait(
            f"""document.getElementById('video').dataset.presented === '{frame}' &&
            document.getElementById('moment').textContent.startsWith('frame {frame},')"""
        )

    def wait(self, condition: str) -> None:
        """Wait until an expression is true; the page's policy forbids the driver's own way."""
        for _ in range(1000):
            if self.run(condition):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"never true: {condition}")


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    opened = Page(browser)
    yield opened
    opened.page.close()
