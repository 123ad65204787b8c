"""Archives of labelled pictures."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.datasets.training.picture_archive import (
    PictureArchive,
    PictureMixture,
    TeacherTrust,
    write_archive,
)
from posetube.errors import FormatError, InputError, MediaError
from posetube.skeletons import COCO17
from posetube.structures import JointState


def picture(people: int = 1, *, level: int = 90) -> LabelledClip:
    joints = np.full((people, 1, 17, 2), 20, np.float32)
    states = np.full((people, 1, 17), JointState.VISIBLE, np.uint8)
    joints[..., 3:5, :], states[..., 3:5] = np.nan, JointState.ABSENT
    return LabelledClip(
        images=np.full((1, 48, 64, 3), level, np.uint8),
        times=np.zeros(1),
        skeleton=COCO17,
        boxes=np.tile(np.array([[[4, 5, 40, 44]]], np.float32), (people, 1, 1)),
        keypoints=joints,
        joint_states=states,
        ignore=np.array([[[50, 0, 60, 9]]], np.float32),
    )


def archive_of(folder: Path, *pictures: LabelledClip, name: str = "a") -> Path:
    path = folder / f"{name}.tar"
    write_archive(path, ((f"{i}.webp", p) for i, p in enumerate(pictures)))
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = picture(2)

    archive = PictureArchive(archive_of(tmp_path, written, picture(0)))

    assert len(archive) == 2
    read = archive[0]
    assert np.abs(read.images.astype(int) - written.images).max() <= 3  # WebP is lossy
    np.testing.assert_array_equal(read.boxes, written.boxes)
    np.testing.assert_array_equal(read.keypoints, written.keypoints)
    np.testing.assert_array_equal(read.joint_states, written.joint_states)
    np.testing.assert_array_equal(read.weights, written.weights)
    np.testing.assert_array_equal(read.ignore, written.ignore)
    assert archive[1].boxes.shape == (0, 1, 4)


def masked(people: int = 2) -> LabelledClip:
    """People of whom all but the last have a mask, each another one."""
    masks = np.zeros((people, 1, 48, 64), np.bool_)
    for person in range(people - 1):
        masks[person, 0, 10 + person : 30, 5:20] = True
    return replace(picture(people), masks=masks)


def test_masks_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    written = masked(3)
    path = archive_of(tmp_path, picture(0), written, picture(2))

    archive = PictureArchive(path, masks=True)

    assert PictureArchive(path)[1].masks is None
    assert written.masks is not None
    np.testing.assert_array_equal(archive[1].masks, written.masks)
    for number, people in ((0, 0), (2, 2)):
        found = archive[number].masks
        assert found is not None
        assert found.shape == (people, 1, 48, 64)
        assert not found.any()


def test_doubtful_people_take_their_masks_with_them(tmp_path: Path) -> None:
    written = masked(3)
    path = archive_of(tmp_path, written)
    with np.load(path.with_suffix(".npz")) as file:
        labels = dict(file)
    labels["boxes"][0, 4] = 0.3
    np.savez(path.with_suffix(".npz"), **labels)

    read = PictureArchive(path, masks=True)[0]

    assert written.masks is not None
    np.testing.assert_array_equal(read.masks, written.masks[1:])


def test_an_archive_without_masks_says_so(tmp_path: Path) -> None:
    archive_of(tmp_path, picture(1))

    with pytest.raises(
        InputError, match=r"a\.npz: holds no masks, which a mask head learns from; "
    ):
        PictureMixture({"a.tar": 1.0}, root=tmp_path, masks=True)
    nobody = archive_of(
        tmp_path, replace(picture(0), ignore=np.zeros((0, 1, 4), np.float32)), name="nobody"
    )
    found = PictureArchive(nobody, masks=True)[0].masks
    assert found is not None
    assert found.shape == (0, 1, 48, 64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"masks": np.frombuffer(b"{}" * 99, np.uint8)}, "1.webp: this is no mask by COCO's run"),
        ({"mask_ends": np.zeros(2, int)}, ".* 2 ends of masks for 4 people"),
        ({"mask_ends": None}, "expected arrays masks and mask_ends: 'mask_ends is not a file"),
    ],
)
def test_damaged_masks_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = archive_of(tmp_path, picture(0), masked(2))
    with np.load(path.with_suffix(".npz")) as file:
        labels = dict(file) | changes
    np.savez(path.with_suffix(".npz"), **{n: v for n, v in labels.items() if v is not None})

    with pytest.raises(FormatError, match=f"a.npz: {message}"):
        PictureArchive(path, masks=True)[1]


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    path = archive_of(tmp_path, masked(2))
    other = archive_of(
        tmp_path,
        replace(masked(2), images=np.zeros((1, 40, 64, 3), np.uint8), masks=None),
        name="b",
    )
    path.with_suffix(".npz").replace(other.with_suffix(".npz"))

    with pytest.raises(FormatError, match=r"b.npz: 0.webp: .* \(48,64\) into shape \(40,64\)"):
        PictureArchive(other, masks=True)[0]


def test_doubtful_people_are_ignored_and_doubtful_joints_unknown(tmp_path: Path) -> None:
    path = archive_of(tmp_path, picture(2))
    with np.load(path.with_suffix(".npz")) as file:
        labels = dict(file)
    labels["boxes"][1, 4] = 0.39
    labels["keypoints"][0, :4, 2] = (0.24, 0.25, 0.8, 1.0)
    np.savez(path.with_suffix(".npz"), **labels)

    read = PictureArchive(path)[0]

    assert len(read.boxes) == 1
    assert len(read.ignore) == 2
    np.testing.assert_allclose(read.weights[0, 0, :4], [0, 0.3, 0.8, 1.0], atol=1e-6)
    assert np.isnan(read.keypoints[0, 0, 0]).all()


def test_a_mixture_follows_its_weights_and_its_generator(tmp_path: Path) -> None:
    archive_of(tmp_path, picture(level=10), name="dark")
    archive_of(tmp_path, picture(level=240), name="bright")
    mixture = PictureMixture({"dark.tar": 3.0, "bright.tar": 1.0}, root=tmp_path)

    levels = [
        [int(mixture.draw(rng).images.mean()) for _ in range(200)]
        for rng in (np.random.default_rng(3), np.random.default_rng(3))
    ]

    assert levels[0] == levels[1]
    assert 0.65 < np.mean(np.array(levels[0]) < 100) < 0.85


def test_a_picture_that_the_tar_lacks_is_named(tmp_path: Path) -> None:
    path = archive_of(tmp_path, picture())
    with tarfile.open(path, "w"):
        pass

    with pytest.raises(FormatError, match=r"a\.tar: has no '0\.webp', which its labels name"):
        PictureArchive(path)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    path = archive_of(tmp_path, picture())
    with tarfile.open(path, "w") as file:
        member = tarfile.TarInfo("0.webp")
        member.size = 5
        file.addfile(member, io.BytesIO(b"nonse"))

    with pytest.raises(MediaError, match=r"a\.tar: 0\.webp is not a picture"):
        PictureArchive(path)[0]


def test_missing_labels_and_files_that_are_no_tar_are_told(tmp_path: Path) -> None:
    path = archive_of(tmp_path, picture())
    np.savez(path.with_suffix(".npz"), names=np.array(["0.webp"]))
    with pytest.raises(
        FormatError, match=r"a\.npz: expected arrays names, image, boxes, keypoints"
    ):
        PictureArchive(path)

    path.with_suffix(".npz").write_bytes(b"PK\3\4 no zip")
    with pytest.raises(FormatError, match=r"a\.npz: expected arrays names, image"):
        PictureArchive(path)

    path.write_text("no tar")
    with pytest.raises(FormatError, match="not a readable, uncompressed tar"):
        PictureArchive(path)


def test_labels_with_a_wrong_number_of_axes_are_told(tmp_path: Path) -> None:
    path = archive_of(tmp_path, picture())
    with np.load(path.with_suffix(".npz")) as file:
        labels = {**file, "boxes": file["boxes"][0]}
    np.savez(path.with_suffix(".npz"), **labels)

    with pytest.raises(FormatError, match=r"a\.npz: boxes must have 2 axes, got \(5,\)"):
        PictureArchive(path)


def test_shapes_and_trust_are_checked() -> None:
    with pytest.raises(InputError, match=r"LabelledClip.keypoints: expected shape \(2, 1, 17, 2\)"):
        replace(picture(), boxes=np.zeros((2, 1, 4), np.float32))
    with pytest.raises(InputError, match=r"LabelledClip.keypoint_weights: expected shape \(1, 1,"):
        replace(picture(), keypoint_weights=np.zeros((2, 17), np.float32))
    with pytest.raises(InputError, match=r"TeacherTrust.person must be in \[0, 1\], got 2"):
        TeacherTrust(person=2)


@pytest.mark.parametrize("name", ["stanford", "jhmdb", "coco128", "imagenet"])
def test_real_archives_are_read(training: Path, name: str) -> None:
    archive = PictureArchive(training / f"{name}.tar")

    read = archive[len(archive) // 2]

    assert read.images.ndim == 4
    assert read.keypoints.shape == (len(read.boxes), 1, 17, 2)
    assert ((read.weights > 0) == ~np.isnan(read.keypoints[..., 0])).all()
