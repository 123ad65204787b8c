"""Inputs on which earlier versions failed, through the command line: each gives what is right.

A row of a table is one input. Rows of other kinds get a table and a test of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

import posetube
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.tracking import track_command


@dataclass(frozen=True)
class Film:
    """A video that is tracked whole: complete, exit code 0, without a warning."""

    path: str
    times: Sequence[float]
    words: tuple[str, ...] = ("--no-overlay",)


def every(step: float, count: int, begin: float = 0.0) -> list[float]:
    return [begin + i * step for i in range(count)]


def but(left_out: Sequence[int], count: int) -> list[float]:
    """Times at 25 frames/s without some."""
    return [i / 25 for i in range(count) if i not in left_out]


AVI_GAPS = (*range(20, 25), 40)
LATE = "start_end_late_video/broadcast.ts"

FILMS = (
    Film("mkv_bframes_reordered/b_2fps.mkv", every(0.5, 20)),
    Film("mkv_bframes_reordered/hevc_1fps.mkv", every(1, 20)),
    Film("avi_dropped_frames/drop.avi", but(AVI_GAPS, 60)),
    Film("avi_dropped_frames/d_libx264_-bf_0.avi", but(AVI_GAPS, 60)),
    Film("mkv_low_fps_false_cut/nob_1fps.mkv", every(1, 20)),
    Film("edit_list_segments/e_cutmid.mp4", every(0.04, 20)),
    Film(LATE, every(0.04, 25, 36001.4), ("--no-overlay", "--end", "1s")),
    Film(LATE, every(0.04, 35, 36002.4), ("--no-overlay", "--start", "1s")),
    Film("overlay_rate_over_1000/hs2000.mp4", every(1 / 2000, 8), ()),
    Film("overlay_rate_over_1000/hs1001.mp4", every(1 / 1001, 4), ()),
    Film("one_picture_of_many/m12.mjpeg", every(0.04, 12)),
    Film("one_picture_of_many/multi.tiff", every(0.04, 12)),
)

REFUSED = {
    ("one_picture_of_many/anim.webp",): (5, "animated WebP is not read; convert it"),
    ("one_picture_of_many/mp.mjpg",): (5, "its format is not one of the allowed video formats"),
    (LATE, "--start", "1min"): (5, "the last one is 2.360 s after it"),
}
"""Arguments of ``track``: exit code, and a part of the line that says why."""


@pytest.fixture(autouse=True)
def _nobody(
    monkeypatch: pytest.MonkeyPatch,
    make_model: Callable[..., LoadedModel],
    nobody_finder: type,
) -> None:
    model = make_model(finder=nobody_finder)
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)


@pytest.mark.slow
@pytest.mark.parametrize("film", FILMS, ids=lambda film: " ".join((film.path, *film.words)))
def test_a_sound_film_is_tracked_whole(faults: Path, tmp_path: Path, film: Film) -> None:
    run = tmp_path / "run"

    assert main(["track", str(faults / film.path), "-o", str(run), *film.words]) == 0

    manifest = msgspec.json.decode((run / "run.json").read_bytes())
    assert (manifest["state"], manifest["warnings"]) == ("complete", [])
    assert manifest["frames"]["done"] == len(film.times)
    assert manifest["frames"]["expected"] in (None, len(film.times))
    times = posetube.load(run).frames.times
    np.testing.assert_allclose(times[np.isfinite(times)], film.times, atol=1e-5)
    if not film.words:
        with posetube.open_video(run / "overlay.mp4") as overlay:
            np.testing.assert_allclose([f.time for f in overlay], film.times, atol=1e-5)


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_is_refused_says_why(
    faults: Path, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path, *options = words
    code, why = REFUSED[words]

    assert main(["track", str(faults / path), "-o", str(tmp_path / "run"), *options]) == code

    assert why in " ".join(capsys.readouterr().err.split())
