"""Captured motion in its original form: a skeleton in an ASF file, its angles in an AMC file.

The text is untrusted: sizes are bounded, and whatever does not follow the format is a
:class:`posetube.errors.FormatError` that names the line. Not here: what the motion is used for
(:mod:`.mocap`).

Source: the Acclaim format as CMU's motion capture database uses it: degrees, rotations about x,
then y, then z; lengths in units of 2.54 cm / length.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posetube.errors import FormatError

from .motion import JOINTS, rotation
from .standing import grounded
from .text_lines import numbered_lines, numbers

Array = npt.NDArray[np.float64]

RATE = 120.0
"""Frames per second of the database; the files do not say."""

_BONES = {
    "pelvis": "root", "thorax": "thorax", "neck": "lowerneck", "head_top": "head",
    "left_shoulder": "lclavicle", "left_elbow": "lhumerus", "left_wrist": "lradius",
    "left_hip": "lhipjoint", "left_knee": "lfemur", "left_ankle": "ltibia",
    "right_shoulder": "rclavicle", "right_elbow": "rhumerus", "right_wrist": "rradius",
    "right_hip": "rhipjoint", "right_knee": "rfemur", "right_ankle": "rtibia",
}  # fmt: skip
"""At the end of which bone each joint lies; the nose is placed before the head's middle."""


@dataclass(kw_only=True)
class _Bone:
    direction: Array = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: Array = field(default_factory=lambda: np.zeros(3))
    freedom: tuple[str, ...] = ()
    parent: str = ""


def read_amc(motion: Path, skeleton: Path) -> Array:
    """Read a motion.

    Args:
        motion: The ``.amc`` file.
        skeleton: Its person's ``.asf`` file.

    Returns:
        (F, 17, 3) positions of :data:`posetube.datasets.synthetic.motion.JOINTS`, metres, y up,
        feet on the ground, the first pelvis above the origin; 120 frames per second.

    Raises:
        FormatError: If a file does not follow its format; names the file and the line.
    """
    bones, unit = _read_skeleton(skeleton)
    missing = sorted(set(_BONES.values()) - set(bones))
    if missing:
        raise FormatError(f"{skeleton}: bones {', '.join(missing)} are missing")
    ends, head = _ends(bones, _read_angles(motion, bones), motion)
    joints = np.zeros((len(head), len(JOINTS), 3))
    for place, name in enumerate(JOINTS):
        if name != "nose":
            joints[:, place] = ends[_BONES[name]] * unit
    middle = (joints[:, JOINTS.index("neck")] + joints[:, JOINTS.index("head_top")]) / 2
    joints[:, JOINTS.index("nose")] = middle + 0.1 * head[..., 2]
    return grounded(joints)


def _read_skeleton(path: Path) -> tuple[dict[str, _Bone], float]:
    """Bones by name in an order that has parents first, and metres per unit."""
    bones = {"root": _Bone(freedom=("tx", "ty", "tz", "rx", "ry", "rz"))}
    section, bone, unit = "", _Bone(), 0.0254
    for number, words in numbered_lines(path):
        place, key = f"{path}, line {number}", words[0].lower()
        if key.startswith(":"):
            section = key
        elif section == ":units" and key == "length":
            unit = 0.0254 / max(float(numbers(words[1:], 1, place)[0]), 1e-6)
        elif section == ":bonedata":
            if key == "name" and len(words) == 2:
                bone = bones.setdefault(words[1], _Bone())
            _describe(bone, key, words[1:], place)
        elif section == ":hierarchy" and key not in ("begin", "end"):
            _hang(bones, words, place)
    return bones, unit


def _describe(bone: _Bone, key: str, words: list[str], place: str) -> None:
    if key == "direction":
        bone.direction = numbers(words, 3, place)
    elif key == "length":
        bone.length = float(numbers(words, 1, place)[0])
    elif key == "axis":
        bone.axis = np.deg2rad(numbers(words[:3], 3, place))
    elif key == "dof":
        if not set(words) <= {"rx", "ry", "rz"}:
            raise FormatError(f"{place}: expected degrees of freedom rx, ry, rz, got {words}")
        bone.freedom = tuple(words)


def _hang(bones: dict[str, _Bone], words: list[str], place: str) -> None:
    """Note whose child each bone is, and move it behind its parent."""
    parent = words[0]
    if parent != "root" and not (parent in bones and bones[parent].parent):
        raise FormatError(f"{place}: {parent!r} is no bone of the hierarchy so far")
    for name in words[1:]:
        if name not in bones or bones[name].parent or name == "root":
            raise FormatError(f"{place}: {name!r} is no bone, or hangs somewhere already")
        bones[name].parent = parent
        bones[name] = bones.pop(name)


def _read_angles(path: Path, bones: dict[str, _Bone]) -> dict[str, Array]:
    """(F, freedom) of each moving bone; radians, root's place in units."""
    rows: dict[str, list[Array]] = {name: [] for name, bone in bones.items() if bone.freedom}
    frames = 0
    for number, words in numbered_lines(path):
        place = f"{path}, line {number}"
        if words[0].startswith(":"):
            continue
        if len(words) == 1:
            frames += 1
        elif words[0] not in rows or len(rows[words[0]]) != frames - 1:
            raise FormatError(f"{place}: {words[0]!r} is no moving bone, or comes twice in a frame")
        else:
            rows[words[0]].append(numbers(words[1:], len(bones[words[0]].freedom), place))
    if frames < 2 or any(len(found) not in (0, frames) for found in rows.values()):
        raise FormatError(f"{path}: expected at least 2 frames, each with every bone; got {frames}")
    if not rows["root"]:
        raise FormatError(f"{path}: the root's place is missing")
    return {name: np.array(found) for name, found in rows.items() if found}


def _ends(
    bones: dict[str, _Bone], angles: dict[str, Array], path: Path
) -> tuple[dict[str, Array], Array]:
    """(F, 3) end of every bone in units, and (F, 3, 3) axes of the head."""
    place = angles["root"][:, :3]
    frames = len(place)
    turns = {"root": _euler(np.deg2rad(angles["root"][:, 3:]))}
    ends = {"root": place}
    for name, bone in bones.items():
        if not bone.parent:
            continue
        own = np.zeros((frames, 3))
        for column, freedom in enumerate(bone.freedom if name in angles else ()):
            own[:, "xyz".index(freedom[1])] = np.deg2rad(angles[name][:, column])
        rest = _euler(bone.axis[None])
        turns[name] = turns[bone.parent] @ rest @ _euler(own) @ np.swapaxes(rest, 1, 2)
        ends[name] = ends[bone.parent] + bone.length * (turns[name] @ bone.direction)
    head = turns.get("head", turns["root"])
    if not all(np.isfinite(end).all() for end in ends.values()):
        raise FormatError(f"{path}: positions overflow; are the angles degrees?")
    return ends, head


def _euler(angles: Array) -> Array:
    """(..., 3, 3) rotation about x, then y, then z."""
    x, y, z = np.moveaxis(angles, -1, 0)
    return np.asarray(rotation(2, z) @ rotation(1, y) @ rotation(0, x))
