"""Recall of proposals by their number, on boxes made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.tracker.metrics.proposal_recall import COUNTS, covered, recalls

PERSON = [0.0, 0, 10, 10]


def boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_the_best_of_the_first_boxes_counts() -> None:
    found = covered(boxes([50, 50, 60, 60], [0, 0, 10, 6], PERSON, [0, 0, 1, 1]), boxes(PERSON))

    assert found[0].tolist() == pytest.approx([0, 1] + [1] * (len(COUNTS) - 2))
    assert covered(boxes(), boxes(PERSON)).tolist() == [[0] * len(COUNTS)]
    assert covered(boxes(PERSON), boxes()).shape == (0, len(COUNTS))


def test_recalls_are_shares_of_people_at_overlaps() -> None:
    half, most = [0.0, 0, 10, 6], [0.0, 0, 10, 8]  # overlaps of 0.6 and 0.8
    found = recalls([covered(boxes(half), boxes(PERSON)), covered(boxes(most), boxes(PERSON))])

    assert found["recall_50"][1] == 100
    assert found["recall_75"][1] == 50
    # of ten overlaps the first covers up to 0.60 (three), the second up to 0.80 (seven)
    assert found["average_recall"][1] == pytest.approx(50)


def test_of_nobody_there_is_no_recall() -> None:
    assert {*recalls([])["average_recall"].values()} == {None}


@given(seed=st.integers(0, 1000))
def test_more_proposals_cover_no_fewer_people(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 50, (60, 2))
    many = np.concatenate([low, low + rng.uniform(5, 50, (60, 2))], axis=1).astype(np.float32)

    found = covered(many[:50], many[50:])

    assert (np.diff(found, axis=1) >= 0).all()
    assert found.max() <= 1
