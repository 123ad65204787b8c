"""Perfect detections: every preset keeps everybody, also people who hug, dance or walk in step."""

from pathlib import Path

import pytest

from posetube import LinkConfig, evaluate, link
from posetube.datasets.published.bonn import Bonn
from posetube.structures import VideoTracks
from posetube.tracker.config import LinkPreset


@pytest.fixture(scope="module")
def filmed(samples: Path) -> list[VideoTracks]:
    dataset = Bonn(root=samples / "bonn_multiperson_posetrack")
    videos = [dataset.read(name) for name in dataset.videos()]
    return [video.tracks for video in videos if video.split == "train"]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_true_people_as_detections_are_all_kept(
    filmed: list[VideoTracks], preset: LinkPreset
) -> None:
    found = [link(tracks, link=LinkConfig(preset=preset)) for tracks in filmed]

    assert len(filmed) == 30
    mota = evaluate(found, filmed, protocol="clean").total("mota")
    assert mota is not None
    assert mota >= 99.8
