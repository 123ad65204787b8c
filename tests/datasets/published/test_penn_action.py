"""Penn Action: the published files' oddities, settled once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posetube.datasets.published.penn_action import PennAction
from posetube.errors import FormatError
from posetube.structures import JointState

FRAMES = 4


def content(**changes: Any) -> dict[str, Any]:
    """One clip's labels, as MATLAB writes them."""
    return {
        "action": "pushup", "pose": "left", "train": np.int32(-1),
        "x": np.arange(FRAMES * 13.0).reshape(FRAMES, 13), "y": np.full((FRAMES, 13), 7.0),
        "visibility": np.ones((FRAMES, 13), np.uint8),
        "bbox": np.tile([[1.0, 2, 30, 40]], (FRAMES, 1)),
        "dimensions": np.array([[270, 480, FRAMES]], np.uint16), "nframes": np.uint8(FRAMES),
        **changes,
    }  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    return tmp_path


def write(root: Path, **changes: Any) -> PennAction:
    scipy.io.savemat(root / "labels" / "0001.mat", content(**changes))
    return PennAction(root=root)


def test_a_clip_has_one_person_with_boxes_in_every_frame(root: Path) -> None:
    video = write(root).read("0001")

    assert (video.action, video.viewpoint, video.split) == ("pushup", "left", "test")
    assert video.tracks.size == (270, 480)
    assert video.tracks.frames.names[0] == "frames/0001/000001.jpg"
    np.testing.assert_array_equal(video.tracks.keypoints[1, 0], [13, 7])  # nothing is subtracted
    np.testing.assert_array_equal(video.tracks.boxes[0], [1, 2, 30, 40])
    assert video.media is None


def test_whole_numbers_of_eight_bits_do_not_wrap(root: Path) -> None:
    video = write(root, x=np.full((FRAMES, 13), 200, np.uint8)).read("0001")

    np.testing.assert_array_equal(np.diff(video.tracks.keypoints[:, :, 0], axis=0), 0)
    assert video.tracks.keypoints[0, 0, 0] - 201 == -1


def test_a_joint_that_is_not_visible_is_not_labelled_unless_guesses_are_asked_for(
    root: Path,
) -> None:
    seen = np.ones((FRAMES, 13), np.uint8)
    seen[0, :2] = 0
    x, y = np.full((FRAMES, 13), 50.0), np.full((FRAMES, 13), 60.0)
    x[0, 1] = y[0, 1] = 1.0  # no guess was made
    write(root, visibility=seen, x=x, y=y)

    strict = PennAction(root=root).read("0001").tracks
    guessed = PennAction(root=root, guesses=True).read("0001").tracks

    assert strict.joint_states is not None
    assert guessed.joint_states is not None
    assert strict.joint_states[0, :3].tolist() == [0, 0, JointState.VISIBLE]
    assert guessed.joint_states[0, :3].tolist() == [JointState.OCCLUDED, 0, JointState.VISIBLE]
    assert np.isnan(strict.keypoints[0, 0]).all()
    np.testing.assert_array_equal(guessed.keypoints[0, 0], [50, 60])


def test_a_box_that_is_turned_inside_out_is_put_right(root: Path) -> None:
    boxes = np.tile([[30.0, 2, 29.25, 40]], (FRAMES, 1))

    video = write(root, bbox=boxes).read("0001")

    np.testing.assert_array_equal(video.tracks.boxes[0], [29.25, 2, 30, 40])


def test_a_missing_last_box_is_repeated_and_reported(root: Path) -> None:
    video = write(root, bbox=np.array([[1.0, 2, 3, 4]] * (FRAMES - 2) + [[5.0, 6, 7, 8]])).read(
        "0001"
    )

    np.testing.assert_array_equal(video.tracks.boxes[-1], [5, 6, 7, 8])
    (problem,) = video.problems
    assert (problem.file, problem.where) == ("labels/0001.mat", "frame 3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": np.ones((1, 4))}, "bbox has 1 rows for 4 frames"),
        ({"x": np.ones((3, 13))}, r"y: expected 3 x 13 numbers, got 4 x 13 numbers"),
        ({"y": np.full((FRAMES, 13), np.inf)}, "y: a number is not finite, or beyond 1e.06"),
        ({"dimensions": "large"}, "dimensions: expected numbers, got 'large'"),
        ({"train": np.ones((2, 2))}, "train: expected 1 x 1 numbers, got 2 x 2 numbers"),
        ({"action": 5.0}, "action: expected a text, got 5.0"),
    ],
)
def test_a_damaged_clip_says_where(root: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        write(root, **changes).read("0001")


def test_a_missing_variable_is_named(root: Path) -> None:
    scipy.io.savemat(root / "labels" / "0001.mat", {"x": 1.0})

    with pytest.raises(FormatError, match="no variable 'y'|x: expected N x 13 numbers"):
        PennAction(root=root).read("0001")


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no labels/.*mat of Penn Action"):
        PennAction(root=tmp_path).videos()


def test_the_published_files_have_the_numbers_that_are_known(samples: Path) -> None:
    dataset = PennAction(root=samples / "penn_action")

    videos = [dataset.read(name) for name in dataset.videos()]

    assert len(videos) == 253
    assert sum(len(video.tracks.frames) for video in videos) == 17_998
    assert [p.file for video in videos for p in video.problems] == ["labels/1154.mat"]
    assert len({video.action for video in videos}) == 15
