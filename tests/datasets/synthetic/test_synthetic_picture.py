"""Single pictures for training: whole scenes, or people on photographs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.synthetic import PictureConfig, paste_people, picture
from posetube.datasets.synthetic.actor import random_pose
from posetube.datasets.synthetic.camera import Camera, camera_rotation
from posetube.datasets.synthetic.primitives import Capsule, Ellipsoid, Light
from posetube.datasets.synthetic.random_figure import random_figure
from posetube.datasets.synthetic.raster import NOWHERE, Canvas, draw_primitives
from posetube.datasets.synthetic.rig import JOINTS
from posetube.datasets.synthetic.texture import Texture
from posetube.errors import InputError
from posetube.structures import JointState

CONFIG = PictureConfig(size=(120, 160))
HEAD, PELVIS = JOINTS.index("head_top"), JOINTS.index("pelvis")


@pytest.mark.slow
@given(seed=st.integers(0, 100_000))
@settings(max_examples=12)
def test_the_truth_of_a_picture_lies_inside_it(seed: int) -> None:
    frame = picture(CONFIG, rng=np.random.default_rng(seed))
    people = frame.people
    assert frame.image.shape == (120, 160, 3)
    assert len(people) <= 6
    absent = people.joint_states == JointState.ABSENT
    np.testing.assert_array_equal(np.isnan(people.keypoints[..., 0]), absent)
    assert (people.boxes >= 0).all()
    assert (people.boxes <= [160, 120, 160, 120]).all()
    assert (people.visibility >= 0).all()
    assert (people.visibility <= 1).all()
    assert frame.masks.shape == (len(people), 120, 160)


def test_the_same_generator_state_gives_the_same_picture() -> None:
    first, second = (picture(CONFIG, rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)


def test_people_on_a_photograph_leave_the_rest_of_it_as_it_was() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    before = photograph.copy()
    frame = paste_people(photograph, rng=np.random.default_rng(2), people=2)
    np.testing.assert_array_equal(photograph, before)
    changed = (frame.image != photograph).any(axis=2)
    assert changed[frame.owner > 0].mean() > 0.9
    far = np.ones_like(changed)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            far &= np.roll(frame.owner, (dy, dx), (0, 1)) == 0
    assert not changed[1:-1, 1:-1][far[1:-1, 1:-1]].any()
    assert len(frame.people) >= 1


def test_people_are_as_bright_as_the_photograph() -> None:
    means = []
    for level in (20, 220):
        photograph = np.full((120, 160, 3), level, np.uint8)
        frame = paste_people(photograph, rng=np.random.default_rng(7), people=3)
        means.append(frame.image[frame.owner > 0].mean())
    assert means[0] < 0.7 * means[1]


def test_people_on_a_black_and_white_photograph_are_nearly_grey() -> None:
    level = np.random.default_rng(0).integers(60, 200, (120, 160, 1), np.uint8)
    colourless = np.repeat(level, 3, axis=2)
    colourful = colourless + np.array([50, 0, 0], np.uint8)
    spreads = []
    for photograph in (colourless, colourful):
        frame = paste_people(photograph, rng=np.random.default_rng(7), people=3)
        spreads.append(np.median(np.ptp(frame.image[frame.owner > 0].astype(int), axis=1)))
    assert spreads[0] < 12
    assert spreads[1] > 2 * spreads[0]


def test_people_who_tumble_are_upright_no_more() -> None:
    figure = random_figure(np.random.default_rng(3))

    def heads_above_hips(tumbling: float) -> float:
        rng = np.random.default_rng(4)
        poses = [random_pose(rng, figure, tumbling=tumbling) for _ in range(80)]
        return float(np.mean([p[HEAD, 1] - p[PELVIS, 1] > 0.45 for p in poses]))

    assert heads_above_hips(0.0) > 0.9
    assert heads_above_hips(1.0) < 0.4


@given(seed=st.integers(0, 100_000))
@settings(max_examples=20)
def test_people_who_tumble_keep_their_bones_and_stay_above_the_ground(seed: int) -> None:
    figure = random_figure(np.random.default_rng(seed))
    pose = random_pose(np.random.default_rng(seed), figure, tumbling=1.0)
    knee, ankle = (JOINTS.index(f"left_{name}") for name in ("knee", "ankle"))
    assert pose[:, 1].min() >= figure.bones.sole - 1e-9
    assert np.linalg.norm(pose[knee] - pose[ankle]) == pytest.approx(figure.bones.shank)


CAMERA = Camera(
    focal=200.0, position=np.array([0.0, 0.0, 0.0]), rotation=camera_rotation(), size=(100, 100)
)
LIGHT = Light(direction=np.array([0.0, 0.0, 1.0]))
RED = np.full((4, 4, 3), (200, 0, 0), np.float32)
BLUE = np.full((1, 1, 3), (0, 0, 200), np.float32)


def _canvas() -> Canvas:
    return Canvas(np.zeros((100, 100, 3), np.uint8), np.full((100, 100), np.inf, np.float32))


def test_a_ball_covers_the_disc_that_perspective_gives_it() -> None:
    canvas = _canvas()
    ball = Ellipsoid(
        centre=np.array([0.1, 0.2, -4.0]), axes=np.eye(3), radii=np.full(3, 0.5), texture=BLUE
    )
    trace = draw_primitives(canvas, CAMERA, [ball], LIGHT, owner=3, first=7)
    rows, columns = np.nonzero(canvas.owner == 3)
    assert len(rows) == pytest.approx(np.pi * 25**2, rel=0.02)
    assert columns.mean() + 0.5 == pytest.approx(55, abs=0.2)
    assert rows.mean() + 0.5 == pytest.approx(40, abs=0.2)
    assert canvas.depth.min() == pytest.approx(3.5, abs=0.01)
    assert (canvas.part[rows, columns] == 7).all()
    np.testing.assert_allclose(trace.box, [30, 15, 80, 65], atol=0.1)


def test_the_nearer_of_two_capsules_is_seen_whatever_comes_first() -> None:
    def capsule(z: float, texture: Texture) -> Capsule:
        return Capsule(
            start=np.array([-0.4, 0.0, z]), end=np.array([0.4, 0.0, z]),
            radii=np.full((2, 2), 0.2), forward=np.array([0.0, 0.0, 1.0]), texture=texture,
        )  # fmt: skip

    for order in ((1, 2), (2, 1)):
        canvas = _canvas()
        for owner in order:
            primitive = capsule(-4.0, RED) if owner == 1 else capsule(-3.0, BLUE)
            draw_primitives(canvas, CAMERA, [primitive], LIGHT, owner=owner, first=owner)
        assert canvas.owner[50, 50] == 2
        assert canvas.image[50, 50, 2] > canvas.image[50, 50, 0]


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    ball = Ellipsoid(
        centre=np.array([0.0, 0.0, 4.0]), axes=np.eye(3), radii=np.ones(3), texture=BLUE
    )
    assert draw_primitives(_canvas(), CAMERA, [ball], LIGHT, owner=1, first=1) is NOWHERE


def test_a_camera_that_turns_right_sees_things_move_left_and_one_that_tilts_down_up() -> None:
    ahead = np.array([0.0, 0.0, -5.0])
    turned = Camera(
        focal=200.0,
        position=np.zeros(3),
        rotation=camera_rotation(pan=0.1, tilt=0.1),
        size=(100, 100),
    )
    x, y, _ = turned.project(ahead)
    assert x < 50
    assert y < 50


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PictureConfig(people=(3, 2)), "PictureConfig.people must rise within"),
        (
            lambda: PictureConfig(tumbling=1.5),
            "PictureConfig.tumbling must be in",
        ),
        (lambda: PictureConfig(person_height=(0, 1)), "PictureConfig.person_height must rise"),
        (lambda: PictureConfig(size=(8, 8)), r"PictureConfig.size must be \(H, W\) from 32"),
        (
            lambda: paste_people(
                np.zeros((64, 64, 3), np.uint8), rng=np.random.default_rng(0), people=0
            ),
            "people must be at least 1, got 0",
        ),
    ],
)
def test_impossible_pictures_are_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        make()
