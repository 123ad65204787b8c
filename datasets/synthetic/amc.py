"""Reads motion capture in Acclaim's format: a skeleton (.asf) and its joint angles (.amc).

The text is untrusted: sizes are bounded, and text that does not follow the format raises a
:class:`posetube.errors.FormatError` that names the line.

Source: the Acclaim format as CMU's motion capture database uses it: degrees, rotations about x,
then y, then z; lengths in units of 2.54 cm / length.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posetube.errors import FormatError

from .mocap_text import numbered_lines, parse_numbers
from .rig import JOINTS, grounded
from .vector_math import Array, rotation

RATE = 120.0
"""Frames per second of CMU's database; the files do not state it."""

_BONES = {
    "pelvis": "root", "thorax": "thorax", "neck": "lowerneck", "head_top": "head",
    "left_shoulder": "lclavicle", "left_elbow": "lhumerus", "left_wrist": "lradius",
    "left_hip": "lhipjoint", "left_knee": "lfemur", "left_ankle": "ltibia",
    "right_shoulder": "rclavicle", "right_elbow": "rhumerus", "right_wrist": "rradius",
    "right_hip": "rhipjoint", "right_knee": "rfemur", "right_ankle": "rtibia",
}  # fmt: skip
"""The bone whose end is each joint; the nose, which no bone has, is placed before the head."""


@dataclass(kw_only=True)
class _Bone:
    direction: Array = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: Array = field(default_factory=lambda: np.zeros(3))
    freedom: tuple[str, ...] = ()
    parent: str = ""


def read_amc(motion: Path, skeleton: Path) -> Array:
    """Read a motion capture.

    Args:
        motion: The ``.amc`` file.
        skeleton: Its person's ``.asf`` file.

    Returns:
        (F, 17, 3) positions of :data:`posetube.datasets.synthetic.rig.JOINTS`, metres, y up,
        feet on the ground, the first pelvis above the origin; 120 frames per second.

    Raises:
        FormatError: If a file does not follow its format; the message names file and line.
    """
    bones, unit = _read_skeleton(skeleton)
    missing = sorted(set(_BONES.values()) - set(bones))
    if missing:
        raise FormatError(f"{skeleton}: bones {', '.join(missing)} are missing")
    ends, head = _bone_ends(bones, _read_angles(motion, bones), motion)
    joints = np.zeros((len(head), len(JOINTS), 3))
    for place, name in enumerate(JOINTS):
        if name != "nose":
            joints[:, place] = ends[_BONES[name]] * unit
    middle = (joints[:, JOINTS.index("neck")] + joints[:, JOINTS.index("head_top")]) / 2
    joints[:, JOINTS.index("nose")] = middle + 0.1 * head[..., 2]
    return grounded(joints)


def _read_skeleton(path: Path) -> tuple[dict[str, _Bone], float]:
    """Bones by name, parents before their children, and metres per unit."""
    bones = {"root": _Bone(freedom=("tx", "ty", "tz", "rx", "ry", "rz"))}
    section, bone, unit = "", _Bone(), 0.0254
    for number, words in numbered_lines(path):
        place, key = f"{path}, line {number}", words[0].lower()
        if key.startswith(":"):
            section = key
        elif section == ":units" and key == "length":
            unit = 0.0254 / max(float(parse_numbers(words[1:], 1, place)[0]), 1e-6)
        elif section == ":bonedata":
            if key == "name" and len(words) == 2:
                bone = bones.setdefault(words[1], _Bone())
            _set_property(bone, key, words[1:], place)
        elif section == ":hierarchy" and key not in ("begin", "end"):
            _set_parents(bones, words, place)
    return bones, unit


def _set_property(bone: _Bone, key: str, words: list[str], place: str) -> None:
    if key == "direction":
        bone.direction = parse_numbers(words, 3, place)
    elif key == "length":
        bone.length = float(parse_numbers(words, 1, place)[0])
    elif key == "axis":
        bone.axis = np.deg2rad(parse_numbers(words[:3], 3, place))
    elif key == "dof":
        if not set(words) <= {"rx", "ry", "rz"}:
            raise FormatError(f"{place}: expected degrees of freedom rx, ry, rz, got {words}")
        bone.freedom = tuple(words)


def _set_parents(bones: dict[str, _Bone], words: list[str], place: str) -> None:
    """Read a line of the hierarchy: a parent and its children; move these behind the parent."""
    parent = words[0]
    if parent != "root" and not (parent in bones and bones[parent].parent):
        raise FormatError(f"{place}: {parent!r} is not a bone of the hierarchy so far")
    for name in words[1:]:
        if name not in bones or bones[name].parent or name == "root":
            raise FormatError(f"{place}: {name!r} is not a bone, or already has a parent")
        bones[name].parent = parent
        bones[name] = bones.pop(name)


def _read_angles(path: Path, bones: dict[str, _Bone]) -> dict[str, Array]:
    """(F, degrees of freedom) values of each moving bone; degrees, the root's position in units."""
    rows: dict[str, list[Array]] = {name: [] for name, bone in bones.items() if bone.freedom}
    frames = 0
    for number, words in numbered_lines(path):
        place = f"{path}, line {number}"
        if words[0].startswith(":"):
            continue
        if len(words) == 1:  # a frame number begins a frame
            frames += 1
        elif words[0] not in rows or len(rows[words[0]]) != frames - 1:
            raise FormatError(f"{place}: {words[0]!r} is not a moving bone, or is there twice")
        else:
            rows[words[0]].append(parse_numbers(words[1:], len(bones[words[0]].freedom), place))
    if frames < 2 or any(len(found) not in (0, frames) for found in rows.values()):
        raise FormatError(f"{path}: expected at least 2 frames, each with every bone; got {frames}")
    if not rows["root"]:
        raise FormatError(f"{path}: the position of the root is missing")
    return {name: np.array(found) for name, found in rows.items() if found}


def _bone_ends(
    bones: dict[str, _Bone], angles: dict[str, Array], path: Path
) -> tuple[dict[str, Array], Array]:
    """(F, 3) end of every bone, in the file's unit, and (F, 3, 3) axes of the head."""
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
        # A bone's angles are about its own axes, which the skeleton turns by ``axis`` at rest.
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
