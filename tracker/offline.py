"""Repairs finished tracks in a second pass, with the whole video known.

The second pass can repair three things that a causal tracker cannot: a person who was away for
longer than the tracker waits, an id that jumped to another person where two met, and short gaps.
It works in six steps:

1. Drop the rows whose link was in doubt.
2. Split the tracks wherever the person is missing in a frame.
3. Join the pieces by one global assignment, which looks at both sides of every gap.
4. Drop tracks that are still too short.
5. Reunite what the tracker had linked, where neither side has found a better partner.
6. Fill short gaps, marked as ``RowState.INTERPOLATED``.

So a track is parted only in favour of another: the tracker, which saw every frame in turn, allowed
the link, and a new id needs somebody who was there before or after.

Not here: how well one piece continues another (:mod:`.continuation`), smoothing (:mod:`.refiners`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.quantities import Seconds
from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray, FloatArray, IntArray, VideoTracks

from .assignment import solve_pairs
from .continuation import ends, meeting_costs, pose_costs, unlikeness
from .interpolation import interpolate_gaps
from .tracklets import Rows, mean_looks, scenes, unbroken


@dataclass(frozen=True, kw_only=True, slots=True)
class OfflineConfig:
    """How finished tracks are repaired."""

    min_margin: float = 0.05
    """Rows whose link beat its runner-up by less than this cost, 0 or more, are dropped."""

    max_gap: Seconds = 2.0
    """Pieces further apart than this are not joined, seconds, above 0."""

    max_cost: float = 6.0
    """Pieces are joined below this cost, above 0. The cost is the negative logarithm of how likely
    the pieces are one person."""

    fill_gap: Seconds = 0.6
    """Gaps up to this long are filled, seconds; 0 fills none."""

    min_length: Seconds = 0.5
    """Tracks shorter than this, from first to last row, are dropped, seconds, 0 or more."""

    pose_weight: float = 2.0
    """Weight of the difference in pose, 0 or more. It fades as the gap gets longer."""

    appearance_weight: float = 4.0
    """Weight of the difference in appearance, 0 or more; counts only where detections have
    embeddings."""

    gap_weight: float = 3.0
    """Cost of a gap of ``max_gap`` seconds for its length alone, 0 or more; shorter gaps cost
    proportionally less."""

    memory: Seconds = 0.25
    """Time before and after a gap from which motion is estimated, seconds, 0 or more."""

    shape_memory: Seconds = 0.5
    """Time before and after a gap from which size and pose are estimated, seconds, 0 or more: they
    change with every step, so that it takes a step to know the usual ones."""

    def __post_init__(self) -> None:
        weights = ("pose_weight", "appearance_weight", "gap_weight")
        check_numbers(self, "min_margin", "fill_gap", "min_length", *weights, low=0)
        check_numbers(self, "memory", "shape_memory", low=0)
        check_numbers(self, "max_gap", "max_cost", above=0)


DEFAULTS = OfflineConfig()

ROUNDS = 2
"""How often tracks are split and joined. The second time, each piece belongs to a better track,
from which its motion, size and pose are estimated."""


def relink(
    tracks: VideoTracks,
    *,
    config: OfflineConfig = DEFAULTS,
    cuts: Sequence[int] = (),
    embeddings: FloatArray | None = None,
) -> VideoTracks:
    """Repair the tracks of a whole video.

    Args:
        tracks: Tracks from a tracker, with link margins. If a frame's time is NaN or not later than
            the previous frame's, no time has passed.
        config: Limits and weights.
        cuts: Index of the first frame of each new scene; nothing is joined or filled across it.
        embeddings: (R, D) appearance of each row, any scale, NaN where not known; None: not known
            at all.

    Returns:
        The same people with new ids (from 1, by first appearance), without doubtful rows, and with
        interpolated ones.
    """
    # A link with a close rival is where ids jump from person to person. Without its row the track
    # falls apart there, and the pieces are joined again from what is known on both sides.
    doubtful = np.zeros(len(tracks.frame), bool)
    if tracks.link_margins is not None:
        doubtful = tracks.link_margins < config.min_margin
    clock = np.nan_to_num(np.fmax.accumulate(tracks.frames.times))
    clear = replace(tracks, frames=replace(tracks.frames, times=clock)).select(~doubtful)
    scene = scenes(clear, cuts)
    known = None if embeddings is None else embeddings[~doubtful]
    linked = clear.track_ids
    for _ in range(ROUNDS):
        chains = join(clear, scene, config=config, embeddings=known)
        clear = _named(clear, chains)
    # Only now is it clear which pieces belong to nobody who stays: short ones may have been parts
    # of a long track.
    chains = [rows for rows in chains if _lasts(clear, rows, config.min_length)]
    lasting = _named(clear, _reunited(chains, linked, scene))
    filled = interpolate_gaps(
        lasting.select(lasting.track_ids > 0), seconds=config.fill_gap, cuts=cuts
    )
    return replace(filled, frames=tracks.frames)


def join(
    tracks: VideoTracks,
    scene: IntArray,
    *,
    config: OfflineConfig,
    embeddings: FloatArray | None = None,
) -> Rows:
    """Split tracks at every gap, and join the pieces that are one person.

    Args:
        tracks: The table.
        scene: (R,) number of the scene of each row; pieces of different scenes are not joined.
        config: Limits and weights.
        embeddings: (R, D) appearance of each row, NaN where not known; None: not known at all.

    Returns:
        The rows of each person.
    """
    parts = unbroken(tracks, scene)
    if not parts:
        return []
    before, after = (
        ends(
            tracks,
            parts,
            scene,
            last=last,
            seconds=config.memory,
            shape_seconds=config.shape_memory,
        )
        for last in (True, False)
    )
    looks = None if embeddings is None else mean_looks(embeddings, parts)
    found: list[tuple[IntArray, IntArray, DoubleArray]] = []
    for one, two in _candidates(tracks, parts, scene, max_gap=config.max_gap):
        cost = meeting_costs(
            before, after, one, two, max_gap=config.max_gap, gap_weight=config.gap_weight
        )
        # Costs only grow from here, so pairs that are too dear already need no further look.
        near = cost < config.max_cost
        one, two, cost = one[near], two[near], cost[near]
        cost += pose_costs(
            before, after, one, two, sigmas=tracks.skeleton.sigmas, weight=config.pose_weight
        )
        # Clothes do not change in a gap of seconds, so appearance does not fade as the pose does.
        if looks is not None:
            same = (1 + (looks[one] * looks[two]).sum(axis=1)) / 2
            cost += config.appearance_weight * unlikeness(same)
        found.append((one, two, cost))
    one, two, cost = (np.concatenate(column) for column in zip(*found, strict=True))
    made = solve_pairs(one, two, cost, limit=config.max_cost)
    return _chains(parts, one[made], two[made])


def _reunited(chains: Rows, linked: IntArray, scene: IntArray) -> Rows:
    """Join chains of which one begins with the row that the tracker linked with the other's end.

    Args:
        chains: The rows of each person.
        linked: (R,) the tracker's id of each row.
        scene: (R,) number of the scene of each row.
    """
    rows = np.sort(np.concatenate([np.zeros(0, np.int64), *chains]))
    rows = rows[np.lexsort((scene[rows], linked[rows]))]
    before, after = rows[:-1], rows[1:]
    same = (linked[before] == linked[after]) & (scene[before] == scene[after])
    ends = {int(chain[-1]): number for number, chain in enumerate(chains)}
    starts = {int(chain[0]): number for number, chain in enumerate(chains)}
    pairs = [
        (ends[one], starts[two])
        for one, two in zip(before[same].tolist(), after[same].tolist(), strict=True)
        if one in ends and two in starts
    ]
    return _chains(chains, *np.array(pairs, np.int64).reshape(-1, 2).T)


AT_ONCE = 200
"""Number of tracklets compared with their successors at a time, which bounds the memory."""


def _candidates(
    tracks: VideoTracks, parts: Rows, scene: IntArray, *, max_gap: float
) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs of tracklets in one scene of which the second begins soon after the first ends."""
    first, last = (np.array([rows[i] for rows in parts], np.int64) for i in (0, -1))
    frame, times = tracks.frame, tracks.frames.times[tracks.frame]
    # Sorted by start, the successors of a tracklet are one stretch: from the frame after its end to
    # the longest gap.
    order = np.argsort(frame[first], kind="stable")
    starts = first[order]
    low = np.searchsorted(frame[starts], frame[last], side="right")
    high = np.searchsorted(times[starts], times[last] + max_gap, side="right")
    for block in range(0, len(parts), AT_ONCE):
        rows = np.arange(block, min(block + AT_ONCE, len(parts)))
        counts = high[rows] - low[rows]
        one = np.repeat(rows, counts)
        step = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
        two = order[low[one] + step]
        same = scene[last[one]] == scene[first[two]]
        by_row = np.lexsort((two[same], one[same]))
        yield one[same][by_row], two[same][by_row]


def _named(tracks: VideoTracks, people: Rows) -> VideoTracks:
    """The table with new ids, from 1 by first appearance; -1 for rows of nobody."""
    ids = np.full(len(tracks.frame), -1)
    for number, rows in enumerate(sorted(people, key=lambda rows: int(rows[0])), start=1):
        ids[rows] = number
    return replace(tracks, track_ids=ids)


def _lasts(tracks: VideoTracks, rows: IntArray, seconds: float) -> bool:
    """Whether a track is long enough, or touches an end of the video, where it may go on."""
    first, last = tracks.frame[rows[0]], tracks.frame[rows[-1]]
    cut_short = first == 0 or last == len(tracks.frames) - 1
    times = tracks.frames.times
    return bool(cut_short or times[last] - times[first] >= seconds)


def _chains(parts: Rows, rows: IntArray, columns: IntArray) -> Rows:
    """The rows of each person, where piece ``columns[i]`` continues piece ``rows[i]``."""
    following = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    chains = []
    for start in sorted(set(range(len(parts))) - set(following.values())):
        chain = [start]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        chains.append(np.concatenate([parts[i] for i in chain]))
    return chains
