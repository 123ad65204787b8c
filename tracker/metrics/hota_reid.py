"""Computes HOTA of poses with identities that hold in every sequence (re-identification).

New pairs are made for each threshold, as many over it as possible, and association is counted over
the whole data set. Nothing else differs from :mod:`.hota`.

Source: PoseTrack21's kit (``hota_pose_reid.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.records import join_records
from posetube.structures import DoubleArray, IntArray

from .eval_sequence import EvalSequence
from .hota import HotaCounts, HotaMatches, count_matches, defect, match_joints


@dataclass(frozen=True, kw_only=True, slots=True)
class ReidMatches:
    """The pairs of one sequence, with J joints."""

    frames: int
    """Number of frames that count."""

    matches: HotaMatches
    """The pairs; identities are places in the lists below."""

    truth_ids: IntArray
    """(G,) true identities."""

    found_ids: IntArray
    """(P,) predicted identities."""

    objects: DoubleArray
    """(G, J) number of joints of each true identity."""

    predictions: DoubleArray
    """(P, J) number of joints of each predicted identity."""

    extra: tuple[DoubleArray, DoubleArray]
    """(J,) false negatives and (J,) false positives that the published defect adds."""


def match_identities(sequence: EvalSequence, *, strict: bool = False) -> ReidMatches:
    """Pair the joints of one sequence, whose ids are person ids."""
    nothing = np.zeros(sequence.truth.points.shape[1])
    return ReidMatches(
        frames=len(sequence.frames),
        matches=match_joints(sequence, each_threshold=True),
        truth_ids=sequence.truth.identities[0],
        found_ids=sequence.found.identities[0],
        objects=sequence.truth.per_identity,
        predictions=sequence.found.per_identity,
        extra=defect(sequence) if strict else (nothing, nothing),
    )


def reid_hota(sequences: Sequence[ReidMatches]) -> HotaCounts:
    """Count all sequences together."""
    truth_ids = np.unique(np.concatenate([s.truth_ids for s in sequences]))
    found_ids = np.unique(np.concatenate([s.found_ids for s in sequences]))
    joints = sequences[0].objects.shape[1]
    objects = np.zeros((len(truth_ids), joints))
    predictions = np.zeros((len(found_ids), joints))
    parts, start = [], 0
    for sequence in sequences:
        true = np.searchsorted(truth_ids, sequence.truth_ids)
        found = np.searchsorted(found_ids, sequence.found_ids)
        objects[true] += sequence.objects
        predictions[found] += sequence.predictions
        matches = sequence.matches
        parts.append(
            replace(
                matches,
                time=matches.time + start,
                truth=true[matches.truth],
                found=found[matches.found],
            )
        )
        start += sequence.frames
    return count_matches(
        join_records(parts),
        objects=objects,
        predictions=predictions,
        extra=(
            np.sum([s.extra[0] for s in sequences], axis=0),
            np.sum([s.extra[1] for s in sequences], axis=0),
        ),
    )
