from dataclasses import replace

import numpy as np
import pytest

from posetube.errors import FormatError
from posetube.masks import encode_mask
from posetube.pipelines.rendering.painter import (
    LEFT,
    MIDDLE,
    RIGHT,
    Painter,
    colour_of,
    line_width,
)
from posetube.pipelines.settings import OverlayConfig
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, Detections, FramePoses, RowState

SIZE = (270, 480)


def person(
    *, frame: int = 0, box: tuple[float, ...] = (100, 50, 200, 250), score: float = 0.9
) -> FramePoses:
    steps = np.linspace(0.05, 0.95, 17, dtype=np.float32)
    x = box[0] + (box[2] - box[0]) * steps
    y = box[1] + (box[3] - box[1]) * (np.arange(17) % 4 + 0.5) / 4
    return FramePoses(
        frame=frame,
        time=frame / 10,
        track_ids=np.array([1]),
        people=Detections(
            boxes=np.array([box], np.float32),
            scores=np.array([0.9], np.float32),
            keypoints=np.stack([x, y], axis=-1)[None].astype(np.float32),
            keypoint_scores=np.full((1, 17), score, np.float32),
        ),
        states=np.array([RowState.DETECTED], np.uint8),
        link_margins=np.array([np.inf], np.float32),
    )


def nobody(frame: int) -> FramePoses:
    return FramePoses(
        frame=frame,
        time=frame / 10,
        track_ids=np.zeros(0, np.int64),
        people=Detections.empty(17),
        states=np.zeros(0, np.uint8),
        link_margins=np.zeros(0, np.float32),
    )


def blank() -> ByteArray:
    return np.full((*SIZE, 3), 100, np.uint8)


def has(image: ByteArray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(image.astype(int) - colour).max(axis=-1) < 3).any())


def test_left_right_and_middle_have_colours_of_their_own() -> None:
    drawn = Painter(COCO17, size=SIZE).draw(blank(), person())

    assert has(drawn, LEFT)
    assert has(drawn, RIGHT)
    assert has(drawn, MIDDLE)
    assert has(drawn, colour_of(1))


def test_the_picture_that_was_given_stays_as_it_is() -> None:
    image = blank()
    image.flags.writeable = False

    assert not np.array_equal(Painter(COCO17, size=SIZE).draw(image, person()), image)


def test_joints_the_network_is_not_sure_of_are_fainter_and_hollow() -> None:
    joints = OverlayConfig(boxes=False, ids=False, trail=0)
    sure, unsure = (
        Painter(COCO17, size=SIZE, config=joints).draw(blank(), person(score=score)).astype(int)
        for score in (0.9, 0.1)
    )
    x, y = (int(c) for c in person().people.keypoints[0, 9])

    assert np.abs(unsure - 100).max() < 0.6 * np.abs(sure - 100).max()
    assert (unsure != 100).any()
    assert np.abs(unsure[y, x] - 100).max() < np.abs(sure[y, x] - 100).max()


@pytest.mark.parametrize(
    "config",
    [
        OverlayConfig(boxes=False),
        OverlayConfig(ids=False),
        OverlayConfig(joints=False),
        OverlayConfig(heat_map=True),
        OverlayConfig(blur_faces=True),
    ],
)
def test_every_part_can_be_switched(config: OverlayConfig) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)

    drawn = Painter(COCO17, size=SIZE, config=config).draw(image, person())

    assert not np.array_equal(drawn, Painter(COCO17, size=SIZE).draw(image, person()))


def test_without_all_of_them_the_picture_is_as_it_was() -> None:
    config = OverlayConfig(boxes=False, ids=False, joints=False, trail=0)
    painter = Painter(COCO17, size=SIZE, config=config)

    painter.draw(blank(), person(frame=0))
    drawn = painter.draw(blank(), person(frame=1, box=(200, 50, 300, 250)))

    np.testing.assert_array_equal(drawn, blank())


def test_the_picture_itself_can_stand_beside() -> None:
    config = OverlayConfig(beside=True)

    drawn = Painter(COCO17, size=SIZE, config=config).draw(blank(), person())

    assert drawn.shape == (SIZE[0], 2 * SIZE[1], 3)
    np.testing.assert_array_equal(drawn[:, : SIZE[1]], blank())
    lost = Painter(COCO17, size=SIZE, config=config).draw_lost(blank(), "frame 3: corrupt")
    assert lost.shape == drawn.shape


def test_only_some_are_drawn() -> None:
    painter = Painter(COCO17, size=SIZE)

    np.testing.assert_array_equal(painter.draw(blank(), person(), only=np.array([2])), blank())


@pytest.mark.parametrize("background", [0, 128, 255])
def test_an_id_can_be_read_on_any_background(background: int) -> None:
    config = OverlayConfig(boxes=False, joints=False, trail=0)
    image = np.full((*SIZE, 3), background, np.uint8)

    drawn = Painter(COCO17, size=SIZE, config=config).draw(image, person()).astype(int)

    plate = drawn[(drawn != background).any(axis=-1)]
    assert (np.abs(plate - colour_of(1)).max(axis=-1) < 3).mean() > 0.4
    assert (plate.max(axis=-1) < 40).any()  # the digit


def test_names_stand_in_the_place_of_ids() -> None:
    plain, named, strange = (
        Painter(COCO17, size=SIZE, names=names).draw(blank(), person())
        for names in ({}, {1: "anna"}, {1: "\u0410"})
    )

    assert not np.array_equal(plain, named)
    np.testing.assert_array_equal(plain, strange)  # the font has no such letters


@pytest.mark.parametrize(
    ("lines", "width"), [(120, 1), (240, 1), (480, 2), (720, 2), (1080, 3), (2160, 6)]
)
def test_lines_suit_the_picture(lines: int, width: int) -> None:
    assert line_width((lines, 2 * lines)) == width


def test_what_is_not_known_is_not_drawn() -> None:
    poses = person()
    poses.people.keypoints[:] = np.nan
    poses.people.boxes[:] = np.nan

    np.testing.assert_array_equal(Painter(COCO17, size=SIZE).draw(blank(), poses), blank())


def test_a_single_unknown_joint_leaves_the_rest_in_place() -> None:
    poses = person()
    poses.people.keypoints[0, 0] = np.nan

    drawn = Painter(COCO17, size=SIZE).draw(blank(), poses)

    assert has(drawn, LEFT)
    assert np.array_equal(drawn[:20, :20], blank()[:20, :20])


def test_a_trail_fades_with_time_and_then_is_gone() -> None:
    painter = Painter(COCO17, size=SIZE, config=OverlayConfig(trail=0.5))
    painter.draw(blank(), person(frame=0))
    painter.draw(blank(), person(frame=1, box=(200, 50, 300, 250)))

    after, later = (painter.draw(blank(), nobody(frame)) for frame in (2, 7))

    assert not np.array_equal(after, blank())
    np.testing.assert_array_equal(later, blank())


@pytest.mark.parametrize("size", [(1, 1), (18, 32), (271, 481)])
def test_any_size_of_picture_and_places_outside_it_are_drawn(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    poses = person(box=(-1e9, -50, 1e9, 5000))

    assert Painter(COCO17, size=size).draw(image, poses).shape == image.shape


def test_a_lost_frame_is_told_from_a_good_one() -> None:
    drawn = Painter(COCO17, size=SIZE).draw_lost(blank(), "frame 3: corrupt")

    assert drawn[-1, -1].tolist() == [33, 33, 33]
    assert has(drawn, MIDDLE)


def masked(size: tuple[int, int] = SIZE) -> FramePoses:
    inside = np.zeros(size, np.bool_)
    inside[60:240, 110:150] = True
    poses = person()
    return replace(
        poses, people=replace(poses.people, masks=np.array([encode_mask(inside)], object))
    )


def test_people_are_tinted_where_their_masks_are() -> None:
    plain = OverlayConfig(boxes=False, ids=False, joints=False, trail=0)

    drawn = Painter(COCO17, size=SIZE, config=plain).draw(blank(), masked())

    half = np.rint((100 + np.array(colour_of(1))) / 2)
    np.testing.assert_array_equal(drawn[60:240, 110:150], np.broadcast_to(half, (180, 40, 3)))
    assert (drawn[:, :110] == 100).all()
    bare = replace(plain, tints=False)
    assert (Painter(COCO17, size=SIZE, config=bare).draw(blank(), masked()) == 100).all()


def test_a_mask_of_another_picture_is_refused() -> None:
    message = "frame 0, track 1: a mask of 200 x 260 pixels, in a picture of 480 x 270"

    with pytest.raises(FormatError, match=message):
        Painter(COCO17, size=SIZE).draw(blank(), masked((260, 200)))
