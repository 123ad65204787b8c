"""Writes PoseTrack18's JSON as a stream: memory does not grow with the video.

The reference tools read what is written: every frame is listed, joints are PoseTrack's 17 slots and
floats, an unknown joint is (0, 0, 0), identities are unique within a frame. What they do not look
at is added: ``info.source``, an image's ``time`` in seconds, a person's ``score`` and ``state``.

They also ask for identities and frame numbers up to 9,999, which a sequence of theirs never nears
and a film passes. A stream keeps its identities, whatever they are, so that they stay those of the
run's other files; :func:`write_tracks`, which sees the whole, numbers large ones anew and refuses
to write more people than the tools tell apart. Frames are all written.

Frames go to a file aside, people to a second one; at the end the two are joined, flushed and
renamed, so that a file of this name is always whole. Not here: reading
(:mod:`posetube.datasets.formats.posetrack18`).

Source: what poseval's ``convert.py`` asks of a file; ids are made as in the published ones.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from posetube import boxes, skeletons
from posetube.atomic_files import replacing
from posetube.errors import InputError
from posetube.skeletons import POSETRACK17SLOTS, Skeleton
from posetube.structures import (
    ByteArray,
    Detections,
    DoubleArray,
    FramePoses,
    FrameTable,
    IntArray,
    JointState,
    VideoTracks,
)

from .annotation_rows import refuse_nameless

Floats = npt.NDArray[np.floating]

SEQUENCE_NAME = re.compile(r"(\d{6})_(mpii|bonn|mpiinew)(_|$)")
"""What poseval accepts as the name of the folder with a sequence's pictures."""

SEQUENCE_TYPES = {"mpii": 1, "bonn": 2, "mpiinew": 3}
"""First digit of an image's id, by the second part of its sequence's name."""

MAX_TRACK_ID = 9_999
"""The largest identity that poseval accepts."""

DECIMALS = 3
"""Numbers of single precision are written rounded to this many digits after the point."""

CATEGORY = {
    "supercategory": "person",
    "id": 1,
    "name": "person",
    "keypoints": POSETRACK17SLOTS.joints,
    "skeleton": (POSETRACK17SLOTS.edge_indices + 1).tolist(),
}


class PoseTrack18Writer:
    """Writes one sequence, frame by frame.

    A context manager: the file appears when the block ends well, and not at all otherwise.

    Examples:
        >>> with PoseTrack18Writer(path, skeleton=COCO17, name="dance") as out:  # doctest: +SKIP
        ...     for poses in tracker:
        ...         out.add(poses)
    """

    def __init__(
        self,
        path: Path | str,
        *,
        skeleton: Skeleton,
        name: str,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Open the files aside.

        Args:
            path: Where the file shall appear; its folder is made.
            skeleton: Joints of the people that will be added.
            name: Of the video or sequence. The reference tools want ``000123_mpii_test``; any other
                is kept in ``info`` and the frames' folder is called like the file, or
                ``000000_mpii_test`` where that is no name for them either.
            size: (H, W) of the frames, pixels.
        """
        self._path, self._name, self._size = Path(path), name, size
        self._plan = skeletons.convert(skeleton, POSETRACK17SLOTS)
        names = (name, self._path.name.partition(".")[0])
        self._folder = next((n for n in names if SEQUENCE_NAME.match(n)), "000000_mpii_test")
        self._frames = self._people = 0
        self._files = ExitStack()
        aside = self._files.enter_context(replacing(self._path))
        self._annotations: BinaryIO = self._files.enter_context(TemporaryFile(dir=aside.parent))  # noqa: SIM115  # closed by the stack
        self._images: BinaryIO = self._files.enter_context(aside.open("wb"))
        self._images.write(b'{"images":[')

    def __enter__(self) -> "PoseTrack18Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            self._join()

    def add(self, poses: FramePoses) -> None:
        """Append one frame with its people; frames left out since the last are listed empty.

        Args:
            poses: The people of a frame later than all before.

        Raises:
            InputError: If the frame is not later than the last, or two people share an identity.
        """
        image = _known(time=poses.time)
        people = _people(self._plan, poses.people, states=poses.states)
        self.add_people(poses.frame, poses.track_ids, people, image=image)

    def add_people(
        self,
        frame: int,
        track_ids: IntArray,
        people: Iterable[dict[str, Any]],
        *,
        image: dict[str, Any],
    ) -> None:
        """Append one frame; like :meth:`add`, for annotations too.

        Args:
            frame: Index of the frame.
            track_ids: (N,).
            people: Their N own fields in the file.
            image: Fields of the frame in the file, over those made from its index.
        """
        if frame < self._frames:
            raise InputError(f"{self._path}: frame {frame} after frame {self._frames - 1}")
        ids = track_ids.tolist()
        if len(set(ids)) < len(ids):
            raise InputError(
                f"{self._path}: frame {frame}: a track id is there twice, got {sorted(ids)}"
            )
        while self._frames < frame:
            self._append_image({}, people=0)
        image_id = self._append_image(image, people=len(ids))
        for track_id, person in zip(ids, people, strict=True):
            number = {"image_id": image_id, "id": self._people + 1, "category_id": 1}
            record = number | self.identity_fields(track_id) | person
            self._append(self._annotations, record, first=not self._people)
            self._people += 1

    def identity_fields(self, track_id: int) -> dict[str, Any]:
        """What says who a person is; a kindred format has more."""
        return {"track_id": track_id}

    def image_fields(self, *, people: int) -> dict[str, Any]:
        """What a kindred format says of an image, unless it is given; here nothing."""
        return {}

    def _append_image(self, given: dict[str, Any], *, people: int) -> int:
        number, kind = self._folder.split("_")[:2]
        made: dict[str, Any] = {
            "file_name": f"images/test/{self._folder}/{self._frames:06d}.jpg",
            "id": SEQUENCE_TYPES[kind] * 10**10 + int(number) * 10**4 + self._frames,
            "vid_id": number,
            "is_labeled": True,
        }
        if self._size is not None:
            made |= {"height": self._size[0], "width": self._size[1]}
        record = made | self.image_fields(people=people) | given
        self._append(self._images, record | {"frame_id": record["id"]}, first=not self._frames)
        self._frames += 1
        return int(record["id"])

    def _append(self, file: BinaryIO, record: dict[str, Any], *, first: bool) -> None:
        file.write((b"" if first else b",\n") + msgspec.json.encode(record))

    def _join(self) -> None:
        self._images.write(b'],\n"annotations":[')
        self._annotations.seek(0)
        shutil.copyfileobj(self._annotations, self._images)
        end = {"categories": [CATEGORY], "info": {"source": self._name}}
        self._images.write(b"],\n" + msgspec.json.encode(end)[1:])


def write_tracks(
    path: Path | str, tracks: VideoTracks, *, writer: type[PoseTrack18Writer] = PoseTrack18Writer
) -> None:
    """Write tracks or annotations, with head boxes and ignore regions where they are known.

    Args:
        path: Where the file shall appear.
        tracks: Of one sequence.
        writer: Of this format, or of one kindred to it.

    Raises:
        InputError: If a row has no identity, or :func:`accepted_ids` refuses.
    """
    refuse_nameless(tracks, where=path)
    ids = accepted_ids(tracks.track_ids, path=path)
    plan = skeletons.convert(tracks.skeleton, POSETRACK17SLOTS)
    with writer(path, skeleton=tracks.skeleton, name=tracks.source, size=tracks.size) as out:
        for index in range(len(tracks.frames)):
            rows = tracks.rows_of(index)
            part = tracks.select(rows)
            people = _people(
                plan,
                part,
                states=part.states,
                joint_states=part.joint_states,
                head_boxes=part.head_boxes,
            )
            out.add_people(index, ids[rows], people, image=_image(tracks.frames, index))


def accepted_ids(ids: IntArray, *, path: Path | str) -> IntArray:
    """Identities that the reference tools accept: numbered anew from 1 if one is over 9,999.

    Raises:
        InputError: If there are more people than that.
    """
    if not len(ids) or ids.max() <= MAX_TRACK_ID:
        return ids
    people, numbers = np.unique(ids, return_inverse=True)
    if len(people) > MAX_TRACK_ID:
        raise InputError(
            f"{path}: {len(people)} people, but PoseTrack's tools tell at most {MAX_TRACK_ID} "
            "apart in a sequence; split the video, or write another format"
        )
    return np.asarray(numbers + 1)


def _image(frames: FrameTable, index: int) -> dict[str, Any]:
    """What the file says of a frame, as far as the table knows it."""
    regions = frames.ignore_regions.get(index, ())
    return _known(
        time=float(frames.times[index]),
        file_name=frames.names[index] if frames.names else None,
        id=None if frames.ids is None else int(frames.ids[index]),
        is_labeled=None if frames.labeled is None else bool(frames.labeled[index]),
        nframes=len(frames),
        ignore_regions_x=[polygon[:, 0].tolist() for polygon in regions] or None,
        ignore_regions_y=[polygon[:, 1].tolist() for polygon in regions] or None,
    )


def _known(**fields: Any) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if v is not None and v == v}  # NaN is not itself


def _people(
    plan: skeletons.Conversion,
    people: Detections | VideoTracks,
    *,
    states: ByteArray | None,
    joint_states: ByteArray | None = None,
    head_boxes: Floats | None = None,
) -> Iterator[dict[str, Any]]:
    """The N people's own fields in the file; the columns are those of :class:`VideoTracks`."""
    points, confidence = skeletons.apply(plan, people.keypoints, people.keypoint_scores)
    triples = _triples(plan, points, joint_states)
    box = _digits(boxes.to_xywh(people.boxes))
    head = None if head_boxes is None else _digits(boxes.to_xywh(head_boxes))
    confidence, scores = _digits(confidence), _digits(people.scores)
    unrated = np.asarray(np.isnan(confidence).all(axis=1))
    boxless = np.asarray(np.isnan(box).any(axis=1))
    confidence = _zeroed(confidence)
    for row in range(len(points)):
        person = {
            "keypoints": triples[row].ravel().tolist(),
            "scores": [] if unrated[row] else confidence[row].tolist(),
            **_known(score=float(scores[row])),
        }
        if not boxless[row]:
            person["bbox"] = box[row].tolist()
        if head is not None and not np.isnan(head[row]).any():
            person["bbox_head"] = head[row].tolist()
        if states is not None and states[row]:
            person["state"] = int(states[row])
        yield person


def _triples(
    plan: skeletons.Conversion, points: Floats, joint_states: ByteArray | None
) -> DoubleArray:
    """(N, 17, 3): x, y and 1; 0 instead of the 1 where hidden; all 0 where not known."""
    known = ~np.isnan(points).any(axis=-1, keepdims=True)
    triples = np.concatenate([_zeroed(_digits(points)), known], axis=-1) * known
    if joint_states is not None:
        hidden = (joint_states == JointState.OCCLUDED) @ (plan.weights.T != 0)
        triples[hidden & (triples[..., :2] != 0).any(axis=-1), 2] = 0
    return np.asarray(triples)


def _digits(values: Floats) -> DoubleArray:
    """As double precision; single precision without the digits that it does not have."""
    exact = np.asarray(values, np.float64)
    return exact if values.dtype == np.float64 else exact.round(DECIMALS)


def _zeroed(values: DoubleArray) -> DoubleArray:
    return np.where(np.isnan(values), 0.0, values)
