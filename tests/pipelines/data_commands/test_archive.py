"""A data set's pictures as an archive to train on."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.datasets.formats.format_table import find_format
from posetube.datasets.people import open_people
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.datasets.training.picture_archive import PictureArchive
from posetube.masks import encode_mask
from posetube.pipelines.cli import main
from posetube.skeletons import COCO17

SCENE = SceneConfig(size=(96, 160), seconds=0.16, people=2, roles=("stay",))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, [generate(SCENE, seed=seed) for seed in (2, 3)], layout="posetrack18")
    return folder


def archive(root: Path, out: Path, *more: str) -> int:
    return main(["data", "archive", str(root), "--from", "posetrack18", "-o", str(out), *more])


def test_people_lie_in_the_reduced_pictures_where_they_lay(drawn: Path, tmp_path: Path) -> None:
    assert archive(drawn, tmp_path / "people.tar", "--long-side", "80") == 0

    dataset = open_people(drawn, form="posetrack18")
    pictures = PictureArchive(tmp_path / "people.tar")
    videos = [dataset.read(name) for name in dataset.videos()]
    assert len(pictures) == sum(len(video.tracks.frames) for video in videos)
    tracks, first = videos[0].tracks, pictures[0]
    rows = tracks.rows_of(0)
    assert first.size == (48, 80)
    np.testing.assert_allclose(first.boxes[:, 0], tracks.boxes[rows] / 2, atol=0.01)
    nose = first.keypoints[:, 0, COCO17.index("nose")]
    truth = tracks.keypoints[rows, tracks.skeleton.index("nose")] / 2
    np.testing.assert_allclose(nose, truth, atol=0.01)
    picture = videos[0].picture(0)
    assert picture is not None
    image = cv2.imread(str(picture))
    assert image is not None
    small = cv2.resize(image, (80, 48), interpolation=cv2.INTER_AREA)[..., ::-1]
    assert np.abs(first.images[0].astype(int) - small).mean() < 6  # WebP is lossy


def test_masks_come_along(drawn: Path, tmp_path: Path) -> None:
    dataset = open_people(drawn, form="posetrack18")
    name = dataset.videos()[0]
    tracks = dataset.read(name).tracks
    height, width = SCENE.size
    masks = np.zeros((len(tracks.frame), height, width), np.bool_)
    for mask, (x1, y1, x2, y2) in zip(masks, tracks.boxes.clip(0).astype(int), strict=True):
        mask[y1:y2, x1:x2] = True
    packed = np.array([encode_mask(mask) for mask in masks], object)
    shutil.copytree(drawn / "images", tmp_path / "in" / "images")
    find_format("coco").write(tmp_path / "in" / "people.json", replace(tracks, masks=packed))
    out = tmp_path / "people.tar"

    assert main(["data", "archive", str(tmp_path / "in"), "-o", str(out), "--long-side", "80"]) == 0

    pictures = PictureArchive(out, masks=True)
    assert len(pictures) == len(tracks.frames)
    for number in range(len(pictures)):
        read = pictures[number]
        whole = masks[tracks.rows_of(number)][:, ::2, ::2]
        assert read.masks is not None
        assert read.masks.shape == (len(whole), 1, 48, 80)
        assert (read.masks[:, 0] != whole).mean() < 0.02  # people's borders


def test_every_so_manieth_frame_is_taken(drawn: Path, tmp_path: Path) -> None:
    assert archive(drawn, tmp_path / "few.tar", "--every", "3") == 0

    assert len(PictureArchive(tmp_path / "few.tar")) == 2 * 2  # of four frames 0 and 3


def test_a_picture_that_cannot_be_read_is_told_of_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path / "in", [generate(SCENE, seed=2)], layout="posetrack18")
    broken = sorted((tmp_path / "in").rglob("*.jpg"))[1]
    broken.write_bytes(b"no picture")

    assert archive(tmp_path / "in", tmp_path / "some.tar") == 3

    said = capsys.readouterr().err
    assert broken.name in said
    assert "3 pictures, 6 people" in said
    assert "left out: 1" in said


@pytest.mark.parametrize(
    ("out", "more", "message"),
    [
        ("a.zip", (), "a.zip: name a file that ends in .tar"),
        ("a.tar", ("--every", "0"), "--every must be 1 or more, got 0"),
        ("a.tar", ("--long-side", "8"), "--long-side must be 32 or more, got 8"),
        ("a.tar", ("--split", "test"), "posetrack18: no labelled picture that is there"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    drawn: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    out: str,
    more: tuple[str, ...],
    message: str,
) -> None:
    assert archive(drawn, tmp_path / out, *more) == 2

    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("linked", ["picture", "folder"])
def test_pictures_that_are_links_out_of_the_data_set_stay_out(
    linked: str, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = tmp_path / "data", tmp_path / "people.tar"
    shutil.copytree(drawn, root)
    first = min(root.rglob("*.jpg"))
    moved = first if linked == "picture" else first.parent
    count = 1 if linked == "picture" else len(list(first.parent.iterdir()))
    moved.rename(tmp_path / "elsewhere")
    moved.symlink_to(tmp_path / "elsewhere")

    assert archive(root, out) == 3
    assert f"{first}: a link out of {root}; --follow-links takes it" in capsys.readouterr().err
    few = len(PictureArchive(out))
    assert archive(root, out, "--follow-links") == 0
    assert len(PictureArchive(out)) == few + count
