"""Writes label files in the layouts of data sets that may not be redistributed, from any tracks.

The files hold only what the readers need: enough to test that a reader gives back what was
labelled, and to damage files for fuzzing. Where a data set has one person per video, the first
track is written.
"""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import scipy.io

from posetube.datasets.formats.joint_sets import with_joints
from posetube.datasets.formats.numbers import joint_states
from posetube.datasets.published.bonn import SLOT
from posetube.datasets.published.flic import COLUMNS, USED
from posetube.datasets.published.three_dpw import SMPL24
from posetube.errors import InputError
from posetube.skeletons import (
    BBC7,
    FLIC11,
    H36M17,
    KINECT20,
    LSP14,
    MPII16,
    PIW8,
    POSETRACK15,
    Skeleton,
)
from posetube.structures import DoubleArray, JointState, VideoTracks

LabelFile = Literal[
    "bonn", "posetrack17-mat", "bbc-pose", "chalearn", "poses-in-the-wild", "flic", "mpii", "lsp",
    "lspet", "3dpw", "human36m",
]  # fmt: skip
DEPTH, FOCAL = 5.0, 1000.0
"""Metres before the camera and focal length in pixels, where a data set is in three dimensions."""

EMPTY = np.zeros((0, 0))

Rows = list[dict[str, Any]]


def write_labels(root: Path, videos: Sequence[VideoTracks], *, dataset: LabelFile) -> None:
    """Write the label files of some videos into a folder.

    Args:
        root: Made if need be.
        videos: What to write; of data sets with one person per video, the first track of each.
        dataset: Whose layout.

    Raises:
        InputError: If no such label files are written.
    """
    if dataset not in WRITERS:
        known = ", ".join(get_args(LabelFile))
        raise InputError(f"no label files are called {dataset!r}; there are {known}")
    joints, write = WRITERS[dataset]
    root.mkdir(parents=True, exist_ok=True)
    write(root, [with_joints(video, joints)[0] for video in videos])


def struct_array(rows: Rows) -> Any:
    """A MATLAB struct array of one row."""
    fields = list(rows[0]) if rows else ["empty"]
    found = np.empty((1, len(rows)), [(name, object) for name in fields])
    for i, row in enumerate(rows):
        for name in fields:
            found[0, i][name] = row[name]
    return found


def _save(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, content, do_compression=True)


def _alone(video: VideoTracks) -> VideoTracks:
    """The rows of the first track."""
    return video.select(video.track_ids == video.ids[0])


def _points(video: VideoTracks, row: int, ids: dict[int, int], *, shift: float) -> Any:
    """MPII's ``point`` structs of one row; ``ids`` gives our place of each of its numbers."""
    states = joint_states(video)[row]
    return struct_array([
        {
            "x": video.keypoints[row, place, 0] + shift,
            "y": video.keypoints[row, place, 1] + shift,
            "id": float(number),
            "is_visible": float(states[place] == JointState.VISIBLE),
        }
        for number, place in ids.items()
        if states[place] != JointState.ABSENT
    ])  # fmt: skip


def _bonn(root: Path, videos: list[VideoTracks]) -> None:
    sequences = []
    for video in videos:
        cells = np.full((len(video.ids), len(video.frames)), None)
        cells[...] = [[EMPTY] * cells.shape[1]] * cells.shape[0] if cells.size else EMPTY
        for row, (frame, track) in enumerate(zip(video.frame, video.track_ids, strict=True)):
            head = EMPTY if video.head_boxes is None else video.head_boxes[row : row + 1] + 1
            pose = {"point": _points(video, row, SLOT, shift=1), "head_rect": head}
            cells[video.ids.tolist().index(track), frame] = struct_array([pose])
        sequences.append({
            "num_frames": float(len(video.frames)), "name": video.source,
            "num_persons": float(len(video.ids)), "annopoints": cells,
        })  # fmt: skip
    _save(root / "annolist" / "test_annolist.mat", {"annolist": struct_array(sequences).T})


def _posetrack17(root: Path, videos: list[VideoTracks]) -> None:
    ids = {i: i for i in range(len(POSETRACK15))}
    for video in videos:
        images = []
        for frame in range(len(video.frames)):
            rows = range(*video.rows_of(frame).indices(len(video.frame)))
            people = [
                {
                    **_head(video, row),
                    "track_id": float(video.track_ids[row]),
                    "annopoints": struct_array([{"point": _points(video, row, ids, shift=0)}]),
                }
                for row in rows
            ]
            images.append({
                "image": struct_array([{"name": f"images/{video.source}/{frame + 1:08d}.jpg"}]),
                "is_labeled": 1.0,
                "annorect": struct_array(people) if people else EMPTY,
            })  # fmt: skip
        _save(root / f"{video.source}.mat", {"annolist": struct_array(images)})


def _head(video: VideoTracks, row: int, *, shift: float = 0) -> dict[str, Any]:
    known = video.head_boxes is not None and not np.isnan(video.head_boxes[row]).any()
    sides = video.head_boxes[row] + shift if known and video.head_boxes is not None else [EMPTY] * 4
    return dict(zip(("x1", "y1", "x2", "y2"), sides, strict=True))


def _bbc_pose(root: Path, videos: list[VideoTracks]) -> None:
    entries = []
    for video in map(_alone, videos):
        points = np.where(np.isnan(video.keypoints), -10.0, video.keypoints + 1)
        numbers = (video.frame + 1)[None].astype(np.float64)
        entries.append({
            "videoName": video.source, "type": "train", "source": "by hand",
            "train_frames": numbers, "train_joints": points.transpose(2, 1, 0),
            "test_frames": EMPTY, "test_joints": EMPTY,
        })  # fmt: skip
    _save(root / "bbcpose.mat", {"bbcpose": struct_array(entries)})


def _chalearn(root: Path, videos: list[VideoTracks]) -> None:
    names = np.array(["".join(reversed(_words(j))) for j in KINECT20.joints], object)[:, None]
    for number, video in enumerate(map(_alone, videos), start=1):
        places = dict(zip(video.frame.tolist(), np.nan_to_num(video.keypoints), strict=True))
        nobody = np.zeros((len(KINECT20), 2))
        steps: Rows = []
        for frame in range(len(video.frames)):
            pixels = places.get(frame, nobody)
            world = np.column_stack([pixels / 100, np.full(len(pixels), DEPTH)])
            skeleton = {"JointType": names, "WorldPosition": world, "PixelPosition": pixels}
            steps.append({"Skeleton": struct_array([skeleton])})
        sample = f"Sample{number:05d}"
        content = {
            "NumFrames": float(len(steps)),
            "Frames": struct_array(steps),
            "Labels": struct_array([{"Name": "vattene", "Begin": 1.0, "End": 2.0}]),
        }
        path = root / "trainingdata" / sample / f"{sample}_data.mat"
        _save(path, {"Video": struct_array([content])})


def _words(joint: str) -> list[str]:
    """``left_shoulder`` to ``[Left, Shoulder]``, ``hip_center`` to ``[Center, Hip]``."""
    words = [word.capitalize() for word in joint.split("_")]
    return words[::-1] if words[-1] == "Center" else words


def _poses_in_the_wild(root: Path, videos: list[VideoTracks]) -> None:
    entries = []
    for video in map(_alone, videos):
        states = joint_states(video)
        for row, frame in enumerate(video.frame.tolist()):
            absent = states[row][:, None] == JointState.ABSENT
            name = f"Film-10-20-{97 + 2 * frame:05d}.png"
            entries.append({
                "im": f"./dataset/selected_seqs/{video.source}/{name}",
                "imname": name,
                "point": np.where(absent, -1.0, video.keypoints[row] + 1),
                "visible": (states[row] == JointState.VISIBLE)[:, None].astype(np.uint8),
            })  # fmt: skip
    _save(root / "poses_in_the_wild_data.mat", {"piw_data": struct_array(entries)})


def _flic(root: Path, videos: list[VideoTracks]) -> None:
    entries = []
    for video in videos:
        for row, frame in enumerate(video.frame.tolist()):
            coords = np.full((2, 29), np.nan)
            coords[:, USED] = video.keypoints[row].T
            entries.append({
                "coords": coords, "filepath": f"{video.source}-{frame:08d}.jpg",
                "imgdims": np.array([[480.0, 720, 3]]), "istrain": float(frame % 2 == 0),
                "istest": float(frame % 2), "moviename": video.source,
                "torsobox": np.array([[1.0, 2, 3, 4]]),
            })  # fmt: skip
    assert len(COLUMNS) <= 29
    _save(root / "examples.mat", {"examples": struct_array(entries)})


def _mpii(root: Path, videos: list[VideoTracks]) -> None:
    ids = {i: i for i in range(len(MPII16))}
    images: Rows = []
    for video in videos:
        for frame in range(len(video.frames)):
            rows = range(*video.rows_of(frame).indices(len(video.frame)))
            people = [
                {
                    **_head(video, row, shift=1),
                    "annopoints": struct_array([{"point": _points(video, row, ids, shift=1)}]),
                }
                for row in rows
            ]
            images.append({
                "image": struct_array([{"name": f"{video.source}{frame:06d}.jpg"}]),
                "annorect": struct_array(people) if people else EMPTY,
            })  # fmt: skip
    training = np.ones((1, len(images)))
    release = struct_array([{"annolist": struct_array(images), "img_train": training}])
    _save(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})


def _lsp(root: Path, videos: list[VideoTracks]) -> None:
    points, states = _stacked(videos)
    hidden = states != JointState.VISIBLE
    joints = np.concatenate([np.nan_to_num(points), hidden[..., None]], axis=-1)
    _save(root / "joints.mat", {"joints": joints.transpose(2, 1, 0)})


def _lspet(root: Path, videos: list[VideoTracks]) -> None:
    points, states = _stacked(videos)
    known = states != JointState.ABSENT
    joints = np.concatenate([np.nan_to_num(points, nan=-26.0), known[..., None]], axis=-1)
    _save(root / "joints.mat", {"joints": joints.transpose(1, 2, 0)})


def _stacked(videos: list[VideoTracks]) -> tuple[DoubleArray, Any]:
    """(N, K, 2) positions and (N, K) states of everybody."""
    points = np.concatenate([video.keypoints for video in videos]).astype(np.float64)
    return points, np.concatenate([joint_states(video) for video in videos])


def _three_dpw(root: Path, videos: list[VideoTracks]) -> None:
    for video in videos:
        f, p = len(video.frames), len(video.ids)
        world, valid = np.zeros((p, f, len(SMPL24), 3)), np.zeros((p, f))
        centre = np.array([540.0, 960.0])
        for row, (frame, track) in enumerate(zip(video.frame, video.track_ids, strict=True)):
            person = video.ids.tolist().index(track)
            flat = (video.keypoints[row] - centre) / FOCAL * DEPTH
            deep = np.where(np.isnan(flat[:, 0]), -DEPTH, DEPTH)  # behind the camera: not seen
            world[person, frame] = np.column_stack([np.nan_to_num(flat), deep])
            valid[person, frame] = 1
        content = {
            "sequence": video.source,
            "jointPositions": list(world.reshape(p, f, -1)),
            "campose_valid": list(valid),
            "cam_poses": np.tile(np.eye(4), (f, 1, 1)),
            "cam_intrinsics": np.array([[FOCAL, 0, 540], [0, FOCAL, 960], [0, 0, 1]]),
        }
        path = root / "sequenceFiles" / "train" / f"{video.source}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(content, protocol=2))


def _human36m(root: Path, videos: list[VideoTracks]) -> None:
    points, states = _stacked(videos)
    known = (states != JointState.ABSENT)[..., None]
    names = [f"S1/{v.source}_{frame:06d}.jpg" for v in videos for frame in v.frame.tolist()]
    part = np.concatenate([np.nan_to_num(points), known], axis=-1)
    deep = np.concatenate(
        [np.nan_to_num(points) / 100, np.full(known.shape, DEPTH), known], axis=-1
    )
    np.savez(root / "h36m_train.npz", imgname=np.array(names), part=part, S=deep)


WRITERS: dict[str, tuple[Skeleton, Callable[[Path, list[VideoTracks]], None]]] = {
    "bonn": (POSETRACK15, _bonn),
    "posetrack17-mat": (POSETRACK15, _posetrack17),
    "bbc-pose": (BBC7, _bbc_pose),
    "chalearn": (KINECT20, _chalearn),
    "poses-in-the-wild": (PIW8, _poses_in_the_wild),
    "flic": (FLIC11, _flic),
    "mpii": (MPII16, _mpii),
    "lsp": (LSP14, _lsp),
    "lspet": (LSP14, _lspet),
    "3dpw": (SMPL24, _three_dpw),
    "human36m": (H36M17, _human36m),
}
"""The joints of each data set, and what writes its label files."""
