"""Reads and writes archives of pictures to train on: a tar of pictures, an npz of labels.

The labels may be a teacher network's, so each comes with a confidence. What the teacher is sure of
is a person; what it half believes is a region to ignore, neither person nor background. A picture
is a clip of one frame.

Not here: how clips are varied (:mod:`posetube.datasets.training.augment`), drawn people
(:mod:`posetube.datasets.training.drawn_pictures`), annotation formats of public data sets.
"""

import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np

from posetube.atomic_files import replacing
from posetube.errors import FormatError, InputError, MediaError, MissingFileError
from posetube.masks import decode_mask, encode_mask
from posetube.setting_checks import check_numbers
from posetube.shortage import raise_shortage
from posetube.skeletons import COCO17
from posetube.structures import BoolArray, ByteArray, FloatArray, IntArray, JointState

from .labelled_clip import LabelledClip

IGNORED = 0.2
"""Score that a region to ignore is written with, below :attr:`TeacherTrust.person`."""


DAMAGED = (OSError, KeyError, ValueError, EOFError, BadZipFile, zlib.error)
"""What NumPy raises for files of labels that are none, or cut off."""


@dataclass(frozen=True, kw_only=True)
class TeacherTrust:
    """How confident a teacher must be for its labels to be believed."""

    person: float = 0.40
    """A box at or above this, in [0, 1], is a person; below it, a region to ignore."""

    joint: float = 0.25
    """A joint below this, in [0, 1], is not known."""

    least_weight: float = 0.3
    """The least weight of a joint that is known, in [0, 1]; otherwise it weighs its confidence."""

    def __post_init__(self) -> None:
        check_numbers(self, "person", "joint", "least_weight", low=0, high=1)


class PictureArchive:
    """Pictures of ``NAME.tar`` with the labels of ``NAME.npz``, read one at a time.

    The npz holds ``names`` (I,) files in the tar, ``image`` (P,) index into names, ``boxes``
    (P, 5) x1 y1 x2 y2 score, ``keypoints`` (P, 17, 3) x y score, in pixels of the picture; the
    joints are COCO's. Where masks are known, it also holds ``masks`` (B,), the bytes of all masks
    (:mod:`posetube.masks`), and ``mask_ends`` (P,), where each person's end.

    Args:
        tar: The pictures; an ``.npz`` of the same name lies beside it.
        trust: What becomes of doubtful labels.
        masks: Whether to read people's masks; whose is not known covers no pixel.

    Raises:
        MissingFileError: If one of the two files is absent.
        FormatError: If the labels lack an array, or name a picture that the tar lacks.
        InputError: If masks are asked for, and it has none.
    """

    def __init__(
        self, tar: Path, *, trust: TeacherTrust | None = None, masks: bool = False
    ) -> None:
        self.path = tar
        self.trust = trust or TeacherTrust()
        self._places = _places(tar)
        labels = _labels(tar.with_suffix(".npz"))
        self.names = [str(name) for name in labels["names"]]
        self._boxes, self._keypoints = labels["boxes"], labels["keypoints"]
        self._masks = None
        if masks:
            self._masks = _packed_masks(tar.with_suffix(".npz"), rows=len(self._boxes))
        lacking = [name for name in self.names if name not in self._places]
        if lacking:
            raise FormatError(f"{tar}: has no {lacking[0]!r}, which its labels name")
        order = np.argsort(labels["image"], kind="stable")
        bounds = np.searchsorted(labels["image"][order], np.arange(len(self.names) + 1))
        self._rows = [order[a:b] for a, b in pairwise(bounds)]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> LabelledClip:
        """Read one picture as a clip of one frame, ``index`` in [0, I).

        Raises:
            MediaError: If the picture cannot be decoded.
            FormatError: If a mask is none, or that of a picture of another size.
        """
        rows = self._rows[index]
        boxes = self._boxes[rows, None].astype(np.float32)
        joints = self._keypoints[rows, None].astype(np.float32)
        sure = boxes[:, 0, 4] >= self.trust.person
        points, confidence = joints[sure, ..., :2], joints[sure, ..., 2]
        known = confidence >= self.trust.joint
        weights = np.clip(confidence, self.trust.least_weight, 1)
        image = self._read(self.names[index])
        size = (image.shape[0], image.shape[1])
        return LabelledClip(
            images=image[None],
            times=np.zeros(1),
            skeleton=COCO17,
            masks=None if self._masks is None else self._drawn(rows[sure], index, size=size),
            boxes=boxes[sure, :, :4],
            keypoints=np.where(known[..., None], points, np.nan).astype(np.float32),
            joint_states=np.where(known, JointState.VISIBLE, JointState.ABSENT).astype(np.uint8),
            keypoint_weights=np.where(known, weights, 0).astype(np.float32),
            ignore=boxes[~sure, :, :4],
        )

    def _drawn(self, rows: IntArray, index: int, *, size: tuple[int, int]) -> BoolArray:
        """(N, 1, H, W) masks of some rows of a picture."""
        assert self._masks is not None
        found = np.zeros((len(rows), 1, *size), np.bool_)
        for place, row in enumerate(rows.tolist()):
            if not self._masks[row]:
                continue
            try:
                found[place, 0] = decode_mask(self._masks[row])
            except (FormatError, ValueError) as error:
                labels = self.path.with_suffix(".npz")
                raise FormatError(f"{labels}: {self.names[index]}: {error}") from None
        return found

    def _read(self, name: str) -> ByteArray:
        start, length = self._places[name]
        with self.path.open("rb") as file:
            file.seek(start)
            encoded = file.read(length)
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
        masks: Whether to read people's masks.

    Raises:
        FormatError: If an archive cannot be read.
        InputError: If masks are asked for, and an archive has none.
    """

    def __init__(
        self,
        archives: Mapping[str, float],
        *,
        root: Path,
        trust: TeacherTrust | None = None,
        masks: bool = False,
    ) -> None:
        self._archives = [
            PictureArchive(root / name, trust=trust, masks=masks) for name in archives
        ]
        shown = [
            weight * len(archive)
            for archive, weight in zip(self._archives, archives.values(), strict=True)
        ]
        self._shares = np.array(shown) / sum(shown)

    def draw(self, rng: np.random.Generator) -> LabelledClip:
        """Read a random picture."""
        archive = self._archives[rng.choice(len(self._archives), p=self._shares)]
        return archive[int(rng.integers(len(archive)))]


def write_archive(
    tar: Path,
    pictures: Iterable[tuple[str, LabelledClip]],
    *,
    quality: int = 85,
    about: str = "",
) -> None:
    """Write what :class:`PictureArchive` reads, each of the two files whole or not at all.

    Args:
        tar: File to write; the labels go to an ``.npz`` of the same name.
        pictures: File name, which ends in ``.webp``, and clip of one frame, one at a time; joints
            become COCO's, by name.
        quality: Of the pictures, 1 to 100.
        about: What they are, for :func:`archive_about`.

    Raises:
        InputError: If there are no pictures.
    """
    names, counts, boxes, joints = [], [], [], []
    masks = list[bytes]()
    labels = tar.with_suffix(".npz")
    with replacing(labels) as labels_aside, replacing(tar) as aside:
        with tarfile.open(aside, "w") as file:
            for name, picture in pictures:
                _append(file, name, picture.images[0], quality)
                box_rows, joint_rows = _label_rows(picture)
                names.append(name)
                counts.append(len(box_rows))
                boxes.append(box_rows)
                joints.append(joint_rows)
                masks += _mask_rows(picture, count=len(box_rows))
        if not names:
            raise InputError(f"{tar}: expected pictures to write, got none")
        arrays: dict[str, Any] = {
            "names": np.array(names),
            "image": np.repeat(np.arange(len(names)), counts),
            "boxes": np.concatenate(boxes),
            "keypoints": np.concatenate(joints),
            "about": np.array(about),
        }
        np.savez(labels_aside, **arrays, **_joined(masks))


def archive_about(tar: Path) -> str | None:
    """What was written of an archive's pictures; None where a file of it is absent or damaged."""
    try:
        with (
            tar.with_suffix(".npz").open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            return str(arrays["about"]) if tar.is_file() else None
    except DAMAGED:
        return None


def _label_rows(picture: LabelledClip) -> tuple[FloatArray, FloatArray]:
    """(P, 5) boxes with scores and (P, 17, 3) joints of one picture: people, then regions."""
    there = picture.present[:, 0]
    points, weights = (values[there, 0] for values in picture.joints_of(COCO17))
    regions = picture.ignore[np.isfinite(picture.ignore[:, 0]).all(axis=1), 0]
    scores = np.ones(len(there)) if picture.scores is None else picture.scores
    people = np.column_stack([picture.boxes_inside[there, 0], scores[there]])
    ignored = np.column_stack([regions, np.full(len(regions), IGNORED)])
    joints = np.zeros((len(people) + len(ignored), len(COCO17), 3), np.float32)
    joints[: len(people)] = np.concatenate([np.nan_to_num(points), weights[..., None]], axis=2)
    return np.concatenate([people, ignored]).astype(np.float32), joints


def _mask_rows(picture: LabelledClip, *, count: int) -> list[bytes]:
    """The masks of a picture's ``count`` rows: people, and regions, which have none."""
    if picture.masks is None:
        return [b""] * count
    drawn = picture.masks[picture.present[:, 0], 0]
    people = [encode_mask(mask) if mask.any() else b"" for mask in drawn]
    return people + [b""] * (count - len(people))


def _joined(masks: list[bytes]) -> dict[str, Any]:
    """The arrays of masks; none where nobody has any."""
    if not any(masks):
        return {}
    ends = np.cumsum([len(mask) for mask in masks], dtype=np.int64)
    return {"masks": np.frombuffer(b"".join(masks), np.uint8), "mask_ends": ends}


def _packed_masks(path: Path, *, rows: int) -> list[bytes]:
    """The mask of each of an archive's rows, in its file of labels.

    Raises:
        InputError: If it has none.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            known = "masks" in arrays
            content = arrays["masks"].tobytes() if known else b""
            ends = arrays["mask_ends"].tolist() if known else []
            if known and len(ends) != rows:
                raise ValueError(f"{len(ends)} ends of masks for {rows} people")
    except DAMAGED as error:
        raise_shortage(error)
        raise FormatError(f"{path}: expected arrays masks and mask_ends: {error}") from None
    if rows and not known:
        raise InputError(
            f"{path}: holds no masks, which a mask head learns from; gather the pictures again "
            "(posetube data archive) from a data set with masks, or freeze mask_head"
        )
    return [content[start:end] for start, end in pairwise([0, *ends])]


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
    except FileNotFoundError:
        raise MissingFileError(f"{tar}: no such archive of pictures") from None
    except (OSError, tarfile.TarError) as error:
        raise_shortage(error)
        raise FormatError(f"{tar}: not a readable, uncompressed tar of pictures: {error}") from None


def _labels(path: Path) -> dict[str, np.ndarray]:
    wanted = {"names": 1, "image": 1, "boxes": 2, "keypoints": 3}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            labels = {name: arrays[name] for name in wanted}
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file; it holds the labels of its tar") from None
    except DAMAGED as error:
        raise_shortage(error)
        raise FormatError(f"{path}: expected arrays {', '.join(wanted)}: {error}") from None
    for name, axes in wanted.items():
        if labels[name].ndim != axes:
            raise FormatError(f"{path}: {name} must have {axes} axes, got {labels[name].shape}")
    return labels
