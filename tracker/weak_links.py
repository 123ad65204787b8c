"""Lists the weakest links of a video's tracks: where an id may have jumped to another person."""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.structures import VideoTracks


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakLink:
    """Two successive rows of a track, and how clear it was that they are one person."""

    track_id: int
    """Id of the track."""

    frames: tuple[int, int]
    """Index of the frame before the link and of the frame after it."""

    times: tuple[float, float]
    """Their presentation times, seconds."""

    cost: float
    """Cost of the link, in [0, 1]; NaN if not known."""

    gate: float
    """The link was allowed only below this cost; NaN if not known."""

    margin: float
    """Cost of the runner-up less that of the link: inf if there was none, negative if the runner-up
    was cheaper."""


def weakest_links(tracks: VideoTracks, *, count: int = 20) -> list[WeakLink]:
    """List the most doubtful links, most doubtful first.

    A link is doubtful if a small change of cost would have led to another decision: another link
    (the margin), or none (the gate less the cost). The smaller of the two counts.

    Args:
        tracks: Tracks with link margins; costs and gates are used too if present.
        count: Number of links at most.

    Raises:
        InputError: If the tracks have no link margins.
    """
    if tracks.link_margins is None:
        raise InputError(f"{tracks.source}: the tracks have no link margins; link the run again")
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
        WeakLink(
            track_id=int(tracks.track_ids[two]),
            frames=(int(tracks.frame[one]), int(tracks.frame[two])),
            times=(float(times[tracks.frame[one]]), float(times[tracks.frame[two]])),
            cost=float(costs[two]),
            gate=float(gates[two]),
            margin=float(tracks.link_margins[two]),
        )
        for one, two in zip(before[weakest], after[weakest], strict=True)
    ]
