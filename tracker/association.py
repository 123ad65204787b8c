"""One frame's detections linked to the people who are followed, in two rounds.

Sure detections come first; those still followed without one may then be continued, at a stricter
gate, by doubtful detections. What each link cost, its gate and how clearly it won are kept.
"""

from dataclasses import dataclass

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, Detections, IntArray

from .active_tracks import ActiveTracks
from .assignment import margins, solve
from .config import LinkConfig
from .link_cost import link_costs
from .similarity import Doubles


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """For each of M detections, whose it is and how that was decided."""

    tracks: IntArray
    """(M,) row of the track, -1 where there is none."""

    costs: Doubles
    """(M,) cost of the link; NaN where there is none, here and below."""

    gates: Doubles
    """(M,) cost from which it would not have been made."""

    margins: Doubles
    """(M,) see :func:`posetube.tracker.assignment.margins`."""


def associate(
    live: ActiveTracks,
    people: Detections,
    *,
    tubes: IntArray,
    skeleton: Skeleton,
    config: LinkConfig,
) -> Links:
    """Link detections to tracks.

    Args:
        live: N tracks, moved on to the detections' time.
        people: M detections.
        tubes: (M,) number of the network's tube that each lies on, -1 where there is none.
        skeleton: The joints.
        config: Gates and weights.
    """
    track_of = np.full(len(people), -1)
    costs, gates, margin = np.full((3, len(people)), np.nan)
    sure, taken = people.scores >= config.sure_score, np.zeros(len(live), bool)
    anybody, certain = np.ones(len(live), bool), live.certainty >= config.weak_certainty
    rounds = ((sure, anybody, config.max_cost), (~sure, certain, config.weak_max_cost))
    for group, open_to, gate in rounds:
        free, found = np.flatnonzero(~taken & open_to), np.flatnonzero(group)
        if not len(free) or not len(found):
            continue
        cost = link_costs(live[free], people[found], sigmas=skeleton.sigmas, config=config)
        cost[_same_tube(live.tubes[free], tubes[found])] *= 1 - config.tube_trust
        rows, columns = solve(cost, limit=gate)
        linked = found[columns]
        track_of[linked] = free[rows]
        taken[free[rows]] = True
        costs[linked], gates[linked] = cost[rows, columns], gate
        margin[linked] = margins(cost, rows, columns, limit=gate)
    return Links(tracks=track_of, costs=costs, gates=gates, margins=margin)


def _same_tube(first: IntArray, second: IntArray) -> BoolArray:
    return np.asarray((first[:, None] == second[None]) & (second >= 0)[None])
