import numpy as np

from posetube.tracker.metrics.eval_sequence import EvalPeople


def people() -> EvalPeople:
    """Two people in frame 0, nobody in frame 1, three in frame 2."""
    n = 5
    return EvalPeople(
        starts=np.array([0, 2, 2, 5]),
        ids=np.array([7, 3, 3, 9, 7]),
        points=np.arange(2.0 * n).reshape(n, 1, 2),
        scores=np.ones((n, 1)),
        sizes=np.ones(n),
        rows=np.arange(n),
    )


def test_frames_stay_when_people_are_dropped() -> None:
    kept = people().keep(np.array([False, True, False, True, True]))

    assert [kept.ids[kept.frame(index)].tolist() for index in range(3)] == [[3], [], [9, 7]]
    assert kept.rows.tolist() == [1, 3, 4]
    assert kept.boxes is None


def test_identities_are_numbered_by_rising_id() -> None:
    ids, places = people().identities

    assert (ids.tolist(), places.tolist()) == ([3, 7, 9], [1, 0, 0, 2, 1])
