"""Does a later stage of a finished run again: links with other settings, draws again."""

from dataclasses import replace

from ...tracker.config import LinkConfig
from ..settings import OverlayConfig
from ..storage.run_directory import RunDirectory
from ..watch import Watch
from .run_session import open_session, summary
from .run_video import run_video


def link_again(
    run: RunDirectory,
    config: LinkConfig,
    *,
    min_joint: float | None = None,
    watch: Watch | None = None,
) -> str:
    """Link a run's detections with other settings; what was made of the old tracks is removed.

    Args:
        run: The run.
        config: How detections become tracks.
        min_joint: How sure a joint must be, in [0, 1]; None: as the run has it.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Returns:
        A line that says what came out.

    Raises:
        InputError: If this is no run, or not all of its frames were looked at.
        FormatError: If a part of its detections is missing or damaged; the old tracks stay.
        Interrupted: If somebody asked to stop; the old tracks stay.
    """
    with open_session(run, watch=watch) as session:
        kept = session.settings.min_joint if min_joint is None else min_joint
        session.settings = replace(session.settings, link=config, min_joint=kept)
        names = ["link", *session.after_linking()]
        return summary(run, session.run_stages(*names, anew=True), stages=names)


def render_again(
    run: RunDirectory,
    config: OverlayConfig,
    *,
    watch: Watch | None = None,
) -> str:
    """Draw a run's tracks over its video.

    Returns:
        A line that says where the overlay is.

    Raises:
        InputError: If this is no run, it is not linked yet, or the video is another one by now.
        MediaError: If the video cannot be read.
        Interrupted: If somebody asked to stop; an old overlay stays.
    """
    with open_session(run, watch=watch) as session:
        session.require("link")  # before the video, which may not be there any more
        session.settings = replace(session.settings, overlay=config)
        frames = session.settings.video
        with run_video(run, session.manifest, config=frames, needed="to draw over") as video:
            drawn = session.run_stages("render", anew=True, video=video)
            return summary(run, drawn, stages=["render"])
