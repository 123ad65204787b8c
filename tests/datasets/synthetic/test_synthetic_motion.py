"""Moving skeletons: bones keep their length, feet stay on the ground, left stays left."""

from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.actor import animate_walk
from posetube.datasets.synthetic.amc import read_amc
from posetube.datasets.synthetic.mocap import read_capture, read_captures
from posetube.datasets.synthetic.motion_library import MOTIONS
from posetube.datasets.synthetic.random_figure import random_figure
from posetube.datasets.synthetic.rig import JOINTS, Bones, forward_kinematics
from posetube.errors import FormatError, InputError

PHASES = np.linspace(0, 2 * np.pi, 40)
AT = {name: place for place, name in enumerate(JOINTS)}


@pytest.mark.parametrize("name", MOTIONS)
def test_bones_keep_their_length_and_the_lower_foot_the_ground(name: str) -> None:
    bones = Bones().scaled(0.9)
    joints = forward_kinematics(MOTIONS[name].angles(PHASES), bones)
    for side in ("left", "right"):
        for first, second, length in (
            ("shoulder", "elbow", bones.upper_arm),
            ("elbow", "wrist", bones.forearm),
            ("hip", "knee", bones.thigh),
            ("knee", "ankle", bones.shank),
        ):
            bone = joints[:, AT[f"{side}_{first}"]] - joints[:, AT[f"{side}_{second}"]]
            np.testing.assert_allclose(np.linalg.norm(bone, axis=1), length)
    ankles = joints[:, [AT["left_ankle"], AT["right_ankle"]], 1]
    np.testing.assert_allclose(ankles.min(axis=1), bones.sole)


PROPORTIONS = {
    "shoulders": (0.64, 0.90),
    "hips": (0.33, 0.52),
    "head": (0.42, 0.72),
    "upper_arm": (0.48, 0.64),
    "forearm": (0.40, 0.58),
    "thigh": (0.70, 0.95),
    "shank": (0.66, 0.93),
}
"""Lengths over that of the trunk, mid-shoulders to mid-hips: between MPII's labels of people whose
limbs lie across the view (upper quartiles: 0.77 0.46 0.68 0.64 0.55 0.94 0.92) and, below, what
leaves room for builds; a head's is from the neck to its top, larger for children."""


@pytest.mark.parametrize("seed", range(12))
def test_the_bodies_have_the_proportions_that_labels_of_people_have(seed: int) -> None:
    figure = random_figure(np.random.default_rng(seed))
    joints = forward_kinematics(MOTIONS["stand"].angles(np.zeros(1)), figure.bones)[0]

    def length(first: str, second: str) -> float:
        return float(np.linalg.norm(joints[AT[first]] - joints[AT[second]]))

    def middle(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.asarray((joints[AT[f"left_{name}"]] + joints[AT[f"right_{name}"]]) / 2)

    found = {
        "shoulders": length("left_shoulder", "right_shoulder"),
        "hips": length("left_hip", "right_hip"),
        "head": length("neck", "head_top"),
        "upper_arm": length("left_shoulder", "left_elbow"),
        "forearm": length("left_elbow", "left_wrist"),
        "thigh": length("left_hip", "left_knee"),
        "shank": length("left_knee", "left_ankle"),
    }
    trunk = float(np.linalg.norm(middle("shoulder") - middle("hip")))
    for name, (low, high) in PROPORTIONS.items():
        assert low < found[name] / trunk < high, name
    # Hips are half-way up: the drawn bodies once had them most of a head too high.
    assert 0.46 < middle("hip")[1] / joints[AT["head_top"], 1] < 0.54


def test_somebody_who_faces_forward_has_the_left_hand_at_the_left() -> None:
    joints = forward_kinematics(MOTIONS["stand"].angles(PHASES), Bones())
    assert (joints[:, AT["left_wrist"], 0] > joints[:, AT["right_wrist"], 0]).all()
    assert (joints[:, AT["nose"], 2] > joints[:, AT["neck"], 2]).all()


def test_a_mirrored_motion_exchanges_the_sides() -> None:
    joints = forward_kinematics(MOTIONS["wave"].angles(PHASES), Bones())
    other = forward_kinematics(MOTIONS["wave"].mirrored().angles(PHASES), Bones())
    np.testing.assert_allclose(
        other[:, AT["left_wrist"]], joints[:, AT["right_wrist"]] * [-1, 1, 1], atol=1e-9
    )


def test_a_walker_moves_at_walking_speed_and_the_standing_foot_hardly_slides() -> None:
    figure = random_figure(np.random.default_rng(0))
    times = np.arange(100) / 50
    joints = animate_walk(
        figure, MOTIONS["walk"], times,
        start=np.array([-1.0, -5.0]), end=np.array([1.0, -5.0]), middle=1.0, phase=0.0,
    )  # fmt: skip
    speed = (joints[-1, 0, 0] - joints[0, 0, 0]) / (times[-1] - times[0])
    assert 0.9 < speed < 1.6
    ankles = joints[:, [AT["left_ankle"], AT["right_ankle"]]]
    lower = ankles[np.arange(100), ankles[..., 1].argmin(axis=1), 0]
    steps = np.abs(np.diff(lower)) * 50
    assert np.median(steps) < 0.6 * speed


def test_an_archive_of_positions_is_read_and_played_to_and_fro(tmp_path: Path) -> None:
    positions = forward_kinematics(MOTIONS["walk"].angles(PHASES), Bones())
    np.savez(tmp_path / "walk.npz", positions=positions, fps=30.0, joints=np.array(JOINTS))
    capture = read_capture(tmp_path / "walk.npz")
    last = (len(positions) - 1) / 30
    ends = capture.at(np.array([0.0, last, 2 * last]))
    np.testing.assert_allclose(ends[0], ends[2], atol=1e-9)
    np.testing.assert_allclose(ends[1], capture.positions[-1], atol=1e-9)
    config = SceneConfig(size=(90, 160), seconds=0.1, people=4, roles=("stay",), mocap=tmp_path)
    assert len(list(generate(config, seed=2).frames())) == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"positions": np.zeros((3, 17, 3))}, "no array 'fps'"),
        ({"positions": np.zeros((3, 5, 3)), "fps": 30.0, "joints": np.array(JOINTS)}, "of shape"),
        ({"positions": np.zeros((3, 1, 3)), "fps": 30.0, "joints": np.array(["a"])}, "are missing"),
        (
            {"positions": np.full((3, 17, 3), np.nan), "fps": 30.0, "joints": np.array(JOINTS)},
            "finite positions",
        ),
        (
            {"positions": np.array(["a"]), "fps": 30.0, "joints": np.array(JOINTS)},
            "positions and fps must be numbers",
        ),
    ],
)
def test_an_archive_of_something_else_is_refused(
    tmp_path: Path, arrays: dict[str, object], message: str
) -> None:
    np.savez(tmp_path / "odd.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=message):
        read_capture(tmp_path / "odd.npz")


def test_a_folder_without_motion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.npz, \.amc, \.bvh with captured motion"):
        read_captures(tmp_path)


def test_the_original_files_give_the_positions_that_were_made_from_them(samples: Path) -> None:
    folder = samples / "mocap"
    joints = read_amc(folder / "asfamc" / "02_01.amc", folder / "asfamc" / "02.asf")
    with np.load(folder / "npz" / "cmu_02_01.npz") as arrays:
        expected = arrays["positions"]
    body = [place for name, place in AT.items() if name != "nose"]
    np.testing.assert_allclose(joints[::4][:, body], expected[:, body], atol=0.002)


@pytest.mark.slow
def test_every_recording_of_the_samples_is_read(samples: Path) -> None:
    captures = read_captures(samples / "mocap" / "npz") + read_captures(
        samples / "mocap" / "asfamc"
    )
    assert len(captures) == 15
    for capture in captures:
        shank = capture.positions[:, AT["left_knee"]] - capture.positions[:, AT["left_ankle"]]
        assert np.linalg.norm(shank, axis=1).std() < 0.01


ASF = """:units
 length 1
:bonedata
begin
 name bone
 direction 0 1 0
 length 2
 axis 0 0 0 XYZ
 dof rx
end
:hierarchy
begin
 root bone
end
"""


@pytest.mark.parametrize(
    ("skeleton", "motion", "message"),
    [
        (ASF, "", "bones .* are missing"),
        (ASF.replace("direction 0 1 0", "direction 0 1"), "", "line 6: expected 3 finite numbers"),
        (ASF.replace("rx", "ry tx"), "", "line 9: expected degrees of freedom"),
        (ASF.replace("root bone", "root tail"), "", "line 13: 'tail' is not a bone"),
        (
            ASF.replace("root bone", "tail bone"),
            "",
            "line 13: 'tail' is not a bone of the",
        ),
        (None, "1\nroot 0 0 0 0 0 0\n", "at least 2 frames"),
        (None, "1\nroot 0 0 0 0 0 nan\n", "line 2: expected 6 finite numbers"),
        (None, "root 0 0 0 0 0 0\n", "line 1: 'root' is not a moving bone, or is there twice"),
        (None, "1\n2\n3\n", "the position of the root is missing"),
    ],
)
def test_skeletons_and_motions_that_break_the_format_are_refused(
    tmp_path: Path, skeleton: str | None, motion: str, message: str
) -> None:
    names = [
        "thorax", "lowerneck", "head", "lclavicle", "lhumerus", "lradius", "lhipjoint", "lfemur",
        "ltibia", "rclavicle", "rhumerus", "rradius", "rhipjoint", "rfemur", "rtibia",
    ]  # fmt: skip
    whole = ":bonedata\n" + "".join(f"name {name}\nlength 1\n" for name in names)
    whole += f":hierarchy\nroot {' '.join(names)}\n"
    (tmp_path / "a.asf").write_text(whole if skeleton is None else skeleton)
    (tmp_path / "a.amc").write_text(motion)
    with pytest.raises(FormatError, match=message):
        read_amc(tmp_path / "a.amc", tmp_path / "a.asf")


def test_a_missing_skeleton_is_named(tmp_path: Path) -> None:
    (tmp_path / "05_01.amc").write_text("1\n")
    with pytest.raises(FormatError, match=r"05\.asf: cannot be read"):
        read_capture(tmp_path / "05_01.amc")
