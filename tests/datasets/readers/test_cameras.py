"""Cameras: both spellings, and that joints before them fall where pictures have them."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.readers.cameras import read_cameras
from posetube.datasets.readers.human36m import Human36m
from posetube.errors import FormatError, InputError

PLAIN: dict[str, Any] = {
    "R": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], "T": [[10], [0], [0]], "fx": 100, "fy": 200,
    "cx": 50, "cy": 60, "k": [0.1, 0, 0], "p": [0.0, 0.01],
}  # fmt: skip


def written(path: Path, camera: Any) -> Path:
    path.write_text(json.dumps({"0": camera}))
    return path


def test_a_point_of_the_world_falls_into_the_picture(tmp_path: Path) -> None:
    camera = read_cameras(written(tmp_path / "a.json", PLAIN))["0"]

    before = camera.before(np.array([[8.0, 1.0, 2.0], [12.0, 0.0, 0.0]]))
    pixels = camera.project(before)

    assert before.tolist() == [[2, 1, 2], [0, 0, -2]]  # two before it, two behind it
    x, y = 1.0, 0.5
    bend, tilt = 1 + 0.1 * (x * x + y * y), 0.01 * x
    along = (x * (bend + tilt) + 0.01 * (x * x + y * y)) * 100 + 50
    np.testing.assert_allclose(pixels[0], [along, y * (bend + tilt) * 200 + 60])
    assert np.isnan(pixels[1]).all()
    assert camera.size is None


def test_human36ms_cameras_show_its_joints_where_its_pictures_have_them(samples: Path) -> None:
    folder = samples / "mmpose_tests_data" / "h36m"
    cameras, dataset = read_cameras(folder / "cameras.pkl"), Human36m(root=folder)

    for name in dataset.videos():
        video = dataset.read(name)
        actor, _, number = Path(name).stem.replace(".", "_").partition("_")
        camera = cameras[f"{actor}/{number.split('_')[-2]}"]
        assert video.joints_3d is not None
        pixels = camera.project(video.joints_3d)
        np.testing.assert_allclose(pixels, video.tracks.keypoints, atol=1e-4)
        assert camera.size in ((1000, 1000), (1002, 1000))


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({**PLAIN, "R": [1, 2]}, "camera 0: R: expected 3 x 3 numbers"),
        ({**PLAIN, "R": [[1], [2, 3], 4]}, "camera 0: R: lists of different lengths"),
        ({**PLAIN, "k": [1e9, 0, 0]}, "camera 0: k: a number is not finite, or beyond"),
        ({**PLAIN, "w": 0, "h": 5}, r"camera 0: w: expected a number in \[1, 100000\], got 0"),
        ({name: PLAIN[name] for name in PLAIN if name != "T"}, "camera 0: no T; it has R, cx"),
        ({name: PLAIN[name] for name in PLAIN if name != "fy"}, "camera 0: no fy; it has"),
    ],
)
def test_a_camera_that_is_none_is_refused(tmp_path: Path, camera: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_cameras(written(tmp_path / "a.json", camera))


def test_a_file_without_cameras_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([1, 2]))
    (tmp_path / "b.pkl").write_bytes(pickle.dumps({("S1", "1"): 2}))

    with pytest.raises(FormatError, match="expected cameras by name, got list"):
        read_cameras(tmp_path / "a.pkl")
    with pytest.raises(FormatError, match="camera S1/1: expected its parameters, got int"):
        read_cameras(tmp_path / "b.pkl")
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        read_cameras(tmp_path / "none.json")
