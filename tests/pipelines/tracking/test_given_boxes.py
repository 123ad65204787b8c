"""Boxes from outside: which file fits which video, and what becomes of its people."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import posetube
from posetube.datasets.video.inputs import find_inputs
from posetube.errors import FormatError, InputError
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.api.track import track
from posetube.pipelines.cli import main
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import DetectConfig, TrackConfig
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.manifest import Manifest
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking import detect_stage
from posetube.pipelines.tracking.opened_boxes import open_boxes
from posetube.pipelines.tracking.track_input import TrackTask, track_input
from posetube.pipelines.watch import Watch
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import ByteArray, FloatArray, FrameTable, PoseTubes, VideoTracks
from tests.models3d.test_network_seams import embedded, network
from tests.pipelines.conftest import SquareFinder, picture

ModelMaker = Callable[..., LoadedModel]
ClipMaker = Callable[..., Path]


class BoxTaker(SquareFinder):
    """Takes boxes from outside; every joint is in the middle of its box."""

    def detect_features(self, features: Sequence[ByteArray], frames: Sequence[int]) -> PoseTubes:
        raise AssertionError("nobody is to be searched for")

    def find_joints(
        self,
        features: Sequence[ByteArray],
        frames: Sequence[int],
        *,
        tubes: FloatArray,
        scores: FloatArray,
    ) -> PoseTubes:
        n, t = tubes.shape[:2]
        assert t == len(features) == self.clip_length
        middle = (tubes[..., None, :2] + tubes[..., None, 2:]) / 2
        return PoseTubes(
            frames=np.array(frames, np.int64),
            boxes=tubes,
            keypoints=np.repeat(middle, 17, axis=2),
            keypoint_scores=np.full((n, t, 17), 0.8, np.float32),
            scores=scores * np.float32(0.8),
            presence=np.ones((n, t), np.float32),
            embeddings=np.ones((n, t, 2), np.float32) if self.embeddings else None,
        )


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)


@pytest.fixture
def taker(make_model: ModelMaker) -> LoadedModel:
    return make_model(finder=BoxTaker)


def people(
    count: int = 8,
    *,
    source: str = "clip",
    size: tuple[int, int] | None = (96, 160),
    times: Any = None,
    names: tuple[str, ...] = (),
    scores: float = np.nan,
    shift: float = 0,
) -> VideoTracks:
    """One box per frame, that of the first square, without joints."""
    left = np.arange(count) * 2.0 + shift
    top = np.full(count, 10.0)
    return VideoTracks(
        source=source,
        size=size,
        skeleton=Skeleton(name="boxes", joints=()),
        frames=FrameTable(
            times=np.full(count, np.nan) if times is None else np.asarray(times, float), names=names
        ),
        frame=np.arange(count),
        track_ids=np.arange(count),  # another id in each frame: they must not matter
        boxes=np.stack([left, top, left + 24, top + 24], axis=1).astype(np.float32),
        scores=np.full(count, scores, np.float32),
        keypoints=np.zeros((count, 0, 2), np.float32),
        keypoint_scores=np.zeros((count, 0), np.float32),
    )


def mot(path: Path, tracks: VideoTracks) -> Path:
    """A file of MOTChallenge, which counts frames and pixels from 1."""
    lines = [
        f"{frame + 1},{frame + 1},{x1 + 1},{y1 + 1},{x2 - x1},{y2 - y1},0.5,-1,-1,-1"
        for frame, (x1, y1, x2, y2) in zip(tracks.frame, tracks.boxes, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def run_with(
    clip: Path, run: Path, model: LoadedModel, boxes: Any, *, alone: bool = True, **more: Any
) -> Manifest:
    given = None if boxes is None else open_boxes(boxes, alone=alone)
    config = TrackConfig(overlay=None, **more.pop("settings", {}))
    task = TrackTask(item=find_inputs([str(clip)])[0], run=RunDirectory(run), config=config)
    return track_input(task, model, boxes=given, **more)


class Judge(BoxTaker):
    """Moves boxes from outside by a pixel, and finds those people whom it believes."""

    judges_boxes = True

    def find_joints(self, *args: Any, **more: Any) -> PoseTubes:
        raise AssertionError("boxes are to be judged")

    def judge_boxes(
        self, features: Sequence[ByteArray], frames: Sequence[int], *, tubes: FloatArray
    ) -> PoseTubes:
        sure = np.full(len(tubes), 0.9, np.float32)
        return BoxTaker.find_joints(self, features, frames, tubes=tubes + 1, scores=sure)


def test_boxes_are_judged_on_request(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    given, clip = people(), make_clip(frames=8)
    asked: dict[str, Any] = {"settings": {"detect": DetectConfig(judge_boxes=True)}}
    model = make_model(finder=Judge)

    run_with(clip, tmp_path / "run", model, given, **asked)

    tracks = read_tracks(tmp_path / "run")
    np.testing.assert_array_equal(tracks.boxes, given.boxes + 1)
    np.testing.assert_allclose(tracks.scores, 0.9 * 0.8, rtol=1e-6)
    with pytest.raises(InputError, match="--judge-boxes: squares has no box head; leave it out"):
        run_with(clip, tmp_path / "other", make_model(), given, **asked)
    message = "--judge-boxes: there are no boxes to judge; name a file with --boxes"
    with pytest.raises(InputError, match=message):
        run_with(clip, tmp_path / "other", model, None, **asked)
    with pytest.raises(InputError, match=message):
        track(clip, model=model, detect=DetectConfig(judge_boxes=True))
    assert not (tmp_path / "other").exists()


def test_the_people_of_a_file_get_joints_and_tracks(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    given = people()
    file = mot(tmp_path / "found.txt", given)

    manifest = run_with(make_clip(frames=8), tmp_path / "run", taker, file)

    tracks = read_tracks(tmp_path / "run")
    assert tracks.ids.tolist() == [1]
    np.testing.assert_array_equal(tracks.boxes, given.boxes)
    np.testing.assert_allclose(tracks.scores, 0.4)  # the file's, times that of the joints
    np.testing.assert_array_equal(tracks.keypoints[:, 0], given.boxes[:, :2] + 12)
    assert manifest.boxes is not None
    assert (manifest.boxes.name, manifest.boxes.form) == ("found", "mot")
    assert manifest.boxes.path == str(file)
    assert manifest.boxes.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_people_without_a_score_are_sure(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    manifest = run_with(make_clip(frames=8), tmp_path / "run", taker, people())

    np.testing.assert_allclose(read_tracks(tmp_path / "run").scores, 0.8)
    assert "boxes: people without a score are taken to be sure" in manifest.warnings
    assert manifest.boxes is not None
    assert (manifest.boxes.form, manifest.boxes.path) == ("memory", "")


def test_boxes_come_from_joints_where_there_are_none(
    make_clip: ClipMaker, taker: LoadedModel
) -> None:
    given = people()
    corners = given.boxes.reshape(-1, 2, 2)
    points = np.full((8, 17, 2), np.nan, np.float32)
    points[:, 5:7] = corners
    posed = replace(
        given,
        skeleton=COCO17,
        boxes=np.full_like(given.boxes, np.nan),
        keypoints=points,
        keypoint_scores=np.ones((8, 17), np.float32),
    )

    tracks = track(make_clip(frames=8), model=taker, boxes=posed)

    np.testing.assert_allclose(tracks.boxes[:, 2] - tracks.boxes[:, 0], 24 * 1.2, rtol=1e-5)


@pytest.mark.parametrize("length", [1, 3])
def test_a_network_of_ours_takes_them_in_clips_of_any_length(
    make_clip: ClipMaker, make_model: ModelMaker, length: int
) -> None:
    model: TubeRCNN = network(embedded(length))
    loaded = replace(make_model(), network=model)
    given = people(5)

    frames = replace(TrackConfig().link, min_score=0, sure_score=0, confirm_hits=1)
    tracks = track(make_clip(frames=5), model=loaded, boxes=given, link=frames)

    np.testing.assert_array_equal(tracks.boxes, given.boxes)
    assert np.isfinite(tracks.keypoints).all()


def test_in_memory_and_on_disk_agree(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    clip, given = make_clip(frames=8), people()

    kept = track(clip, model=taker, boxes=given, out=tmp_path / "run")
    loose = track(clip, model=taker, boxes=given)
    again = track(clip, model=taker, boxes=tmp_path / "run")  # a run's tracks are boxes as well

    np.testing.assert_array_equal(kept.boxes, loose.boxes)
    np.testing.assert_array_equal(kept.keypoints, again.keypoints)


def test_frames_are_matched_by_index_where_only_some_are_looked_at(
    make_clip: ClipMaker, taker: LoadedModel
) -> None:
    given = people(20, times=np.arange(20) / 25)
    config = posetube.VideoConfig(every=2, start=0.3)

    tracks = track(make_clip(frames=20), model=taker, boxes=given, video=config)

    assert tracks.frame.tolist() == list(range(8, 20, 2))
    np.testing.assert_array_equal(tracks.boxes, given.boxes[8::2])


def test_pictures_are_matched_by_name(taker: LoadedModel, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for step in range(4):
        cv2.imwrite(str(folder / f"{step + 7:03d}.png"), picture(step)[..., ::-1])
    given = people(5, names=("a/008.png", "a/007.png", "b/100.png", "a/010.png", "a/009.png"))

    tracks = track(folder, model=taker, boxes=given)
    alone = track(folder / "009.png", model=taker, boxes=given, link=_at_once())

    np.testing.assert_array_equal(tracks.boxes, given.boxes[[1, 0, 4, 3]])
    np.testing.assert_array_equal(alone.boxes, given.boxes[[4]])


def _at_once() -> posetube.LinkConfig:
    return posetube.LinkConfig(confirm_hits=1)


def test_a_resumed_run_is_that_of_one_go(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    clip, file = make_clip(frames=10), mot(tmp_path / "found.txt", people(10))
    stop = Interrupt()

    def after_a_part(event: Event) -> None:
        stop.requested = event.event == "progress" and (event.done or 0) >= 4

    watch = Watch(listener=after_a_part, interrupt=stop)
    with pytest.raises(Interrupted):
        run_with(clip, tmp_path / "run", taker, file, watch=watch)
    run_with(clip, tmp_path / "run", taker, file)
    run_with(clip, tmp_path / "whole", taker, file)

    stopped, whole = (
        list(read_frames(tmp_path / name / "detections", joints=17)) for name in ("run", "whole")
    )
    assert len(stopped) == len(whole) == 10
    for ours, theirs in zip(stopped, whole, strict=True):
        np.testing.assert_array_equal(ours.people.boxes, theirs.people.boxes)


def test_a_run_is_not_taken_up_with_other_boxes(
    make_clip: ClipMaker, taker: LoadedModel, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, file = make_clip(frames=8), mot(tmp_path / "found.txt", people())
    run_with(clip, tmp_path / "run", taker, file)

    with pytest.raises(InputError, match=r"boxes was found of .*found.txt \(.*\), is now none"):
        run_with(clip, tmp_path / "run", taker, None)
    mot(file, people(shift=1))
    with pytest.raises(InputError, match=r"boxes was found of .*, is now found of "):
        run_with(clip, tmp_path / "run", taker, file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (people(size=(90, 160)), "boxes: boxes in pictures of 160 x 90, .*clip.mp4 has 160 x 96"),
        (people(9), "boxes: there are boxes for frame 8, counted from 0; .*clip.mp4 has 8 frames"),
        (people(shift=200), "boxes: none of its 8 boxes lies in a picture of .*clip.mp4"),
        (people().select(slice(0, 0)), "boxes: none of its 0 boxes lies in a picture of"),
        (
            people(times=np.arange(8) / 10),
            r"boxes: frame 1 is at 0.100 s there, at 0.040 s in the video: they belong to another",
        ),
        (
            [people(source="a"), people(source="b")],
            "boxes: no boxes for a video called clip; there",
        ),
    ],
)
def test_boxes_of_another_video_are_refused(
    make_clip: ClipMaker, taker: LoadedModel, given: Any, message: str
) -> None:
    clip = make_clip(frames=8)

    with pytest.raises(InputError, match=message):
        track(clip, model=taker, boxes=given)


def test_the_first_frame_may_have_another_time(make_clip: ClipMaker, taker: LoadedModel) -> None:
    later = people(times=5 + np.arange(8) / 25)

    assert len(track(make_clip(frames=8), model=taker, boxes=later)) == 1


def test_boxes_that_cannot_be_used_are_left_out_and_said(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    given = people()
    given.boxes[3, 2] = given.boxes[3, 0]

    manifest = run_with(make_clip(frames=8), tmp_path / "run", taker, given)

    assert "boxes: 1 without area, or outside the picture, are left out" in manifest.warnings


def test_a_file_that_is_missing_or_unknown_is_refused(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    clip, odd = make_clip(frames=8), tmp_path / "odd.txt"
    odd.write_text("no boxes at all\n")

    with pytest.raises(InputError, match=r"none\.txt: no such file or folder"):
        track(clip, model=taker, boxes=tmp_path / "none.txt")
    with pytest.raises(FormatError, match=r"odd\.txt"):
        track(clip, model=taker, boxes=odd)


def test_a_network_that_only_searches_takes_no_boxes(
    make_clip: ClipMaker, make_model: ModelMaker
) -> None:
    with pytest.raises(InputError, match="SquareFinder cannot be given boxes; leave them out"):
        track(make_clip(frames=8), model=make_model(), boxes=people())


def test_of_several_videos_each_takes_its_own(
    make_clip: ClipMaker, taker: LoadedModel, tmp_path: Path
) -> None:
    both = [people(source="one"), people(source="two", shift=40)]

    run_with(make_clip("two.mp4", frames=8), tmp_path / "run", taker, both, alone=False)

    assert read_tracks(tmp_path / "run").boxes[0, 0] == 40
    with pytest.raises(InputError, match="boxes: no boxes for a video called one; there are two"):
        run_with(make_clip("one.mp4", frames=8), tmp_path / "1", taker, both[1], alone=False)


@pytest.mark.slow
def test_the_command_takes_a_file_of_boxes(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, file = make_clip(frames=4), mot(tmp_path / "found.txt", people(4))
    short = mot(tmp_path / "longer.txt", people(5))
    line = ["track", str(clip), "--no-overlay", "-o", str(tmp_path / "run")]

    assert main([*line, "--boxes", str(short)]) == 2
    assert "longer.txt: there are boxes for frame 4" in capsys.readouterr().err
    assert main([*line, "--boxes", str(file), "--quality", "fast"]) == 0

    manifest = RunDirectory(tmp_path / "run").read()
    assert manifest.boxes is not None
    assert manifest.settings.detect == DetectConfig(quality="fast", runtime="onnx")
    assert manifest.frames.detections == 4
