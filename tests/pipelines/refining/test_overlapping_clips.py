"""Means over overlapping clips: what is averaged, and when it is known."""

from collections.abc import Iterator

import numpy as np

from posetube.models3d.refiners.mapped_frame import without_picture
from posetube.pipelines.refining.overlapping_clips import DrawnClip, averaged_clips
from tests.models3d.refiners.test_refine_maps import frame


def clip(index: int, *, last: int = 5) -> DrawnClip:
    """A clip of three frames around one, whose maps all hold the clip's index."""
    return DrawnClip(
        centre=frame(index, [7]),
        frames=[max(index - 1, 0), index, min(index + 1, last)],
        evidence=np.full((1, 3, 2, 8, 8), index, np.float32),
    )


def test_every_clip_that_a_frame_lies_in_has_a_say() -> None:
    done = list(averaged_clips(map(clip, range(6)), reach=1))

    means = [one.evidence.max() for one in done]
    assert [one.poses.frame for one in done] == list(range(6))
    # the outermost clips repeat their outermost frame
    np.testing.assert_allclose(means, [1 / 3, 1, 2, 3, 4, 14 / 3], rtol=1e-6)


def test_frames_come_out_half_a_clip_later_also_where_nobody_is() -> None:
    blind = DrawnClip(centre=without_picture(frame(1, [7]).poses), pictured=False)
    nobody = DrawnClip(centre=without_picture(frame(2, []).poses))
    taken: list[int] = []

    def arriving() -> Iterator[DrawnClip]:
        for one in (clip(0), blind, nobody, clip(3)):
            taken.append(one.centre.poses.frame)
            yield one

    done = averaged_clips(arriving(), reach=1)

    assert next(done).poses.frame == 0
    assert taken == [0, 1, 2]
    assert [one.poses.frame for one in done] == [1, 2, 3]
