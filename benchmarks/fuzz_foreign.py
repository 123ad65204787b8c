"""Small sound files of formats that the project reads but does not write, to be damaged.

Not here: the other files, and who reads them (:mod:`benchmarks.fuzz_files`).
"""

import json
import pickle
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from posetube.datasets.synthetic.rig import JOINTS

Writer = Callable[[Path], None]


def vatic(root: Path) -> None:
    """Boxes of two tracks."""
    lines = [f'{i} 1 2 {30 + f} 40 {f} 0 0 1 "person" "still"\n' for f in range(4) for i in (0, 1)]
    (root / "seq1.txt").write_text("".join(lines))


def tfjs(root: Path) -> None:
    """Two people with three joints, then one whose joints are an object."""
    pose = {"keypoints": [{"x": i, "y": 2.5, "score": 0.5, "name": f"joint{i}"} for i in range(3)],
            "score": 0.5, "id": 1}  # fmt: skip
    named = {f"joint{i}": {"x": 1.5, "y": i} for i in range(3)}
    (root / "seq1.json").write_text(json.dumps([[pose, pose], [], named]))


def whole_body(root: Path) -> None:
    """A person in parts and a crowd, in COCO's form, without names of joints."""
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0,
              "keypoints": [1, 2, 2] * 17, "foot_kpts": [3, 4, 2] * 6}  # fmt: skip
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}],
        "annotations": [person, {**person, "id": 2, "iscrowd": 1}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    }
    (root / "seq1.json").write_text(json.dumps(content))


def pictures_npz(root: Path) -> None:
    """Mmpose's pictures of Human3.6M."""
    names = np.array(["a.jpg", "b.jpg"])
    np.savez(root / "seq1.npz", imgname=names, part=np.ones((2, 17, 3)), S=np.ones((2, 17, 4)))


def found_npy(root: Path) -> None:
    """Joints that a network found."""
    np.save(root / "seq1.npy", np.ones((4, 17, 3)))


def jhmdb_boxes(root: Path) -> None:
    """Action Tubes' boxes, and the lists in their archive."""
    annot = {
        "action": np.array([["catch"]] * 3, object), "video_id": np.array([["a"]] * 3, object),
        "frame": np.array([[1], [2], [3]], np.uint16), "bound": np.ones((3, 4), np.float32),
    }  # fmt: skip
    scipy.io.savemat(root / "jhmdb_annot.mat", {"annot": annot})
    with zipfile.ZipFile(root / "splits.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("splits/catch_test_split1.txt", "a.avi 1\nb.avi 2\n")


def jhmdb_ddnet(root: Path) -> None:
    """DD-Net's poses of two clips."""
    content = {"pose": [np.ones((4, 15, 2))] * 2, "label": ["catch", "wave"]}
    (root / "GT_test_1.pkl").write_bytes(pickle.dumps(content, protocol=2))


def limbs(root: Path) -> None:
    """Poses in the Wild, as limbs."""
    pose = {"im": "a/seq1/b-01.png", "point": np.ones((4, 6)), "visible": np.ones((1, 6))}
    poses, seqs = np.empty((1, 2), object), np.empty((1, 1), object)
    poses[:] = [[pose, pose]]
    seqs[0, 0] = {"pose": _structs(poses)}
    scipy.io.savemat(root / "piw_dataset.mat", {"piw_dataset": {"seqs": _structs(seqs)}})


def _structs(entries: Any) -> Any:
    """A struct array of the dicts."""
    fields = list(entries.flat[0])
    found = np.empty(entries.shape, [(field, object) for field in fields])
    for place, entry in np.ndenumerate(entries):
        found[place] = tuple(entry[field] for field in fields)
    return found


def deeplabcut_hdf5(root: Path) -> None:
    """A table of two joints, as pandas writes it."""
    h5py = import_module("h5py")
    columns = [("me", part, axis) for part in ("snout", "tail") for axis in "xy"]
    rows = np.zeros(4, [("index", "S8"), ("values_block_0", "f8", (4,))])
    rows["index"] = [f"{i}.png".encode() for i in range(4)]
    info = {1: {"names": ["scorer", "bodyparts", "coords"]}, "index": {}}
    with h5py.File(root / "seq1.h5", "w") as file:
        group = file.create_group("df_with_missing")
        group["table"] = rows
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        for name, value in (("non_index_axes", [(1, columns)]), ("info", info)):
            group.attrs[name] = np.bytes_(pickle.dumps(value, protocol=0))


def bvh(root: Path) -> None:
    """A standing figure in four frames."""
    names = {"pelvis": "Hips", "thorax": "Chest", "neck": "Neck"}
    parts = {"shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg",
             "ankle": "Foot"}  # fmt: skip
    lines = ["HIERARCHY"]
    joints = [joint for joint in JOINTS if joint not in ("nose", "head_top")] + ["head"]
    for i, joint in enumerate(joints):
        side, _, part = joint.rpartition("_")
        name = names.get(joint, f"{side.capitalize()}{parts.get(part, 'Head')}")
        lines += ["JOINT" if i else "ROOT", "{", f"OFFSET {i % 3} {i} 0",
                  "CHANNELS 3 Zrotation Xrotation Yrotation"]  # fmt: skip
        lines[-4] += f" {name}"
    lines += ["}"] * len(joints) + ["MOTION", "Frames: 4", "Frame Time: 0.02"]
    lines += [" ".join(["1.5"] * 3 * len(joints))] * 4
    (root / "seq1.bvh").write_text("\n".join(lines))
