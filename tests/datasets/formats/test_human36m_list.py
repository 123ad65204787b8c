"""mmpose's files of single pictures of Human3.6M: the same people in each of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import human36m_list
from posetube.datasets.formats.human36m_list import SPIN24
from posetube.errors import FormatError, InputError
from posetube.skeletons import H36M17

FILES = ("test_h36m_body3d.npz", "h36m_coco.json", "test_h36m.npz")


def test_the_same_people_have_the_same_joints_in_every_file(samples: Path) -> None:
    folder = samples / "mmpose_tests_data" / "h36m"
    first, second, fitted = (human36m_list.read(folder / name) for name in FILES)
    shared = [joint for joint in SPIN24.joints if joint in H36M17.joints]

    np.testing.assert_allclose(first.keypoints, second.keypoints)
    assert [Path(name).name for name in first.frames.names] == list(second.frames.names)
    assert fitted.skeleton is SPIN24
    for joint in set(shared) - {"pelvis", "thorax"}:  # which the 24 do not label, or place apart
        ours = first.keypoints[:, H36M17.index(joint)]
        np.testing.assert_allclose(ours, fitted.keypoints[:, SPIN24.index(joint)])


def test_found_joints_have_scores_and_no_names(samples: Path) -> None:
    path = samples / "mmpose_tests_data" / "h36m" / "test_h36m_2d_detection.npy"

    found, raw = human36m_list.read(path), np.load(path)

    np.testing.assert_array_equal(found.keypoints, raw[..., :2])
    np.testing.assert_array_equal(found.keypoint_scores, raw[..., 2])
    assert (found.frames.names, found.skeleton) == ((), H36M17)


def saved(path: Path, **changes: Any) -> Path:
    arrays = {
        "imgname": np.array(["a.jpg", "b.jpg"]), "part": np.ones((2, 17, 3)),
        "S": np.ones((2, 17, 4)), **changes,
    }  # fmt: skip
    np.savez(path, **arrays)
    return path


def test_a_list_of_pictures_becomes_frames(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", imgname=np.array(["a.jpg", "a.jpg"]))

    found = human36m_list.read(path)

    assert (found.frames.names, found.frame.tolist()) == (("a.jpg",), [0, 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"part": np.ones((2, 16, 3))}, "part: expected 2 x 17 x 3 numbers"),
        ({"S": np.ones((1, 17, 4))}, "S: expected 2 x 17 x 4 numbers"),
        ({"S": np.full((2, 17, 4), 1e6)}, "S: a number is not finite, or beyond 100000"),
        ({"imgname": np.array(["../a.jpg", "b"])}, "imgname 0: not a file under"),
        ({"imgname": np.array(["a", None], object)}, "imgname: refused"),
    ],
)
def test_lists_that_are_something_else_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        human36m_list.read(saved(tmp_path / "a.npz", **changes))


def test_arrays_that_are_something_else_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 17)))
    np.save(tmp_path / "b.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "c.npy").write_bytes(b"\x93NUMPY\x01\x00")
    np.save(tmp_path / "d.npy", np.ones((2, 17, 3)))
    (tmp_path / "d.npy").write_bytes((tmp_path / "d.npy").read_bytes()[:-8])

    with pytest.raises(FormatError, match=r"a\.npy: expected N x 17 x 3 numbers"):
        human36m_list.read(tmp_path / "a.npy")
    with pytest.raises(FormatError, match=r"b\.npy: refused"):
        human36m_list.read(tmp_path / "b.npy")
    with pytest.raises(FormatError, match="not a sound NumPy array: ValueError"):
        human36m_list.read(tmp_path / "c.npy")
    with pytest.raises(FormatError, match=r"d\.npy: 808 bytes of 816; is it cut short\?"):
        human36m_list.read(tmp_path / "d.npy")
    with pytest.raises(InputError, match="no such file"):
        human36m_list.read(tmp_path / "none.npy")
