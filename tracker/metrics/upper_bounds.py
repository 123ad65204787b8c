"""Makes one part of a prediction perfect, to measure what the errors of that part cost.

Source: Girdhar et al., "Detect-and-Track", section 4.3, and the published program's switches
``UPPER_BOUND_4_EVAL`` (identities) and ``UPPER_BOUND_5_GT_KPS_ONLY`` (joints).
"""

from dataclasses import replace

import numpy as np

from posetube import boxes, skeletons
from posetube.structures import DoubleArray, IntArray, VideoTracks

from .eval_sequence import EvalSequence
from .joint_pairing import assign
from .person_pairing import THRESHOLD, frame_distances, pair_people

AROUND_JOINTS = 1.2
"""For a person without a box: the box around the joints, enlarged by this factor."""


def perfect_tracking(sequence: EvalSequence) -> EvalSequence:
    """Give every prediction that is paired with a true person that person's identity.

    Predictions without a pair lose their joints but stay as people, so that no frame becomes empty:
    an empty frame would count differently.
    """
    ids = -1 - np.arange(len(sequence.found.ids))
    points = np.full_like(sequence.found.points, np.nan)
    annotated = sequence.truth.known.sum(axis=1)
    for index in range(len(sequence.frames)):
        here, there = sequence.truth.frame(index), sequence.found.frame(index)
        pairs = pair_people(frame_distances(sequence, index) <= THRESHOLD, annotated[here])
        rows = there.start + np.flatnonzero(pairs >= 0)
        ids[rows] = sequence.truth.ids[here][pairs[pairs >= 0]]
        points[rows] = sequence.found.points[rows]
    return replace(sequence, found=replace(sequence.found, ids=ids, points=points))


def perfect_keypoints(found: VideoTracks, truth: VideoTracks, *, frame_of: IntArray) -> VideoTracks:
    """Replace predicted joints by the true joints of the person whose box fits best.

    In each frame, as many boxes as possible are paired with true ones, for the largest sum of
    overlaps; a small overlap is enough. A joint that the truth lacks is removed. A joint that only
    the truth has gets the best score of the person's joints.

    Args:
        found: Predictions.
        truth: Annotations.
        frame_of: (F found,) the truth's frame of each predicted frame, -1 for none.
    """
    plan = skeletons.convert(truth.skeleton, found.skeleton)
    places, _ = skeletons.apply(plan, truth.keypoints, truth.keypoint_scores)
    theirs, ours = _boxes(found), _boxes(truth)
    keypoints = found.keypoints.astype(np.float64)
    scores = found.keypoint_scores.astype(np.float64)
    for index in range(len(found.frames)):
        if frame_of[index] < 0:
            continue
        here, there = truth.rows_of(int(frame_of[index])), found.rows_of(index)
        overlap = boxes.iou(ours[here], theirs[there])
        rows, columns = assign(overlap, maximize=True)
        keypoints[there.start + columns] = places[here][rows]
        best = np.fmax.reduce(scores[there.start + columns], axis=1)[:, None]
        given = scores[there.start + columns]
        scores[there.start + columns] = np.where(np.isnan(given), best, given)
    return replace(found, keypoints=keypoints, keypoint_scores=scores)


def _boxes(tracks: VideoTracks) -> DoubleArray:
    """(R, 4) each person's box, or one around its joints."""
    given, points = tracks.boxes.astype(np.float64), tracks.keypoints.astype(np.float64)
    return np.asarray(boxes.or_around(given, points, scale=AROUND_JOINTS), np.float64)
