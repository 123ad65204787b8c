"""Linking takes frames as they are found, and gives what linking of all the parts gives."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.video import stream_video
from posetube.datasets.video.inputs import find_inputs
from posetube.datasets.video.writer import VideoWriter
from posetube.errors import InputError
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import detect_stage, link_stage
from posetube.pipelines.tracking import link_people as link_module
from posetube.pipelines.tracking.link_external import link_file
from posetube.pipelines.tracking.run_again import link_again
from posetube.pipelines.tracking.track_input import TrackTask, track_input
from posetube.pipelines.watch import Watch
from posetube.structures import DetectedFrame, PoseTubes
from posetube.tracker.config import LinkConfig, LinkPreset
from posetube.tracker.refiners.refine_config import RefineConfig

ClipMaker = Callable[..., Path]
ModelMaker = Callable[..., LoadedModel]

PLAIN = TrackConfig(overlay=None, refine=RefineConfig(refiners=()))


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "run")


def track(
    clip: Path, run: RunDirectory, model: LoadedModel, config: TrackConfig = PLAIN, **how: Any
) -> None:
    [item] = find_inputs([str(clip)])
    track_input(TrackTask(item=item, run=run, config=config), model, **how)


def tracks_of(run: RunDirectory) -> tuple[bytes, bytes]:
    return run.tracks.read_bytes(), run.posetrack.read_bytes()


def check_linking_again(run: RunDirectory, link: LinkConfig) -> None:
    found = tracks_of(run)
    link_again(run, link)
    assert tracks_of(run) == found


@pytest.mark.parametrize("preset", ["online", "offline", "paper"])
@pytest.mark.parametrize(("length", "pan", "every"), [(1, 2, 1), (3, 0, 2)])
def test_frames_as_they_are_found_link_as_those_of_the_parts_do(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    run: RunDirectory,
    preset: LinkPreset,
    length: int,
    pan: int,
    every: int,
) -> None:
    link = LinkConfig(preset=preset)
    config = replace(PLAIN, link=link, video=replace(PLAIN.video, every=every))
    track(make_clip(frames=15, pan=pan), run, make_model(clip_length=length), config)

    check_linking_again(run, link)


def test_the_embedded_network_s_frames_do_so_too(tmp_path: Path, run: RunDirectory) -> None:
    config = SceneConfig(seconds=0.4, people=2, camera="pan", size=(180, 320))
    with VideoWriter(tmp_path / "clip.mp4", size=config.size, rate=25) as writer:
        for frame in generate(config, seed=3).frames():
            writer.write(frame.image, frame.time)
    still = replace(PLAIN, refine=RefineConfig(refiners=("still",)))  # keeps heatmaps in the parts
    track(tmp_path / "clip.mp4", run, load_model("tiny", device="cpu"), still)

    check_linking_again(run, LinkConfig())


def test_what_is_told_of_a_frame_has_the_precision_of_the_parts(
    make_clip: ClipMaker, make_model: ModelMaker, run: RunDirectory
) -> None:
    model = make_model()
    find = model.network.detect_features

    def in_doubles(features: Any, frames: Any) -> PoseTubes:
        tubes = find(features, frames)
        joints: Any = tubes.keypoints.astype(np.float64) + 1e-9
        scores: Any = tubes.scores.astype(np.float64) - 1e-9
        return replace(tubes, keypoints=joints, scores=scores)

    model.network.detect_features = in_doubles  # type: ignore[method-assign]
    track(make_clip(frames=9), run, model)

    check_linking_again(run, LinkConfig())


def test_parts_that_are_there_already_are_linked_with_those_that_are_found(
    make_clip: ClipMaker, make_model: ModelMaker, run: RunDirectory
) -> None:
    clip = make_clip(frames=15, pan=2)
    track(clip, run, make_model())
    found = tracks_of(run)

    (run.detections / "part-00001.parquet").unlink()
    track(clip, run, make_model())
    assert tracks_of(run) == found


def test_a_frame_is_linked_before_the_next_part_is_found(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, int]] = []
    link_people = link_module.link_people

    def watched(frames: Iterable[DetectedFrame], **settings: Any) -> Iterator[Any]:
        def noted() -> Iterator[DetectedFrame]:
            for frame in frames:
                seen.append(("link", frame.frame))
                yield frame

        return link_people(noted(), **settings)

    def told(event: Event) -> None:
        if event.event == "progress" and event.stage == "detect":
            assert event.done is not None
            seen.append(("detect", event.done - 1))

    monkeypatch.setattr(link_stage, "link_people", watched)
    track(make_clip(frames=9), run, make_model(), watch=Watch(listener=told))

    assert seen == [(stage, frame) for frame in range(9) for stage in ("detect", "link")]


def test_one_stage_at_a_time_is_told_of(
    make_clip: ClipMaker, make_model: ModelMaker, run: RunDirectory
) -> None:
    told: list[Event] = []
    config = replace(PLAIN, link=LinkConfig(preset="offline"))
    track(make_clip(frames=9), run, make_model(), config, watch=Watch(listener=told.append))

    told = [event for event in told if event.event in ("stage", "progress")]
    assert [event.stage for event in told if event.event == "stage"] == ["detect", "link"]
    counted = [(event.stage, event.done) for event in told if event.event == "progress"]
    assert counted == [(stage, n) for stage in ("detect", "link") for n in range(1, 10)]


class StopAt:
    """A listener that presses Ctrl-C once linking is done with so many frames."""

    def __init__(self, done: int) -> None:
        self.told: list[Event] = []
        self.watch = Watch(listener=self)
        self._done = done

    def __call__(self, event: Event) -> None:
        self.told.append(event)
        if (event.event, event.stage, event.done) == ("progress", "link", self._done):
            self.watch.interrupt.requested = True

    @property
    def stages(self) -> list[tuple[str | None, int | None, int | None]]:
        return [(one.stage, one.done, one.total) for one in self.told if one.event == "stage"]


def test_stored_frames_are_told_of_and_left_at_once(
    make_clip: ClipMaker, make_model: ModelMaker, run: RunDirectory
) -> None:
    clip = make_clip(frames=15)
    track(clip, run, make_model())
    found = tracks_of(run)
    (run.detections / "part-00002.parquet").unlink()

    first, then, all_there = StopAt(3), StopAt(0), StopAt(0)
    with pytest.raises(Interrupted):
        track(clip, run, make_model(), watch=first.watch)
    assert [one.done for one in first.told if one.event == "progress"] == [1, 2, 3]

    track(clip, run, make_model(), watch=then.watch)
    assert tracks_of(run) == found
    assert then.stages == [
        *[("link", 0, 8), ("detect", 11, 15)],  # the parts before the one that was lost, and it
        *[("link", 0, 3), ("detect", 15, 15)],  # the part behind it
        ("link", 0, 15),
    ]

    run.write(msgspec.structs.replace(run.read(), state="partial", stages={}))
    track(clip, run, make_model(), watch=all_there.watch)
    assert tracks_of(run) == found
    assert all_there.stages == [("link", 0, 15), ("detect", 15, 15), ("link", 0, 15)]


def test_a_file_of_people_is_told_of_and_left_at_once(tmp_path: Path, run: RunDirectory) -> None:
    boxes = tmp_path / "walk.txt"
    boxes.write_text("".join(f"{n + 1},-1,{3 * n},50,40,100,0.9,-1,-1,-1\n" for n in range(40)))
    stop = StopAt(7)
    with pytest.raises(Interrupted):
        link_file(boxes, run, config=LinkConfig(), watch=stop.watch)

    assert [one.done for one in stop.told if one.event == "progress"] == [*range(1, 8)]
    assert run.read().state == "partial"
    assert not run.tracks.exists()
    link_file(boxes, run, config=LinkConfig())
    assert run.read().state == "complete"


def test_linking_that_fails_keeps_the_parts_and_the_run_goes_on(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(frames: Iterable[DetectedFrame], **_: Any) -> Iterator[Any]:
        for frame in frames:
            if frame.frame == 9:
                raise ZeroDivisionError
            yield from ()

    clip = make_clip(frames=15)
    with monkeypatch.context() as patched:
        patched.setattr(link_stage, "link_people", broken)
        with pytest.raises(ZeroDivisionError):
            track(clip, run, make_model())
    assert run.read().state == "failed"
    assert sorted(path.name for path in run.path.iterdir()) == [
        *("detections", "events.jsonl", "run.json")
    ]
    assert len(list(run.detections.iterdir())) == 2

    model = make_model()
    track(clip, run, model)
    assert run.read().state == "complete"
    assert sum(model.network.encoded) < 15  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", ["partial", "complete"])
def test_no_part_is_filled_from_another_recording(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
) -> None:
    clip = make_clip(frames=15)
    track(clip, run, make_model())
    (run.detections / "part-00001.parquet").unlink()
    if state == "partial":
        run.write(msgspec.structs.replace(run.read(), state="partial", stages={}))

    monkeypatch.setattr(stream_video, "is_camera", lambda address: True)
    with pytest.raises(InputError, match=r'cannot be resumed; on_existing="overwrite" starts'):
        track(clip, run, make_model())
    assert len(list(run.detections.iterdir())) == 3
