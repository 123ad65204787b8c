"""``posetube measure`` and ``posetube.measure``: tables, plots, scales, and what is refused."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import posetube
from posetube.errors import InputError, MissingExtraError
from posetube.pipelines.cli import main
from posetube.pipelines.measuring import measure_plots
from posetube.pipelines.measuring.measure_command import parse_height, parse_zone
from tests.pipelines.tracking.test_link_external import coco_results
from tests.tracker.measures.test_hand_computed import standing, walker


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Somebody who walks for two seconds."""
    found = coco_results(tmp_path / "walk.json", frames=20)
    assert main(["link", str(found), "-o", str(tmp_path / "run"), "--frame-rate", "10"]) == 0
    return tmp_path / "run"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_lie_beside_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zone = "all=-100,-100,5000,-100,5000,5000,-100,5000"

    assert main(["measure", str(run), "--zone", zone]) == 0

    frames, people = rows(run / "measures/frames.csv"), rows(run / "measures/people.csv")
    assert len(frames) == 20
    assert {"frame", "time", "track_id", "left_knee_angle", "trunk_length", "in_all"} <= {
        *frames[0]
    }
    assert (frames[3]["time"], frames[3]["in_all"]) == ("0.3", "true")
    assert float(people[0]["time_seen"]) == pytest.approx(2)
    [enters] = rows(run / "measures/events.csv")
    assert (enters["event"], enters["zone"], enters["time"]) == ("enter", "all", "0")
    assert [row["people"] for row in rows(run / "measures/zones.csv")] == ["1"] * 20
    assert "lengths in px -> " in capsys.readouterr().out
    assert main(["measure", str(run), "--to", "parquet"]) == 0
    names = {path.name for path in (run / "measures").iterdir()}
    assert names == {"frames.parquet", "people.parquet", "events.parquet"}  # nothing old is left


def test_a_run_that_is_linked_again_says_that_its_measures_are_old(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(run), "--to", "parquet"]) == 0
    assert pq.read_table(run / "measures/frames.parquet").num_rows == 20
    assert main(["link", str(run)]) == 0

    assert f"{run / 'measures'} is made of earlier results" in capsys.readouterr().err


def test_files_need_a_place_for_their_tables(tmp_path: Path, run: Path) -> None:
    out = tmp_path / "tables"
    assert main(["export", str(run), "--to", "csv", "-o", str(tmp_path / "people.csv")]) == 0

    assert main(["measure", str(tmp_path / "people.csv")]) == 2
    assert main(["measure", str(tmp_path / "people.csv"), "-o", str(out)]) == 0
    assert main(["measure", str(run), "-o", str(tmp_path / "people.csv")]) == 2
    assert len(rows(out / "frames.csv")) == 20
    assert not (out / "zones.csv").exists()


def test_a_height_makes_metres_of_pixels() -> None:
    tracks = standing({}, {}, {})
    plain, metres = posetube.measure(tracks), posetube.measure(tracks, heights={1: 1.8})

    assert (plain.unit, metres.unit) == ("px", "m")
    assert metres.people["unit"].tolist() == ["m"]
    assert metres.people["height"][0] == pytest.approx(1.8)
    factor = metres.frames["trunk_length"][0] / plain.frames["trunk_length"][0]
    assert metres.frames["y"][0] == pytest.approx(plain.frames["y"][0] * factor)
    assert metres.frames["left_knee_angle"][0] == plain.frames["left_knee_angle"][0]
    twice = posetube.measure(tracks, metres_per_pixel=2 * factor)
    assert twice.people["height"][0] == pytest.approx(3.6)


def test_names_are_in_every_table() -> None:
    found = posetube.measure(replace(standing({}, {}), track_names={1: "anna"}))

    assert found.frames["name"].tolist() == ["anna", "anna"]
    assert found.people["name"].tolist() == ["anna"]


def test_speed_stops_at_a_gap() -> None:
    tracks = walker([0, 10, 20, 30, 40, 50])
    away = replace(tracks.select(np.array([0, 1, 4, 5])), frames=tracks.frames)

    assert np.isfinite(posetube.measure(away).frames["speed"]).all()
    alone = replace(tracks.select(np.array([0, 3])), frames=tracks.frames)
    assert np.isnan(posetube.measure(alone).frames["speed"]).all()


def test_of_every_other_frame_speeds_and_times_are_those_of_all() -> None:
    tracks = walker([*range(0, 200, 10)])
    half = np.arange(0, 20, 2)
    labeled = np.isin(np.arange(20), half)
    times = np.where(labeled, tracks.frames.times, np.nan)
    seen = replace(tracks.frames, times=times, labeled=labeled)
    skipped = replace(tracks.select(half), frames=seen)
    skipped.keypoints[:] = np.nan  # somebody is where the box is

    found = posetube.measure(skipped, zones={"all": [(-99, -99), (999, -99), (999, 999)]})

    assert found.frames["speed"].tolist() == pytest.approx([100.0] * 10)
    assert found.people["time_seen"][0] == pytest.approx(2)
    assert found.zones["frame"].tolist() == half.tolist()


def test_nobody_is_measured_as_nobody() -> None:
    tracks = standing({}, {})
    found = posetube.measure(
        tracks.select(tracks.track_ids == 2), zones={"a": [(0, 0), (1, 0), (0, 1)]}
    )

    assert {len(column) for column in found.people.values()} == {0}
    assert found.zones["people"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"metres_per_pixel": 0.0}, "must be above 0|metres_per_pixel"),
        ({"metres_per_pixel": 1.0, "heights": {1: 1.8}}, "not by both"),
        ({"heights": {1: 18.0}}, "height of track 1: expected 0.2 to 3 metres, got 18"),
        ({"heights": {2: 1.8}}, "no track 2"),
        ({"zones": {"line": [(0.0, 0.0), (1.0, 1.0)]}}, "zone line: expected at least 3 corners"),
    ],
)
def test_wrong_scales_and_zones_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        posetube.measure(standing({}, {}), **wrong)  # type: ignore[arg-type]


def test_frames_without_times_are_refused() -> None:
    tracks = standing({}, {})
    timeless = replace(tracks, frames=replace(tracks.frames, times=np.full(2, np.nan)))

    with pytest.raises(InputError, match="here: frames have no times, which speeds need"):
        posetube.measure(timeless)


@pytest.mark.parametrize("text", ["door", "door=1,2,3", "=0,0,1,0,0,1", "door=a,b,c,d,e,f"])
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected a zone such as door=10,20"):
        parse_zone(text)


def test_zones_have_different_names(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zone = ["--zone", "a=0,0,1,0,0,1"]

    assert main(["measure", str(run), *zone, *zone]) == 2
    assert "two zones have the same name" in capsys.readouterr().err


def test_what_is_no_height_is_refused() -> None:
    assert parse_height("3=1.80") == (3, 1.8)
    with pytest.raises(InputError, match="expected a track and its height in metres"):
        parse_height("1.80")


@pytest.mark.slow
def test_plots_are_drawn(run: Path) -> None:
    pytest.importorskip("matplotlib")

    assert main(["measure", str(run), "--plots", "--zone", "a=0,0,99,0,0,99"]) == 0

    names = {path.name for path in (run / "measures").glob("*.png")}
    assert names == {"person-1.png", "ways.png", "zones.png"}


def test_plots_without_their_library_say_what_to_install(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'posetube\[plots\]'"):
        measure_plots.draw_measures(posetube.measure(run), tmp_path, size=None)
