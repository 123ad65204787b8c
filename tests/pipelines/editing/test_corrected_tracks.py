"""Tracks corrected elsewhere become corrections that make ours the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import posetube
from posetube.errors import InputError
from posetube.pipelines.cli import main
from posetube.pipelines.editing.corrected_tracks import differences
from posetube.pipelines.editing.edit_words import spelled
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.edits import edit_tracks
from tests.pipelines.editing.test_edit_command import edit
from tests.tracker.test_edits import tracks_of

OURS = tracks_of((1, 0, 9), (2, 0, 9), (3, 2, 5), (4, 6, 11))


def with_ids(ids: np.ndarray) -> VideoTracks:
    """The same people under other ids; -1 is deleted."""
    return replace(OURS, track_ids=ids).select(ids >= 0)


def words(theirs: VideoTracks) -> list[str]:
    return [spelled(one) for one in differences(OURS, theirs).edits]


def who(tracks: VideoTracks) -> list[tuple[int, int, float]]:
    return sorted(zip(tracks.frame, tracks.track_ids, tracks.boxes[:, 0], strict=True))


@pytest.mark.parametrize(
    "made",
    [
        ["swap 1 2 @0.7s"],
        ["merge 3 4"],
        ["delete 3"],
        ["delete 1 @0.2s..0.4s"],
        ["assign 1 3 @0.6s..0.9s"],
        ["move 2 left_wrist @0.3s 300,200"],
    ],
)
def test_what_was_done_elsewhere_is_told_in_few_words(made: list[str]) -> None:
    assert words(posetube.edit(OURS, made)) == made


@example(seed=2790, people=4)
@given(seed=st.integers(0, 10_000), people=st.integers(1, 7))
def test_ours_become_theirs(seed: int, people: int) -> None:
    """Whatever somebody wrote into the ids: stretches of any length, anybody, gone ones."""
    draw = np.random.default_rng(seed)
    ids = OURS.track_ids.copy()
    for _ in range(draw.integers(1, 5)):
        rows = np.flatnonzero(OURS.track_ids == draw.integers(1, 5))
        first, last = np.sort(draw.integers(0, len(rows) + 1, 2))
        ids[rows[first:last]] = draw.choice([-1, *range(1, people + 1)])
    taken = np.unique(np.stack([OURS.frame, ids])[:, ids >= 0], axis=1).shape[1]
    theirs = with_ids(ids)
    if taken < len(theirs.frame):
        with pytest.raises(InputError, match=r"person \d is twice in frame \d"):
            differences(OURS, theirs)
        return

    found = differences(OURS, theirs)

    assert found.strangers == found.emptied == 0
    assert _same_people(edit_tracks(OURS, found.edits), theirs)


def _same_people(one: VideoTracks, other: VideoTracks) -> bool:
    """The same rows; where ids differ everywhere, most rows decided what they are called."""
    ours, theirs = who(one), who(other)
    places = [[(frame, x) for frame, _, x in rows] for rows in (ours, theirs)]
    pairs = {(a, b) for (_, a, _), (_, b, _) in zip(sorted(ours), sorted(theirs), strict=True)}
    by_place = [{(f, x): i for f, i, x in rows} for rows in (ours, theirs)]
    pairs = {
        (by_place[0][key], by_place[1][key]) for key in by_place[0].keys() & by_place[1].keys()
    }
    return {*places[0]} == {*places[1]} and len(pairs) == len({a for a, _ in pairs}) == len(
        {b for _, b in pairs}
    )


def test_a_program_that_counts_in_its_own_way_changes_nothing() -> None:
    theirs = replace(OURS, track_ids=np.array([0, 7, 5, 6, 9])[OURS.track_ids])

    assert words(theirs) == []


def test_names_are_taken_over() -> None:
    theirs = replace(OURS, track_names={1: "track_1", 2: "anna", 3: "track_3", 4: "track_4"})

    assert words(theirs) == ["rename 2 anna"]


def test_people_without_boxes_are_found_by_their_joints() -> None:
    theirs = replace(OURS, boxes=np.full_like(OURS.boxes, np.nan))

    assert words(theirs.select(OURS.track_ids != 3)) == ["delete 3"]


def test_who_is_added_and_what_is_taken_away_is_counted() -> None:
    keypoints = OURS.keypoints.copy()
    keypoints[4, 1] = np.nan
    stranger = replace(OURS, boxes=OURS.boxes + np.where(OURS.frame == 3, 5000, 0)[:, None])

    assert differences(OURS, replace(OURS, keypoints=keypoints)).emptied == 1
    assert differences(OURS, stranger).strangers == (OURS.frame == 3).sum()


def test_doubled_people_are_named() -> None:
    ids = np.where(OURS.track_ids == 2, 1, OURS.track_ids)

    with pytest.raises(InputError, match="walk: person 1 is twice in frame 0"):
        differences(OURS, with_ids(ids))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet", "slp", "cvat", "deeplabcut"])
def test_a_file_corrected_elsewhere_comes_back(
    form: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if form == "slp":
        pytest.importorskip("sleap_io")
    before = posetube.load(run)
    first, second = before.ids.tolist()
    right = posetube.edit(before, [f"swap {first} {second} @2s", f"delete {first} @3s..3.5s"])
    suffix = {"cvat": "xml", "deeplabcut": "csv"}.get(form, form)
    out = tmp_path / f"corrected.{suffix}"
    posetube.export(right, out, to=form)

    assert edit(run, "--from", str(out)) == 0

    assert who(posetube.load(run)) == who(right)
    capsys.readouterr()
    assert main(["edit", str(run), "--from", str(out)]) == 0
    assert "holds the run's tracks as they are" in capsys.readouterr().err
    assert edit(run) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == f"1. from {out.name}"
    assert len(listed) > 1
    assert all(line.startswith("     ") for line in listed[1:])
    assert edit(run, "undo") == 0
    assert who(posetube.load(run)) == who(before)


def test_a_file_of_another_video_deletes_nobody() -> None:
    nobody = OURS.select(OURS.track_ids == 99)
    elsewhere = replace(OURS, boxes=OURS.boxes + 5000)

    for theirs in (nobody, elsewhere):
        with pytest.raises(InputError, match="walk: 0 of its .* rows are where people of the run"):
            differences(OURS, theirs)
    assert differences(OURS, OURS.select(OURS.track_ids != 3)).gone == (OURS.track_ids == 3).sum()


@pytest.mark.parametrize(("by", "words"), [(1, "one too high"), (-1, "one too low")])
def test_frames_that_are_counted_from_elsewhere_are_refused(by: int, words: str) -> None:
    later = OURS.select(OURS.frame >= 1)
    theirs = replace(later, frame=later.frame + by, frames=FrameTable(times=np.arange(13) / 10))

    nowhere = np.full_like(theirs.boxes, np.nan)  # a table of joints has no boxes
    for one in (theirs, replace(theirs, boxes=nowhere)):
        with pytest.raises(InputError, match=f"walk: counts frames {words}: most of its people"):
            differences(OURS, one)


def test_joints_that_left_the_picture_stay() -> None:
    keypoints = OURS.keypoints.copy()
    keypoints[4, 1, 0] = -30

    assert differences(OURS, replace(OURS, keypoints=keypoints)).emptied == 1
    assert words(replace(OURS, keypoints=keypoints)) == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_of_pandas_comes_back(
    form: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pandas")
    before, out = posetube.load(run), tmp_path / f"corrected.{form}"
    _, second = before.ids.tolist()
    table = before.to_pandas()
    later = (table["track_id"] == second) & (table["time"] >= 2)
    table.loc[later, "track_id"] = 3
    getattr(table, f"to_{form}")(out)  # a CSV with the index in front

    assert edit(run, "--from", str(out)) == 0

    assert who(posetube.load(run)) == who(posetube.edit(before, f"split {second} @2s"))


def test_one_name_among_numbers_is_a_rename(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    before, out = posetube.load(run), tmp_path / "named.csv"
    first, second = before.ids.tolist()
    table = before.to_pandas()
    table["track_id"] = table["track_id"].astype(str).replace(str(first), "anna")
    table.to_csv(out, index=False)

    assert edit(run, "--from", str(out)) == 0

    assert posetube.load(run).track_names == {first: "anna"}
    assert posetube.load(run).ids.tolist() == [first, second]
