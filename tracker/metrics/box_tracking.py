"""Tracking measured on boxes: MOTA, MOTP, IDF1 and HOTA by overlap.

A box is treated as a person's only joint, and 1 - overlap as its distance; two may match from an
overlap of 0.5 on. HOTA pairs by overlap times how well two identities fit over the whole sequence.

Source: py-motmetrics and TrackEval, which agree on these numbers; PoseTrack21's kit for boxes in
ignore regions (``posetrack_mot.py``) and for the whole pixels of its MOTA (``pt_sequence.py``).
"""

from dataclasses import replace

import numpy as np

from posetube import boxes
from posetube.errors import InputError
from posetube.structures import BoolArray, DoubleArray, IntArray, VideoTracks

from .association import assign, likest_pairs
from .hota import (
    ALPHAS,
    EPS,
    HotaCounts,
    Matches,
    count_matches,
    per_identity,
)
from .identity import IdentityCounts, Overlaps
from .mota import ClearCounts, Event, track_joints
from .polygons import inside, overlap
from .scene import People, Scene

SAME = 0.5
"""Overlap from which two boxes may be the same person's."""

IGNORED = 0.1
"""A box that is nobody's and overlaps an ignore region by more than this does not count."""


def build(truth: VideoTracks, found: VideoTracks, *, name: str) -> Scene:
    """Both sides of one sequence; frames are matched by their index, and all count.

    Raises:
        InputError: If a side has a row without a box.
    """
    total = max(len(truth.frames), len(found.frames))
    sides = [_people(tracks, total=total) for tracks in (truth, found)]
    return Scene(name=name, frames=np.arange(total), truth=sides[0], found=sides[1])


def _people(tracks: VideoTracks, *, total: int) -> People:
    corners = tracks.boxes.astype(np.float64)
    if np.isnan(corners).any():
        row = int(np.flatnonzero(np.isnan(corners).any(axis=1))[0])
        raise InputError(f"{tracks.source}: frame {tracks.frame[row]}: somebody has no box")
    return People(
        starts=np.searchsorted(tracks.frame, np.arange(total + 1)),
        ids=tracks.track_ids,
        points=corners[:, None, :2],
        scores=tracks.scores.astype(np.float64)[:, None],
        sizes=np.ones(len(corners)),
        rows=np.arange(len(corners)),
        boxes=corners,
    )


def overlaps(scene: Scene, index: int) -> DoubleArray:
    """(G, P) overlap of a frame's boxes."""
    truth, found = scene.truth, scene.found
    assert truth.boxes is not None
    assert found.boxes is not None
    return np.asarray(
        boxes.iou(truth.boxes[truth.frame(index)], found.boxes[found.frame(index)]), np.float64
    )


def _distances(scene: Scene, index: int) -> DoubleArray:
    return 1 - overlaps(scene, index)[..., None]


def without_ignored(
    scene: Scene, regions: dict[int, tuple[DoubleArray, ...]], *, every_frame: bool = False
) -> Scene:
    """Take away predictions that are nobody's and lie in an ignore region, as PoseTrack21's kit.

    Args:
        scene: From :func:`build`.
        regions: Polygons by frame.
        every_frame: Also in frames without a true person, which the kit passes over.
    """
    assert scene.found.boxes is not None
    stays = np.ones(len(scene.found.ids), np.bool_)
    for index, polygons in regions.items():
        there = scene.found.frame(index)
        if not (every_frame or len(scene.truth.ids[scene.truth.frame(index)])):
            continue
        for row in np.flatnonzero(~_matched(scene, index)) + there.start:
            shares = [overlap(scene.found.boxes[row], polygon) for polygon in polygons]
            stays[row] = max(shares, default=0) <= IGNORED
    return replace(scene, found=_only(scene.found, stays))


def outside_regions(scene: Scene, regions: dict[int, tuple[DoubleArray, ...]]) -> Scene:
    """Take away everybody whose box has its middle in an ignore region, true or predicted.

    A prediction stays if it matches a true box that stays.

    Args:
        scene: From :func:`build`.
        regions: Polygons by frame.
    """
    scene = replace(scene, truth=_only(scene.truth, ~_within(scene.truth, regions)))
    stays = ~_within(scene.found, regions)
    for index in regions:
        stays[scene.found.frame(index)] |= _matched(scene, index)
    return replace(scene, found=_only(scene.found, stays))


def _matched(scene: Scene, index: int) -> BoolArray:
    """(P,) which predictions of a frame are a true person's."""
    alike = overlaps(scene, index)
    matched = np.zeros(alike.shape[1], np.bool_)
    if alike.size:
        alike[alike < SAME - EPS] = 0
        rows, columns = assign(alike, maximize=True)
        matched[columns[alike[rows, columns] > EPS]] = True
    return matched


def _within(people: People, regions: dict[int, tuple[DoubleArray, ...]]) -> BoolArray:
    """(R,) whose box has its middle in a region of its frame."""
    assert people.boxes is not None
    middles = people.boxes.reshape(-1, 2, 2).mean(axis=1)
    found = np.zeros(len(middles), np.bool_)
    for index, polygons in regions.items():
        rows = people.frame(index)
        for polygon in polygons:
            found[rows] |= inside(middles[rows], polygon)
    return found


def _only(people: People, stays: BoolArray) -> People:
    assert people.boxes is not None
    before = np.concatenate([[0], np.cumsum(stays)])
    return People(
        starts=before[people.starts],
        ids=people.ids[stays],
        points=people.points[stays],
        scores=people.scores[stays],
        sizes=people.sizes[stays],
        rows=people.rows[stays],
        boxes=people.boxes[stays],
    )


def whole_pixels(scene: Scene) -> Scene:
    """Boxes as PoseTrack21's MOTA has them: true ones cut to whole pixels, others moved by one."""
    assert scene.truth.boxes is not None
    assert scene.found.boxes is not None
    true = np.trunc(boxes.to_xywh(scene.truth.boxes))
    moved = scene.found.boxes - np.array([1.0, 1, 2, 2])
    return replace(
        scene,
        truth=replace(scene.truth, boxes=np.asarray(boxes.from_xywh(true), np.float64)),
        found=replace(scene.found, boxes=moved),
    )


def count(scene: Scene, *, events: list[Event] | None = None) -> tuple[ClearCounts, IdentityCounts]:
    """Tracking errors and identity matches of one sequence, (1,) each."""
    noted = Overlaps(
        truths=len(np.unique(scene.truth.ids)),
        predictions=len(np.unique(scene.found.ids)),
        joints=1,
    )
    clear = track_joints(scene, distances=_distances, overlaps=noted, events=events)
    return clear, IdentityCounts(
        true_positives=noted.true_positives(),
        objects=clear.objects,
        predictions=clear.matches + clear.false_positives,
    )


def hota(scene: Scene) -> HotaCounts:
    """What HOTA is made of, for one sequence; J is 1."""
    truth_ids, truth = np.unique(scene.truth.ids, return_inverse=True)
    found_ids, found = np.unique(scene.found.ids, return_inverse=True)
    objects = per_identity(scene.truth.known, truth, len(truth_ids))
    predictions = per_identity(scene.found.known, found, len(found_ids))
    fit = _fit(scene, truth, found, objects, predictions)
    columns: list[tuple[np.ndarray, ...]] = [(*np.zeros((4, 0), np.int64), np.zeros(0))]
    for index in range(len(scene.frames)):
        here, there = truth[scene.truth.frame(index)], found[scene.found.frame(index)]
        alike = overlaps(scene, index)
        rows, found_columns = likest_pairs(fit[here[:, None], there[None]] * alike)
        columns.append((
            np.full(len(rows), index), np.zeros(len(rows), np.int64), here[rows],
            there[found_columns], alike[rows, found_columns],
        ))  # fmt: skip
    time, joint, row, column, likeness = (np.concatenate(c) for c in zip(*columns, strict=True))
    matches = Matches(
        time=time,
        joint=joint,
        truth=row,
        found=column,
        likeness=likeness,
        first=np.zeros(len(time), np.int64),
        last=np.searchsorted(ALPHAS - EPS, likeness, side="right"),
    )
    return count_matches(matches, objects=objects, predictions=predictions)


def _fit(
    scene: Scene, truth: IntArray, found: IntArray, objects: DoubleArray, predictions: DoubleArray
) -> DoubleArray:
    """(identities, identities) how well two fit over the sequence, in [0, 1]."""
    together = np.zeros((len(objects), len(predictions)))
    for index in range(len(scene.frames)):
        here, there = truth[scene.truth.frame(index)], found[scene.found.frame(index)]
        alike = overlaps(scene, index)
        either = alike.sum(axis=0)[None] + alike.sum(axis=1)[:, None] - alike
        share = np.divide(alike, either, out=np.zeros_like(alike), where=either > EPS)
        np.add.at(together, (here[:, None], there[None]), share)
    return np.asarray(together / (objects + predictions[:, 0] - together))
