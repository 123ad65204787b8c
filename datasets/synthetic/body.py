"""The body of a synthetic person: the primitives that a :class:`Figure` puts around its joints.

Radii are for a person of 1.72 m and scale with the figure. The face's keypoints are on the head
that is drawn, so that ground truth and pixels agree.
"""

from dataclasses import dataclass

import numpy as np

from .primitives import Capsule, Ellipsoid, Primitive
from .rig import JOINTS, Bones
from .texture import Texture
from .vector_math import Array, cross_product, unit_vector

_AT = {name: place for place, name in enumerate(JOINTS)}
_FACE = np.array(
    [[0.0, -0.22, 1.08], [0.36, 0.06, 0.93], [-0.36, 0.06, 0.93], [1.0, -0.08, -0.08],
     [-1.0, -0.08, -0.08]]
)  # fmt: skip
"""(5, 3) nose, left and right eye, left and right ear on the unit ball: left, up, forward."""

_LIMBS = [_AT[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
          for side in ("left", "right")]  # fmt: skip

# Radii of the cross-sections of each part, from its start to its end, metres; a pair is sideways
# and forward.
_THIGH = [0.086, 0.091, 0.085, 0.073, 0.061, 0.057]
_SHANK = [0.056, 0.062, 0.060, 0.048, 0.038, 0.036]
_UPPER_ARM = [0.050, 0.053, 0.050, 0.046, 0.042, 0.040]
_TROUSER = [0.064, 0.068, 0.067, 0.065, 0.064, 0.066]
_FOREARM = [0.040, 0.044, 0.040, 0.034, 0.028, 0.026]
_HAND = [(0.022, 0.026), (0.018, 0.036), (0.016, 0.039), (0.014, 0.034), (0.010, 0.022)]
_NECK = [0.066, 0.056, 0.053, 0.055]
_FOOT = [(0.034, 0.040), (0.040, 0.042), (0.044, 0.038), (0.047, 0.030), (0.040, 0.020)]
_PELVIS = [(0.100, 0.074), (0.156, 0.100), (0.174, 0.112), (0.162, 0.107), (0.142, 0.100)]
_SHIRT = [(0.146, 0.104), (0.154, 0.112), (0.172, 0.122), (0.182, 0.126)]
_CHEST = [
    (0.140, 0.098), (0.146, 0.102), (0.156, 0.110), (0.164, 0.118), (0.170, 0.116),
    (0.174, 0.104), (0.155, 0.090), (0.105, 0.072), (0.062, 0.056),
]  # fmt: skip
_HEAD = np.array([0.075, 0.116, 0.094])
_HAIR_RADII = (1.0, 0.86, 0.90)
_HAIR_UP = 0.24
"""Middle of the hair above that of the head; this and the radii of hair of size 1 are in heads."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One person's build and clothes."""

    bones: Bones
    """Lengths, for :func:`posetube.datasets.synthetic.rig.forward_kinematics`."""

    scale: float
    """Height over 1.72 m."""

    girth: float
    """Width of trunk and limbs relative to the average."""

    chest_depth: float
    """Depth of the chest, front to back, relative to the average."""

    sleeve: float
    """How loose clothes are: their radius relative to the limb's."""

    cut: float
    """Width of the trousers below the knee: 0 tight, 1 wide."""

    shirt: float
    """Length of a shirt that hangs over the hips, relative to the hips; 0: tucked in."""

    textures: dict[str, Texture]
    """Texture of each kind of body part."""

    hem: float
    """Length of a skirt, in bones of the leg: 1 ends at the knee; 0: no skirt."""

    hair: float
    """Size of the hair relative to the skull; 0: bald."""

    long_hair: float
    """How far long hair falls below the head's centre, in heads; 0: short hair."""


@dataclass(frozen=True, kw_only=True)
class HeadFrame:
    """Position and orientation of a head."""

    centre: Array
    """(3,) world."""

    axes: Array
    """(3, 3) rows: left, up, forward."""

    radii: Array
    """(3,) metres."""


def head_frame(figure: Figure, joints: Array) -> HeadFrame:
    """The head on a skeleton with these (17, 3) joints."""
    up = unit_vector(joints[_AT["head_top"]] - joints[_AT["neck"]])
    forward = joints[_AT["nose"]] - joints[_AT["neck"]]
    forward = unit_vector(forward - up * (forward @ up))
    radii = _HEAD * figure.scale**0.5
    centre = joints[_AT["neck"]] + up * radii[1] * 1.22 + forward * radii[2] * 0.22
    return HeadFrame(
        centre=centre, axes=np.stack([cross_product(up, forward), up, forward]), radii=radii
    )


def figure_keypoints(figure: Figure, joints: Array) -> Array:
    """(19, 3) world positions of COCO19's joints on a figure with these (17, 3) joints."""
    frame = head_frame(figure, joints)
    face = frame.centre + (_FACE * frame.radii) @ frame.axes
    # hair counts: who labels a photograph cannot see the skull
    crown = max(1.0, _HAIR_UP + _HAIR_RADII[1] * figure.hair if figure.hair else 0.0)
    top = frame.centre + crown * frame.radii[1] * frame.axes[1]
    return np.concatenate([face, joints[_LIMBS], [joints[_AT["neck"]], top]])


def head_corners(figure: Figure, joints: Array) -> Array:
    """(6, 3) world positions of the ends of the head's three axes."""
    frame = head_frame(figure, joints)
    ends = frame.radii[:, None] * frame.axes
    return np.concatenate([frame.centre + ends, frame.centre - ends])


def body_primitives(figure: Figure, joints: Array) -> list[Primitive]:
    """The primitives of a figure with these (17, 3) joints.

    A figure has the same primitives in the same order in every pose, so that optical flow can
    compare them by index.
    """
    left = unit_vector(joints[_AT["left_hip"]] - joints[_AT["right_hip"]])
    trunk = joints[_AT["neck"]] - joints[_AT["pelvis"]]
    front = unit_vector(cross_product(left, trunk))
    chest_left = unit_vector(joints[_AT["left_shoulder"]] - joints[_AT["right_shoulder"]])
    chest_front = unit_vector(cross_product(chest_left, trunk))
    primitives: list[Primitive] = []
    for side in ("left", "right"):
        primitives += _leg(figure, joints, side, front)
    primitives += _trunk(figure, joints, front, chest_front)
    for side in ("left", "right"):
        primitives += _arm(figure, joints, side, chest_front)
    return primitives + _head(figure, joints)


def _sections(figure: Figure, radii: list[float] | list[tuple[float, float]], by: float) -> Array:
    """(n, 2) radii of a capsule's sections, metres; single radii are for round sections."""
    table = np.array(radii, float)
    table = np.repeat(table[:, None], 2, axis=1) if table.ndim == 1 else table
    return np.asarray(table * (by * figure.scale))


def _leg(figure: Figure, joints: Array, side: str, front: Array) -> list[Primitive]:
    hip, knee, ankle = (joints[_AT[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
    girth, textures = figure.girth, figure.textures
    shank = unit_vector(ankle - knee)
    toe = unit_vector(front - shank * (front @ shank))
    # Feet near the ground are flat on it; in the air they are at right angles to the shank.
    level = max(0.0, 1 - max(ankle[1] - 0.12 * figure.scale, 0.0) / 0.12)
    flat = unit_vector(np.array([toe[0], 0.0, toe[2]]))
    toe = unit_vector(toe * (1 - level) + flat * level)
    sole = shank if level < 0.5 else np.array([0.0, -1.0, 0.0])
    shank_radii = [a + figure.cut * (b - a) for a, b in zip(_SHANK, _TROUSER, strict=True)]
    heel = ankle + (0.042 * sole - 0.045 * toe) * figure.scale
    tip = heel + (0.215 * toe + 0.012 * sole) * figure.scale
    return [
        Capsule(
            start=heel, end=tip, radii=_sections(figure, _FOOT, 1.0), forward=-sole,
            texture=textures["foot"],
        ),
        Capsule(
            start=knee, end=ankle, radii=_sections(figure, shank_radii, girth * figure.sleeve**0.5),
            forward=toe, texture=textures["shank"],
        ),
        Capsule(
            start=hip, end=knee, radii=_sections(figure, _THIGH, girth * figure.sleeve**0.4),
            forward=front, texture=textures["thigh"],
        ),
    ]  # fmt: skip


def _trunk(figure: Figure, joints: Array, front: Array, chest_front: Array) -> list[Primitive]:
    pelvis, thorax, neck = (joints[_AT[name]] for name in ("pelvis", "thorax", "neck"))
    waist = pelvis + 0.36 * (thorax - pelvis)
    up = unit_vector(thorax - pelvis)
    crotch = pelvis - 0.085 * figure.scale * up
    chest = np.array(_CHEST) * [1.0, figure.chest_depth] * figure.girth
    breadth = np.linalg.norm(joints[_AT["left_shoulder"]] - joints[_AT["right_shoulder"]])
    # Shoulders as wide as the joints are apart, whatever the girth.
    yoke = np.array([0.49, 0.53, 0.56, 0.50, 0.30]) * breadth / figure.scale
    chest[3:8, 0] = np.maximum(chest[3:8, 0], yoke)
    primitives: list[Primitive] = [
        Capsule(
            start=crotch, end=waist, radii=_sections(figure, _PELVIS, figure.girth),
            forward=front, texture=figure.textures["pelvis"], caps=(0.3, 0.3),
        ),
        Capsule(
            start=waist, end=neck + 0.01 * up, radii=chest * figure.scale, forward=chest_front,
            texture=figure.textures["chest"], caps=(0.3, 0.4),
        ),
    ]  # fmt: skip
    if figure.shirt:
        primitives.append(
            Capsule(
                start=waist + 0.05 * figure.scale * up,
                end=waist + (crotch - waist) * min(0.55 * figure.shirt, 0.95),
                radii=_sections(figure, _SHIRT, figure.girth * figure.sleeve**0.3),
                forward=front, texture=figure.textures["shirt"], caps=(0.3, 0.1),
            )
        )  # fmt: skip
    if figure.hem:
        primitives.append(_skirt(figure, joints, waist, front))
    return primitives


def _skirt(figure: Figure, joints: Array, waist: Array, front: Array) -> Capsule:
    legs = [[joints[_AT[f"{side}_{j}"]] for j in ("hip", "knee", "ankle")]
            for side in ("left", "right")]  # fmt: skip
    whole = min(int(figure.hem), 1)
    rest = figure.hem - whole
    ends = np.array([leg[whole] + rest * (leg[whole + 1] - leg[whole]) for leg in legs])
    reach = float(np.linalg.norm(ends[0] - ends[1])) / 2 / figure.scale + 0.11
    deep = max(reach * 0.9, 0.14)
    radii = [
        (0.145, 0.105),
        (0.178, 0.125),
        ((0.178 + reach) / 2, (0.125 + deep) / 2),
        (reach, deep),
    ]
    return Capsule(
        start=waist, end=ends.mean(axis=0), radii=_sections(figure, radii, figure.girth),
        forward=front, texture=figure.textures["skirt"], caps=(0.1, 0.12),
    )  # fmt: skip


def _arm(figure: Figure, joints: Array, side: str, front: Array) -> list[Primitive]:
    shoulder, elbow, wrist = (joints[_AT[f"{side}_{j}"]] for j in ("shoulder", "elbow", "wrist"))
    girth, textures = figure.girth, figure.textures
    along = unit_vector(wrist - elbow)
    across = unit_vector(cross_product(along, front))
    palm = cross_product(across, along)
    inward = across if side == "left" else -across
    tip = wrist + (0.165 * along + 0.028 * inward) * figure.scale
    thumb = palm + 0.9 * along + 0.3 * inward
    return [
        Capsule(
            start=shoulder, end=elbow, radii=_sections(figure, _UPPER_ARM, girth * figure.sleeve),
            forward=front, texture=textures["upper_arm"],
        ),
        Capsule(
            start=elbow, end=wrist, radii=_sections(figure, _FOREARM, girth * figure.sleeve**0.7),
            forward=front, texture=textures["forearm"],
        ),
        Capsule(
            start=wrist, end=tip, radii=_sections(figure, _HAND, 1.0), forward=palm,
            texture=textures["hand"], caps=(0.3, 0.7),
        ),
        Capsule(
            start=wrist + 0.035 * figure.scale * along,
            end=wrist + (0.035 * along + 0.052 * thumb) * figure.scale,
            radii=_sections(figure, [0.016, 0.014, 0.010], 1.0), forward=palm,
            texture=textures["hand"],
        ),
    ]  # fmt: skip


def _head(figure: Figure, joints: Array) -> list[Primitive]:
    frame = head_frame(figure, joints)
    textures, bare = figure.textures, figure.textures["hand"]
    neck = joints[_AT["neck"]]
    up, forward = frame.axes[1], frame.axes[2]
    primitives: list[Primitive] = [
        Capsule(
            start=neck - 0.03 * up, end=frame.centre - 0.5 * frame.radii[1] * up,
            radii=_sections(figure, _NECK, figure.girth**0.5), forward=forward,
            texture=textures["neck"], caps=(0.1, 0.3),
        ),
        Ellipsoid(
            centre=frame.centre, axes=frame.axes, radii=frame.radii, texture=textures["head"]
        ),
    ]  # fmt: skip
    for face, radii in ((0, (0.12, 0.17, 0.12)), (3, (0.10, 0.24, 0.15)), (4, (0.10, 0.24, 0.15))):
        at = (
            frame.centre
            + (_FACE[face] * [1, 1, 0.95 if face == 0 else 1] * frame.radii) @ frame.axes
        )
        size = np.array(radii) * frame.radii[1]
        primitives.append(Ellipsoid(centre=at, axes=frame.axes, radii=size, texture=bare))
    if figure.hair:
        grown = frame.radii * np.array(_HAIR_RADII) * figure.hair
        at = frame.centre + up * _HAIR_UP * frame.radii[1] - forward * 0.26 * frame.radii[2]
        primitives.append(
            Ellipsoid(centre=at, axes=frame.axes, radii=grown, texture=textures["hair"])
        )
    if figure.long_hair:
        top = frame.centre + up * 0.2 * frame.radii[1] - forward * 0.35 * frame.radii[2]
        fall = top - (figure.long_hair * up + 0.25 * forward) * frame.radii[1] * 1.2
        widths = [(0.078, 0.06), (0.088, 0.065), (0.086, 0.055), (0.06, 0.035)]
        primitives.append(
            Capsule(
                start=top, end=fall, radii=_sections(figure, widths, 1.0), forward=forward,
                texture=textures["hair"],
            )
        )  # fmt: skip
    return primitives
