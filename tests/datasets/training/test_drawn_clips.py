"""Drawn clips to train on."""

import numpy as np

from posetube.datasets.training.drawn_clips import drawn_clip


def test_a_clip_depends_on_seed_and_number_alone() -> None:
    first, again, other = (drawn_clip(number, seconds=0.08, seed=3) for number in (1, 1, 2))

    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    assert first.images.shape[1:] == (360, 640, 3)
    assert not np.array_equal(first.images[0], other.images[0])


def test_people_are_known_in_every_frame() -> None:
    clip = drawn_clip(0, seconds=0.15, seed=0)

    assert len(clip) > 1
    assert (np.diff(clip.times) > 0).all()
    assert clip.present.any(axis=0).all()
    assert np.isfinite(clip.keypoints[clip.weights > 0]).all()
