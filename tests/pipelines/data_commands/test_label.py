"""Labels for videos that nobody has labelled."""

from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.synthetic.demo import write_demo
from posetube.datasets.training.picture_archive import PictureArchive, TeacherTrust
from posetube.errors import InputError
from posetube.pipelines.cli import main
from posetube.pipelines.data_commands.label import labelled
from posetube.skeletons import COCO17
from posetube.structures import Detections, Frame, FrameTable, JointState, RowState, VideoTracks

K = len(COCO17)
FOLLOWED, FILLED, LONELY = [10.0, 10, 50, 90], [60.0, 10, 100, 90], [120.0, 10, 150, 60]


def tracks() -> VideoTracks:
    """In frame 1, somebody who is followed, and somebody filled in."""
    scores = np.full((2, K), 0.9, np.float32)
    scores[0, 0], scores[0, 1] = 0.4, np.nan
    points = np.full((2, K, 2), 30.0, np.float32)
    points[0, 2] = np.nan
    return VideoTracks(
        source="walk",
        size=(100, 200),
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(3) / 25, states=np.zeros(3, np.uint8)),
        frame=np.array([1, 1]),
        track_ids=np.array([4, 7]),
        boxes=np.array([FOLLOWED, FILLED], np.float32),
        scores=np.array([0.7, np.nan], np.float32),
        keypoints=points,
        keypoint_scores=scores,
        states=np.array([RowState.DETECTED, RowState.INTERPOLATED], np.uint8),
    )


def seen() -> Detections:
    boxes = np.array([FOLLOWED, LONELY], np.float32)
    return Detections(
        boxes=boxes,
        scores=np.array([0.7, 0.3], np.float32),
        keypoints=np.zeros((2, K, 2), np.float32),
        keypoint_scores=np.zeros((2, K), np.float32),
    )


def test_who_was_followed_is_a_person_and_who_was_not_a_region_to_ignore() -> None:
    picture = Frame(index=1, time=0.04, image=np.zeros((100, 200, 3), np.uint8))

    clip = labelled(picture, tracks(), seen=seen())

    assert clip.boxes[:, 0].tolist() == [FOLLOWED]
    assert clip.scores is not None
    assert clip.scores.tolist() == [pytest.approx(0.7)]
    assert sorted(clip.ignore[:, 0].tolist()) == [FILLED, LONELY]
    assert clip.weights[0, 0, :4].tolist() == [pytest.approx(0.4), 1, 0, pytest.approx(0.9)]
    assert clip.joint_states[0, 0, 2] == JointState.ABSENT


def test_frames_with_nobody_have_no_labels() -> None:
    nobody = Frame(index=2, time=0.08, image=np.zeros((100, 200, 3), np.uint8))

    clip = labelled(nobody, tracks(), seen=Detections.empty(K))

    assert len(clip.boxes) == len(clip.ignore) == 0


@pytest.mark.slow
def test_a_video_becomes_an_archive_that_training_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_demo(tmp_path)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    words = [str(tmp_path / name) for name in ("demo.mp4", "broken.mp4")]

    code = main(["data", "label", *words, "-o", str(tmp_path / "labels.tar"), "--every", "25"])

    told = capsys.readouterr().err
    assert code == 3
    assert "broken.mp4" in told
    assert "; left out: 1" in told
    archive = PictureArchive(tmp_path / "labels.tar", trust=TeacherTrust(person=0.0))
    assert len(archive) >= 3
    confidences = np.load(tmp_path / "labels.npz")["boxes"][:, 4]
    assert ((confidences > 0) & (confidences < 1)).all()
    assert max(len(archive[index].boxes) for index in range(len(archive))) >= 1


@pytest.mark.slow
def test_a_video_that_is_cut_short_is_labelled_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_demo(tmp_path)
    whole = (tmp_path / "demo.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])

    words = [str(tmp_path / "cut.mp4"), "-o", str(tmp_path / "labels.tar"), "--every", "25"]
    code = main(["data", "label", *words])

    assert code == 3
    assert "cut.mp4: cut short: " in capsys.readouterr().err
    assert len(PictureArchive(tmp_path / "labels.tar")) >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "labels.zip"], "labels.zip: name a file that ends in .tar"),
        (["-o", "labels.tar", "--every", "0"], "--every must be 1 or more, got 0"),
        (["-o", "labels.tar", "--long-side", "9"], "--long-side must be 32 or more, got 9"),
    ],
)
def test_wrong_options_are_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "label", "clip.mp4", *words]) == InputError.exit_code
    assert message in capsys.readouterr().err
