"""Lists the 133 joints of COCO-WholeBody: COCO's 17, then feet, face and hands.

The 68 points of the face have the numbers of the person's right half, and those beside the middle
their side, so that a mirrored picture mirrors them: ``right_face_36`` and ``left_face_36`` are the
outer corners of the two eyes.

Source: Jin et al., "Whole-Body Human Pose Estimation in the Wild", ECCV 2020; Sagonas et al., "300
Faces in-the-Wild", 2013, for the face.
"""

from posetube.skeletons import COCO17, Skeleton

MIRRORED = {
    **{i: 16 - i for i in range(8)},  # the jaw, from the right ear to the chin
    **{i: 43 - i for i in range(17, 22)},  # the brow
    31: 35, 32: 34,  # beside the nose
    36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46,  # the eye
    48: 54, 49: 53, 50: 52, 58: 56, 59: 55, 60: 64, 61: 63, 67: 65,  # the lips
}  # fmt: skip
"""Of each point on the right half of the face, the one opposite."""

FEET = ("big_toe", "small_toe", "heel")
FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")


def _face() -> tuple[str, ...]:
    right_of = {left: right for right, left in MIRRORED.items()}
    sides = {**dict.fromkeys(MIRRORED, "right_"), **dict.fromkeys(right_of, "left_")}
    return tuple(f"{sides.get(i, '')}face_{right_of.get(i, i)}" for i in range(68))


def _hand(side: str) -> tuple[str, ...]:
    joints = (f"{side}_{finger}_{i}" for finger in FINGERS for i in range(1, 5))
    return (f"{side}_hand_root", *joints)


WHOLE_BODY133 = Skeleton(
    name="wholebody133",
    joints=(
        *COCO17.joints,
        *(f"{side}_{part}" for side in ("left", "right") for part in FEET),
        *_face(),
        *_hand("left"),
        *_hand("right"),
    ),
    edges=COCO17.edges,
)
"""In the order of COCO-WholeBody's own files and of mmpose."""
