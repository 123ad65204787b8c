"""The crop keypoint head: where its crops and its maps lie in the picture."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.models3d.configs.people_heads import CropKeypointHeadConfig
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.crop_memory import CropMemory
from posetube.models3d.features import ClipFeatures, Pictures
from posetube.models3d.joint_peaks import decode_parabola
from posetube.models3d.preprocess import Geometry
from posetube.skeletons import COCO17

HEIGHT, WIDTH = 300, 400
GEOMETRY = Geometry(
    picture=(HEIGHT, WIDTH), resized=(150, 200), padded=(160, 224), scale=(0.5, 0.5)
)
CONFIG = CropKeypointHeadConfig(skeleton="coco17", mean=(0, 0, 0), std=(1, 1, 1))
BOX = torch.tensor([100.0, 60, 140, 100])
"""In pixels of the network's input: from (200, 120) to (280, 200) in the picture."""


def ramp(frames: int = 1) -> ClipFeatures:
    """Pictures whose red is the column and whose green is the row, up to 255."""
    x = torch.arange(WIDTH).clamp(max=255).expand(HEIGHT, WIDTH)
    y = torch.arange(HEIGHT).clamp(max=255)[:, None].expand(HEIGHT, WIDTH)
    image = torch.stack([x, y, torch.full_like(x, 50)]).to(torch.uint8)
    pictures = Pictures(image[None].expand(frames, -1, -1, -1), GEOMETRY)
    return ClipFeatures(levels=(), strides=(), length=frames, pictures=pictures)


def crop_of(box: Tensor, *, config: CropKeypointHeadConfig = CONFIG) -> Tensor:
    """(3, H, W) of one box."""
    pixels = CropKeypointHead(config).pool(ramp(), [box[None, None]]).pixels
    return pixels[0]


def test_a_box_is_enlarged_and_brought_to_the_shape_of_the_crop() -> None:
    head = CropKeypointHead(CONFIG)
    square, wide, high = torch.tensor([[0.0, 0, 96, 96], [0, 0, 300, 40], [10, 20, 20, 220]])

    # 1.25 times 96 is 120 across, and so 160 down
    assert head.crop_boxes(square).tolist() == pytest.approx([-12, -32, 108, 128])
    assert head.crop_boxes(wide).tolist() == pytest.approx([-37.5, -230, 337.5, 270])
    assert head.crop_boxes(high).tolist() == pytest.approx([-78.75, -5, 108.75, 245])


def test_the_middle_of_every_pixel_of_the_crop_is_sampled() -> None:
    box = torch.tensor([30.0, 20, 90, 100])

    crop = crop_of(box)

    # in the picture: middle (120, 120), 200 high and so 150 wide
    x = 120 + ((torch.arange(192) + 0.5) / 192 - 0.5) * 150
    y = 120 + ((torch.arange(256) + 0.5) / 256 - 0.5) * 200
    torch.testing.assert_close(crop[0], (x - 0.5).expand(256, 192), atol=1e-3, rtol=0)
    torch.testing.assert_close(crop[1], (y - 0.5)[:, None].expand(256, 192), atol=1e-3, rtol=0)


def test_beyond_the_picture_lies_black_which_is_normalised_like_everything() -> None:
    outside = torch.tensor([-60.0, -80, -20, -10])
    config = replace(CONFIG, mean=(10, 20, 30), std=(2, 4, 5))

    crop = crop_of(outside, config=config)

    assert crop[:, 0, 0].tolist() == [-5, -5, -6]
    half = crop_of(torch.tensor([-20.0, 20, 20, 60]), config=config)
    assert half[:, 128, 0].tolist() == [-5, -5, -6]
    assert half[2, 128, -1].item() == pytest.approx((50 - 30) / 5)


@pytest.mark.parametrize(("mirror", "shift"), [(False, 0.0), (True, 1.5)])
def test_cell_f_of_a_map_stands_at_crop_pixel_4_f(mirror: bool, shift: float) -> None:
    head = CropKeypointHead(replace(CONFIG, mirror=mirror))
    maps = torch.full((1, 17, 64, 48), -9.0)
    maps[0, :, 20, 30] = 0

    found = decode_parabola(maps, GEOMETRY.to_picture(head.regions(BOX[None])))

    # the crop: middle (240, 160), 1.25 x 80 = 100 wide and 133.3 high
    x = 240 + ((4 * 30 + shift) / 192 - 0.5) * 100
    y = 160 + (4 * 20 / 256 - 0.5) * 400 / 3
    wanted = torch.tensor([x, y]).expand(17, 2)
    torch.testing.assert_close(found.positions[0], wanted, atol=1e-3, rtol=0)


class Thinned(nn.Module):
    """A network whose map f is the crop at pixel 4 f, times a number per joint."""

    stride = 4

    def features(self, crops: Tensor) -> list[Tensor]:
        joints = torch.arange(1.0, 18)[:, None, None]
        return [crops[:, :1, ::4, ::4] * joints]

    def last_maps(self, features: list[Tensor]) -> Tensor:
        return features[-1]

    def responses(self, last_maps: Tensor) -> list[Tensor]:
        return [last_maps]


def test_the_mirrored_crop_is_averaged_where_it_stands_and_joints_change_sides() -> None:
    plain, both = (CropKeypointHead(replace(CONFIG, mirror=mirror)) for mirror in (False, True))
    plain.network = both.network = Thinned()  # type: ignore[assignment]  # a stand-in
    box = torch.tensor([[[30.0, 20, 90, 100]]])
    pooled = plain.pool(ramp(), [box])

    single, mean = plain.heatmaps(pooled, 1)[0], both.heatmaps(pooled, 1)[0]

    # a pixel of the crop is 150 / 192 of the picture's; mirrored maps stand 3 pixels to the right
    pixel = 150 / 192
    torch.testing.assert_close(mean[0], single[0] + 1.5 * pixel, atol=1e-3, rtol=0)
    left, right = COCO17.index("left_eye"), COCO17.index("right_eye")
    mirrored = (right + 1) * (single[0] + 3 * pixel)
    torch.testing.assert_close(mean[left], (single[left] + mirrored) / 2, atol=1e-2, rtol=0)


def test_crops_of_every_frame_are_cut_at_the_box_of_that_frame() -> None:
    head = CropKeypointHead(CONFIG)
    tubes = torch.tensor([[[30.0, 20, 90, 100], [40, 20, 100, 100], [50, 20, 110, 100]]])

    pooled = head.pool(ramp(3), [tubes])

    assert pooled.pixels.shape == (3, 3, 256, 192)
    first, second, third = pooled.pixels[:, 0]
    torch.testing.assert_close(second, first + 20, atol=1e-2, rtol=0)
    torch.testing.assert_close(third, first + 40, atol=1e-2, rtol=0)


def over_time(change: Callable[[Tensor], None]) -> CropKeypointHead:
    """A head over three frames, its last convolution changed."""
    torch.manual_seed(0)
    config = CropKeypointHeadConfig(
        skeleton="coco17", size=(64, 64), time=3, time_padding="replicate"
    )
    head = CropKeypointHead(config).eval()
    with torch.no_grad():
        change(head.network.out.weight)
    return head


@torch.no_grad()
def test_maps_of_other_frames_are_moved_to_the_box_of_a_frame() -> None:
    def only_the_frame_before(weight: Tensor) -> None:
        weight[:, :, 1:] = 0

    head = over_time(only_the_frame_before)
    moved = torch.tensor([[[30.0, 20, 90, 80], [45, 20, 105, 80], [60, 20, 120, 80]]])
    still = moved[:, :1].expand(-1, 3, -1)

    before, after = (head.heatmaps(head.pool(ramp(3), [t]), 3) for t in (still, moved))

    # crops are 75 wide, so 15 pixels are 3.2 of the map's 16 cells; everything looks equal
    assert before.shape == (3, 17, 16, 16)
    torch.testing.assert_close(after[0], before[0])
    blend = 0.8 * before[0][..., 3:12] + 0.2 * before[0][..., 4:13]
    assert not torch.allclose(after[1][..., :9], before[0][..., :9])
    torch.testing.assert_close(after[1][..., :9], blend, atol=1e-4, rtol=1e-4)
    assert not after[1][..., -2:].any()  # beyond the other frame's crop nothing is known


@torch.no_grad()
def test_a_crop_that_one_clip_looked_at_serves_the_next_and_another_person_gets_a_new_one() -> None:
    head = over_time(lambda weight: None)
    images = ramp(3)
    crops = [CropMemory() for _ in range(3)]
    features = images._replace(length=3, crops=crops)
    first = torch.tensor([[[30.0, 20, 90, 80], [45, 20, 105, 80], [60, 20, 120, 80]]])
    beside = torch.cat([first + 1, first + torch.tensor([25.0, 0, 25, 0])])

    before = head.heatmaps(head.pool(features, [first]), 3)
    known = features.known_boxes(beside[None])[0]
    pooled = head.pool(features, [known])

    torch.testing.assert_close(known, torch.cat([first, beside[1:]]))
    assert len(pooled.pixels) == 3  # of the other person alone
    torch.testing.assert_close(head.heatmaps(pooled, 3)[:3], before)
    alone = head.heatmaps(head.pool(images, [beside[1:]]), 3)
    torch.testing.assert_close(head.heatmaps(pooled, 3)[3:], alone)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (100, 192)}, r"CropKeypointHeadConfig.size must be multiples of 32 pixels"),
        ({"size": (0, 192)}, r"CropKeypointHeadConfig.size must be multiples of 32 pixels"),
        ({"margin": 0.0}, r"CropKeypointHeadConfig.margin must be in \[0.1, 10\], got 0"),
        ({"samples": -1}, r"CropKeypointHeadConfig.samples must be in \[0, 64\], got -1"),
    ],
)
def test_settings_name_the_field_and_the_value(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CropKeypointHeadConfig(skeleton="coco17", **settings)  # type: ignore[arg-type]
