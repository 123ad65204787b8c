from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import Detections, DoubleArray, FrameTable, RowState, VideoTracks
from posetube.tracker.offline import OfflineConfig, relink
from posetube.tracker.tracker import LinkConfig, Tracker

People = Callable[..., Detections]
FPS = 25


def online(frames: list[Detections]) -> VideoTracks:
    tracker = Tracker(skeleton=COCO17, config=LinkConfig(max_gap=0.4))
    out = []
    for index, found in enumerate(frames):
        out += tracker.update(found, frame=index, time=index / FPS)
    return VideoTracks.from_frames(
        out + tracker.finish(),
        source="clip",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(len(frames)) / FPS),
    )


def walk(people: People, *, gone: range, steps: int = 60, speed: float = 2.0) -> list[Detections]:
    """One person walks right; in some frames nobody finds them."""
    return [
        people([] if t in gone else [(100 + speed * t, 100)], jitter=1, seed=t)
        for t in range(steps)
    ]


def test_a_person_away_for_longer_than_a_tracker_waits_keeps_the_id(people: People) -> None:
    tracks = online(walk(people, gone=range(20, 40)))

    assert tracks.ids.tolist() == [1, 2]
    assert relink(tracks).ids.tolist() == [1]


def test_filled_rows_are_marked_and_lie_on_the_line(people: People) -> None:
    tracks = relink(online(walk(people, gone=range(20, 30), speed=2)))

    made_up = tracks.states == RowState.INTERPOLATED
    centres = tracks.boxes[:, [0, 2]].mean(axis=1)
    assert tracks.frame[made_up].tolist() == list(range(20, 30))
    np.testing.assert_allclose(centres[made_up], 100 + 2 * np.arange(20, 30), atol=4)
    assert tracks.link_margins is not None
    assert np.isnan(tracks.link_margins[made_up]).all()


def test_a_joint_of_a_filled_row_is_as_sure_as_on_its_less_sure_side(people: People) -> None:
    frames = walk(people, gone=range(20, 30), speed=2)
    for found in frames[30:]:
        found.keypoint_scores[:, 3:] = 0.25

    tracks = relink(online(frames))

    made_up = tracks.states == RowState.INTERPOLATED
    np.testing.assert_array_equal(tracks.keypoint_scores[made_up, :3], 1)
    np.testing.assert_array_equal(tracks.keypoint_scores[made_up, 3:], 0.25)


def test_sizes_of_filled_rows_fall_back_to_the_usual_one(people: People) -> None:
    """A gesture beside the gap makes one row twice as wide as those before it."""
    tracks = online(walk(people, gone=range(20, 33), speed=0))
    wide = np.flatnonzero(tracks.frame == 19)
    usual = np.median(tracks.boxes[:, 2] - tracks.boxes[:, 0])
    tracks.boxes[wide, 0] -= usual / 2
    tracks.boxes[wide, 2] += usual / 2

    found = relink(tracks)

    made_up = found.boxes[found.states == RowState.INTERPOLATED]
    widths = made_up[:, 2] - made_up[:, 0]
    assert (np.diff(widths[:6]) < 0).all()
    # On a straight line, the middle row would be half too wide still.
    assert widths[0] > 1.5 * usual
    assert abs(widths[6] / usual - 1) < 0.35


def test_sizes_of_filled_rows_are_finite_in_the_longest_gaps(people: People) -> None:
    config = OfflineConfig(fill_gap=2000, max_gap=3000, gap_weight=0)
    tracks = online(walk(people, gone=range(20, 25)))
    slow = replace(tracks, frames=FrameTable(times=1000 * tracks.frames.times))
    found = relink(slow, config=config)

    made_up = found.boxes[found.states == RowState.INTERPOLATED]
    assert len(made_up)
    assert np.isfinite(made_up).all()
    assert (made_up[:, 2:] > made_up[:, :2]).all()


def test_long_gaps_are_joined_but_not_filled(people: People) -> None:
    tracks = relink(online(walk(people, gone=range(20, 45))), config=OfflineConfig(fill_gap=0.5))

    assert tracks.ids.tolist() == [1]
    assert len(tracks.frame) == 35


def test_nothing_is_joined_or_filled_across_a_cut(people: People) -> None:
    tracks = online(walk(people, gone=range(20, 40)))

    assert relink(tracks, cuts=[30]).ids.tolist() == [1, 2]
    assert not np.any(relink(tracks, cuts=[30]).states == RowState.INTERPOLATED)


def test_somebody_elsewhere_is_not_joined(people: People) -> None:
    frames = [people([(100, 100)] if t < 20 else [(600, 100)], seed=t) for t in range(40)]

    assert relink(online(frames)).ids.tolist() == [1, 2]


def test_two_people_are_joined_so_that_the_whole_makes_sense(people: People) -> None:
    """Both vanish for half a second while they walk past each other."""
    frames = [
        people([] if 25 <= t < 40 else [(100 + 3 * t, 100), (295 - 3 * t, 104)], jitter=1, seed=t)
        for t in range(65)
    ]

    tracks = relink(online(frames))

    for track in tracks:
        centres = track.boxes[:, [0, 2]].mean(axis=1)
        assert (np.diff(centres[::10]) > 0).all() or (np.diff(centres[::10]) < 0).all()
    assert len(tracks) == 2


def test_ids_that_went_over_to_one_another_at_a_crossing_come_back(people: People) -> None:
    """Ids are swapped by hand while both were out of sight for a moment."""
    frames = [
        people([(100 + 3 * t, 100), (295 - 3 * t, 104)] if t not in range(31, 35) else [], seed=t)
        for t in range(65)
    ]
    tracks = online(frames)
    swapped = np.where(tracks.frame > 33, 3 - tracks.track_ids, tracks.track_ids)

    found = relink(replace(tracks, track_ids=swapped))

    assert found.ids.tolist() == [1, 2]
    for track in found:
        assert abs(np.diff(track.boxes[:, 0], n=2)).max() < 10


@given(shift=st.integers(-200, 200), scale=st.floats(0.25, 4), seed=st.integers(0, 50))
@settings(max_examples=5)
def test_translation_scale_and_names_do_not_matter(
    people: People, shift: int, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    places = [(80 + 3 * t, 100 + 20 * who) for t in range(50) for who in (0, 1)]
    tracks = online(
        [
            people([p for p in places[2 * t : 2 * t + 2] if rng.random() > 0.2], seed=t)
            for t in range(50)
        ]
    )
    moved = replace(
        tracks,
        boxes=(tracks.boxes * scale + shift).astype(np.float32),
        keypoints=tracks.keypoints * scale + shift,
        track_ids=50 - tracks.track_ids,
    )

    np.testing.assert_array_equal(relink(moved).track_ids, relink(tracks).track_ids)


@given(seed=st.integers(0, 50))
@settings(max_examples=5)
def test_two_people_who_never_come_close_never_switch(people: People, seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 2, (60, 2, 2))
    places = np.cumsum(steps, axis=0) + np.array([[100, 100], [600, 100]])
    found = relink(
        online([
            people([tuple(p) for p in places[t] if rng.random() > 0.3], jitter=1, seed=t)
            for t in range(60)
        ])
    )  # fmt: skip

    for track in found:
        sides = track.boxes[:, 0] > 350
        assert sides.all() or not sides.any()


def test_unlike_appearance_keeps_pieces_apart(people: People) -> None:
    tracks = online(walk(people, gone=range(20, 40)))
    looks = np.tile(np.array([1.0, 0], np.float32), (len(tracks.frame), 1))
    changed = np.where(tracks.frame[:, None] < 30, looks, looks[:, ::-1])
    unknown = np.full_like(looks, np.nan)

    assert relink(tracks, embeddings=looks).ids.tolist() == [1]
    assert relink(tracks, embeddings=unknown).ids.tolist() == [1]
    assert relink(tracks, embeddings=changed).ids.tolist() == [1, 2]


def test_a_link_is_not_cut_because_somebody_bends_down(people: People) -> None:
    """A lower box and quite another pose: a dear pair, but nobody else is there."""
    tracks = online(walk(people, gone=range(20, 23)))
    bent = tracks.frame > 22
    tracks.boxes[bent, 1] += 20
    tracks.keypoints[bent] = tracks.keypoints[bent, ::-1] + np.array([0, 100], np.float32)

    assert relink(tracks).ids.tolist() == [1]


def test_a_link_in_doubt_is_not_cut_where_nobody_else_is_there(people: People) -> None:
    tracks = online(walk(people, gone=range(20, 23), speed=1))
    assert tracks.link_margins is not None
    grown = tracks.frame > 22
    tracks.boxes[grown, 3] += 300
    tracks.link_margins[np.flatnonzero(grown)[:2]] = 0.01

    assert relink(tracks).ids.tolist() == [1]


def test_pieces_too_short_alone_do_not_make_a_track_by_their_links(people: People) -> None:
    """Things that look like somebody for a moment, each elsewhere."""
    tracks = online(walk(people, gone=range(0), speed=0))
    moments = tracks.select((tracks.frame > 5) & (tracks.frame < 50) & (tracks.frame % 10 < 3))
    moments.boxes[:, [0, 2]] += 300 * (moments.frame // 10)[:, None]

    assert moments.ids.tolist() == [1]
    assert relink(moments).ids.tolist() == []


def test_links_are_not_reunited_across_a_cut(people: People) -> None:
    tracks = online(walk(people, gone=range(20, 23)))

    assert relink(tracks, cuts=[21]).ids.tolist() == [1, 2]


def test_rows_linked_in_doubt_are_drawn_anew(people: People) -> None:
    tracks = online(walk(people, gone=range(0)))
    assert tracks.link_margins is not None
    tracks.link_margins[30] = 0.01

    found = relink(tracks)

    assert found.states is not None
    assert np.flatnonzero(found.states == RowState.INTERPOLATED).tolist() == [30]
    assert found.ids.tolist() == [1]


def test_short_tracks_go_unless_the_video_cut_them_short(people: People) -> None:
    brief = [people([(100, 100)] * (10 <= t < 15), seed=t) for t in range(30)]
    single = online([people([(100, 100)])])

    assert relink(online(brief)).ids.tolist() == []
    assert relink(single).ids.tolist() == [1]


@pytest.mark.parametrize(
    "times", [np.ones(40), np.full(40, np.nan), np.tile(np.arange(20) / FPS, 2)]
)
def test_times_that_do_not_rise_do_no_harm(people: People, times: DoubleArray) -> None:
    tracks = online([people([(100, 100)] * (t != 10), seed=t) for t in range(40)])

    found = relink(replace(tracks, frames=FrameTable(times=times)))

    assert found.ids.tolist() == [1]
    np.testing.assert_array_equal(found.frames.times, times)


def test_ids_count_from_one_by_first_appearance(people: People) -> None:
    tracks = online(walk(people, gone=range(0)))
    renamed = VideoTracks(
        **{
            name: getattr(tracks, name)
            for name in tracks.__dataclass_fields__
            if name != "track_ids"
        },
        track_ids=tracks.track_ids + 41,
    )

    assert relink(renamed).ids.tolist() == [1]


def test_a_video_without_people_stays_as_it_is(people: People) -> None:
    assert len(relink(online([people([])] * 3)).frame) == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_length": -1.0}, "OfflineConfig.min_length must be 0 or more, got -1.0"),
        ({"max_gap": 0.0}, "OfflineConfig.max_gap must be above 0, got 0.0"),
        ({"max_cost": 0.0}, "OfflineConfig.max_cost must be above 0, got 0.0"),
    ],
)
def test_settings_name_the_field_and_the_value(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        OfflineConfig(**values)
