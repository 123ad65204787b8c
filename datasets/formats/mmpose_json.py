"""mmpose's inferencer JSON: ``meta_info`` with the joints, ``instance_info`` with every frame.

Each of ``instance_info`` is ``{"frame_id": 1, "instances": [{"keypoints": [[x, y], ...],
"keypoint_scores": [...], "bbox": [[x1, y1, x2, y2]], "bbox_score": 0.9}]}``, frames counted from 1,
the box in a list of its own. Identities are added as ``track_id``. Holds positions, scores, boxes,
identities and frames; neither states nor times. A joint that is not known is null, which mmpose
itself never writes.

Read too is what ``MMPoseInferencer(pred_out_dir=...)`` dumps, which names no joints: of a video the
list of frames, counted from 0, of a picture the list of its people.

Source: mmpose's inferencer and its ``split_instances``.
"""

from pathlib import Path

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import COCO17, WHOLE_BODY133, Skeleton
from posetube.structures import VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.json_files import decode, read_bytes
from ..files.opened_file import OpenedFile
from .annotation_rows import NO_BOX, AnnotationRows, located, skeleton_of
from .numbers import or_none, shortest


class _Instance(msgspec.Struct, omit_defaults=True):
    keypoints: list[tuple[float | None, float | None] | None] | None = []
    keypoint_scores: list[float | None] | None = None
    bbox: list[list[float] | float] | None = []
    bbox_score: float | None = None
    track_id: int | str | None = None


class _Frame(msgspec.Struct):
    instances: list[_Instance]
    frame_id: int | None = None


class _Dumped(_Instance):
    """A frame of a dumped list, or a person of it."""

    instances: list[_Instance] | None = None
    frame_id: int | None = None


class _Meta(msgspec.Struct, omit_defaults=True):
    dataset_name: str = ""
    num_keypoints: int | None = None
    keypoint_id2name: dict[str, str] = {}
    keypoint_name2id: dict[str, int] = {}
    skeleton_links: list[tuple[int, int]] = []


class _File(msgspec.Struct):
    meta_info: _Meta
    instance_info: list[_Frame]


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    joints = tracks.skeleton.joints
    meta = _Meta(
        dataset_name=tracks.source,
        num_keypoints=len(joints),
        keypoint_id2name={str(i): joint for i, joint in enumerate(joints)},
        keypoint_name2id={joint: i for i, joint in enumerate(joints)},
        skeleton_links=[(int(a), int(b)) for a, b in tracks.skeleton.edge_indices],
    )
    people = _instances(tracks)
    frames = []
    for frame in range(len(tracks.frames)):
        frames.append(_Frame(frame_id=frame + 1, instances=people[tracks.rows_of(frame)]))
    Path(path).write_bytes(msgspec.json.encode(_File(meta_info=meta, instance_info=frames)))


def _instances(tracks: VideoTracks) -> list[_Instance]:
    boxes, ids = shortest(tracks.boxes), tracks.track_ids.tolist()
    points, scores = or_none(tracks.keypoints), or_none(tracks.keypoint_scores)
    people = or_none(tracks.scores)
    return [
        _Instance(
            keypoints=points[row],
            keypoint_scores=None if set(scores[row]) <= {None} else scores[row],
            bbox=[] if np.isnan(boxes[row]).any() else [boxes[row].tolist()],
            bbox_score=people[row],
            track_id=None if ids[row] < 0 else ids[row],
        )
        for row in range(len(ids))
    ]


def recognise(file: OpenedFile) -> bool:
    """Whether a JSON lists instances by frame, or people whose joints are lists."""
    if not file.is_list:
        return "instance_info" in file.parts
    first = file.first()
    if not isinstance(first, dict):
        return False
    joints = first.get("keypoints")
    return "instances" in first or (
        isinstance(joints, list) and joints != [] and isinstance(joints[0], list)
    )


def read(path: Path | str) -> VideoTracks:
    """Read one video's people; COCO's joints where the file does not name them and has 17.

    Raises:
        FormatError: If the file is not of this format; names frame and person.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    content, first = _content(path)
    rows, count = AnnotationRows(_skeleton(content, path)), 0
    numbers = [frame.frame_id for frame in content.instance_info if frame.frame_id is not None]
    if len(set(numbers)) < len(numbers):
        raise FormatError(f"{path}: a frame_id comes twice; a file holds one video")
    for place, frame in enumerate(content.instance_info):
        # Numbers may leave out frames; those are frames without people.
        index = place if frame.frame_id is None else frame.frame_id - first
        if not 0 <= index < MAX_FRAMES:
            raise FormatError(
                f"{path}: frame_id {frame.frame_id} is not in [{first}, {MAX_FRAMES}]"
            )
        count = max(count, index + 1)
        for number, person in enumerate(frame.instances):
            with located(f"{path}: instance_info[{place}].instances[{number}]"):
                _add(rows, person, frame=index)
    return rows.table(path, count, source=content.meta_info.dataset_name)


def _content(path: Path) -> tuple[_File, int]:
    """The file, or a dumped list in its form, and the number of the first frame."""
    content = read_bytes(path)
    if not content.lstrip().startswith(b"["):
        return decode(content, _File, path=path), 1
    entries = decode(content, list[_Dumped], path=path)
    # A list of people is what it dumps for a single picture.
    if all(entry.instances is None for entry in entries):
        return _File(meta_info=_Meta(), instance_info=[_Frame(instances=[*entries])]), 0
    frames = [_Frame(instances=e.instances or [], frame_id=e.frame_id) for e in entries]
    return _File(meta_info=_Meta(), instance_info=frames), 0


def _skeleton(content: _File, path: Path) -> Skeleton:
    named = content.meta_info.keypoint_id2name
    joints = tuple(named.get(str(i), "") for i in range(len(named)))
    if not named:
        people = [person for frame in content.instance_info for person in frame.instances]
        lengths = {len(p.keypoints) for p in people if p.keypoints is not None}
        known = {len(skeleton): skeleton for skeleton in (COCO17, WHOLE_BODY133)}
        if len(lengths) <= 1 and lengths <= known.keys():
            return known[lengths.pop()] if lengths else COCO17
        raise FormatError(f"{path}: meta_info does not name the joints")
    if "" in joints or len(set(joints)) < len(joints):
        raise FormatError(f"{path}: meta_info.keypoint_id2name: expected names of 0, 1, 2 ...")
    return skeleton_of(joints, name=path.stem)


def _add(rows: AnnotationRows, person: _Instance, *, frame: int) -> None:
    joints = [(None, None)] * rows.joints if person.keypoints is None else person.keypoints
    points = np.array([joint or (None, None) for joint in joints], np.float64).reshape(-1, 2)
    box = person.bbox or []
    if box and isinstance(box[0], list):
        # The inferencer wraps the box in a list of one.
        box = [*box[0]]
    if box and (len(box) != 4 or not all(isinstance(side, float | int) for side in box)):
        raise ValueError(f"expected 4 numbers in bbox, got {len(box)}")
    rows.add(
        frame=frame,
        track_id=person.track_id,
        points=np.column_stack([points, np.ones(len(points))]).ravel().tolist(),
        scores=person.keypoint_scores,
        box=[float(side) for side in box if isinstance(side, float | int)] or NO_BOX,
        score=person.bbox_score,
    )
