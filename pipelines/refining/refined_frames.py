"""A whole chain of refiners along a video: first those of heatmaps, then those of joints."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from posetube.errors import InputError
from posetube.heatmap_refining import FlowConfig
from posetube.skeletons import Skeleton
from posetube.structures import FramePoses

from ...models3d.checkpoints.model_files import shipped_refiner
from ...models3d.refiners.flow_sources import flow_source
from ...models3d.refiners.flow_vote import vote
from ...models3d.refiners.pooling import MapPool
from ...models3d.refiners.refine_maps import MapRefiner, refine_maps
from ...tracker.refiners.refine import refine_frames, with_raw
from ...tracker.refiners.refine_config import RefineConfig, RefinerName
from .drawn_maps import MapSource, drawn_maps
from .flowing_poses import flowing_poses


def refined_frames(
    frames: Iterable[FramePoses],
    *,
    config: RefineConfig,
    skeleton: Skeleton,
    cuts: Sequence[int] = (),
    maps: MapSource | None = None,
) -> Iterator[FramePoses]:
    """Refine the joints of everybody, frame by frame.

    Args:
        frames: Linked people in rising order, with finite times.
        config: Which refiners, and how strongly they work; with none nothing changes.
        skeleton: The joints.
        cuts: Index of the first frame of each new scene, where a track may go on across it.
        maps: Where heatmaps come from; None: nowhere.

    Yields:
        The same frames and rows, with what the joints were before.

    Raises:
        InputError: If a refiner needs the video, and there is none.
    """
    if not config.refiners:
        yield from frames
        return
    frames = map(with_raw, frames)
    if config.of_video:
        if maps is None:
            raise InputError(f"the refiner {config.of_video[0]} needs the video")
        by_video = _by_heatmaps if config.of_heatmaps else _by_vote
        frames = by_video(frames, config, maps, cuts)
    yield from refine_frames(frames, config=config, skeleton=skeleton, cuts=cuts)


def _by_vote(
    frames: Iterable[FramePoses], config: RefineConfig, maps: MapSource, cuts: Sequence[int]
) -> Iterator[FramePoses]:
    moving = flowing_poses(frames, maps, flow_source(FlowConfig(source="farneback")))
    return vote(moving, config=config.flow_vote, max_gap=config.max_gap, cuts=cuts)


def _by_heatmaps(
    frames: Iterable[FramePoses],
    config: RefineConfig,
    maps: MapSource,
    cuts: Sequence[int],
) -> Iterator[FramePoses]:
    names = config.of_heatmaps
    assert maps.model is not None, "heatmaps are asked of a source without a network"
    joints = maps.model.network.skeleton
    flow = flow_source(config.flow) if "flow" in names else None
    tubes = names[0] == "tubes"
    mapped = drawn_maps(frames, maps, flow=flow, asked_by=names[0], overlapping=tubes)
    for name in names[1:] if tubes else names:
        refiner = heatmap_refiner(name, config, joints=joints)
        mapped = refine_maps(mapped, refiner, max_gap=config.max_gap, cuts=cuts)
    return (frame.with_joints() for frame in mapped)


def heatmap_refiner(name: RefinerName, config: RefineConfig, *, joints: Skeleton) -> MapRefiner:
    """The refiner of heatmaps of a name, as the settings have it.

    Raises:
        InputError: If its file is not named, or is for other joints.
        WeightsError: If its file is missing or refused.
    """
    if name in ("lstm", "pool", "learned"):
        from ...models3d.refiners.learned import open_refiner

        return open_refiner(_weights_of(name, config), joints=joints)
    if name == "flow":
        return MapPool(past=config.flow.past, future=config.flow.future, by_flow=True)
    return MapPool(past=config.still.past, future=config.still.future)


def _weights_of(name: RefinerName, config: RefineConfig) -> Path:
    """The file of a refiner that was trained."""
    if name != "learned":
        return shipped_refiner(name)
    if config.learned.weights is None:
        raise InputError(
            "the refiner learned needs the file of a trained one: --refine.learned.weights"
        )
    return Path(config.learned.weights)
