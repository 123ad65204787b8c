"""Photographs with people's boxes and joints, to train on: a tar of pictures, a npz of labels.

The labels are a teacher network's, so each comes with the teacher's confidence. What it is sure
of is a person; what it half believes is a region to ignore, neither person nor background.

Not here: how a picture is varied (:mod:`posetube.datasets.training.picture_augment`), drawn people
(:mod:`posetube.datasets.synthetic`), annotation formats of public data sets.
"""

import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from posetube.errors import FormatError, InputError, MediaError
from posetube.records import check_shapes
from posetube.structures import ByteArray, FloatArray


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPicture:
    """One picture and the N people in it."""

    image: ByteArray
    """(H, W, 3) RGB."""

    boxes: FloatArray
    """(N, 4) x1 y1 x2 y2, pixels."""

    keypoints: FloatArray
    """(N, K, 2) x y, pixels; NaN where not known."""

    keypoint_weights: FloatArray
    """(N, K) how much each joint is to count, in [0, 1]; 0 where not known."""

    ignore: FloatArray
    """(M, 4) regions that are neither person nor background, pixels."""

    def __post_init__(self) -> None:
        if self.keypoints.ndim != 3:
            got = self.keypoints.shape
            raise InputError(f"LabelledPicture.keypoints: expected (N, K, 2), got {got}")
        n, k, _ = self.keypoints.shape
        check_shapes(self, boxes=(n, 4), keypoints=(n, k, 2), keypoint_weights=(n, k))
        check_shapes(self, ignore=(len(self.ignore), 4))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True, kw_only=True)
class TeacherTrust:
    """From which confidence on a teacher's label is believed."""

    person: float = 0.40
    """A box at or above this, in [0, 1], is a person; below it, a region to ignore."""

    joint: float = 0.25
    """A joint below this, in [0, 1], is not known."""

    least_weight: float = 0.3
    """The least weight of a joint that is known, in [0, 1]; otherwise it weighs its confidence."""

    def __post_init__(self) -> None:
        for name in ("person", "joint", "least_weight"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"TeacherTrust.{name} must be in [0, 1], got {value}")


class PictureArchive:
    """Pictures of ``NAME.tar`` with the labels of ``NAME.npz``, read one at a time.

    The npz holds ``names`` (I,) files in the tar, ``image`` (P,) index into names, ``boxes``
    (P, 5) x1 y1 x2 y2 score, ``keypoints`` (P, K, 3) x y score, in pixels of the picture.

    Args:
        tar: The pictures; an ``.npz`` of the same name lies beside it.
        trust: What becomes of doubtful labels.

    Raises:
        FormatError: If the labels lack an array, or name a picture that the tar lacks.
    """

    def __init__(self, tar: Path, *, trust: TeacherTrust | None = None) -> None:
        self.path = tar
        self.trust = trust or TeacherTrust()
        self._places = _places(tar)
        labels = _labels(tar.with_suffix(".npz"))
        self.names = [str(name) for name in labels["names"]]
        self._boxes, self._keypoints = labels["boxes"], labels["keypoints"]
        lacking = [name for name in self.names if name not in self._places]
        if lacking:
            raise FormatError(f"{tar}: has no {lacking[0]!r}, which its labels name")
        order = np.argsort(labels["image"], kind="stable")
        bounds = np.searchsorted(labels["image"][order], np.arange(len(self.names) + 1))
        self._rows = [order[a:b] for a, b in pairwise(bounds)]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> LabelledPicture:
        """Read one picture, ``index`` in [0, I).

        Raises:
            MediaError: If the picture cannot be decoded.
        """
        rows = self._rows[index]
        boxes = self._boxes[rows].astype(np.float32)
        joints = self._keypoints[rows].astype(np.float32)
        sure = boxes[:, 4] >= self.trust.person
        points, confidence = joints[sure, :, :2], joints[sure, :, 2]
        known = confidence >= self.trust.joint
        return LabelledPicture(
            image=self._read(self.names[index]),
            boxes=boxes[sure, :4],
            keypoints=np.where(known[..., None], points, np.nan).astype(np.float32),
            keypoint_weights=np.where(
                known, np.clip(confidence, self.trust.least_weight, 1), 0
            ).astype(np.float32),
            ignore=boxes[~sure, :4],
        )

    def _read(self, name: str) -> ByteArray:
        start, length = self._places[name]
        with self.path.open("rb") as file:
            encoded = os.pread(file.fileno(), length, start)
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise MediaError(f"{self.path}: {name} is not a picture")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


class PictureMixture:
    """Random pictures of several archives.

    Args:
        archives: Tar of pictures to how often one of its pictures comes, relative to a picture of
            another archive.
        root: Folder that relative paths start from.
        trust: What becomes of doubtful labels.

    Raises:
        FormatError: If an archive cannot be read.
    """

    def __init__(
        self, archives: Mapping[str, float], *, root: Path, trust: TeacherTrust | None = None
    ) -> None:
        self._archives = [PictureArchive(root / name, trust=trust) for name in archives]
        shown = [
            weight * len(archive)
            for archive, weight in zip(self._archives, archives.values(), strict=True)
        ]
        self._shares = np.array(shown) / sum(shown)

    def draw(self, rng: np.random.Generator) -> LabelledPicture:
        """The next picture."""
        archive = self._archives[rng.choice(len(self._archives), p=self._shares)]
        return archive[int(rng.integers(len(archive)))]


def write_archive(
    tar: Path, pictures: Iterable[tuple[str, LabelledPicture]], *, quality: int = 85
) -> None:
    """Write pictures and labels in the form that :class:`PictureArchive` reads.

    Args:
        tar: File to write; the labels go to an ``.npz`` of the same name.
        pictures: File name, which ends in ``.webp``, and picture, one at a time.
        quality: Of the pictures, 1 to 100.
    """
    names, counts, boxes, joints = [], [], [], []
    with tarfile.open(tar, "w") as file:
        for name, picture in pictures:
            _append(file, name, picture.image, quality)
            box_rows, joint_rows = _label_rows(picture)
            names.append(name)
            counts.append(len(box_rows))
            boxes.append(box_rows)
            joints.append(joint_rows)
    np.savez(
        tar.with_suffix(".npz"),
        names=np.array(names),
        image=np.repeat(np.arange(len(names)), counts),
        boxes=np.concatenate(boxes),
        keypoints=np.concatenate(joints),
    )


def _label_rows(picture: LabelledPicture) -> tuple[FloatArray, FloatArray]:
    people, regions = len(picture.boxes), len(picture.ignore)
    scores = np.concatenate([np.ones(people), np.full(regions, 0.2)])
    boxes = np.column_stack([np.concatenate([picture.boxes, picture.ignore]), scores])
    joints = np.zeros((people + regions, picture.keypoints.shape[1], 3), np.float32)
    joints[:people, :, :2] = np.nan_to_num(picture.keypoints)
    joints[:people, :, 2] = picture.keypoint_weights
    return boxes.astype(np.float32), joints


def _append(file: tarfile.TarFile, name: str, image: ByteArray, quality: int) -> None:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(Path(name).suffix, bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    member = tarfile.TarInfo(name)
    member.size = len(encoded)
    file.addfile(member, io.BytesIO(encoded.tobytes()))


def _places(tar: Path) -> dict[str, tuple[int, int]]:
    """Where each file's bytes lie in an uncompressed tar: first byte and length."""
    try:
        with tarfile.open(tar, "r:") as file:
            return {m.name: (m.offset_data, m.size) for m in file if m.isreg()}
    except (OSError, tarfile.TarError) as error:
        raise FormatError(f"{tar}: not a readable, uncompressed tar of pictures: {error}") from None


def _labels(path: Path) -> dict[str, np.ndarray]:
    wanted = {"names": 1, "image": 1, "boxes": 2, "keypoints": 3}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            labels = {name: arrays[name] for name in wanted}
    except (OSError, KeyError, ValueError) as error:
        raise FormatError(f"{path}: expected arrays {', '.join(wanted)}: {error}") from None
    for name, axes in wanted.items():
        if labels[name].ndim != axes:
            raise FormatError(f"{path}: {name} must have {axes} axes, got {labels[name].shape}")
    return labels
