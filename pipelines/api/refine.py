"""``posetube.refine``: refines the joints of tracks in memory."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from posetube.errors import InputError
from posetube.structures import VideoTracks

from ...datasets.people import PeopleSource
from ...datasets.video import Video
from ...tracker.refiners.refine import refine_tracks
from ...tracker.refiners.refine_config import RefineConfig, chain_of
from ..assumed_times import with_times
from ..loaded_model import LoadedModel, as_loaded
from ..refining.drawn_maps import MapSource
from ..refining.refined_frames import refined_frames
from ..settings import DetectConfig
from ..tracking.given_boxes import checked_times
from .load import load
from .open_source import VideoSource, open_source

log = logging.getLogger(__name__)


def refine(
    source: PeopleSource,
    refiners: str | RefineConfig | None = None,
    *,
    cuts: Sequence[int] = (),
    frame_rate: float = 25.0,
    video: str | None = None,
    pictures: VideoSource | None = None,
    times: Iterable[float] | None = None,
    model: str | LoadedModel = "tiny",
) -> VideoTracks:
    """Make the joints of tracks steadier; nothing is written.

    Args:
        source: Tracks in memory, or what :func:`posetube.load` takes; from other programs, too.
        refiners: Names separated by commas, ``"fill-gaps,kalman"``, or a configuration; None: the
            default.
        cuts: Index of the first frame of each new scene, for tracks that go on across cuts.
        frame_rate: Frames per second, for tracks that have no times; logged where it is assumed.
        video: Which of several videos; None: the only one.
        pictures: The video itself, as for :func:`posetube.track`, for refiners of heatmaps
            or flow (``still``, ``flow``, ``flow-vote``); frames are matched by index.
        times: As for :func:`posetube.track`.
        model: The network that draws heatmaps for them.

    Returns:
        The same people. ``keypoints_raw`` has the joints as they were.

    Raises:
        InputError: If there is no such refiner or file, the frame rate is not positive, a refiner
            of heatmaps is given no pictures, the pictures are those of another video, or the
            network has other joints.

    Examples:
        >>> steady = refine("alphapose-results.json", "kalman")       # doctest: +SKIP
    """
    config = as_chain(refiners)
    tracks = source if isinstance(source, VideoTracks) else load(source, video=video)
    tracks, notes = with_times(tracks, frame_rate=frame_rate)
    for note in notes:
        log.warning("%s: %s", tracks.source, note)
    if not config.of_video:
        return refine_tracks(tracks, config=config, cuts=cuts)
    if pictures is None:
        works = "heatmaps" if config.of_heatmaps else "the optical flow"
        raise InputError(
            f"refine: {config.of_video[0]} works on {works}; give the video as pictures="
        )
    with open_source(pictures, times=times, config=None) as opened:
        _check_video(tracks, opened)
        frames = checked_times(
            opened.frames(), None if notes else tracks.frames.times, where=tracks.source
        )
        drawer = _drawer(tracks, model) if config.of_heatmaps else None
        maps = MapSource(pictures=frames, model=drawer)
        return refine_tracks(
            tracks, config=config, cuts=cuts, chain=partial(refined_frames, maps=maps)
        )


def _check_video(tracks: VideoTracks, video: Video) -> None:
    """Refuse a video whose pictures cannot be those that the tracks were found in."""
    if tracks.size is not None and tracks.size != video.size:
        theirs, ours = ("{1} x {0}".format(*size) for size in (tracks.size, video.size))
        raise InputError(
            f"refine: {tracks.source} has people in pictures of {theirs}, {video.source} has {ours}"
        )
    last = int(tracks.frame.max(initial=-1))
    if video.expected is not None and last >= video.expected:
        raise InputError(
            f"refine: {tracks.source} has people in frame {last}, counted from 0; {video.source} "
            f"has {video.expected} frames"
        )


def _drawer(tracks: VideoTracks, model: str | LoadedModel) -> LoadedModel:
    loaded = as_loaded(model, device="auto", detect=DetectConfig())
    if loaded.network.skeleton != tracks.skeleton:
        raise InputError(
            f"refine: {loaded.record.name} finds the joints {loaded.network.skeleton.name}, "
            f"the tracks of {tracks.source} have {tracks.skeleton.name}"
        )
    return loaded


def as_chain(refiners: str | RefineConfig | None, *, default: str | None = None) -> RefineConfig:
    """The configuration that an argument means.

    Args:
        refiners: Names separated by commas, ``none``, or a configuration.
        default: What None means; None: the default of the configuration.

    Raises:
        InputError: If there is no refiner of a name, or the argument is of another type.
    """
    if isinstance(refiners, RefineConfig):
        return refiners
    words = default if refiners is None else refiners
    if words is not None and not isinstance(words, str):
        kind = type(words).__name__
        raise InputError(
            f"expected refiners as text, such as 'median,kalman', or a RefineConfig, got {kind}"
        )
    return RefineConfig() if words is None else replace(RefineConfig(), refiners=chain_of(words))
