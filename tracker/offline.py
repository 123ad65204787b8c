"""The second pass: finished tracks taken apart where they are doubtful and joined anew.

With the whole video known, three things can be repaired that a causal tracker cannot: a person who
was away for longer than it waits; an id that went over to the wrong person where two met; short
gaps. In turn, rows whose link was in doubt are dropped and tracks split at long gaps, all pieces
are joined by one global assignment that looks at both sides of every gap, tracks that stay too
short are dropped, and short gaps are filled in (as ``RowState.INTERPOLATED``, never as seen).

Not here: smoothing (:mod:`.smooth`), how a piece begins and ends (:mod:`.tracklets`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.errors import InputError
from posetube.structures import FloatArray, IntArray, VideoTracks

from .assignment import solve_pairs
from .cost import Doubles, pose_similarity
from .fill import fill
from .tracklets import (
    Ends,
    Rows,
    ends,
    mean_looks,
    scenes,
    stretches,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfflineConfig:
    """How finished tracks are repaired."""

    min_margin: float = 0.05
    """Rows whose link beat its runner-up by less than this cost are dropped."""

    split_gap: float = 0.5
    """Tracks are split at longer gaps, seconds."""

    max_gap: float = 2.0
    """Pieces further apart than this are not joined, seconds."""

    max_cost: float = 0.9
    """Pieces are joined below this cost, in (0, 1]."""

    fill_gap: float = 0.6
    """Gaps up to this long are filled in, seconds; 0 fills none."""

    min_length: float = 0.5
    """Tracks shorter than this, from first to last row, are dropped, seconds."""

    appearance_weight: float = 4.0
    """How strongly unlike appearance counts against joining, 0 or more."""

    memory: float = 0.5
    """How much of a piece before and after a gap is looked at, seconds."""

    def __post_init__(self) -> None:
        for name in (
            "min_margin",
            "split_gap",
            "max_gap",
            "fill_gap",
            "min_length",
            "appearance_weight",
            "memory",
        ):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(
                    f"OfflineConfig.{name} must be 0 or more, got {getattr(self, name)}"
                )
        if not 0 < self.max_cost <= 1:
            raise InputError(f"OfflineConfig.max_cost must be in (0, 1], got {self.max_cost}")


DEFAULTS = OfflineConfig()


def relink(
    tracks: VideoTracks,
    *,
    config: OfflineConfig = DEFAULTS,
    cuts: Sequence[int] = (),
    embeddings: FloatArray | None = None,
) -> VideoTracks:
    """Repair the tracks of a whole video.

    Args:
        tracks: As a tracker left them, with link margins.
        config: How.
        cuts: Index of the first frame of each new scene; nothing is joined or filled across.
        embeddings: (R, D) appearance of each row, any scale, NaN where not known; None: unknown.

    Returns:
        The same people with other ids (from 1, by first appearance), without what was in doubt, and
        with rows filled in.
    """
    doubtful = np.zeros(len(tracks.frame), bool)
    if tracks.link_margins is not None:
        doubtful = tracks.link_margins < config.min_margin
    clear = tracks.select(~doubtful)
    parts = stretches(clear, max_gap=config.split_gap, cuts=cuts)
    looks = None if embeddings is None else mean_looks(embeddings[~doubtful], parts)
    chains = join(clear, parts, config=config, cuts=cuts, looks=looks)
    lasting = [rows for rows in chains if _lasts(clear, rows, config.min_length)]
    ids = np.full(len(clear.frame), -1)
    for number, rows in enumerate(sorted(lasting, key=lambda rows: int(rows[0])), start=1):
        ids[rows] = number
    named = replace(clear, track_ids=ids).select(ids > 0)
    return fill(named, seconds=config.fill_gap, cuts=cuts)


def join(
    tracks: VideoTracks,
    parts: Rows,
    *,
    config: OfflineConfig,
    cuts: Sequence[int] = (),
    looks: Doubles | None = None,
) -> Rows:
    """Chains of tracklets that are one person, each as its rows."""
    before = ends(tracks, parts, last=True, seconds=config.memory)
    after = ends(tracks, parts, last=False, seconds=config.memory)
    one, two = _candidates(tracks, parts, before, after, max_gap=config.max_gap, cuts=cuts)
    likeness = continuation(
        before, after, one, two, sigmas=tracks.skeleton.sigmas, max_gap=config.max_gap
    )
    if looks is not None:
        same = (1 + (looks[one] * looks[two]).sum(axis=1)) / 2
        likeness = likeness * np.nan_to_num(same, nan=1) ** config.appearance_weight
    made = solve_pairs(one, two, 1 - likeness, limit=config.max_cost)
    return _chains(parts, one[made], two[made])


def _candidates(
    tracks: VideoTracks,
    parts: Rows,
    before: Ends,
    after: Ends,
    *,
    max_gap: float,
    cuts: Sequence[int],
) -> tuple[IntArray, IntArray]:
    """Pairs of tracklets of which the second begins soon after the first ends, in one scene."""
    scene = scenes(tracks, cuts)
    last, first = (np.array([scene[rows[i]] for rows in parts], np.int64) for i in (-1, 0))
    order = np.argsort(after.times, kind="stable")
    starts = after.times[order]
    low = np.searchsorted(starts, before.times, side="right")
    high = np.searchsorted(starts, before.times + max_gap, side="right")
    one = np.repeat(np.arange(len(parts)), high - low)
    step = np.arange(len(one)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    two = order[low[one] + step]
    same = last[one] == first[two]
    one, two = one[same], two[same]
    by_row = np.lexsort((two, one))
    return one[by_row], two[by_row]


def _lasts(tracks: VideoTracks, rows: IntArray, seconds: float) -> bool:
    """Whether a track is long enough, or would have been but for the ends of the video."""
    first, last = tracks.frame[rows[0]], tracks.frame[rows[-1]]
    cut_short = first == 0 or last == len(tracks.frames) - 1
    times = tracks.frames.times
    return bool(cut_short or times[last] - times[first] >= seconds)


PLACE, DRIFT = 0.2, 0.3
"""Standard deviation of a predicted place: at once, and more for each second, in sizes."""

GROWTH = 0.6
"""Standard deviation of the logarithm of a person's width or height across a gap."""

COAST = 0.6
"""Seconds after which a person out of sight has lost all but a third (1/e) of the speed."""

POSE_FADE = 0.4
"""Seconds after which a pose says only a third (1/e) as much about the next one."""


def continuation(
    before: Ends, after: Ends, one: IntArray, two: IntArray, *, sigmas: Doubles, max_gap: float
) -> Doubles:
    """How well tracklets ``two`` continue tracklets ``one``; (P,) pairs, in [0, 1].

    The person is carried into the gap from both sides, forward and backward in time, and the misses
    are measured in the person's size, more kindly the longer the gap. What is left is weighed down
    where the size changes, the pose does (soon after, at least), or the gap is long.
    """
    gap = after.times[two] - before.times[one]
    reach = (COAST * (1 - np.exp(-gap / COAST)))[:, None]
    size = np.sqrt(before.sizes[one].prod(axis=1) * after.sizes[two].prod(axis=1)) ** 0.5
    forward = before.centres[one] + reach * before.speeds[one] - after.centres[two]
    backward = after.centres[two] - reach * after.speeds[two] - before.centres[one]
    miss = (np.square(forward).sum(axis=1) + np.square(backward).sum(axis=1)) / 2
    place = np.exp(-miss / (2 * np.square((PLACE + DRIFT * gap) * size)))
    growth = np.square(np.log(after.sizes[two] / before.sizes[one])).sum(axis=1)
    alike = np.nan_to_num(
        pose_similarity(before.poses[one], after.poses[two], scales=size, sigmas=2 * sigmas), nan=1
    )
    lasting = np.exp(-gap / POSE_FADE)
    pose = 1 - lasting * (1 - alike)
    return np.asarray(place * np.exp(-growth / (2 * GROWTH**2)) * pose * (1 - 0.2 * gap / max_gap))


def _chains(parts: Rows, rows: IntArray, columns: IntArray) -> Rows:
    following = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    chains = []
    for start in sorted(set(range(len(parts))) - set(following.values())):
        chain = [start]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        chains.append(np.concatenate([parts[i] for i in chain]))
    return chains
