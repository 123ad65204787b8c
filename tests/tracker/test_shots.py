import numpy as np
import pytest

from posetube.errors import InputError
from posetube.tracker.shots import CutConfig, CutDetector, colour_histogram


def cuts(frames: list[int], *, noise: float = 0.05) -> list[int]:
    """Frames in which a detector sees a cut, given which scene each frame shows."""
    rng = np.random.default_rng(0)
    scenes = rng.dirichlet(np.full(64, 0.1), size=10)
    detector = CutDetector()
    return [
        index
        for index, scene in enumerate(frames)
        if detector.update(scenes[scene] + noise * rng.dirichlet(np.ones(64)))
    ]


def test_a_new_scene_is_a_cut() -> None:
    assert cuts([0] * 5 + [1] * 5 + [2]) == [5, 10]


def test_the_first_frame_is_no_cut() -> None:
    assert cuts([0]) == []


def test_the_frame_after_a_flash_is_recognised() -> None:
    assert cuts([0] * 5 + [1] + [0] * 5) == [5]


def test_movement_within_a_scene_is_no_cut() -> None:
    assert cuts([0] * 12, noise=0.4) == []


def test_the_scale_of_a_histogram_does_not_matter() -> None:
    detector = CutDetector()
    shares = np.array([0.2, 0.8])

    assert [detector.update(shares * scale) for scale in (1, 1000, 3)] == [False] * 3


def test_cuts_are_listed_by_place_and_frames_of_unknown_colours_are_none() -> None:
    detector = CutDetector()
    red, blue = np.array([1.0, 0]), np.array([0, 1.0])

    told = [detector.update(colours) for colours in (red, None, red, blue, None)]

    assert told == [False, False, False, True, False]
    assert detector.found == [3]


def test_colours_of_a_picture_are_counted() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = [255, 0, 0]

    histogram = colour_histogram(image, step=1)

    assert (histogram.sum(), histogram[0], histogram[3 * 16]) == (1, 0.5, 0.5)


def test_what_is_no_histogram_is_refused() -> None:
    detector = CutDetector()
    detector.update(np.ones(3))

    with pytest.raises(InputError, match="expected 3 bins, got 4"):
        detector.update(np.ones(4))
    with pytest.raises(InputError, match="expected a histogram"):
        detector.update(np.zeros(3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_change": 0.0}, r"CutConfig.min_change must be in \(0, 1\], got 0.0"),
        ({"memory": 0}, "CutConfig.memory must be 1 or more, got 0"),
    ],
)
def test_settings_name_the_field_and_the_value(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CutConfig(**settings)  # type: ignore[arg-type]
