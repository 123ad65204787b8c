"""Size of a report, and how soon a browser paints it: walking figures, packed as a run's are.

python -m benchmarks.report_page --record

Needs Chromium and Playwright. ``first_paint_s`` is the browser's first contentful paint,
``timeline_s`` when lanes and tables are there, ``ready_s`` when people are drawn; all from the
start of loading from disk.
"""

import argparse
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.recording import RESULTS, write_record
from posetube.pipelines.reporting.packed_tracks import pack_times, pack_tracks
from posetube.pipelines.reporting.page_file import build_page
from posetube.pipelines.reporting.report_facts import ReportFacts, person_facts
from posetube.skeletons import COCO19, side_of
from posetube.structures import FrameTable, VideoTracks

RATE = 30.0
SIZE = (720, 1280)


def walkers(*, people: int, frames: int, seen: float) -> VideoTracks:
    """People who sway about, each in one stretch of the video; seed 0.

    Args:
        people: How many.
        frames: How many frames the video has.
        seen: Share of the frames in which each is, in (0, 1].
    """
    random, joints = np.random.default_rng(0), len(COCO19)
    length = max(1, round(seen * frames))
    starts = random.integers(0, frames - length + 1, people)
    frame = (starts[:, None] + np.arange(length)).ravel()
    moment = frame[:, None, None] / RATE
    rows = len(frame)

    def each(low: float, high: float, *shape: int) -> np.ndarray:
        """One number per person, for all of its rows."""
        return np.repeat(random.uniform(low, high, (people, *shape)), length, axis=0)

    way = np.cumsum(random.normal(0, 0.8, (rows, 1, 2)), axis=0)
    sway = each(5, 30, joints, 2) * np.sin(moment * each(2, 8, joints, 2))
    noise = random.normal(0, 0.5, (rows, joints, 2))
    keypoints = (way + each(100, 600, 1, 2) + each(-60, 60, joints, 2) + sway + noise) % 4000
    order = np.argsort(frame, kind="stable")
    scores = np.clip(random.normal(0.8, 0.05, (rows, joints)), 0, 1).astype(np.float32)
    return VideoTracks(
        source="walkers",
        size=SIZE,
        skeleton=COCO19,
        frames=FrameTable(times=np.arange(frames) / RATE),
        frame=frame[order],
        track_ids=np.repeat(np.arange(people), length)[order],
        boxes=np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1)[order].astype(
            np.float32
        ),
        scores=np.full(rows, 0.9, np.float32),
        keypoints=keypoints[order].astype(np.float32),
        keypoint_scores=scores,
    )


def page_of(tracks: VideoTracks) -> str:
    """The page of tracks without a run: no video, no pictures."""
    facts = ReportFacts(
        name=tracks.source,
        path="",
        size=SIZE,
        sources=[],
        frames=len(tracks.frames),
        numbers=[],
        first_time=0.0,
        lost=[],
        cuts=[],
        joints=COCO19.joints,
        sides=[side_of(joint) for joint in COCO19.joints],
        edges=[(a, b) for a, b in COCO19.edge_indices.tolist()],
        people=person_facts(tracks),
        links=[],
        summary={"State": "complete"},
        settings={},
        warnings=(),
        corrections=[],
    )
    return build_page(
        "report",
        facts=msgspec.json.encode(facts),
        times=pack_times(tracks),
        packed=pack_tracks(tracks),
    )


def measured(browser: Any, page: str, folder: Path) -> dict[str, float]:
    """Load a page from disk; seconds until it is painted, and until it can be used."""
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(path.as_uri(), wait_until="commit")
    tab.wait_for_selector("body[data-ready]", timeout=120_000)
    ready = tab.evaluate("performance.now()") / 1000
    marks = dict(tab.evaluate("performance.getEntries().map((one) => [one.name, one.startTime])"))
    tab.close()
    first, timeline = (marks[name] / 1000 for name in ("first-contentful-paint", "timeline"))
    seconds = {"first_paint_s": first, "timeline_s": timeline, "ready_s": ready}
    return {name: round(value, 2) for name, value in seconds.items()}


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    cases = {
        "4 people, 10 minutes": {"people": 4, "frames": 18_000, "seen": 1.0},
        "200 tracks, 20000 frames, a tenth seen": {"people": 200, "frames": 20_000, "seen": 0.1},
        "200 tracks, 20000 frames, half seen": {"people": 200, "frames": 20_000, "seen": 0.5},
    }
    numbers: dict[str, Any] = {}
    with TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, case in cases.items():
            tracks = walkers(**case)  # type: ignore[arg-type]
            begin = time.monotonic()
            page = page_of(tracks)
            made = round(time.monotonic() - begin, 2)
            size = {"megabytes": round(len(page) / 1e6, 2), "made_s": made}
            numbers[name] = {**size, **measured(browser, page, Path(folder))}
            print(name, numbers[name])
        browser.close()
    if arguments.record:
        write_record(RESULTS / "report_page.json", {"cases": numbers})


if __name__ == "__main__":
    main()
