"""The stage that writes ``report.html``: a page that shows the run and opens from disk."""

from collections.abc import Mapping
from typing import Any

from ..tracking.stage_work import StageWork
from .run_page import SeenVideo, run_page


def write_report(work: StageWork) -> Mapping[str, Any]:
    """Write the page of a run; without pictures of people where its video cannot be read.

    Raises:
        Interrupted: If somebody asked to stop; an old report stays.
        FormatError: If the tracks, or the detections, are missing or damaged.
    """
    record = work.record
    record.begin(total=record.manifest.frames.done)

    def progress(done: int) -> None:
        record.progress(done)
        record.interrupt.check()

    seen = SeenVideo()
    page = run_page(record.run, record.manifest, seen=seen, video=work.video, progress=progress)
    if seen.problem:
        record.say(f"the report has no pictures of people: {seen.problem}")
    work.files[record.run.report.name].write_text(page, encoding="utf-8")
    return {}
