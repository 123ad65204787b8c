import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.weak_links import weakest_links


def table(*, margins: list[float] | None, costs: list[float] | None = None) -> VideoTracks:
    """Two people over three frames, rows by frame."""
    rows = 6
    return VideoTracks(
        source="clip",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.array([0.0, 0.5, 2.0])),
        frame=np.array([0, 0, 1, 1, 2, 2]),
        track_ids=np.array([1, 2] * 3),
        boxes=np.zeros((rows, 4), np.float32),
        scores=np.ones(rows, np.float32),
        keypoints=np.zeros((rows, 17, 2), np.float32),
        keypoint_scores=np.ones((rows, 17), np.float32),
        link_margins=None if margins is None else np.array(margins, np.float32),
        link_costs=None if costs is None else np.array(costs, np.float32),
        link_gates=None if costs is None else np.full(rows, 0.7, np.float32),
    )


def test_links_come_most_doubtful_first_with_their_times() -> None:
    tracks = table(margins=[np.nan, np.nan, 0.5, 0.1, 0.3, np.inf])

    found = weakest_links(tracks, count=3)

    assert [(link.track_id, link.frames, link.times) for link in found] == [
        (2, (0, 1), (0.0, 0.5)),
        (1, (1, 2), (0.5, 2.0)),
        (1, (0, 1), (0.0, 0.5)),
    ]


def test_a_link_near_its_gate_is_doubtful_even_without_a_rival() -> None:
    tracks = table(
        margins=[np.nan, np.nan, 0.5, 0.1, 0.3, np.inf], costs=[0, 0, 0.1, 0.1, 0.1, 0.69]
    )

    weakest = weakest_links(tracks, count=1)[0]

    assert (weakest.track_id, weakest.frames) == (2, (1, 2))
    assert weakest.gate - weakest.cost == pytest.approx(0.01, abs=1e-6)


def test_tracks_without_margins_are_refused() -> None:
    with pytest.raises(InputError, match="clip: the tracks have no link margins"):
        weakest_links(table(margins=None))
