from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import posetube
from posetube.datasets.video import VideoConfig
from posetube.errors import InputError, MediaError
from posetube.pipelines.api import stream, track
from posetube.pipelines.loaded_model import LoadedModel


def test_the_package_has_the_two_functions() -> None:
    assert posetube.track is track
    assert posetube.stream is stream


def test_tracking_gives_the_tracks_and_keeps_nothing(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = make_clip(frames=6)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    tracks = track(clip, model=make_model())

    assert tracks.ids.tolist() == [1, 2]
    assert len(tracks.frames) == 6
    assert list((tmp_path / "here").iterdir()) == []


def test_a_run_that_is_asked_for_is_kept(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    track(make_clip(frames=4), model=make_model(), out=tmp_path / "run")

    assert (tmp_path / "run" / "tracks.parquet").exists()
    assert not (tmp_path / "run" / "overlay.mp4").exists()


def test_streaming_gives_the_same_people_frame_by_frame(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel]
) -> None:
    clip = make_clip(frames=8)
    tracks = track(clip, model=make_model())

    frames = list(stream(clip, model=make_model()))

    assert [poses.frame for poses in frames] == list(range(8))
    np.testing.assert_array_equal(
        np.concatenate([poses.people.boxes for poses in frames]), tracks.boxes
    )
    np.testing.assert_array_equal(
        np.concatenate([poses.track_ids for poses in frames]), tracks.track_ids
    )


def test_a_stretch_of_a_video_is_streamed_with_its_own_indices(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel]
) -> None:
    config = VideoConfig(start=0.2, end=0.4)

    frames = list(stream(make_clip(frames=20), model=make_model(), video=config))

    assert [poses.frame for poses in frames] == [5, 6, 7, 8, 9]


def test_several_inputs_are_refused(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    make_clip("a.mp4", frames=2)
    make_clip("b.mp4", frames=2)

    with pytest.raises(InputError, match="expected one video, got 2 inputs"):
        track(tmp_path, model=make_model())
    with pytest.raises(MediaError, match="no such file"):
        track(tmp_path / "none.mp4", model=make_model())
