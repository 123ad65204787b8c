"""Reads what TensorFlow.js' pose-detection finds, written as JSON: a list with a frame each.

A frame is a pose or a list of poses, a pose an object of joints by name, ``{"nose": {"x": 1, "y":
2}}``, a list of joints with names, ``[{"x": 1, "y": 2, "score": 0.9, "name": "nose"}]``, or an
object with that list as ``keypoints``, and ``score`` and ``id``. Joints are those that the file
names: COCO's for MoveNet and PoseNet, 33 for BlazePose. Where frames are poses and not lists of
them, all are one person's, 0. Depth (``z``, ``keypoints3D``) and MoveNet's ``box``, which is in
shares of a picture whose size the file does not tell, are left out.

Source: the Pose interface of tfjs-models' pose-detection, and the poses of its test videos.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.structures import VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.json_files import decode, plain, read_bytes
from ..files.opened_file import OpenedFile
from .annotation_rows import AnnotationRows, located, skeleton_of

MAX_JOINTS = 1_000
"""Files that name more joints are refused."""


class _Joint(msgspec.Struct):
    x: float
    y: float
    score: float | None = None
    name: str = ""


class _Pose(msgspec.Struct):
    keypoints: list[_Joint]
    score: float | None = None
    id: float | None = None


def recognise(file: OpenedFile) -> bool:
    """Whether a JSON is a list of frames: of lists, or of poses whose joints have names."""
    first = file.first()
    if not isinstance(first, dict):
        return isinstance(first, list)
    joints = first.get("keypoints", list(first.values()))
    named = isinstance(joints, list) and bool(joints)
    return named and all(isinstance(joint, dict) and "x" in joint for joint in joints)


def read(path: Path | str) -> VideoTracks:
    """Read one video's people.

    Raises:
        FormatError: If the file is not of this format; names the frame.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    raw = decode(read_bytes(path), list[msgspec.Raw], path=path)
    if len(raw) > MAX_FRAMES:
        raise FormatError(f"{path}: {len(raw)} frames; at most {MAX_FRAMES} are read")
    frames = []
    for number, frame in enumerate(raw):
        try:
            frames.append(list(_poses(decode(frame, object, path=path))))
        except (msgspec.ValidationError, ValueError) as error:
            raise FormatError(f"{path}: frame {number}: {plain(error)}") from None
    named = (joint.name for pose in chain(*frames) for joint in pose.keypoints)
    joints = {name: place for place, name in enumerate(dict.fromkeys(named))}
    if not joints or len(joints) > MAX_JOINTS:
        raise FormatError(f"{path}: {len(joints)} joints are named; expected 1 to {MAX_JOINTS}")
    rows = AnnotationRows(skeleton_of(tuple(joints), name=path.stem))
    for number, poses in enumerate(frames):
        for pose in poses:
            with located(f"{path}: frame {number}"):
                _add(rows, pose, joints, frame=number)
    return rows.table(path, len(frames), source=path.stem.removesuffix(".keypoints"))


def _poses(frame: Any) -> Iterator[_Pose]:
    """The people of a frame, however it is spelled."""
    several = isinstance(frame, list) and not all(_is_joint(entry) for entry in frame)
    for pose in frame if several or not frame else [frame]:
        if isinstance(pose, dict) and "keypoints" not in pose:
            pose = [_named(name, joint) for name, joint in pose.items()]
        if isinstance(pose, list):
            pose = {"keypoints": pose}
        found = msgspec.convert(pose, _Pose)
        if not several and found.id is None:
            found.id = 0
        yield found


def _is_joint(entry: Any) -> bool:
    return isinstance(entry, dict) and "x" in entry and "name" in entry


def _named(name: str, joint: Any) -> Any:
    return {**joint, "name": name} if isinstance(joint, dict) else joint


def _add(rows: AnnotationRows, pose: _Pose, joints: dict[str, int], *, frame: int) -> None:
    points = np.full((len(joints), 3), np.nan)
    scores = np.full(len(joints), np.nan)
    seen: set[str] = set()
    for joint in pose.keypoints:
        if not joint.name or joint.name in seen:
            raise ValueError(f"joint {joint.name!r}: each joint must have a name of its own")
        seen.add(joint.name)
        points[joints[joint.name]] = joint.x, joint.y, 1
        scores[joints[joint.name]] = np.nan if joint.score is None else joint.score
    rows.add(
        frame=frame,
        track_id=pose.id,
        points=points.ravel().tolist(),
        scores=scores.tolist(),
        score=pose.score,
    )
