"""Absent joints are NaN in tracks, however they are made, and stay in the detections."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import posetube
from posetube.datasets.video.inputs import Input, find_inputs
from posetube.errors import InputError
from posetube.pipelines.api.link import link
from posetube.pipelines.api.stream import stream
from posetube.pipelines.api.track import track
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking.link_people import without_absent
from posetube.pipelines.tracking.run_again import link_again
from posetube.pipelines.tracking.track_input import TrackTask, track_input
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import ByteArray, Detections
from posetube.tracker.config import LinkConfig

SIZE = (96, 160)
FIVE = Skeleton(name="five", joints=("nose", "left_ear", "right_ear", "neck", "tail"))


def person() -> Detections:
    """Somebody with joints below, at and above 0.3, one of them outside the picture."""
    return Detections(
        boxes=np.array([[10, 10, 50, 90]], np.float32),
        scores=np.array([0.9], np.float32),
        keypoints=np.array([[[20, 20], [30, 30], [40, 40], [30, 97], [160, 0]]], np.float32),
        keypoint_scores=np.array([[0.29, 0.3, 0.9, 0.9, np.nan]], np.float32),
    )


def absent(found: Detections) -> list[bool]:
    return np.isnan(found.keypoints[0]).all(axis=-1).tolist()  # type: ignore[no-any-return]


def test_unsure_joints_and_those_outside_are_nan_and_keep_their_scores() -> None:
    before = person()

    after = without_absent(before, min_joint=0.3, skeleton=FIVE, size=SIZE)

    assert absent(after) == [True, False, False, True, False]
    np.testing.assert_array_equal(after.keypoint_scores, before.keypoint_scores)
    np.testing.assert_array_equal(after.keypoints[0, 2], before.keypoints[0, 2])
    assert after.keypoints.dtype == np.float32
    assert not np.isnan(before.keypoints).any()


def test_where_the_size_is_not_known_nothing_is_outside() -> None:
    assert absent(without_absent(person(), min_joint=0.3, skeleton=FIVE, size=None)) == [
        *(True, False, False, False, False)
    ]


LEFT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = (11, 13, 14, 15, 16)


@pytest.mark.parametrize(
    ("missing", "bottom", "cut"),
    [
        (RIGHT_KNEE, 95.0, {RIGHT_KNEE, RIGHT_ANKLE, LEFT_KNEE}),
        (LEFT_HIP, 95.0, {LEFT_HIP, LEFT_KNEE}),
        (LEFT_KNEE, 95.0, {LEFT_KNEE, LEFT_ANKLE, RIGHT_KNEE}),
        (RIGHT_KNEE, 90.0, {RIGHT_KNEE}),
        (0, 95.0, {0}),
    ],
)
def test_legs_that_the_lower_edge_cuts_are_absent_together(
    missing: int, bottom: float, cut: set[int]
) -> None:
    scores = np.full((1, 17), 0.8, np.float32)
    scores[0, missing] = 0.05
    whole = Detections(
        boxes=np.array([[10, 10, 50, bottom]], np.float32),
        scores=np.array([0.9], np.float32),
        keypoints=np.full((1, 17, 2), 40, np.float32),
        keypoint_scores=scores,
    )

    after = without_absent(whole, min_joint=0.1, skeleton=COCO17, size=SIZE)

    assert set(np.flatnonzero(absent(after))) == cut


@pytest.fixture
def clip(make_clip: Callable[..., Path]) -> Input:
    return find_inputs([str(make_clip(frames=8))])[0]


@pytest.fixture
def run(clip: Input, make_model: Callable[..., LoadedModel], tmp_path: Path) -> RunDirectory:
    """A run whose model is sure of no joint: it asks for 0.9, and every joint has 0.8."""
    made = RunDirectory(tmp_path / "run")
    model = replace(make_model(), min_joint=0.9)
    track_input(TrackTask(item=clip, run=made, config=TrackConfig(overlay=None)), model)
    return made


def test_the_model_decides_and_the_manifest_says_so(run: RunDirectory) -> None:
    tracks = read_tracks(run.path)

    assert run.read().settings.min_joint == 0.9
    assert len(tracks) == 2
    assert np.isnan(tracks.keypoints).all()
    np.testing.assert_allclose(tracks.keypoint_scores, 0.8)
    found = list(read_frames(run.detections, joints=17))
    assert not any(np.isnan(frame.people.keypoints).any() for frame in found)
    people = json.loads(run.posetrack.read_text())["annotations"]
    assert people
    assert not any(any(one["keypoints"]) for one in people)


def test_linking_again_brings_them_back_and_keeps_the_choice(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert np.isnan(link(str(run.path)).keypoints).all()
    assert not np.isnan(link(str(run.path), min_joint=0).keypoints).any()

    assert main(["link", str(run.path), "--min-joint", "0"]) == 0
    assert run.read().settings.min_joint == 0
    assert not np.isnan(read_tracks(run.path).keypoints).any()

    assert main(["link", str(run.path)]) == 0
    assert not np.isnan(read_tracks(run.path).keypoints).any()

    link_again(run, LinkConfig(), min_joint=0.81)
    assert np.isnan(read_tracks(run.path).keypoints).all()
    capsys.readouterr()


def test_a_run_is_only_resumed_with_the_same_choice(
    run: RunDirectory, clip: Input, make_model: Callable[..., LoadedModel]
) -> None:
    task = TrackTask(item=clip, run=run, config=TrackConfig(overlay=None, min_joint=0.5))
    with pytest.raises(InputError, match=r"min_joint was 0.9, is now 0.5. To go on, link again"):
        track_input(task, make_model())


def test_runs_of_before_have_all_joints(
    clip: Input, make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    task = TrackTask(item=clip, run=run, config=TrackConfig(overlay=None))
    track_input(task, make_model())
    content = json.loads(run.manifest.read_text())
    del content["settings"]["min_joint"]
    run.manifest.write_text(json.dumps(content))

    off = replace(task, config=TrackConfig(overlay=None, min_joint=0))
    assert track_input(off, make_model()).state == "complete"
    assert not np.isnan(link(str(run.path)).keypoints).any()
    model = replace(make_model(), min_joint=0.9)
    with pytest.raises(InputError, match=r"min_joint was 0.0, is now 0.9"):
        track_input(task, model)


def test_tracks_in_memory_and_streams_follow_the_model_or_the_caller(
    make_clip: Callable[..., Path], make_model: Callable[..., LoadedModel]
) -> None:
    clip, model = make_clip(frames=8), replace(make_model(), min_joint=0.9)

    assert np.isnan(track(clip, model=model).keypoints).all()
    assert not np.isnan(track(clip, model=model, min_joint=0.5).keypoints).any()
    assert not np.isnan(track(clip, model=make_model()).keypoints).any()
    for poses in stream(clip, model=model):
        assert np.isnan(poses.people.keypoints).all()
    for poses in stream(clip, model=model, min_joint=0):
        assert not np.isnan(poses.people.keypoints).any()


def test_other_programs_joints_stay_unless_asked_for(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tracks = track(make_clip(frames=8), model=make_model())
    posetube.export(tracks, tmp_path / "people.csv", to="csv")
    line = ["link", str(tmp_path / "people.csv"), "-o", str(tmp_path / "theirs")]

    assert main(line) == 0
    assert not np.isnan(read_tracks(tmp_path / "theirs").keypoints).any()
    assert main([*line, "--min-joint", "0.9"]) == 2
    assert "min_joint was 0.0, is now 0.9" in capsys.readouterr().err
    assert main([*line, "--min-joint", "0.9", "--on-existing", "overwrite"]) == 0
    assert np.isnan(read_tracks(tmp_path / "theirs").keypoints).all()


def test_linking_again_tells_its_own_speed(run: RunDirectory) -> None:
    line = link_again(run, LinkConfig())

    manifest = run.read()
    speed = manifest.frames.done / sum(manifest.stages[s].seconds for s in ("link", "refine"))
    assert f", {speed:.1f} frames/s -> " in line


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_choice_outside_0_to_1_is_refused(
    value: float, run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"min_joint must be in \[0, 1\]"):
        link_again(run, LinkConfig(), min_joint=value)
    assert main(["link", str(run.path), "--min-joint", str(value)]) == 2
    assert "min" in capsys.readouterr().err


WHOLE = [COCO17.joints.index(f"{side}_{joint}") for side in ("left", "right")
         for joint in ("shoulder", "hip", "knee", "ankle")]  # fmt: skip
LEGS = [COCO17.joints.index(f"{side}_{joint}") for side in ("left", "right")
        for joint in ("knee", "ankle")]  # fmt: skip


def test_of_a_man_filmed_from_the_waist_up_no_knee_or_ankle_is_given(
    samples: Path, tmp_path: Path
) -> None:
    picture = cut_at_the_waist(samples / "tiny_coco")
    cv2.imwrite(str(tmp_path / "man.png"), picture[..., ::-1])
    run, at_once = tmp_path / "run", LinkConfig(confirm_hits=1)

    tracks = track(tmp_path / "man.png", out=run, link=at_once)
    everything = link(run, link=at_once, min_joint=0)

    man = int(np.argmax((tracks.boxes[:, 2:] - tracks.boxes[:, :2]).prod(axis=1)))
    shoulders = [COCO17.joints.index(f"{side}_shoulder") for side in ("left", "right")]
    assert np.isnan(tracks.keypoints[man, LEGS]).all()
    assert np.isfinite(tracks.keypoints[man, shoulders]).all()
    assert np.isfinite(everything.keypoints).all()


def cut_at_the_waist(folder: Path) -> ByteArray:
    """The photograph of the largest person of whom shoulders to ankles are labelled, above hips."""
    labels = json.loads(
        (folder / "annotations" / "person_keypoints_train2017.json").read_text(encoding="utf-8")
    )
    names = {image["id"]: image["file_name"] for image in labels["images"]}
    best, largest, cut = "", 0.0, 0
    for one in labels["annotations"]:
        joints = np.array(one["keypoints"], float).reshape(17, 3)
        if (joints[WHOLE, 2] > 0).all() and one["area"] > largest:
            largest, best = one["area"], names[one["image_id"]]
            cut = int(joints[[11, 12], 1].mean())
    picture = cv2.imread(str(folder / "train2017" / best))
    assert picture is not None
    return np.ascontiguousarray(picture[:cut, :, ::-1])
