"""Reads and writes OpenPose's JSON: a folder with a file per frame, 25 joints of each person.

``walk_000000000012_keypoints.json`` holds ``{"version": 1.3, "people": [{"person_id": [7],
"pose_keypoints_2d": [x, y, confidence, ...]}]}``; a joint that is not known is 0, 0, 0. Files with
the 18 joints of the older model are read too. Holds positions, scores, identities and the number of
frames; neither boxes nor states nor times. A joint whose score is not known gets 1.

Source: OpenPose's description of its output, and its order of the joints.
"""

import re
from pathlib import Path

import msgspec
import numpy as np

from posetube import skeletons
from posetube.errors import FormatError, InputError
from posetube.skeletons import ANKLE, COCO17, SIGMAS, Skeleton
from posetube.structures import VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.json_files import decode, read_bytes
from ..files.opened_file import OpenedFile
from .annotation_rows import AnnotationRows, located
from .numbers import confident_triples, shortest

UPPER = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
LEGS = ("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")
FACE = ("right_eye", "left_eye", "right_ear", "left_ear")
FEET = (
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
EDGES = (
    ("nose", "neck"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
    *COCO17.edges,
)  # fmt: skip


def _sigma(joint: str) -> float:
    return SIGMAS.get(joint.removeprefix("left_").removeprefix("right_"), ANKLE)


BODY25 = Skeleton(
    name="openpose25",
    joints=(*UPPER, "pelvis", *LEGS, *FACE, *FEET),
    published_sigmas=tuple(_sigma(j) for j in (*UPPER, "pelvis", *LEGS, *FACE, *FEET)),
    edges=EDGES,
)
BODY18 = Skeleton(name="openpose18", joints=(*UPPER, *LEGS, *FACE), edges=EDGES)
FILE = re.compile(r"(.*?)_?(\d{1,15})_keypoints\.json")


class _Person(msgspec.Struct):
    pose_keypoints_2d: list[float | None] | None
    person_id: list[int | str | None] | int | str | None = []


class _File(msgspec.Struct):
    people: list[_Person]
    version: float = 1.3


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people into a folder, which is made; files of equal names are replaced."""
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    plan = skeletons.convert(tracks.skeleton, BODY25)
    points, scores = skeletons.apply(plan, tracks.keypoints, tracks.keypoint_scores)
    triples = confident_triples(shortest(points), shortest(scores))
    ids = tracks.track_ids.tolist()
    for frame in range(len(tracks.frames)):
        rows = tracks.rows_of(frame)
        people = [
            _Person(person_id=[ids[row]], pose_keypoints_2d=triples[row].ravel().tolist())
            for row in range(rows.start, rows.stop)
        ]
        file = folder / f"{tracks.source}_{frame:012d}_keypoints.json"
        file.write_bytes(msgspec.json.encode(_File(people=people)))


def recognise(file: OpenedFile) -> bool:
    """Whether a folder has files with the names that OpenPose gives."""
    return any(file.path.glob("*_keypoints.json"))


def read(path: Path | str) -> VideoTracks:
    """Read a folder of files; the number in a file's name is its frame, from 0.

    Raises:
        FormatError: If a file is not of this format, or the folder has none.
        InputError: If there is no such folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; OpenPose's output is a folder of files")
    files = [(FILE.fullmatch(file.name), file) for file in sorted(folder.iterdir())]
    numbered = [(int(match[2]), file, match[1]) for match, file in files if match]
    if not numbered or max(numbered)[0] >= MAX_FRAMES:
        raise FormatError(f"{folder}: no files such as walk_000000000000_keypoints.json")
    _refuse_several(numbered, folder)
    contents = [(frame, file, decode(read_bytes(file), _File, path=file))
                for frame, file, _ in numbered]  # fmt: skip
    lengths = {
        len(person.pose_keypoints_2d)
        for _, _, content in contents
        for person in content.people
        if person.pose_keypoints_2d  # empty where only a hand or a face was looked for
    }
    known = {len(skeleton) * 3: skeleton for skeleton in (BODY25, BODY18)}
    if len(lengths) > 1 or not lengths <= known.keys():
        raise FormatError(f"{folder}: expected 75 or 54 numbers per person, got {sorted(lengths)}")
    skeleton = known[lengths.pop()] if lengths else BODY25
    rows = AnnotationRows(skeleton)
    for frame, file, content in contents:
        for place, person in enumerate(content.people):
            with located(f"{file}: people[{place}]"):
                _add(rows, person, frame=frame)
    return rows.table(folder, max(numbered)[0] + 1, source=numbered[0][2] or folder.name)


def _refuse_several(numbered: list[tuple[int, Path, str]], folder: Path) -> None:
    """Refuse files of several videos, whose people would be together in one frame."""
    videos = sorted({name for _, _, name in numbered})
    if len(videos) > 1:
        raise FormatError(
            f"{folder}: files of {len(videos)} videos, {videos[0]!r}, {videos[1]!r} ...; "
            "put those of each into a folder of its own"
        )
    frames = [frame for frame, _, _ in numbered]
    if len(set(frames)) < len(frames):
        raise FormatError(f"{folder}: two files of frame {max(frames, key=frames.count)}")


def _add(rows: AnnotationRows, person: _Person, *, frame: int) -> None:
    numbers = person.pose_keypoints_2d or [0.0] * (3 * rows.joints)
    triples = np.array(numbers, np.float64).reshape(-1, 3)
    # OpenPose writes zeros for a joint that it did not find.
    known = (triples[:, 2] > 0) & ~np.isnan(triples).any(axis=1)
    points = np.where(known[:, None], triples[:, :2], np.nan)
    identity = person.person_id
    if isinstance(identity, list):
        identity = identity[0] if identity else None
    # -1 is everybody, where OpenPose tracks nobody.
    unknown = isinstance(identity, int) and identity < 0
    rows.add(
        frame=frame,
        track_id=None if unknown else identity,
        points=np.column_stack([points, known]).ravel().tolist(),
        scores=np.where(known, triples[:, 2], np.nan).tolist(),
    )
