import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import posetube
from posetube.datasets.video import VideoConfig
from posetube.errors import InputError, MediaError
from posetube.pipelines import progress
from posetube.pipelines.api.stream import stream
from posetube.pipelines.api.track import track
from posetube.pipelines.loaded_model import LoadedModel
from posetube.structures import ByteArray, VideoTracks
from posetube.tracker.config import LinkConfig
from tests.pipelines.conftest import picture


def test_the_package_shows_all_that_is_public() -> None:
    assert dir(posetube) == sorted(posetube.__all__)
    jobs = {"track", "stream", "link", "load", "export", "evaluate", "open_video", "load_model"}
    assert jobs <= set(dir(posetube))
    assert posetube.track is track
    assert posetube.stream is stream
    with pytest.raises(AttributeError, match="module 'posetube' has no attribute 'trac'"):
        posetube.trac  # noqa: B018


@pytest.mark.parametrize("job", ["track", "stream", "link", "load", "export", "evaluate"])
def test_the_classes_that_an_argument_takes_are_public(job: str) -> None:
    kinds = [get_origin(kind) or kind for kind in _parts(get_type_hints(getattr(posetube, job)))]
    ours = {k.__name__ for k in kinds if getattr(k, "__module__", "").startswith("posetube.")}

    assert ours <= set(posetube.__all__)


def _parts(hints: Mapping[str, Any]) -> Iterator[Any]:
    for kind in hints.values():
        yield kind
        yield from _parts({str(place): part for place, part in enumerate(get_args(kind))})


def test_what_type_checkers_see_is_what_is_imported_late() -> None:
    tree = ast.parse(Path(posetube.__file__).read_text(encoding="utf-8"))
    (typing_only,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in typing_only.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert seen == posetube._LATE


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


@pytest.mark.parametrize("preset", ["online", "offline", "paper"])
def test_tracks_in_memory_are_those_of_a_run(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    preset: Any,
) -> None:
    clip, link = make_clip(frames=24, pan=2), LinkConfig(preset=preset, max_gap=0.5)
    video = VideoConfig(start=0.1, every=2)

    kept = track(
        clip, model=make_model(clip_length=3), link=link, video=video, out=tmp_path / "run"
    )
    tracks = track(clip, model=make_model(clip_length=3), link=link, video=video)

    assert same_people(tracks, kept)
    assert len(tracks) == (0 if preset == "paper" else 2)
    np.testing.assert_array_equal(tracks.frames.times, kept.frames.times)


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


def pictures(count: int) -> tuple[ByteArray, list[float]]:
    return np.stack([picture(step) for step in range(count)]), [step / 25 for step in range(count)]


def same_people(one: VideoTracks, other: VideoTracks) -> bool:
    names = ("frame", "track_ids", "boxes", "keypoints")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_pictures_in_memory_are_tracked_as_a_video_of_them(
    make_model: Callable[..., LoadedModel],
) -> None:
    images, times = pictures(8)

    tracks = track(images, times=times, model=make_model())

    assert tracks.ids.tolist() == [1, 2]
    assert tracks.frames.times.tolist() == times
    assert (tracks.source, tracks.size) == ("frames", images.shape[1:3])
    assert same_people(track(zip(images, times, strict=True), model=make_model()), tracks)
    frames = list(stream(zip(images, times, strict=True), model=make_model()))
    assert [poses.time for poses in frames] == times
    assert np.concatenate([poses.track_ids for poses in frames]).tolist() == list(tracks.track_ids)


def test_an_open_video_is_tracked_as_its_file(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel]
) -> None:
    clip = make_clip(frames=6)

    with posetube.open_video(clip) as video:
        tracks = track(video, model=make_model())

    assert same_people(tracks, track(clip, model=make_model()))


def test_pictures_in_memory_become_no_run(
    make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    images, times = pictures(2)

    with pytest.raises(InputError, match="pictures in memory become no run on disk; leave out="):
        track(images, times=times, model=make_model(), out=tmp_path / "run")
    with pytest.raises(InputError, match="an overlay or report needs a place; give out= as"):
        track(images, times=times, model=make_model(), overlay=posetube.OverlayConfig())


def test_a_run_has_a_report_where_one_is_asked_for(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    clip, model = make_clip(frames=4), make_model()

    track(clip, model=model, out=tmp_path / "plain")
    track(clip, model=model, out=tmp_path / "shown", report=True)

    assert not (tmp_path / "plain" / "report.html").exists()
    assert "<html" in (tmp_path / "shown" / "report.html").read_text(encoding="utf-8")


def test_a_video_has_times_of_its_own(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel]
) -> None:
    with pytest.raises(InputError, match="a video has its own times; leave times= out"):
        track(make_clip(frames=2), times=[0, 1], model=make_model())


def test_what_is_no_video_is_refused(make_model: Callable[..., LoadedModel]) -> None:
    with pytest.raises(InputError, match="expected a video, or pictures with their times, got int"):
        track(7, model=make_model())  # type: ignore[arg-type]


def test_progress_is_told_on_request(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[progress.Event] = []
    monkeypatch.setattr(progress.Lines, "__call__", lambda self, event: told.append(event))
    clip = make_clip(frames=4)

    track(clip, model=make_model(), progress=True)
    assert [e.event for e in told] == [
        "stage",
        "progress",
        "progress",
        "progress",
        "progress",
        "end",
    ]
    assert (told[-2].done, told[-2].total) == (4, 4)

    told.clear()
    track(clip, model=make_model())
    assert told == []

    track(clip, model=make_model(), out=tmp_path / "run", progress=True)
    assert {e.stage for e in told} == {"detect", "link", "refine", None}

    told.clear()
    posetube.link(tmp_path / "run", progress=True)
    assert (told[-2].stage, told[-2].done, told[-2].total) == ("link", 4, 4)


@pytest.fixture
def run(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel], tmp_path: Path
) -> Path:
    track(make_clip(frames=6), model=make_model(), out=tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_loaded_by_its_name_as_text_or_path(run: Path) -> None:
    tracks = posetube.load(str(run))

    assert same_people(tracks, posetube.load(run))
    for file in ("tracks.parquet", "run.json"):
        assert same_people(tracks, posetube.load(run / file)), file
    assert tracks.ids.tolist() == [1, 2]


@pytest.mark.parametrize(("form", "file"), [("parquet", "a.parquet"), ("coco", "a.json")])
def test_what_is_exported_can_be_loaded(run: Path, tmp_path: Path, form: str, file: str) -> None:
    tracks = posetube.load(run)

    posetube.export(tracks, tmp_path / file, to=form)
    posetube.export(str(run), str(tmp_path / f"again-{file}"), to=form)

    for path in (tmp_path / file, tmp_path / f"again-{file}"):
        loaded = posetube.load(path)
        np.testing.assert_allclose(loaded.keypoints, tracks.keypoints, atol=0.01)
        assert loaded.track_ids.tolist() == tracks.track_ids.tolist()


def test_what_an_export_loses_is_logged(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    posetube.export(run, tmp_path / "mot.txt", to="mot")

    assert "the format has no place for joints, times" in caplog.text
    with pytest.raises(InputError, match="'mott'"):
        posetube.export(run, tmp_path / "mot.txt", to="mott")


def test_an_export_leaves_the_files_of_a_run_alone(run: Path, tmp_path: Path) -> None:
    tracks = posetube.load(run)
    before = (run / "tracks.parquet").read_bytes()

    for path in (run / "tracks.parquet", run / "detections" / "part-00000.parquet", run):
        with pytest.raises(InputError, match="belongs to the run itself; name another file for"):
            posetube.export(tracks, path, to="parquet")

    assert (run / "tracks.parquet").read_bytes() == before
    posetube.export(tracks, run / "mine.parquet", to="parquet")
    assert same_people(posetube.load(run / "mine.parquet"), tracks)


def test_one_of_several_videos_is_named(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name in ("a", "b"):
        posetube.export(run, folder / f"{name}.csv", to="csv")

    with pytest.raises(InputError, match="holds 2 videos, say which one as video=; there are a"):
        posetube.load(folder)
    with pytest.raises(InputError, match="holds 2 videos, none is called 'c'; there are a"):
        posetube.load(folder, video="c")
    with pytest.raises(InputError, match="no such file"):
        posetube.load(tmp_path / "none.csv")


def test_detections_are_linked_without_being_written(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracks = posetube.load(run)
    before = (run / "tracks.parquet").read_bytes()

    assert same_people(posetube.link(run), tracks)
    nameless = replace(tracks, track_ids=np.full(len(tracks.frame), -1))
    assert same_people(posetube.link(nameless), tracks)
    posetube.export(nameless, tmp_path / "people.csv", to="csv")
    caplog.clear()
    linked = posetube.link(tmp_path / "people.csv", link=posetube.LinkConfig(preset="offline"))
    assert linked.track_ids.tolist() == tracks.track_ids.tolist()

    assert (run / "tracks.parquet").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "run", "people.csv"}


def test_times_that_a_file_lacks_come_from_the_frame_rate(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    posetube.export(run, tmp_path / "people.json", to="alphapose")

    linked = posetube.link(tmp_path / "people.json", frame_rate=10)

    assert linked.frames.times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert "there are no times; 10 frames per second are assumed" in caplog.text
    with pytest.raises(InputError, match="the frame rate must be positive, got 0"):
        posetube.link(tmp_path / "people.json", frame_rate=0)


def test_a_loaded_model_is_shown_without_its_layers(make_model: Callable[..., LoadedModel]) -> None:
    shown = repr(make_model())
    assert "network" not in shown
    assert "squares" in shown
