"""What the joints are called: one :class:`Skeleton` per joint set, as data.

Left and right are the person's own. Flip pairs follow from the names (``left_x`` and ``right_x``),
so that no table of indices can go wrong. The file is long because it is data. Not here: colours
(:mod:`posetube.pipelines.rendering.painter`) and how a dataset's file spells a joint that is not
labelled (its reader).

Sources: COCO's joints, edges and OKS sigmas are those of its keypoint task. PoseTrack's 17 slots
take COCO's sigmas slot by slot, as mmpose does, and its 15 joints leave the two ears out; CrowdPose
has its own. ``coco19``, COCO's joints with the ends of the head, is ours. For joints that COCO
lacks the nearest COCO joint lends its sigma (head: ear; neck and thorax: shoulder; pelvis and
belly: hip). Of the whole body: Jin et al., "Whole-Body Human Pose
Estimation in the Wild", ECCV 2020, with its sigmas; Sagonas et al., "300 Faces in-the-Wild", 2013,
for the face.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from posetube.errors import InputError

NOSE, EYE, EAR = 0.026, 0.025, 0.035
SHOULDER, ELBOW, WRIST = 0.079, 0.072, 0.062
HIP, KNEE, ANKLE = 0.107, 0.087, 0.089
SIGMAS = {
    "nose": NOSE,
    "eye": EYE,
    "ear": EAR,
    "shoulder": SHOULDER,
    "elbow": ELBOW,
    "wrist": WRIST,
    "hand": WRIST,
    "hip": HIP,
    "knee": KNEE,
    "ankle": ANKLE,
    "foot": ANKLE,
    "head": EAR,
    "face": EAR,
    "head_top": EYE,
    "head_bottom": EYE,
    "neck": SHOULDER,
    "neck_base": SHOULDER,
    "thorax": SHOULDER,
    "upper_neck": SHOULDER,
    "pelvis": HIP,
    "hip_center": HIP,
    "spine": HIP,
    "belly": HIP,
    "torso": HIP,
    "shoulder_center": SHOULDER,
}
"""Spread of a joint's labels as a fraction of the person's scale, by name without its side."""

Edge = tuple[str, str]


def side_of(joint: str) -> str:
    """``left``, ``right`` or, for a joint on the body's middle, ``middle``."""
    side = joint.partition("_")[0]
    return side if side in ("left", "right") else "middle"


def _without_side(joint: str) -> str:
    return joint if side_of(joint) == "middle" else joint.partition("_")[2]


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Names, order and edges of K joints."""

    name: str
    """How options and files call it."""

    joints: tuple[str, ...]
    """K names, in the order of every array."""

    edges: tuple[Edge, ...] = ()
    """Pairs of joints to draw a line between, from the body outwards."""

    published_sigmas: tuple[float, ...] = ()
    """K sigmas where they differ from :data:`SIGMAS`; empty: they do not."""

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise InputError(f"Skeleton {self.name}: a joint is named twice in {self.joints}")
        unknown = {joint for edge in self.edges for joint in edge} - set(self.joints)
        if unknown:
            raise InputError(f"Skeleton {self.name}: edges name unknown joints {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Place of a joint in the arrays.

        Raises:
            InputError: If the skeleton has no such joint.
        """
        if joint not in self.joints:
            raise InputError(f"skeleton {self.name} has no joint {joint!r}; it has {self.joints}")
        return self.joints.index(joint)

    @cached_property
    def edge_indices(self) -> npt.NDArray[np.int64]:
        """(E, 2) the edges as places in the arrays."""
        pairs = [(self.index(a), self.index(b)) for a, b in self.edges]
        return np.array(pairs, np.int64).reshape(-1, 2)

    @cached_property
    def flip(self) -> npt.NDArray[np.int64]:
        """(K,) where each joint's value comes from when the picture is mirrored."""
        other = {"left": "right_", "right": "left_"}
        mirrored = [other.get(side_of(j), "") + _without_side(j) for j in self.joints]
        return np.array([self.joints.index(m) if m in self.joints else i
                         for i, m in enumerate(mirrored)], np.int64)  # fmt: skip

    @cached_property
    def sigmas(self) -> npt.NDArray[np.float64]:
        """(K,) spread of each joint's labels for object keypoint similarity.

        Raises:
            InputError: If nobody has published that of a joint.
        """
        unknown = [j for j in self.joints if _without_side(j) not in SIGMAS]
        if unknown and not self.published_sigmas:
            raise InputError(
                f"skeleton {self.name}: object keypoint similarity needs each joint's spread, and "
                f"none is known for {', '.join(unknown[:5])}"
            )
        return np.array(self.published_sigmas or [SIGMAS[_without_side(j)] for j in self.joints])


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names for side in ("left", "right"))


def _right_first(*names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names for side in ("right", "left"))


def _limbs(side: str) -> tuple[Edge, ...]:
    chains = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
    return tuple((f"{side}_{a}", f"{side}_{b}") for a, b in chains)


LIMBS = _limbs("left") + _limbs("right")
TRUNK: tuple[Edge, ...] = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
)
FACE: tuple[Edge, ...] = (
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
)
HEAD_LINE: tuple[Edge, ...] = (("head_bottom", "nose"), ("nose", "head_top"))
NECK_TO_SHOULDERS: tuple[Edge, ...] = (
    ("head_bottom", "left_shoulder"),
    ("head_bottom", "right_shoulder"),
)

COCO17 = Skeleton(
    name="coco17",
    joints=("nose", *_both("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    edges=FACE + TRUNK + LIMBS,
)
COCO19 = Skeleton(
    name="coco19",
    # COCO's joints in their order, then the ends of the head, which PoseTrack has too
    joints=(*COCO17.joints, "head_bottom", "head_top"),
    # where hair ends is uncertain, so the ends of the head take the sigma of their neighbours
    published_sigmas=(*COCO17.sigmas.tolist(), SHOULDER, SHOULDER),
    edges=(*FACE, ("head_bottom", "head_top"), *NECK_TO_SHOULDERS, *TRUNK[1:], *LIMBS),
)
POSETRACK15 = Skeleton(
    name="posetrack15",
    # PoseTrack17's joint ids 0 to 14, and the order in which poseval prints
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "right_wrist", "right_elbow", "right_shoulder",
        "left_shoulder", "left_elbow", "left_wrist",
        "head_bottom", "nose", "head_top",
    ),
    edges=HEAD_LINE + NECK_TO_SHOULDERS + TRUNK[1:] + LIMBS,
)  # fmt: skip
POSETRACK17SLOTS = Skeleton(
    name="posetrack17slots",
    # PoseTrack18's and 21's files: COCO's order, the eyes' slots taken by the ends of the head
    joints=(
        "nose", "head_bottom", "head_top",
        *_both("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
    ),
    edges=POSETRACK15.edges,
)  # fmt: skip
POSETRACK21 = Skeleton(
    name="posetrack21",
    # the 17 slots without the ears: the order in which PoseTrack21's kit reports
    joints=tuple(j for j in POSETRACK17SLOTS.joints if not j.endswith("ear")),
    edges=POSETRACK15.edges,
)
PENN13 = Skeleton(
    name="penn13",
    joints=("head", *_both("shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    edges=(("head", "left_shoulder"), ("head", "right_shoulder"), *TRUNK, *LIMBS),
)
JHMDB15 = Skeleton(
    name="jhmdb15",
    joints=(
        "neck", "belly", "face",
        *_right_first("shoulder", "hip", "elbow", "knee", "wrist", "ankle"),
    ),
    edges=(
        ("neck", "face"), ("neck", "belly"),
        ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        ("belly", "left_hip"), ("belly", "right_hip"),
        *LIMBS,
    ),
)  # fmt: skip
MPII16 = Skeleton(
    name="mpii16",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "pelvis", "thorax", "upper_neck", "head_top",
        "right_wrist", "right_elbow", "right_shoulder",
        "left_shoulder", "left_elbow", "left_wrist",
    ),
    edges=(
        ("head_top", "upper_neck"), ("upper_neck", "thorax"), ("thorax", "pelvis"),
        ("thorax", "left_shoulder"), ("thorax", "right_shoulder"),
        ("pelvis", "left_hip"), ("pelvis", "right_hip"),
        *LIMBS,
    ),
)  # fmt: skip
LSP14 = Skeleton(
    name="lsp14",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "right_wrist", "right_elbow", "right_shoulder",
        "left_shoulder", "left_elbow", "left_wrist",
        "neck", "head_top",
    ),
    edges=(
        ("head_top", "neck"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        *TRUNK[1:], *LIMBS,
    ),
)  # fmt: skip
CROWDPOSE14 = Skeleton(
    name="crowdpose14",
    joints=(*_both("shoulder", "elbow", "wrist", "hip", "knee", "ankle"), "head_top", "neck"),
    published_sigmas=(
        SHOULDER, SHOULDER, ELBOW, ELBOW, WRIST, WRIST, HIP, HIP, KNEE, KNEE, ANKLE, ANKLE,
        SHOULDER, SHOULDER,
    ),
    edges=(
        ("head_top", "neck"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        *TRUNK[1:], *LIMBS,
    ),
)  # fmt: skip
BBC7 = Skeleton(
    name="bbc7",
    joints=("head", *_right_first("wrist", "elbow", "shoulder")),
    edges=(
        ("head", "left_shoulder"), ("head", "right_shoulder"), TRUNK[0],
        *(edge for edge in LIMBS if "shoulder" in edge[0] or "wrist" in edge[1]),
    ),
)  # fmt: skip
PIW8 = Skeleton(
    name="piw8",
    joints=(
        "neck", "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist", "torso",
    ),
    edges=(
        ("torso", "neck"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        *(edge for edge in LIMBS if "shoulder" in edge[0] or "wrist" in edge[1]),
    ),
)  # fmt: skip
FLIC11 = Skeleton(
    name="flic11",
    joints=(
        "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
        "left_hip", "right_hip", "left_eye", "right_eye", "nose",
    ),
    edges=(
        *FACE[:2], *TRUNK,
        *(edge for edge in LIMBS if "shoulder" in edge[0] or "wrist" in edge[1]),
    ),
)  # fmt: skip
KINECT20 = Skeleton(
    name="kinect20",
    joints=(
        "hip_center", "spine", "shoulder_center", "head",
        *(f"{s}_{j}" for s in ("left", "right") for j in ("shoulder", "elbow", "wrist", "hand")),
        *(f"{s}_{j}" for s in ("left", "right") for j in ("hip", "knee", "ankle", "foot")),
    ),
    edges=(
        ("head", "shoulder_center"), ("shoulder_center", "spine"), ("spine", "hip_center"),
        ("shoulder_center", "left_shoulder"), ("shoulder_center", "right_shoulder"),
        ("hip_center", "left_hip"), ("hip_center", "right_hip"),
        *LIMBS,
        ("left_wrist", "left_hand"), ("right_wrist", "right_hand"),
        ("left_ankle", "left_foot"), ("right_ankle", "right_foot"),
    ),
)  # fmt: skip
H36M17 = Skeleton(
    name="h36m17",
    joints=(
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "spine", "thorax", "neck_base", "head",
        "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    ),
    edges=(
        ("pelvis", "spine"), ("spine", "thorax"), ("thorax", "neck_base"), ("neck_base", "head"),
        ("pelvis", "left_hip"), ("pelvis", "right_hip"),
        ("thorax", "left_shoulder"), ("thorax", "right_shoulder"),
        *LIMBS,
    ),
)  # fmt: skip

FOOT_PARTS = ("big_toe", "small_toe", "heel")


def _feet() -> tuple[Edge, ...]:
    sides = ("left", "right")
    return tuple((f"{side}_ankle", f"{side}_{part}") for side in sides for part in FOOT_PARTS)


HALPE26 = Skeleton(
    name="halpe26",
    joints=(
        *COCO17.joints, "head", "neck", "pelvis", "left_big_toe", "right_big_toe",
        "left_small_toe", "right_small_toe", "left_heel", "right_heel",
    ),
    published_sigmas=(*COCO17.sigmas.tolist(), EAR, SHOULDER, HIP, *(ANKLE,) * 6),
    edges=(*COCO17.edges, ("pelvis", "neck"), ("neck", "head"), *_feet()),
)  # fmt: skip
"""AlphaPose's own; the joints that COCO lacks have the spread of their nearest neighbour in it."""

FACE_MIRRORED = {
    **{i: 16 - i for i in range(8)},  # the jaw, from the right ear to the chin
    **{i: 43 - i for i in range(17, 22)},  # the brow
    31: 35, 32: 34,  # beside the nose
    36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46,  # the eye
    48: 54, 49: 53, 50: 52, 58: 56, 59: 55, 60: 64, 61: 63, 67: 65,  # the lips
}  # fmt: skip
"""Of each point on the right half of the face, the one opposite."""

FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")


def _face_points() -> tuple[str, ...]:
    right_of = {left: right for right, left in FACE_MIRRORED.items()}
    sides = {**dict.fromkeys(FACE_MIRRORED, "right_"), **dict.fromkeys(right_of, "left_")}
    return tuple(f"{sides.get(i, '')}face_{right_of.get(i, i)}" for i in range(68))


def _hand(side: str) -> tuple[str, ...]:
    joints = (f"{side}_{finger}_{i}" for finger in FINGERS for i in range(1, 5))
    return (f"{side}_hand_root", *joints)


LINES = (
    *(range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36)),  # jaw, brows, nose
    *((*range(36, 42), 36), (*range(42, 48), 42)),  # eyes
    *((*range(48, 60), 48), (*range(60, 68), 60)),  # lips
)
"""The lines of a drawn face, by the numbers of its points."""


def _face_edges() -> tuple[Edge, ...]:
    points = _face_points()
    return tuple((points[a], points[b]) for line in LINES for a, b in pairwise(line))


def _hand_edges(side: str) -> tuple[Edge, ...]:
    root, *joints = _hand(side)
    fingers = [(root, *joints[start : start + 4]) for start in range(0, len(joints), 4)]
    return tuple(edge for finger in fingers for edge in pairwise(finger))


FOOT_SIGMAS = (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037,
    0.038, 0.043, 0.041, 0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013,
    0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009,
    0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009, 0.008,
    0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008,
    0.008, 0.010, 0.008,
)  # fmt: skip
HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026,
    0.017, 0.021, 0.021, 0.032, 0.020, 0.019, 0.022, 0.031,
)  # fmt: skip

WHOLE_BODY133 = Skeleton(
    name="wholebody133",
    joints=(
        *COCO17.joints,
        *(f"{side}_{part}" for side in ("left", "right") for part in FOOT_PARTS),
        *_face_points(),
        *_hand("left"),
        *_hand("right"),
    ),
    published_sigmas=(
        *COCO17.sigmas.tolist(), *FOOT_SIGMAS, *FACE_SIGMAS, *HAND_SIGMAS, *HAND_SIGMAS,
    ),
    edges=(
        *COCO17.edges, *_feet(), *_face_edges(), *_hand_edges("left"), *_hand_edges("right"),
    ),
)  # fmt: skip
"""In the order of COCO-WholeBody's own files and of mmpose. The 68 points of the face have the
numbers of the person's right half, and those beside the middle their side, so that a mirrored
picture mirrors them: ``right_face_36`` and ``left_face_36`` are the outer corners of the eyes."""

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        COCO17, COCO19, POSETRACK15, POSETRACK17SLOTS, POSETRACK21, PENN13, JHMDB15, MPII16,
        LSP14, CROWDPOSE14, BBC7, PIW8, FLIC11, KINECT20, H36M17, HALPE26, WHOLE_BODY133,
    )
}  # fmt: skip
"""Every joint set by its name."""


def skeleton(name: str) -> Skeleton:
    """The joint set of this name.

    Raises:
        InputError: If there is none; lists those that exist.
    """
    if name not in SKELETONS:
        raise InputError(f"no skeleton is called {name!r}; there are {', '.join(SKELETONS)}")
    return SKELETONS[name]


def described(name: str, joints: Iterable[str], edges: Iterable[Edge]) -> Skeleton:
    """The joint set that a file describes: ours of that name, if it has the same joints."""
    found = Skeleton(name=name, joints=tuple(joints), edges=tuple(edges))
    known = SKELETONS.get(name)
    return known if known is not None and known.joints == found.joints else found


DERIVED: dict[str, tuple[tuple[tuple[str, float], ...], ...]] = {
    # Straight-line estimates, tried in order. The head's ends lie on the line from the middle of
    # the shoulders to the nose; how far they are off stands in benchmarks/results/derived_joints.
    "head_bottom": (
        (("nose", 0.3), ("left_shoulder", 0.35), ("right_shoulder", 0.35)),
        (("neck", 1.0),),
        (("upper_neck", 1.0),),
    ),
    "head_top": (
        (("nose", 1.45), ("left_shoulder", -0.225), ("right_shoulder", -0.225)),
    ),
    "neck": ((("head_bottom", 1.0),), (("left_shoulder", 0.5), ("right_shoulder", 0.5))),
    "upper_neck": ((("head_bottom", 1.0),), (("left_shoulder", 0.5), ("right_shoulder", 0.5))),
    "thorax": ((("left_shoulder", 0.5), ("right_shoulder", 0.5)),),
    "pelvis": ((("left_hip", 0.5), ("right_hip", 0.5)),),
    "belly": (
        (
            ("left_shoulder", 0.175), ("right_shoulder", 0.175),
            ("left_hip", 0.325), ("right_hip", 0.325),
        ),
    ),
    "head": (
        (("left_ear", 0.5), ("right_ear", 0.5)),
        (("nose", 1.0),),
    ),
    "face": ((("nose", 1.0),),),
}  # fmt: skip
"""Joints that can be estimated where a joint set lacks them: weights of other joints, sum 1."""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """How one joint set becomes another."""

    weights: npt.NDArray[np.float64]
    """(K target, K source) each target joint as a weighted sum; a row of zeros where it is lost."""

    kept: tuple[str, ...]
    """Target joints that the source has under the same name."""

    derived: tuple[str, ...]
    """Target joints estimated from others."""

    missing: tuple[str, ...]
    """Target joints that stay unknown."""

    dropped: tuple[str, ...]
    """Source joints that the target has no place for."""

    @cached_property
    def copied(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The target joints that are a source joint as it is, by place, and which one each is."""
        single = np.count_nonzero(self.weights, axis=1) == 1
        rows = np.flatnonzero(single & (self.weights == 1).any(axis=1))
        return rows, self.weights[rows].argmax(axis=1)

    @cached_property
    def estimated(self) -> dict[int, npt.NDArray[np.int64]]:
        """The other target joints that are known, by place, and the source joints in each."""
        rows = np.setdiff1d(np.flatnonzero(self.weights.any(axis=1)), self.copied[0])
        return {int(row): np.flatnonzero(self.weights[row]) for row in rows}


def convert(source: Skeleton, target: Skeleton, *, derive: bool = True) -> Conversion:
    """Plan the conversion between two joint sets, joint by joint, by name.

    Args:
        source: Joint set of the data at hand.
        target: Joint set that is wanted.
        derive: Estimate what :data:`DERIVED` can; otherwise such joints stay unknown.
    """
    weights = np.zeros((len(target), len(source)))
    kept, derived, missing = [], [], []
    for row, joint in enumerate(target.joints):
        if joint in source.joints:
            weights[row, source.index(joint)] = 1
            kept.append(joint)
            continue
        recipe = _recipe(joint, source) if derive else None
        if recipe is None:
            missing.append(joint)
            continue
        for part, weight in recipe:
            weights[row, source.index(part)] = weight
        derived.append(joint)
    return Conversion(
        weights=weights,
        kept=tuple(kept),
        derived=tuple(derived),
        missing=tuple(missing),
        dropped=tuple(j for j in source.joints if j not in target.joints),
    )


def _recipe(joint: str, source: Skeleton) -> tuple[tuple[str, float], ...] | None:
    for recipe in DERIVED.get(joint, ()):
        if all(part in source.joints for part, _ in recipe):
            return recipe
    return None


def apply(
    plan: Conversion, keypoints: npt.NDArray[np.floating], scores: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Carry out a conversion.

    Args:
        plan: From :func:`convert`.
        keypoints: (..., K source, 2) x y, NaN where unknown.
        scores: (..., K source).

    Returns:
        (..., K target, 2) positions, NaN where unknown or where a part of an estimate is, and
        (..., K target) scores: that of the weakest part, 0 where unknown.
    """
    shape = keypoints.shape[:-2]
    points = np.full((*shape, len(plan.weights), 2), np.nan, keypoints.dtype)
    confidence = np.zeros((*shape, len(plan.weights)), scores.dtype)
    if not plan.weights.any():  # nothing to take, from people who are boxes alone
        return points, confidence
    # most joints are copied, and all of these at once
    copied, parts = plan.copied
    points[..., copied, :], confidence[..., copied] = keypoints[..., parts, :], scores[..., parts]
    for row, parts in plan.estimated.items():
        chosen = keypoints[..., parts, :]
        points[..., row, :] = (chosen * plan.weights[row, parts, None]).sum(axis=-2)
        confidence[..., row] = scores[..., parts].min(axis=-1)
    return points, confidence
