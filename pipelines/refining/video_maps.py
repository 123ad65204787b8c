"""Detections of a video together with what refiners of heatmaps will ask for later."""

from collections.abc import Iterator

from posetube.errors import InputError
from posetube.structures import DetectedFrame

from ...datasets.video import Video
from ..loaded_model import LoadedModel
from ..settings import TrackConfig
from ..tracking.clip_window import detect_video
from ..tracking.given_boxes import GivenBoxes
from .drawn_maps import MapSource
from .kept_maps import KeptMaps, keeping_maps
from .kept_pictures import KeptPictures


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
    keeping, kept = model, KeptMaps()
    if config.refine.of_heatmaps:
        keeping = keeping_maps(model, asked_by=names[0])
    if not video.live:
        found = detect_video(video, keeping, config=config.detect, boxes=boxes)
        maps = MapSource(pictures=video.frames(), model=model, kept=kept.frames())
        return kept.taken_from(found), maps
    if config.link.preset == "offline":
        raise InputError(
            f"{video.source}: the preset offline links when the source has ended, and the refiner "
            f"{names[0]} would need all its pictures then; take the preset online"
        )
    seen = KeptPictures(video.frames())
    found = detect_video(video, keeping, frames=seen.passing(), config=config.detect, boxes=boxes)
    return kept.taken_from(found), MapSource(
        pictures=seen.again(), model=model, kept=kept.frames(), live=True
    )
