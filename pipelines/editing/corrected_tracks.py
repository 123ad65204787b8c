"""Turns tracks that were corrected in another program into corrections.

The rows of a frame are paired by their boxes, or by their joints where there are no boxes: the
other program may call people what it likes. Then each of our tracks says, stretch by stretch, whom
its rows belong to now.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from scipy.optimize import linear_sum_assignment

from posetube.boxes import iou
from posetube.errors import InputError
from posetube.structures import DoubleArray, IntArray, VideoTracks

from ...tracker.edits import Edit

SAME_PLACE = 0.5
"""Likeness from which two rows of a frame are one person's."""

MOVED = 0.75
"""Pixels from which a joint was moved: other programs round."""

GONE = -1
"""Whom rows belong to that are not there any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """What somebody corrected."""

    edits: tuple[Edit, ...]
    """In the order in which they are to be done."""

    strangers: int
    """Rows that are nobody of ours: corrections add nobody."""

    emptied: int
    """Joints that were taken away, or out of the picture: corrections move joints only."""

    gone: int
    """Rows of ours that are not there any more."""


def differences(ours: VideoTracks, theirs: VideoTracks) -> Differences:
    """What makes our tracks those that were corrected elsewhere.

    Args:
        ours: The tracks as they are.
        theirs: The same video's, corrected; joints are compared by name.

    Raises:
        InputError: If somebody is twice in a frame there; names the first. If most rows are
            nobody's of ours, or all are where people of the run are a frame before or after.
    """
    _refuse_twice(theirs)
    pairs = _pairs(ours, theirs)
    if 2 * len(pairs) < len(theirs.frame) or not len(pairs):
        raise InputError(
            f"{theirs.source}: {len(pairs)} of its {len(theirs.frame)} rows are where people of "
            "the run are: it is of another video, or counts frames or pixels in another way"
        )
    _refuse_shifted(ours, theirs)
    ids, names = _ids_of(ours, theirs, pairs)
    wanted = np.full(len(ours.frame), GONE)
    wanted[pairs[:, 0]] = [ids[their] for their in theirs.track_ids[pairs[:, 1]].tolist()]
    moves, emptied = _moves(ours, theirs, pairs, wanted)
    return Differences(
        edits=(*_of_identity(ours, wanted), *_renames(ours, names), *moves),
        strangers=len(theirs.frame) - len(pairs),
        emptied=emptied,
        gone=int((wanted == GONE).sum()),
    )


def _refuse_twice(theirs: VideoTracks) -> None:
    known = theirs.track_ids >= 0
    if not known.all():
        raise InputError(
            f"{theirs.source}: frame {theirs.frame[~known][0]}: a person has no track id"
        )
    pairs, counts = np.unique(
        np.stack([theirs.frame, theirs.track_ids], axis=1), axis=0, return_counts=True
    )
    for frame, track in pairs[counts > 1].tolist():
        raise InputError(f"{theirs.source}: person {track} is twice in frame {frame}")


def _refuse_shifted(ours: VideoTracks, theirs: VideoTracks) -> None:
    """Refuse a file that counts frames from one where the run counts from zero, or the like."""
    same = _share_unchanged(ours, theirs, by=0)
    for by, counts in ((1, "too high"), (-1, "too low")):
        if _share_unchanged(ours, theirs, by=by) > max(same, 0.5):
            raise InputError(
                f"{theirs.source}: counts frames one {counts}: most of its people are exactly "
                "where those of the run are in the frame beside; count as the run does"
            )


def _share_unchanged(ours: VideoTracks, theirs: VideoTracks, *, by: int) -> float:
    """The share of their rows that are just where ours are, so many frames before."""
    known = {*_marks(ours, theirs)}
    found = [mark in known for mark in _marks(theirs, ours, by=by)]
    return sum(found) / max(len(found), 1)


def _marks(tracks: VideoTracks, others: VideoTracks, *, by: int = 0) -> list[tuple[int, bytes]]:
    """Each row's frame, and where its joints are in pixels, or its box; other programs round."""
    joints, _ = _common_joints(tracks, others)
    places = tracks.keypoints[:, joints] if joints else tracks.boxes
    marks = np.nan_to_num(np.round(places), nan=-1).astype(np.int32)
    return [
        (frame - by, mark.tobytes())
        for frame, mark in zip(tracks.frame.tolist(), marks, strict=True)
    ]


def _pairs(ours: VideoTracks, theirs: VideoTracks) -> IntArray:
    """(P, 2) row of ours and row of theirs that are one person in one frame."""
    found = []
    for frame in np.intersect1d(ours.frame, theirs.frame).tolist():
        mine, their = ours.rows_of(frame), theirs.rows_of(frame)
        alike = _likeness(ours.select(mine), theirs.select(their))
        one, other = linear_sum_assignment(-alike)
        good = alike[one, other] >= SAME_PLACE
        found.append(np.stack([one[good] + mine.start, other[good] + their.start], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), np.int64)


def _likeness(ours: VideoTracks, theirs: VideoTracks) -> DoubleArray:
    """(M, N) how alike people of one frame are, 1 where they are the same.

    By boxes if they have them, else by the median distance of their joints, in halves of the box's
    size.
    """
    alike = np.asarray(iou(ours.boxes, theirs.boxes), np.float64)
    one, other = _common_joints(ours, theirs)
    apart = ours.keypoints[:, None, one] - theirs.keypoints[None, :, other]
    distance = np.linalg.norm(apart, axis=-1)
    known = np.isfinite(distance).any(axis=-1)
    middle = np.full(known.shape, np.inf)
    middle[known] = np.nanmedian(distance[known], axis=-1)
    size = np.sqrt(np.prod(ours.boxes[:, 2:] - ours.boxes[:, :2], axis=1))[:, None]
    by_joints = np.clip(1 - 2 * middle / size, 0, 1)
    unknown = ~np.isfinite(theirs.boxes).all(axis=1)
    return np.nan_to_num(np.where(unknown, by_joints, alike))


def _common_joints(ours: VideoTracks, theirs: VideoTracks) -> tuple[list[int], list[int]]:
    """Places of the joints that both know."""
    both = [joint for joint in ours.skeleton.joints if joint in theirs.skeleton.joints]
    return tuple(  # type: ignore[return-value]
        [tracks.skeleton.joints.index(joint) for joint in both] for tracks in (ours, theirs)
    )


def _ids_of(
    ours: VideoTracks, theirs: VideoTracks, pairs: IntArray
) -> tuple[dict[int, int], dict[int, str]]:
    """Our id of each of their people, and what they call these.

    Names that we gave, and numbers where most rows still have theirs, mean what they say. Otherwise
    the other program counts in its own way: then most rows decide.
    """
    mine, their = ours.track_ids[pairs[:, 0]], theirs.track_ids[pairs[:, 1]]
    known = {name: track for track, name in ours.track_names.items()}
    known |= {f"track_{track}": track for track in ours.ids.tolist()}
    ids = {t: known[name] for t, name in theirs.track_names.items() if name in known}
    left = [track for track in theirs.ids.tolist() if track not in ids]
    if not theirs.track_names and 2 * (mine == their).sum() >= len(pairs):
        return {track: track for track in left}, {}
    free = [track for track in ours.ids.tolist() if track not in ids.values()]
    shared = np.array([[((their == t) & (mine == m)).sum() for m in free] for t in left])
    if shared.size:
        ids |= {left[t]: free[m] for t, m in zip(*linear_sum_assignment(-shared), strict=True)
                if shared[t, m]}  # fmt: skip
    new = max([*ours.ids.tolist(), *ids.values()], default=0)
    for track in left:
        if track not in ids:
            ids[track] = new = new + 1
    names = {ids[t]: name for t, name in theirs.track_names.items() if name not in known}
    return ids, names


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stretch:
    """Successive rows of a track that belong to another one."""

    track: int
    target: int
    rows: IntArray
    whole: bool
    """Whether these are all rows of the track."""

    to_end: bool
    """Whether the track has no rows after them."""


def _stretches(ours: VideoTracks, wanted: IntArray) -> list[_Stretch]:
    found = []
    for track in ours.ids.tolist():
        rows = np.flatnonzero(ours.track_ids == track)
        first = 0
        for target, group in groupby(wanted[rows].tolist()):
            last = first + len([*group])
            part = rows[first:last]
            if target != track:
                whole, to_end = len(part) == len(rows), last == len(rows)
                found.append(
                    _Stretch(track=track, target=target, rows=part, whole=whole, to_end=to_end)
                )
            first = last
    return found


def _of_identity(ours: VideoTracks, wanted: IntArray) -> Iterator[Edit]:
    """Corrections of identity: what leaves a track goes before what enters it."""
    times, left = ours.frames.times[ours.frame], Counter(ours.track_ids.tolist())
    pending = _stretches(ours, wanted)
    for gone in [one for one in pending if one.target == GONE]:
        pending.remove(gone)
        left[gone.track] -= len(gone.rows)
        yield _delete(gone, times)
    for one, other in _swapped(pending, ours):
        pending.remove(one)
        pending.remove(other)
        start = float(min(times[one.rows[0]], times[other.rows[0]]))
        yield Edit(verb="swap", tracks=(one.track, other.track), start=start)
    fresh = max([*ours.ids.tolist(), *wanted.tolist()], default=0)
    while pending:
        sources = {one.track for one in pending}
        ready = [one for one in pending if one.target not in sources - {one.track}]
        one = (ready or pending)[0]
        pending.remove(one)
        if not ready:  # people went round in a circle: one of them steps aside
            fresh += 1
            pending.append(replace(one, track=fresh))
            one = replace(one, target=fresh)
        whole = left[one.track] == len(one.rows)
        yield _assign(one, times, merged=whole and left[one.target] > 0)
        left[one.track] -= len(one.rows)
        left[one.target] += len(one.rows)


def _delete(one: _Stretch, times: DoubleArray) -> Edit:
    if one.whole:
        return Edit(verb="delete", tracks=(one.track,))
    start, stop = (float(times[row]) for row in one.rows[[0, -1]])
    return Edit(verb="delete", tracks=(one.track,), start=start, stop=stop)


def _assign(one: _Stretch, times: DoubleArray, *, merged: bool) -> Edit:
    if merged:
        return Edit(verb="merge", tracks=(one.target, one.track))
    start, stop = (float(times[row]) for row in one.rows[[0, -1]])
    return Edit(verb="assign", tracks=(one.track, one.target), start=start, stop=stop)


def _swapped(pending: list[_Stretch], ours: VideoTracks) -> Iterator[tuple[_Stretch, _Stretch]]:
    """Stretches to the end of two tracks that change places, and nothing else of these does."""
    ends = {(one.track, one.target): one for one in pending if one.to_end}
    for (track, target), one in ends.items():
        other = ends.get((target, track))
        if other is None or track > target:
            continue
        first = min(ours.frame[one.rows[0]], ours.frame[other.rows[0]])
        later = np.isin(ours.track_ids, (track, target)) & (ours.frame >= first)
        if later.sum() == len(one.rows) + len(other.rows):
            yield one, other


def _renames(ours: VideoTracks, names: dict[int, str]) -> Iterator[Edit]:
    for track, name in sorted(names.items()):
        if ours.track_names.get(track) != name:
            yield Edit(verb="rename", tracks=(track,), name=name)


def _moves(
    ours: VideoTracks, theirs: VideoTracks, pairs: IntArray, wanted: IntArray
) -> tuple[list[Edit], int]:
    """Joints that were moved, and the number of those taken away, or out of the picture."""
    one, other = _common_joints(ours, theirs)
    before = ours.keypoints[pairs[:, 0]][:, one]
    after = theirs.keypoints[pairs[:, 1]][:, other]
    height, width = ours.size or (np.inf, np.inf)
    outside = ((after < 0) | (after > np.array([width, height]))).any(axis=-1)
    here, there = np.isfinite(before).all(axis=-1), np.isfinite(after).all(axis=-1) & ~outside
    distance = np.where(here & there, np.linalg.norm(after - before, axis=-1), 0)
    moved = (there & ~here) | (distance > MOVED)
    edits = []
    for pair, place in np.argwhere(moved).tolist():
        row = pairs[pair, 0]
        x, y = after[pair, place].tolist()
        edits.append(
            Edit(
                verb="move",
                tracks=(int(wanted[row]),),
                start=float(ours.frames.times[ours.frame[row]]),
                joint=ours.skeleton.joints[one[place]],
                place=(x, y),
            )
        )
    return edits, int((here & ~there).sum())
