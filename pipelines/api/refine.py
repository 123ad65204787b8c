"""``posetube.refine``: refines the joints of tracks in memory."""

from collections.abc import Sequence
from dataclasses import replace

from posetube.structures import VideoTracks

from ...datasets.people import PeopleSource
from ...tracker.refiners.refine import refine_tracks
from ...tracker.refiners.refine_config import RefineConfig, chain_of
from .load import load


def refine(
    source: PeopleSource,
    refiners: str | RefineConfig | None = None,
    *,
    cuts: Sequence[int] = (),
    video: str | None = None,
) -> VideoTracks:
    """Make the joints of tracks steadier; nothing is written.

    Args:
        source: Tracks in memory, or what :func:`posetube.load` takes; from other programs, too.
            Frames need times.
        refiners: Names separated by commas, ``"fill-gaps,kalman"``, or a configuration; None: the
            default.
        cuts: Index of the first frame of each new scene, for tracks that go on across cuts.
        video: Which of several videos; None: the only one.

    Returns:
        The same people. ``keypoints_raw`` has the joints as they were.

    Raises:
        InputError: If there is no such refiner or file, or frames have no times.

    Examples:
        >>> steady = refine("alphapose-results.json", "kalman")       # doctest: +SKIP
    """
    config = as_chain(refiners)
    tracks = source if isinstance(source, VideoTracks) else load(source, video=video)
    return refine_tracks(tracks, config=config, cuts=cuts)


def as_chain(refiners: str | RefineConfig | None, *, default: str | None = None) -> RefineConfig:
    """The configuration that an argument means.

    Args:
        refiners: Names separated by commas, ``none``, or a configuration.
        default: What None means; None: the default of the configuration.

    Raises:
        InputError: If there is no refiner of a name.
    """
    if isinstance(refiners, RefineConfig):
        return refiners
    words = default if refiners is None else refiners
    return RefineConfig() if words is None else replace(RefineConfig(), refiners=chain_of(words))
