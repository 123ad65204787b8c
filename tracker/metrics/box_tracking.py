"""Measures tracking on boxes: MOTA, MOTP, IDF1 and HOTA by overlap.

A box is treated as a person's only joint, and 1 - overlap as its distance; boxes with an overlap of
at least 0.5 may match. HOTA pairs boxes by their overlap times how well their identities fit over
the whole sequence.

Source: py-motmetrics and TrackEval, which agree on these numbers; PoseTrack21's kit for boxes in
ignore regions (``posetrack_mot.py``) and for the whole pixels of its MOTA (``pt_sequence.py``).
"""

from dataclasses import replace

import numpy as np

from posetube import boxes
from posetube.errors import InputError
from posetube.records import join_records
from posetube.structures import BoolArray, DoubleArray, IntArray, VideoTracks

from .eval_sequence import EvalPeople, EvalSequence
from .hota import ALPHAS, EPS, HotaCounts, HotaMatches, count_matches
from .identity import IdentityCounts, Overlaps
from .joint_pairing import assign, most_similar_pairs
from .mota import ClearCounts, TrackingEvent, track_joints
from .polygons import inside, overlap

SAME = 0.5
"""Two boxes with at least this overlap may be the same person's."""

IGNORED = 0.1
"""A box without a match that overlaps an ignore region by more than this does not count."""


def box_sequence(truth: VideoTracks, found: VideoTracks, *, name: str) -> EvalSequence:
    """Prepare one sequence for the metrics of boxes; frames match by index, and all count.

    Raises:
        InputError: If a side has a row without a box.
    """
    total = max(len(truth.frames), len(found.frames))
    sides = [_people(tracks, total=total) for tracks in (truth, found)]
    return EvalSequence(name=name, frames=np.arange(total), truth=sides[0], found=sides[1])


def _people(tracks: VideoTracks, *, total: int) -> EvalPeople:
    corners = tracks.boxes.astype(np.float64)
    if np.isnan(corners).any():
        row = int(np.flatnonzero(np.isnan(corners).any(axis=1))[0])
        raise InputError(
            f"{tracks.source}: frame {tracks.frame[row]}: a person has no box; metrics of boxes "
            "need one for everybody"
        )
    return EvalPeople(
        starts=np.searchsorted(tracks.frame, np.arange(total + 1)),
        ids=tracks.track_ids,
        points=corners[:, None, :2],
        scores=tracks.scores.astype(np.float64)[:, None],
        sizes=np.ones(len(corners)),
        rows=np.arange(len(corners)),
        boxes=corners,
    )


def overlaps(sequence: EvalSequence, index: int) -> DoubleArray:
    """(G, P) overlap of a frame's boxes."""
    truth, found = sequence.truth, sequence.found
    assert truth.boxes is not None
    assert found.boxes is not None
    return np.asarray(
        boxes.iou(truth.boxes[truth.frame(index)], found.boxes[found.frame(index)]), np.float64
    )


def _distances(sequence: EvalSequence, index: int) -> DoubleArray:
    return 1 - overlaps(sequence, index)[..., None]


def without_ignored(
    sequence: EvalSequence,
    regions: dict[int, tuple[DoubleArray, ...]],
    *,
    every_frame: bool = False,
) -> EvalSequence:
    """Remove predictions that match nobody and lie in an ignore region, as PoseTrack21's kit does.

    Args:
        sequence: From :func:`box_sequence`.
        regions: Polygons by frame.
        every_frame: Also in frames without true people, which the kit skips.
    """
    assert sequence.found.boxes is not None
    stays = np.ones(len(sequence.found.ids), np.bool_)
    for index, polygons in regions.items():
        there = sequence.found.frame(index)
        if not (every_frame or len(sequence.truth.ids[sequence.truth.frame(index)])):
            continue
        for row in np.flatnonzero(~_matched(sequence, index)) + there.start:
            shares = [overlap(sequence.found.boxes[row], polygon) for polygon in polygons]
            stays[row] = max(shares, default=0) <= IGNORED
    return replace(sequence, found=sequence.found.keep(stays))


def outside_regions(
    sequence: EvalSequence, regions: dict[int, tuple[DoubleArray, ...]]
) -> EvalSequence:
    """Remove true and predicted people whose box has its centre in an ignore region.

    A prediction stays if it matches a true box that stays.

    Args:
        sequence: From :func:`box_sequence`.
        regions: Polygons by frame.
    """
    sequence = replace(sequence, truth=sequence.truth.keep(~_within(sequence.truth, regions)))
    stays = ~_within(sequence.found, regions)
    for index in regions:
        stays[sequence.found.frame(index)] |= _matched(sequence, index)
    return replace(sequence, found=sequence.found.keep(stays))


def _matched(sequence: EvalSequence, index: int) -> BoolArray:
    """(P,) which predictions of a frame match a true person."""
    alike = overlaps(sequence, index)
    matched = np.zeros(alike.shape[1], np.bool_)
    if alike.size:
        alike[alike < SAME - EPS] = 0
        rows, columns = assign(alike, maximize=True)
        matched[columns[alike[rows, columns] > EPS]] = True
    return matched


def _within(people: EvalPeople, regions: dict[int, tuple[DoubleArray, ...]]) -> BoolArray:
    """(R,) whose box has its centre in a region of its frame."""
    assert people.boxes is not None
    centres = people.boxes.reshape(-1, 2, 2).mean(axis=1)
    found = np.zeros(len(centres), np.bool_)
    for index, polygons in regions.items():
        rows = people.frame(index)
        for polygon in polygons:
            found[rows] |= inside(centres[rows], polygon)
    return found


def whole_pixels(sequence: EvalSequence) -> EvalSequence:
    """Change boxes as PoseTrack21's MOTA does: true ones to whole pixels, others moved by one."""
    assert sequence.truth.boxes is not None
    assert sequence.found.boxes is not None
    true = np.trunc(boxes.to_xywh(sequence.truth.boxes))
    moved = sequence.found.boxes - np.array([1.0, 1, 2, 2])
    return replace(
        sequence,
        truth=replace(sequence.truth, boxes=np.asarray(boxes.from_xywh(true), np.float64)),
        found=replace(sequence.found, boxes=moved),
    )


def count(
    sequence: EvalSequence, *, events: list[TrackingEvent] | None = None
) -> tuple[ClearCounts, IdentityCounts]:
    """Count tracking errors and identity matches of one sequence, (1,) each."""
    near = Overlaps(sequence)
    clear = track_joints(sequence, distances=_distances, overlaps=near, events=events)
    return clear, IdentityCounts(
        true_positives=near.true_positives(),
        objects=clear.objects,
        predictions=clear.predictions,
    )


def hota(sequence: EvalSequence) -> HotaCounts:
    """Count what HOTA needs in one sequence; J is 1."""
    truth, found = sequence.truth.identities[1], sequence.found.identities[1]
    objects, predictions = sequence.truth.per_identity, sequence.found.per_identity
    # TrackEval pairs for the best association over the whole sequence, not frame by frame: a box
    # prefers the identity that it fits in most frames.
    fit = _fit(sequence, truth, found, objects, predictions)
    parts = [HotaMatches.none()]
    for index in range(len(sequence.frames)):
        here, there = truth[sequence.truth.frame(index)], found[sequence.found.frame(index)]
        alike = overlaps(sequence, index)
        rows, columns = most_similar_pairs(fit[here[:, None], there[None]] * alike)
        similarity = alike[rows, columns]
        only = np.zeros(len(rows), np.int64)
        parts.append(
            HotaMatches(
                time=np.full(len(rows), index),
                joint=only,
                truth=here[rows],
                found=there[columns],
                similarity=similarity,
                first=only,
                last=np.searchsorted(ALPHAS - EPS, similarity, side="right"),
            )
        )
    return count_matches(join_records(parts), objects=objects, predictions=predictions)


def _fit(
    sequence: EvalSequence,
    truth: IntArray,
    found: IntArray,
    objects: DoubleArray,
    predictions: DoubleArray,
) -> DoubleArray:
    """(G, P) how well a true and a predicted identity fit over the sequence, in [0, 1]."""
    together = np.zeros((len(objects), len(predictions)))
    for index in range(len(sequence.frames)):
        here, there = truth[sequence.truth.frame(index)], found[sequence.found.frame(index)]
        alike = overlaps(sequence, index)
        either = alike.sum(axis=0)[None] + alike.sum(axis=1)[:, None] - alike
        share = np.divide(alike, either, out=np.zeros_like(alike), where=either > EPS)
        np.add.at(together, (here[:, None], there[None]), share)
    return np.asarray(together / (objects + predictions[:, 0] - together))
