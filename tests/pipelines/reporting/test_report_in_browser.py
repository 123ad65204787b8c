"""The report in a real browser: it opens from disk, seeks, draws in the right place, filters."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.pipelines.cli import main
from posetube.pipelines.rendering.painter import colour_of
from tests.pipelines.conftest import SQUARE
from tests.pipelines.reporting.conftest import Page

HOSTILE = "a<img src=x onerror=alert(1)>'\"<script>alert(2)<_script>&#x26;.mp4"


@pytest.mark.slow
def test_a_report_opens_from_disk_and_shows_the_frame_that_is_asked_for(
    page: Page, make_run: Callable[..., Path]
) -> None:
    run = make_run()

    page.open((run / "report.html").as_uri())
    page.page.keyboard.press("End")
    page.wait_for_frame(11)
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowLeft")
    page.wait_for_frame(9)

    assert page.page.inner_text("#moment") == "frame 9, 0.360 s"
    assert page.page.title() == "clip - posetube"
    assert page.page.locator("#lane-names button").count() == 2
    assert page.errors == []


@pytest.mark.slow
def test_people_are_drawn_where_they_are_and_clicks_select_them(
    page: Page, make_run: Callable[..., Path]
) -> None:
    page.open((make_run() / "report.html").as_uri())
    page.run("report.seek(10)")
    page.wait_for_frame(10)
    for layer in ("skeletons", "names", "trails"):
        page.page.uncheck(f"#show-{layer}")

    left = 2 * 10  # of the red square, which is 10 pixels from the top

    def is_drawn(x: float, y: float) -> bool:
        return page.colour_at(x, y)[3] > 100

    middle = 10 + SQUARE / 2
    assert is_drawn(left, middle)
    assert is_drawn(left + SQUARE, middle)
    assert not is_drawn(left + SQUARE / 2, middle)
    assert not is_drawn(left - 4, middle)
    box = page.page.locator("#drawing").bounding_box()
    x, y = (left + SQUARE / 2) / 160 * box["width"], middle / 96 * box["height"]
    page.page.locator("#drawing").click(position={"x": x, "y": y})
    name = page.page.inner_text("#person-title").strip()
    page.page.check("#show-only")
    page.page.uncheck("#show-boxes")

    assert re.fullmatch(r"Track \d", name)
    assert is_drawn(left, middle)  # the selected one keeps its box
    assert page.page.locator("#person-body .plot").count() > 2


@pytest.mark.slow
def test_masks_tint_people_in_their_colour(page: Page, make_run: Callable[..., Path]) -> None:
    page.open((make_run(masks=True) / "report.html").as_uri())
    page.run("report.seek(10)")
    page.wait_for_frame(10)
    for layer in ("boxes", "skeletons", "names", "trails"):
        page.page.uncheck(f"#show-{layer}")
    y = 10 + SQUARE / 2  # of the red square; its left half is the mask
    inside, outside = 2 * 10 + SQUARE / 4, 2 * 10 + 3 * SQUARE / 4

    tint, beside = page.colour_at(inside, y), page.colour_at(outside, y)
    page.page.keyboard.press("a")
    off = page.colour_at(inside, y)
    page.page.keyboard.press("a")
    page.page.check("#show-only")  # nobody is selected

    assert min(math.dist(tint[:3], colour_of(number)) for number in (1, 2)) < 4
    assert abs(tint[3] - 128) <= 1
    assert beside == off == page.colour_at(inside, y) == [0, 0, 0, 0]


def test_without_masks_there_is_nothing_to_switch(
    page: Page, make_run: Callable[..., Path]
) -> None:
    page.open((make_run(frames=3) / "report.html").as_uri())

    assert not page.page.locator("#show-masks").is_visible()
    assert page.page.locator("#show-boxes").is_visible()


def test_playing_stops_where_the_run_ends(page: Page, make_run: Callable[..., Path]) -> None:
    page.open((make_run(end=0.2) / "report.html").as_uri())  # 5 of 12 frames

    page.page.keyboard.press("k")
    page.wait("report.player.playing")
    page.wait("!report.player.playing")
    page.wait_for_frame(4)

    assert page.run("document.getElementById('video').currentTime") < 0.2
    assert page.errors == []


def test_people_have_the_colours_of_the_overlay(page: Page, make_run: Callable[..., Path]) -> None:
    page.open((make_run() / "report.html").as_uri())

    colours = page.run("[1, 2, 3, 6, 7, 40].map(colourOf)")

    assert colours == ["#{:02x}{:02x}{:02x}".format(*colour_of(n)) for n in (1, 2, 3, 6, 7, 40)]


def test_filters_leave_the_people_and_events_that_fit(
    page: Page, make_run: Callable[..., Path]
) -> None:
    page.open((make_run() / "report.html").as_uri())

    page.page.fill("#find", "1")
    assert page.page.locator("#lane-names button").count() == 1
    page.page.fill("#find", "")
    page.page.fill("#least", "9")
    assert page.page.inner_text("#shown") == "0 of 2 people"
    events = page.page.locator("#event-table tbody tr").count()
    page.page.uncheck("#event-kinds input")

    assert events == 2  # two short tracks
    assert page.page.locator("#event-table tbody tr").count() == 0


def test_hostile_names_are_shown_and_not_run(page: Page, make_run: Callable[..., Path]) -> None:
    run = make_run(HOSTILE)
    assert main(["edit", str(run), "rename", "1", HOSTILE, "--progress", "none"]) == 0
    assert main(["report", str(run), "--progress", "none"]) == 0

    page.open((run / "report.html").as_uri())

    assert page.run("report.player.source.drawn") is False  # the video plays
    assert HOSTILE in page.page.inner_text("#lane-names")
    assert HOSTILE in page.page.inner_text("#summary")
    assert page.run("document.querySelectorAll('#lanes img, dd *').length") == 0
    assert page.errors == []


def test_the_policy_lets_nothing_in_from_outside(page: Page, make_run: Callable[..., Path]) -> None:
    page.open((make_run() / "report.html").as_uri())

    page.run("fetch('https://example.com/').catch(() => 0)")
    page.run("document.body.append(Object.assign(new Image(), {src: 'https://example.com/a'}))")
    page.run("document.head.append(Object.assign(document.createElement('script'), {text: 'x=1'}))")

    assert len(page.errors) >= 3
    assert all("Content Security Policy" in error for error in page.errors)
    assert page.run("typeof x") == "undefined"


def test_a_folder_of_runs_has_a_table_that_leads_to_them(
    page: Page, make_run: Callable[..., Path]
) -> None:
    folder = make_run("clips/one.mp4", frames=4).parent
    (folder / "two").mkdir()
    (folder / "two" / "run.json").write_text("{}")

    assert main(["report", str(folder), "--progress", "none"]) == 4
    page.page.goto((folder / "report.html").as_uri())

    assert page.page.locator("tbody tr").count() == 2
    assert page.page.inner_text("tbody").count("one") == 1  # the video; the run is called run
    page.page.click("tbody a")
    page.page.wait_for_selector("body[data-ready]")
    assert page.page.inner_text("h1") == "one"
    assert page.errors == []
