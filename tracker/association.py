"""Links one frame's detections to the active tracks, in rounds.

The first round links sure detections. The second links doubtful detections to the tracks that are
left, below a lower cost. Look-alikes come last, sure ones and then doubtful ones: they may be
people or second detections of somebody, and are people where two tracks were side by side already.
Each link keeps its cost, its gate and its margin.
"""

from dataclasses import dataclass

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, Detections, DoubleArray, IntArray

from .active_tracks import ActiveTracks
from .assignment import margins, solve
from .config import LinkConfig
from .duplicates import look_alikes
from .link_cost import link_costs

SECOND_BEST = 0.1
"""A look-alike fits another track better if that one is cheaper by more than this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """For each of M detections, its track and how clear the decision was."""

    tracks: IntArray
    """(M,) row of the track, -1 for none."""

    costs: DoubleArray
    """(M,) cost of the link; NaN without a link, here and below."""

    gates: DoubleArray
    """(M,) the link was allowed only below this cost."""

    margins: DoubleArray
    """(M,) see :func:`posetube.tracker.assignment.margins`."""

    new: BoolArray
    """(M,) which detections start a track."""


def associate(
    active: ActiveTracks,
    people: Detections,
    *,
    similarity: DoubleArray,
    tubes: IntArray,
    skeleton: Skeleton,
    config: LinkConfig,
) -> Links:
    """Link detections to tracks.

    Args:
        active: N tracks, predicted for the detections' time.
        people: M detections.
        similarity: (M, M) see :func:`posetube.tracker.duplicates.likeness`.
        tubes: (M,) number of the network's tube that each detection lies on, -1 for none.
        skeleton: The joints.
        config: Gates and weights.
    """
    track_of = np.full(len(people), -1)
    costs, gates, margin = np.full((3, len(people)), np.nan)
    sure, taken = people.scores >= config.sure_score, np.zeros(len(active), bool)
    anybody, certain = np.ones(len(active), bool), active.certainty >= config.weak_certainty
    present = certain & (active.missed <= 1)
    alike, second = look_alikes(similarity, people.scores)
    cost = link_costs(active, people, sigmas=skeleton.sigmas, config=config)
    # A network that sees several frames at once follows people itself. Its word may make a link
    # cheaper but does not force it: the network is often wrong where people cross.
    if (tubes >= 0).any():
        cost[_same_tube(active.tubes, tubes)] *= 1 - config.tube_trust
    # A second detection of somebody must not take the track of a neighbour who has just left: that
    # track fits nobody here well, and this detection fits another better.
    if second.any():
        gone = cost.min(axis=1, keepdims=True, initial=np.inf) > config.weak_max_cost
        theirs = cost[:, second]
        another = theirs > theirs.min(axis=0, initial=np.inf) + SECOND_BEST
        cost[:, second] = np.where(gone & another, np.inf, theirs)
    # Several rounds, because a doubtful detection next to a person (a shadow, half of a box) must
    # not take the track from the sure one. There a wrong link is more likely, so the gate is
    # stricter and only tracks with good scores so far take part. A look-alike must not wake the
    # track of a neighbour who is hidden.
    rounds = (
        (sure & ~second, anybody, config.max_cost),
        (~sure & ~second, certain, config.weak_max_cost),
        (sure & second, present, config.max_cost),
        (~sure & second, present, config.weak_max_cost),
    )
    for group, open_to, gate in rounds:
        found = np.flatnonzero(group)
        if not len(found):
            continue
        free = np.flatnonzero(~taken & open_to)
        near = cost[np.ix_(free, found)]
        rows, columns = solve(near, limit=gate)
        linked = found[columns]
        track_of[linked] = free[rows]
        taken[free[rows]] = True
        costs[linked], gates[linked] = near[rows, columns], gate
        margin[linked] = margins(near, rows, columns, limit=gate)
    # Beside a person who is followed, a look-alike starts no track. Where both are new, both do.
    doubled = second & alike[:, track_of >= 0].any(axis=1)
    new = (track_of < 0) & sure & ~doubled
    return Links(tracks=track_of, costs=costs, gates=gates, margins=margin, new=new)


def _same_tube(first: IntArray, second: IntArray) -> BoolArray:
    return np.asarray((first[:, None] == second[None]) & (second >= 0)[None])
