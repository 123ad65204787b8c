"""How the picture moved from frame to frame, beside its people."""

from collections.abc import Iterable, Iterator

from posetube.structures import FramePoses

from ...models3d.refiners.flow_sources import FlowSource
from ...models3d.refiners.flow_vote import FlowingPoses
from .drawn_maps import MapSource, with_pictures


def flowing_poses(
    people: Iterable[FramePoses], source: MapSource, flow: FlowSource
) -> Iterator[FlowingPoses]:
    """The people of every frame, with the flow since the frame before where both have pictures.

    Args:
        people: Linked, in rising order of frames.
        source: The pictures.
        flow: Says how the picture moves.
    """
    for item in with_pictures(people, source, always=True):
        step = None
        if item.before is not None and item.frame is not None:
            step = flow.between(item.before, item.frame)
        yield FlowingPoses(poses=item.poses, flow=step)
