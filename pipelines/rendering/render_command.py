"""``posetube render RUN``: draws a run's tracks over its video, all of it or a part."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import check_target
from posetube.errors import InputError
from posetube.quantities import Seconds
from posetube.structures.summaries import counted

from ..interrupt import catching_interrupts
from ..progress import ProgressKind
from ..settings import OverlayConfig
from ..storage.run_directory import RunDirectory
from ..tracking.run_again import render_again
from ..watch import watching
from .draw_part import draw_part
from .drawn_file import PICTURES

OVERLAY = OverlayConfig()


def render_command(
    run: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    start: Seconds | None = None,
    end: Seconds | None = None,
    only: str | None = None,
    show: bool = False,
    overlay: OverlayConfig = OVERLAY,
    progress: ProgressKind = "auto",
) -> int:
    """Draw a run's tracks over its video again.

    Args:
        run: A run's directory.
        out: Another file than the run's overlay: .mp4, or .png for the first of the frames.
        start: Where to begin, in the run's times; with --out or --show.
        end: Where to stop.
        only: Whom to draw, by track id: 1,3.
        show: Show the frames in a window while they are drawn; needs a screen.
        overlay: What the overlay looks like.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
    """
    directory = RunDirectory(run)
    chosen = None if only is None else parse_ids(only)
    if out is None and not show:
        if start is not None or end is not None or chosen is not None:
            raise InputError("a part of a run is drawn into a file of its own: name it with -o")
        with watching(progress) as watch:
            line = render_again(directory, overlay, watch=watch)
        print(line)  # noqa: T201
        return 0
    if out is not None:
        check_target(out)
        check_ending(out)
    with catching_interrupts() as interrupt:
        count = draw_part(
            directory,
            overlay,
            out=out,
            start=start,
            end=end,
            only=chosen,
            show=show,
            interrupt=interrupt,
        )
    print(counted(count, "frame") + (f" -> {out}" if out else ""))  # noqa: T201
    return 0


def parse_ids(text: str) -> list[int]:
    """Read track ids, ``1,3``.

    Raises:
        InputError: If they are none.
    """
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"expected track ids such as 1,3, got {text!r}") from None


def check_ending(out: Path) -> None:
    """Refuse a file that is neither a video nor a picture by its name.

    Raises:
        InputError: If so.
    """
    if out.suffix.lower() not in (".mp4", *PICTURES):
        raise InputError(f"{out}: expected a name that ends in .mp4, .png or .jpg")
