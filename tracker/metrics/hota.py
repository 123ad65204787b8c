"""Computes higher order tracking accuracy (HOTA) of poses: detection and association, per joint.

Two joints at distance d have similarity 1 - d / 0.5001, d in head sizes. For each of 19 thresholds,
a true positive is a pair with at least that similarity. Association measures, for each true
positive, what share of the joints of its two identities the two have in common.

Source: Luiten et al. 2021; PoseTrack21's kit (``hota_pose.py``, ``hota_pose_reid.py``), which pairs
by similarity alone, adds fragmentation, and weighs sequences by their true positives. ``strict``
repeats the kit's defect: a frame with nobody on one side counts the joints of the whole sequence
as errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posetube.records import join_records
from posetube.structures import DoubleArray, IntArray

from .eval_sequence import EvalSequence
from .joint_pairing import Pairs, contested, most_similar_pairs, settled
from .person_pairing import frame_distances

ALPHAS = np.arange(0.05, 0.99, 0.05)
"""(19,) thresholds."""

REACH = 0.5001
"""Distance, in head sizes, at which the similarity is 0."""

PARTS = ("AssA", "AssRe", "AssPr", "FragA")
"""Association, its recall, its precision, and association that counts each interruption."""

PREFERENCE = 1000.0
"""Bonus of a pair over the threshold, in re-identification: more than any sum of similarities."""

Columns = tuple[np.ndarray, ...]

EPS = float(np.finfo(np.float64).eps)
"""Tolerance of the thresholds, as in TrackEval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HotaMatches:
    """M pairs of joints of one or more sequences, by rising time, for A thresholds."""

    time: IntArray
    """(M,) number of the frame, counted over all sequences."""

    joint: IntArray
    """(M,) which joint."""

    truth: IntArray
    """(M,) place of the true identity in its list."""

    found: IntArray
    """(M,) place of the predicted identity in its list."""

    similarity: DoubleArray
    """(M,) in (0, 1]."""

    first: IntArray
    """(M,) the first threshold, in [0, A), for which the pair counts."""

    last: IntArray
    """(M,) the first threshold after that, in [0, A], for which it does not."""

    @classmethod
    def none(cls) -> "HotaMatches":
        """No pairs: what a sequence without frames has."""
        whole = np.zeros(0, np.int64)
        return cls(
            time=whole,
            joint=whole,
            truth=whole,
            found=whole,
            similarity=np.zeros(0),
            first=whole,
            last=whole,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class HotaCounts:
    """Counts behind HOTA, for A thresholds, J joints and their total, last."""

    tp: DoubleArray
    """(A, J + 1) pairs that are similar enough; the total is the sum."""

    fn: DoubleArray
    """(A, J + 1) true joints without such a pair."""

    fp: DoubleArray
    """(A, J + 1) predicted joints without such a pair."""

    loca: DoubleArray
    """(A, J + 1) mean similarity of the pairs, 1 without any; the total is the mean."""

    association: DoubleArray
    """(4, A, J + 1) the :data:`PARTS`, in [0, 1]; the total is the mean."""


def hota_of_sequence(sequence: EvalSequence, *, strict: bool = False) -> HotaCounts:
    """Count one sequence; ``strict`` repeats the defect of PoseTrack21's kit."""
    return count_matches(
        match_joints(sequence),
        objects=sequence.truth.per_identity,
        predictions=sequence.found.per_identity,
        extra=defect(sequence) if strict else (0.0, 0.0),
    )


def match_joints(sequence: EvalSequence, *, each_threshold: bool = False) -> HotaMatches:
    """Pair the joints of every frame.

    Args:
        sequence: The sequence.
        each_threshold: Pair again for each threshold, for the most pairs over it, as
            re-identification does; otherwise pair once, by similarity.
    """
    truth, found = sequence.truth.identities[1], sequence.found.identities[1]
    parts = [HotaMatches.none()]
    for index in range(len(sequence.frames)):
        similarity = np.maximum(1 - frame_distances(sequence, index) / REACH, 0)
        row, column, joint, first, last = _pair_frame(similarity, each_threshold=each_threshold)
        alike = similarity[row, column, joint]
        enough = np.searchsorted(ALPHAS - EPS, alike, side="right")
        parts.append(
            HotaMatches(
                time=np.full(len(row), index),
                joint=joint,
                truth=truth[sequence.truth.frame(index)][row],
                found=found[sequence.found.frame(index)][column],
                similarity=alike,
                first=first,
                last=np.minimum(last, enough),
            )
        )
    return join_records(parts)


def _pair_frame(similarity: DoubleArray, *, each_threshold: bool) -> Columns:
    """Rows, columns and joints of the pairs of a frame, and the thresholds they were made for."""
    hard = contested(similarity > 0)
    pairs: list[tuple[Pairs, int, int]] = [(settled(similarity > 0, hard), 0, len(ALPHAS))]
    for joint in hard:
        alike = similarity[..., joint]
        if not each_threshold:
            pairs.append((_of_joint(alike, joint), 0, len(ALPHAS)))
            continue
        for place, alpha in enumerate(ALPHAS):
            # First as many pairs over the threshold as possible, then the largest similarity.
            preferred = (alike >= alpha) * PREFERENCE + alike
            pairs.append((_of_joint(preferred, joint), place, place + 1))
    counts = [len(found.joint) for found, _, _ in pairs]
    return (
        *(np.concatenate(column) for column in zip(*(found for found, _, _ in pairs), strict=True)),
        np.repeat([first for _, first, _ in pairs], counts),
        np.repeat([last for _, _, last in pairs], counts),
    )


def _of_joint(similarity: DoubleArray, joint: int) -> Pairs:
    rows, columns = most_similar_pairs(similarity)
    return Pairs(rows, columns, np.full(len(rows), joint))


def defect(sequence: EvalSequence) -> tuple[DoubleArray, DoubleArray]:
    """(J,) false negatives and (J,) false positives that PoseTrack21's kit counts wrongly.

    In a frame with nobody on one side, the kit counts the joints of the whole sequence as errors
    instead of the joints of the frame.
    """
    truths, predictions = np.diff(sequence.truth.starts), np.diff(sequence.found.starts)
    objects, found = sequence.truth.known.sum(axis=0), sequence.found.known.sum(axis=0)
    if not predictions.any() or not truths.any():
        return np.zeros(len(objects)), np.zeros(len(found))
    # The joints of the frame itself are counted rightly.
    own_truth = _joints_of(sequence.truth.known, sequence.truth.starts, predictions == 0)
    own_found = _joints_of(sequence.found.known, sequence.found.starts, truths == 0)
    unseen = ((predictions == 0) & (truths > 0)).sum()
    return unseen * objects - own_truth, (truths == 0).sum() * found - own_found


def _joints_of(known: np.ndarray, starts: IntArray, frames: np.ndarray) -> DoubleArray:
    chosen = np.repeat(frames, np.diff(starts))
    return np.asarray(known[chosen].sum(axis=0), np.float64)


def count_matches(
    matches: HotaMatches,
    *,
    objects: DoubleArray,
    predictions: DoubleArray,
    extra: tuple[DoubleArray | float, DoubleArray | float] = (0.0, 0.0),
) -> HotaCounts:
    """Turn pairs into counts.

    Args:
        matches: The pairs.
        objects: (G, J) number of joints of each true identity.
        predictions: (P, J) number of joints of each predicted identity.
        extra: False negatives and false positives to add.
    """
    joints = objects.shape[1]
    tp, alike = np.zeros((2, len(ALPHAS), joints))
    association = np.zeros((len(PARTS), len(ALPHAS), joints))
    in_order = np.lexsort((matches.time, matches.truth, matches.joint))
    for a in range(len(ALPHAS)):
        counts = (matches.first[in_order] <= a) & (a < matches.last[in_order])
        rows = in_order[counts]
        tp[a] = np.bincount(matches.joint[rows], minlength=joints)
        alike[a] = np.bincount(matches.joint[rows], matches.similarity[rows], minlength=joints)
        association[:, a] = _associate(
            matches.joint[rows], matches.truth[rows], matches.found[rows], objects, predictions
        ) / np.maximum(1, tp[a])
    fn = objects.sum(axis=0) - tp + extra[0]
    fp = predictions.sum(axis=0) - tp + extra[1]
    # Both floors together make 1 of 0 / 0, as TrackEval does.
    loca = np.maximum(1e-10, alike) / np.maximum(1e-10, tp)
    return HotaCounts(
        tp=_with(tp, tp.sum(axis=-1)),
        fn=_with(fn, fn.sum(axis=-1)),
        fp=_with(fp, fp.sum(axis=-1)),
        loca=_with(loca, loca.mean(axis=-1)),
        association=_with(association, association.mean(axis=-1)),
    )


def _with(values: DoubleArray, total: DoubleArray) -> DoubleArray:
    return np.concatenate([values, total[..., None]], axis=-1)


def _associate(
    joint: IntArray,
    truth: IntArray,
    found: IntArray,
    objects: DoubleArray,
    predictions: DoubleArray,
) -> DoubleArray:
    """(4, J) the :data:`PARTS`, summed over pairs sorted by joint, true identity, time."""
    joints, many = objects.shape[1], max(len(predictions), 1)
    # One number per combination of joint, true and predicted identity.
    key = (joint * max(len(objects), 1) + truth) * many + found
    _, first, place, common = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    own = objects[truth[first], joint[first]]
    theirs = predictions[found[first], joint[first]]
    union = np.maximum(1, own + theirs - common)
    shares = [common**2 / union, common**2 / np.maximum(1, own), common**2 / np.maximum(1, theirs)]
    parts = [np.bincount(joint[first], share, minlength=joints) for share in shares]
    # A stretch is a run of successive pairs of the same two identities: an interruption ends it.
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    runs = np.diff(begins, append=len(key))
    stretches = runs**2 / union[place[begins]]
    parts.append(np.bincount(joint[begins], stretches, minlength=joints))
    return np.stack(parts)


def hota_over_sequences(sequences: Sequence[HotaCounts]) -> HotaCounts:
    """Combine sequences: counts are added, shares averaged with true positives as weights."""
    tp = np.sum([s.tp for s in sequences], axis=0)
    # A share is a mean over true positives, so its mean over sequences is weighted by them.
    weighted = np.sum([s.association * s.tp for s in sequences], axis=0)
    alike = np.sum([s.loca * s.tp for s in sequences], axis=0)
    return HotaCounts(
        tp=tp,
        fn=np.sum([s.fn for s in sequences], axis=0),
        fp=np.sum([s.fp for s in sequences], axis=0),
        loca=np.maximum(1e-10, alike) / np.maximum(1e-10, tp),
        association=weighted / np.maximum(1, tp),
    )


def hota_metrics(counts: HotaCounts) -> dict[str, DoubleArray]:
    """Compute HOTA and its parts for every threshold, as fractions.

    Returns:
        ``hota``, ``deta``, ``assa``, ``detre``, ``detpr``, ``assre``, ``asspr``, ``loca``,
        ``fraga``, ``rhota``, ``fa_hota``: (A, J + 1) each.
    """
    tp, fn, fp = counts.tp, counts.fn, counts.fp
    assa, assre, asspr, fraga = counts.association
    deta = tp / np.maximum(1, tp + fn + fp)
    detre = tp / np.maximum(1, tp + fn)
    return {
        "hota": np.sqrt(deta * assa),
        "deta": deta,
        "assa": assa,
        "detre": detre,
        "detpr": tp / np.maximum(1, tp + fp),
        "assre": assre,
        "asspr": asspr,
        "loca": counts.loca,
        "fraga": fraga,
        "rhota": np.sqrt(detre * assa),
        "fa_hota": np.sqrt(deta * np.sqrt(assa * fraga)),
    }
