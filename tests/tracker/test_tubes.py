import numpy as np
import pytest

from posetube.errors import InputError
from posetube.structures import PoseTubes
from posetube.tracker.tubes import TubeNumbers


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


def test_tubes_that_agree_on_shared_frames_keep_their_number() -> None:
    numbers = TubeNumbers()

    first = numbers.number(clip(0, [0, 200]))
    second = numbers.number(clip(2, [200, 400, 0]))

    assert (first.tolist(), second.tolist()) == ([0, 1], [1, 2, 0])


def test_clips_without_shared_frames_start_anew() -> None:
    numbers = TubeNumbers()
    numbers.number(clip(0, [0]))

    assert numbers.number(clip(4, [0])).tolist() == [1]


def test_a_person_absent_from_the_shared_frames_is_not_joined() -> None:
    numbers = TubeNumbers()
    numbers.number(clip(0, [0]))
    later = clip(2, [0])
    later.presence[0, :2] = 0.1

    assert numbers.number(later).tolist() == [1]


def test_numbering_goes_on_where_its_state_was_taken() -> None:
    numbers, again = TubeNumbers(), TubeNumbers()
    numbers.number(clip(0, [0, 200]))

    again.restore(numbers.state())

    assert again.number(clip(3, [200])).tolist() == [1]


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"min_overlap must be in \[0, 1\], got 2"):
        TubeNumbers(min_overlap=2)
