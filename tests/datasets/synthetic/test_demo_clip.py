"""The demo clip shows what its description says."""

from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.synthetic.demo import SIZE, demo_clip, write_demo
from posetube.datasets.video import open_video


@pytest.mark.slow
def test_people_cross_one_leaves_and_one_hides_behind_a_pillar(tmp_path: Path) -> None:
    path, truth = write_demo(tmp_path / "new")
    with open_video(path) as video:
        frames = list(video.frames())
    assert len(frames) == len(truth.frames) == 125
    assert frames[0].image is not None
    assert frames[0].image.shape == (*SIZE, 3)
    np.testing.assert_allclose([f.time for f in frames], truth.frames.times, atol=1e-3)
    assert len(truth) == 4
    assert truth.head_boxes is not None
    heights = truth.head_boxes[:, 3] - truth.head_boxes[:, 1]
    assert heights.min() >= 16

    first, second = truth[1], truth[2]
    assert first.boxes[0, 0] < first.boxes[-1, 0]
    assert second.boxes[0, 0] > second.boxes[-1, 0]
    assert truth[3].frames[-1] < 60  # walks out of the picture

    clip = demo_clip()
    hidden = [clip.moment(index).people for index in range(20, 42, 2)]
    least = min(p.visibility[p.track_ids == 1].min(initial=1.0) for p in hidden)
    assert least < 0.35
