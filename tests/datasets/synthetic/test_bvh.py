"""BVH files: positions agree with the same motion in other formats; broken text is refused."""

from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.synthetic.bvh import read_bvh
from posetube.datasets.synthetic.mocap import read_capture
from posetube.datasets.synthetic.rig import JOINTS
from posetube.errors import FormatError

AT = {name: place for place, name in enumerate(JOINTS)}


def node(name: str, offset: str, *children: str) -> str:
    kind = "JOINT" if name != "Hips" else "ROOT"
    places = "6 Xposition Yposition Zposition" if name == "Hips" else "3"
    return (
        f"{kind} {name}\n{{\nOFFSET {offset}\nCHANNELS {places} Zrotation Xrotation Yrotation\n"
        f"{''.join(children)}}}\n"
    )


def limb(side: str, names: tuple[str, str, str], across: float, *, down: float) -> str:
    first, second, third = (f"{side}{name}" for name in names)
    step = f"0 {-down} 0"
    end = "End Site\n{\nOFFSET 0 0 1\n}\n"
    return node(first, f"{across} 0 0", node(second, step, node(third, step, end)))


def figure(prefix: str = "") -> str:
    """A standing person in centimetres: legs of 80, a trunk of 50, arms of 50, a neck of 10."""
    legs = [limb(side, ("UpLeg", "Leg", "Foot"), across, down=40) for side, across in
            (("Left", 10.0), ("Right", -10.0))]  # fmt: skip
    arms = [limb(side, ("Arm", "ForeArm", "Hand"), across, down=25) for side, across in
            (("Left", 20.0), ("Right", -20.0))]  # fmt: skip
    head = node("Neck", "0 0 0", node("Head", "0 10 0"))
    trunk = node("Spine1", "0 30 0", node("Chest", "0 20 0", head, *arms))
    text = "HIERARCHY\n" + node("Hips", "0 0 0", *legs, trunk)
    for name in ("Hips", "Left", "Right", "Neck", "Head", "Spine1"):
        text = text.replace(f" {name}", f" {prefix}{name}")
    return text


def motion(*rows: str) -> str:
    return f"MOTION\nFrames: {len(rows)}\nFrame Time: 0.02\n" + "".join(f"{r}\n" for r in rows)


WIDTH = 6 + 3 * 16


def row(**channels: float) -> str:
    """A line of channels, given by their columns; the others are 0."""
    values = np.zeros(WIDTH)
    for column, value in channels.items():
        values[int(column[1:])] = value
    return " ".join(map(str, values))


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "a.bvh").write_text(text)
    return tmp_path / "a.bvh"


@pytest.mark.parametrize("prefix", ["", "mixamorig:"])
def test_a_figure_stands_on_the_ground_and_is_of_one_size(tmp_path: Path, prefix: str) -> None:
    text = figure(prefix)
    joints, rate = read_bvh(written(tmp_path, text + motion(row(), row(c0=50), row(c0=50, c2=9))))

    scale = 1.29 / 130  # of leg and trunk, metres in the file's unit
    assert (joints.shape, rate) == ((2, 17, 3), 50)  # the first frame is a rest pose
    np.testing.assert_allclose(joints[0, AT["pelvis"]], [0, 80 * scale + 0.08, 0])
    np.testing.assert_allclose(joints[1, AT["pelvis"]], [0, 80 * scale + 0.08, 9 * scale])
    np.testing.assert_allclose(joints[0, AT["left_ankle"]], [10 * scale, 0.08, 0], atol=1e-12)
    np.testing.assert_allclose(joints[0, AT["left_wrist"]][0], 20 * scale)
    assert joints[0, AT["nose"], 2] > 0.05  # before the face, who has the left at x above 0
    assert joints[0, AT["head_top"], 1] > joints[0, AT["neck"], 1] + 10 * scale


def test_angles_turn_the_children_in_the_order_of_the_channels(tmp_path: Path) -> None:
    turned = row(c3=90, c5=90)  # of the root: about z after y
    joints, _ = read_bvh(written(tmp_path, figure() + motion(row(), row(), turned)))

    unit = np.linalg.norm(joints[0, AT["neck"]] - joints[0, AT["pelvis"]])
    up = (joints[1, AT["neck"]] - joints[1, AT["pelvis"]]) / unit
    left = joints[1, AT["left_hip"]] - joints[1, AT["right_hip"]]
    np.testing.assert_allclose(up, [-1, 0, 0], atol=1e-9)  # y becomes -x
    np.testing.assert_allclose(left / np.linalg.norm(left), [0, 0, -1], atol=1e-9)


@pytest.mark.parametrize("number", ["05_03", "06_14", "07_01"])
def test_a_motion_is_the_same_in_bvh_as_in_arrays(samples: Path, number: str) -> None:
    folder = samples / "mocap"
    ours = read_capture(folder / "bvh" / f"0{number}.bvh")
    theirs = read_capture(folder / "npz" / f"cmu_{number}.npz")

    apart = ours.positions[::2][: len(theirs.positions)] - theirs.positions
    apart -= apart[:1, :1]  # the ground was found on every other frame
    body = [place for name, place in AT.items() if name not in ("nose", "head_top")]
    assert np.abs(apart[:, body]).max() < 0.001
    assert np.linalg.norm(apart[:, AT["head_top"]], axis=-1).max() < 0.02
    assert np.linalg.norm(apart[:, AT["nose"]], axis=-1).max() < 0.12
    assert ours.rate == pytest.approx(2 * theirs.rate, rel=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.bvh: expected a line MOTION, found none; is the file cut short\?"),
        ("HIERARCHY\nOFFSET 1 2 3\n", "line 2: 'OFFSET 1 2 3' is not expected here"),
        ("HIERARCHY\n}\n", "line 2: '}' is not expected here"),
        ("ROOT a\n{\nOFFSET 1 2\n", "line 3: expected 3 finite numbers, got '1 2'"),
        ("ROOT a\n{\nCHANNELS 2 Xrotation\n", "line 3: expected channels such as"),
        ("ROOT a\n{\nCHANNELS 1 Wrotation\n", "line 3: expected channels such as"),
        ("ROOT a\nCHANNELS 2 Xrotation Xrotation\n", "line 2: expected channels such as"),
        ("JOINT a\n" * 1001, "line 1001: more than 1000 joints"),
        (figure() + motion(row(), row()), "expected the 2 frames that it states, at least 3"),
        (figure() + motion(*[row()] * 3).replace(": 3", ": 4"), "the 4 frames .* got 3 and 0.02"),
        (figure() + motion(*[row()] * 3).replace("0.02", "0"), r"in \[0.0001, 10\] s, got 3 and 0"),
        (figure() + motion("1 2 3"), f"expected {WIDTH} finite numbers, got '1 2 3'"),
        (figure() + motion(row(), row(c0=1e308), row(c0=-1e308)), "positions overflow"),
        (
            figure().replace("JOINT Head", "JOINT Skull") + motion(*[row()] * 3),
            "no joint for the head; expected one of Head",
        ),
        (
            figure().replace("JOINT LeftLeg", "JOINT Knee") + motion(*[row()] * 3),
            "no joint for the left_knee; expected one of LeftLeg, L_Leg, LeftCalf",
        ),
    ],
)
def test_text_that_breaks_the_format_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_bvh(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.bvh: cannot be read"):
        read_bvh(tmp_path / "none.bvh")
