import pickle

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.structures import PoseTubes
from posetube.tracker.tubes import TubeNumbers, continued


def clip(first: int, people: list[float], *, length: int = 4, step: float = 3.0) -> PoseTubes:
    """People who walk right from some x at frame 0, seen from frame ``first`` on."""
    n, t = len(people), length
    frames = first + np.arange(t)
    left = np.array(people)[:, None] + step * frames[None]
    boxes = np.stack([left, np.zeros((n, t)), left + 40, np.full((n, t), 100.0)], axis=-1)
    return PoseTubes(
        frames=frames,
        boxes=boxes.astype(np.float32),
        keypoints=np.zeros((n, t, 17, 2), np.float32),
        keypoint_scores=np.ones((n, t, 17), np.float32),
        scores=np.ones(n, np.float32),
        presence=np.ones((n, t), np.float32),
    )


def test_tubes_that_agree_on_shared_frames_are_one_person() -> None:
    rows = continued(clip(0, [0, 200]), clip(2, [200, 400, 0]))

    assert rows.tolist() == [1, -1, 0]


def test_clips_without_shared_frames_have_nothing_to_tell() -> None:
    assert continued(clip(0, [0]), clip(4, [0])).tolist() == [-1]


def test_a_person_absent_from_the_shared_frames_is_not_joined() -> None:
    later = clip(2, [0])
    later.presence[0, :2] = 0.1

    assert continued(clip(0, [0]), later).tolist() == [-1]


def test_a_clip_with_nobody_in_it_is_continued_by_nobody() -> None:
    assert continued(clip(0, []), clip(1, [0])).tolist() == [-1]
    assert continued(clip(0, [0]), clip(1, [])).tolist() == []


def test_tubes_keep_their_number_for_as_long_as_they_are_continued() -> None:
    numbers = TubeNumbers()

    found = [numbers.number(np.array(rows, np.int64)) for rows in ([-1, -1], [1, -1, 0], [], [-1])]

    assert [f.tolist() for f in found] == [[0, 1], [1, 2, 0], [], [3]]


def test_numbering_goes_on_where_it_was_pickled() -> None:
    numbers = TubeNumbers()
    numbers.number(np.array([-1, -1]))

    again = pickle.loads(pickle.dumps(numbers))

    assert again.number(np.array([1, -1])).tolist() == [1, 2]


def test_a_tube_that_the_clip_before_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="the previous clip has 0 tubes, got row 3"):
        TubeNumbers().number(np.array([3]))
