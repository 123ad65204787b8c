"""``posetube review``: shows a run in the browser, and takes corrections there."""

import sys
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory

from posetube.errors import InputError

from ..interrupt import catching_interrupts
from ..opened_people import run_of
from ..progress import ProgressKind, showing_progress
from ..storage.run_directory import RunDirectory
from ..tracking.run_session import open_session
from ..watch import Watch
from .report_command import report_run
from .review_run import ReviewRun
from .review_server import ReviewServer


def review_command(
    run: Path, /, *, port: int = 0, browser: bool = True, progress: ProgressKind = "auto"
) -> None:
    """Correct a run in the browser: merge, split, swap, delete and rename tracks by click or key.

    The page is that of `posetube report`, served on this machine only, to whoever has the address
    that is printed. Corrections are those of `posetube edit`, kept with the run, and undone by
    Ctrl-Z. Ctrl-C in the terminal ends it; where tracks changed, the run's report is made again.

    Args:
        run: A run's directory.
        port: Of the address; 0 takes a free one.
        browser: Open the address in the browser.
        progress: Of the report at the end.
    """
    folder = run_of(run)
    if folder is None:
        raise InputError(f"{run} is no run; `posetube track` makes one")
    directory = RunDirectory(folder)
    with open_session(directory) as session:
        session.require("link")
        reported = session.manifest.finished("report")
    with TemporaryDirectory(prefix="posetube-review-") as copies:
        review = ReviewRun(directory, folder=Path(copies))
        _serve(review, port=port, browser=browser)
        review.wait()
    if reported and not directory.read().finished("report"):
        with showing_progress(progress) as listener:
            report_run(directory, anew=True, watch=Watch(listener=listener))


def _serve(review: ReviewRun, *, port: int, browser: bool) -> None:
    """Answer requests until somebody asks to stop.

    Raises:
        InputError: If the port cannot be had.
    """
    try:
        server = ReviewServer(review, port=port)
    except OSError as error:
        raise InputError(f"--port {port} cannot be had: {error.strerror}") from None
    with server, catching_interrupts():
        print(f"{server.guard.address}\nCtrl-C ends it.", flush=True)  # noqa: T201
        if browser:
            webbrowser.open(server.guard.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("", file=sys.stderr)  # noqa: T201  # after the terminal's ^C
