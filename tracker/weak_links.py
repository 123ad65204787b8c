"""The weakest links of a video's tracks: where an id most likely went over to somebody else."""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.structures import VideoTracks


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Two neighbouring rows of a track, and how clear it was that they are one person."""

    track_id: int
    """Whose."""

    frames: tuple[int, int]
    """Index of the frame before the link, and of the one after."""

    times: tuple[float, float]
    """Their presentation times, seconds."""

    cost: float
    """What the link cost."""

    gate: float
    """The cost from which it would not have been made."""

    margin: float
    """How much dearer the runner-up was; inf: there was none; negative: it was cheaper."""


def weakest_links(tracks: VideoTracks, *, count: int = 20) -> list[Link]:
    """The most doubtful links, most doubtful first.

    A link is as sure as its cost was far from another decision: to link otherwise (the margin), or
    not at all (the gate less the cost).

    Args:
        tracks: With margins; costs and gates make the judgement better.
        count: How many at most.

    Raises:
        InputError: If the tracks have no margins.
    """
    if tracks.link_margins is None:
        raise InputError(f"{tracks.source}: the tracks keep no margins; link the run again")
    order = np.lexsort((tracks.frame, tracks.track_ids))
    before, after = order[:-1], order[1:]
    linked = (tracks.track_ids[before] == tracks.track_ids[after]) & (tracks.track_ids[after] >= 0)
    linked &= ~np.isnan(tracks.link_margins[after])
    before, after = before[linked], after[linked]
    unknown = np.full(len(tracks.frame), np.nan, np.float32)
    costs = unknown if tracks.link_costs is None else tracks.link_costs
    gates = unknown if tracks.link_gates is None else tracks.link_gates
    clearance = np.fmin(tracks.link_margins[after], gates[after] - costs[after])
    weakest = np.lexsort((tracks.track_ids[after], tracks.frame[after], clearance))[:count]
    times = tracks.frames.times
    return [
        Link(
            track_id=int(tracks.track_ids[two]),
            frames=(int(tracks.frame[one]), int(tracks.frame[two])),
            times=(float(times[tracks.frame[one]]), float(times[tracks.frame[two]])),
            cost=float(costs[two]),
            gate=float(gates[two]),
            margin=float(tracks.link_margins[two]),
        )
        for one, two in zip(before[weakest], after[weakest], strict=True)
    ]
