"""Detections of a video together with what refiners of heatmaps will ask for later."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import tee

from posetube.errors import InputError
from posetube.structures import DetectedFrame

from ...datasets.video import Video
from ..loaded_model import LoadedModel
from ..settings import TrackConfig
from ..tracking.clip_window import detect_video
from ..tracking.given_boxes import GivenBoxes
from .drawn_maps import MapSource
from .kept_maps import keeping_maps


def detected_with_maps(
    video: Video,
    model: LoadedModel,
    *,
    config: TrackConfig,
    boxes: GivenBoxes | None = None,
) -> tuple[Iterator[DetectedFrame], MapSource | None]:
    """Find the people of a video, and say where their heatmaps come from.

    Heatmaps are kept until their people are linked, and so are the pictures of a live source. A
    file is read a second time, side by side with the first, where they are not enough.

    Args:
        video: Open.
        model: Finds people.
        config: The settings.
        boxes: Where to look for people; None: the network finds them.

    Returns:
        The frames, and the source of heatmaps if a refiner of the settings needs them.

    Raises:
        InputError: If it needs them, and the network draws none, or linking would hold back all
            pictures of a live source.
    """
    names = config.refine.of_video
    if not names:
        return detect_video(video, model, config=config.detect, boxes=boxes), None
    if video.live and config.link.preset == "offline":
        raise InputError(
            f"{video.source}: the preset offline links when the source has ended, and the refiner "
            f"{names[0]} would need all its pictures then; take the preset online"
        )
    searched = keeping_maps(model, asked_by=names[0]) if config.refine.of_heatmaps else model
    # Refiners come behind linking; tee keeps what they have not asked for yet.
    first, again = tee(video.frames()) if video.live else (None, video.frames())
    found, kept = tee(
        detect_video(video, searched, frames=first, config=config.detect, boxes=boxes)
    )
    linked = (replace(frame, people=replace(frame.people, heatmaps=None)) for frame in found)
    return linked, MapSource(pictures=again, model=model, kept=kept, live=video.live)
