"""Reads motion capture in BVH: a hierarchy of joints with offsets, then a line of angles per frame.

BVH does not state its unit of length, so every person is scaled to 1.72 m; y is up. Joints are
found by the names of CMU's re-exports (``LeftUpLeg``), of Character Creator (``CC_Base_L_Thigh``)
and of the oldest files (``LeftHip``); a prefix such as ``mixamorig:`` is ignored. The first frame
is left out, because it is a rest pose in CMU's files. Nose and top of the head, which no file has,
are placed before and above the head.

The text is untrusted: sizes are bounded, and text that does not follow the format raises a
:class:`posetube.errors.FormatError` that names the line.

Source: Biovision's format: a joint's angles, in degrees, turn its children about the axes in the
order of its channels, the last one first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posetube.errors import FormatError

from .mocap_text import Line, numbered_lines, parse_numbers
from .rig import JOINTS, STATURE, grounded, stature
from .vector_math import Array, rotation, unit_vectors

MAX_JOINTS = 1_000
"""Files with more joints are refused; a body with fingers and face has 150."""

MAX_FRAMES = 100_000
"""Files with more frames are refused."""

PREFIX = "CC_Base_"
"""Prefix of all joint names of Character Creator."""

_NAMES = {
    "pelvis": ("Hips", "Hip"),
    "thorax": ("Spine2", "Spine1", "Spine02", "Chest"),
    "neck": ("Neck1", "Neck", "NeckTwist01"),
    "head": ("Head",),
    "shoulder": ("{}Arm", "{}Upperarm", "{}Shoulder"),
    "elbow": ("{}ForeArm", "{}Forearm", "{}Elbow"),
    "wrist": ("{}Hand", "{}Wrist"),
    "hip": ("{}UpLeg", "{}Thigh", "{}Hip"),
    "knee": ("{}Leg", "{}Calf", "{}Knee"),
    "ankle": ("{}Foot", "{}Ankle"),
}
"""Names of each joint, in the order in which they are tried; a side is Left or L_."""

_CROWN, _FACE = 0.4, 0.2
"""Height of the top of the head above the head's joint, and distance of the nose before the head's
middle, as shares of the trunk's length."""


@dataclass(kw_only=True)
class _Joint:
    parent: int
    offset: Array = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()
    first: int = 0
    """Column of its first channel in the table of frames."""


def read_bvh(path: Path) -> tuple[Array, float]:
    """Read a motion capture.

    Returns:
        (F, 17, 3) positions of :data:`posetube.datasets.synthetic.rig.JOINTS`, metres, y up,
        feet on the ground, the first pelvis above the origin; and frames per second.

    Raises:
        FormatError: If the file does not follow the format; the message names the line.
    """
    lines = iter(numbered_lines(path))
    names, joints = _hierarchy(lines, path)
    table, rate = _frames(lines, path, width=sum(len(joint.channels) for joint in joints))
    places = _joint_places(names, path)
    # Absurd offsets overflow to infinity or NaN; the check below reports them.
    with np.errstate(over="ignore", invalid="ignore"):
        at = _positions(joints, set(places.values()), np.asarray(table[1:]))
        body = _with_head({name: at[place] for name, place in places.items()})
        tall = stature(body)
        scaled = body * (STATURE / tall) if 0 < tall < np.inf else np.full_like(body, np.nan)
        found = grounded(scaled)
    if not np.isfinite(found).all():
        raise FormatError(f"{path}: positions overflow, or all joints are at one point")
    return found, rate


def _hierarchy(lines: Iterator[Line], path: Path) -> tuple[list[str], list[_Joint]]:
    """Names and joints, parents before children; reads up to the line ``MOTION``."""
    names: list[str] = []
    joints: list[_Joint] = []
    open_joints, width = [-1], 0
    for number, words in lines:
        place, key = f"{path}, line {number}", words[0].upper()
        if key == "MOTION":
            return names, joints
        if key in ("ROOT", "JOINT", "END"):
            name = " ".join(words[1:]).rpartition(":")[2].removeprefix(PREFIX)
            names.append("" if key == "END" else name)
            joints.append(_Joint(parent=open_joints[-1], first=width))
        elif key == "{" and joints:
            open_joints.append(len(joints) - 1)
        elif key == "}" and len(open_joints) > 1:
            open_joints.pop()
        elif key == "OFFSET" and joints:
            joints[-1].offset = parse_numbers(words[1:], 3, place)
        elif key == "CHANNELS" and joints and not joints[-1].channels:
            joints[-1].channels = _channels(words, place)
            width += len(joints[-1].channels)
        elif key != "HIERARCHY":
            raise FormatError(f"{place}: {' '.join(words)[:60]!r} is not expected here")
        if len(joints) > MAX_JOINTS:
            raise FormatError(f"{place}: more than {MAX_JOINTS} joints")
    raise FormatError(f"{path}: expected a line MOTION, found none; is the file cut short?")


def _channels(words: list[str], place: str) -> tuple[str, ...]:
    """The channels of a line ``CHANNELS 3 Zrotation ...``, in lower case."""
    kinds = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}
    found = tuple(word.lower() for word in words[2:])
    if words[1:2] != [str(len(found))] or not set(found) <= kinds or len(set(found)) < len(found):
        raise FormatError(f"{place}: expected channels such as '3 Zrotation Yrotation Xrotation'")
    return found


def _frames(lines: Iterator[Line], path: Path, *, width: int) -> tuple[list[Array], float]:
    """One row of all channels per frame, and frames per second."""
    rows: list[Array] = []
    count, seconds = 0.0, 0.0
    for number, words in lines:
        place, key = f"{path}, line {number}", words[0].lower()
        if key == "frames:":
            count = float(parse_numbers(words[1:], 1, place)[0])
        elif key == "frame" and words[1:2] == ["Time:"]:
            seconds = float(parse_numbers(words[2:], 1, place)[0])
        else:
            rows.append(parse_numbers(words, width, place))
        if len(rows) > MAX_FRAMES:
            raise FormatError(f"{place}: more than {MAX_FRAMES} frames")
    if len(rows) != count or len(rows) < 3 or not 1e-4 <= seconds <= 10:
        raise FormatError(
            f"{path}: expected the {count:g} frames that it states, at least 3, and a frame "
            f"time in [0.0001, 10] s, got {len(rows)} and {seconds:g}"
        )
    return rows, 1 / seconds


def _joint_places(names: list[str], path: Path) -> dict[str, int]:
    """The index in the file of each joint that we need."""
    found: dict[str, int] = {}
    for joint in ("head", *JOINTS):
        if joint in ("nose", "head_top"):
            continue
        side, _, part = joint.rpartition("_")
        sides = {"left": ("Left", "L_"), "right": ("Right", "R_")}.get(side, ("",))
        wanted = [name.format(spelled) for name in _NAMES[part] for spelled in sides]
        place = next((names.index(name) for name in wanted if name in names), None)
        if place is None:
            raise FormatError(
                f"{path}: no joint for the {joint}; expected one of {', '.join(wanted)}"
            )
        found[joint] = place
    return found


def _positions(joints: list[_Joint], wanted: set[int], table: Array) -> dict[int, Array]:
    """(F, 3) positions of the wanted joints, in the file's unit.

    Only the wanted joints and their ancestors are computed: most joints are fingers and face.
    """
    needed = set(wanted)
    for place in range(len(joints) - 1, -1, -1):
        if place in needed:
            needed.add(joints[place].parent)
    at: dict[int, Array] = {-1: np.zeros((len(table), 3))}
    turned: dict[int, Array] = {-1: np.broadcast_to(np.eye(3), (len(table), 3, 3))}
    for place in sorted(needed - {-1}):
        joint = joints[place]
        offset = np.tile(joint.offset, (len(table), 1))
        turn = turned[joint.parent]
        for column, channel in enumerate(joint.channels, start=joint.first):
            axis = "xyz".index(channel[0])
            if channel.endswith("position"):
                offset[:, axis] = table[:, column]
            else:
                turn = turn @ rotation(axis, np.deg2rad(table[:, column]))
        at[place] = at[joint.parent] + (turned[joint.parent] @ offset[..., None])[..., 0]
        turned[place] = turn
    return at


def _with_head(at: dict[str, Array]) -> Array:
    """(F, 17, 3) positions of :data:`JOINTS`, with nose and top of the head added."""
    trunk = np.linalg.norm(at["neck"] - at["pelvis"], axis=1, keepdims=True)
    up = unit_vectors(at["head"] - at["neck"])
    forward = unit_vectors(np.cross(at["left_shoulder"] - at["right_shoulder"], up))
    at = {**at, "head_top": at["head"] + _CROWN * trunk * up}
    at["nose"] = (at["neck"] + at["head_top"]) / 2 + _FACE * trunk * forward
    return np.stack([at[name] for name in JOINTS], axis=1)
