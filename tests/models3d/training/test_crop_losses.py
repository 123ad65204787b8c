"""What mistakes of the crop keypoint head cost, and what it is shown."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.configs.people_heads import CropKeypointHeadConfig
from posetube.models3d.crop_keypoint_head import CropKeypointHead, Crops
from posetube.models3d.features import ClipFeatures, Pictures
from posetube.models3d.preprocess import Geometry
from posetube.models3d.training.crop_losses import CropConfig, crop_loss, gaussian_maps
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth

SIDES = (120, 160)
GEOMETRY = Geometry(picture=SIDES, resized=SIDES, padded=(128, 160), scale=(1.0, 1.0))
STILL = CropConfig(shift=0, scale=0)


def test_a_gaussian_stands_at_the_joint_with_height_1() -> None:
    region = torch.tensor([[100.0, 50, 196, 178]])  # 48 x 64 cells of 2 pixels
    joint = torch.tensor([[[100 + 2 * 10.5, 50 + 2 * 20.5], [100.0 + 2 * 12, 50 + 2 * 20]]])

    maps, weights = gaussian_maps(joint, torch.ones(1, 2), region, shape=(64, 48), spread=2.0)

    assert weights.tolist() == [[1, 1]]
    assert maps[0, 0, 20, 10].item() == pytest.approx(1)
    assert maps[0, 0, 20, 12].item() == pytest.approx(math.exp(-0.5))
    assert maps[0, 0, 23, 10].item() == pytest.approx(math.exp(-9 / 8))
    # between cells the two nearest are equal and below 1
    assert maps[0, 1, 19, 11].item() == pytest.approx(maps[0, 1, 20, 12].item())
    assert maps[0, 1, 20, 12].item() == pytest.approx(math.exp(-0.5 / 8))


def test_joints_outside_their_map_do_not_count() -> None:
    region = torch.tensor([[0.0, 0, 48, 64]])
    joints = torch.tensor([[[47.9, 10], [48.1, 10], [10, -0.1], [0, 64]]])

    _, weights = gaussian_maps(joints, torch.full((1, 4), 0.5), region, shape=(64, 48), spread=2.0)

    assert weights.tolist() == [[0.5, 0, 0, 0.5]]


class Shown:
    """A head that keeps what it is shown and draws nothing."""

    def __init__(self) -> None:
        self.boxes: list[Tensor] = []
        self.real = CropKeypointHead(CropKeypointHeadConfig(skeleton="coco17", size=(64, 64)))

    def pool(self, features: ClipFeatures, tubes: list[Tensor]) -> Crops:
        self.boxes = tubes
        return self.real.pool(features, tubes)

    def heatmaps(self, pooled: Crops, length: int) -> Tensor:
        return torch.zeros(len(pooled.boxes), 17, 16, 16)

    def regions(self, tubes: Tensor) -> Tensor:
        return self.real.regions(tubes)


def features(frames: int) -> ClipFeatures:
    images = np.random.default_rng(0).integers(0, 256, (frames, 3, *SIDES), np.uint8)
    pictures = Pictures(torch.from_numpy(images), GEOMETRY)
    return ClipFeatures(levels=(), strides=(), length=frames, pictures=pictures)


def people(count: int, *, frames: int = 1) -> TubeTruth:
    corner = torch.arange(count)[:, None, None] * torch.tensor([20.0, 10]) + 20
    corner = corner.expand(-1, frames, -1)
    return TubeTruth(
        boxes=torch.cat([corner, corner + torch.tensor([30.0, 60])], dim=-1),
        present=torch.ones(count, frames, dtype=torch.bool),
        keypoints=(corner[:, :, None] + torch.tensor([15.0, 30])).expand(-1, -1, 17, -1).clone(),
        keypoint_weights=torch.ones(count, frames, 17),
        ignore=torch.zeros(0, frames, 4),
    )


def draw(seed: int = 0) -> TorchDraw:
    return TorchDraw(generator=torch.Generator().manual_seed(seed))


def loss_of(
    head: Shown, truth: TubeTruth, *, config: CropConfig = STILL, most: int = 9, seed: int = 0
) -> float:
    length = truth.boxes.shape[1]
    shown: CropKeypointHead = head  # type: ignore[assignment]  # a stand-in
    cost = crop_loss(shown, features(length), [truth], most=most, config=config, draws=[draw(seed)])
    return float(cost.mean)


def test_a_blank_map_costs_its_gaussian() -> None:
    truth = people(1)
    truth.keypoint_weights[:, :, 1:] = 0

    cost = loss_of(Shown(), truth)

    # the squares of a Gaussian of deviation 2 add up to pi times 4, whatever joints weigh
    assert cost == pytest.approx(4 * math.pi, rel=0.01)
    truth.keypoint_weights[:, :, 0] = 0.25
    assert loss_of(Shown(), truth) == pytest.approx(cost)


def test_unknown_joints_and_absent_frames_cost_nothing() -> None:
    truth = people(2, frames=3)
    before = loss_of(Shown(), truth)
    truth.present[0, 1] = False
    truth.keypoints[0, 1] = 1e4
    truth.keypoint_weights[1, :, 5] = 0
    truth.keypoints[1, :, 5] = float("nan")

    assert loss_of(Shown(), truth) == pytest.approx(before, rel=1e-3)


def test_an_absent_frame_is_shown_at_the_box_of_the_nearest_one() -> None:
    truth, head = people(1, frames=3), Shown()
    truth.present[0, 0] = False
    truth.boxes[0, 0] = 0

    loss_of(head, truth)

    assert torch.equal(head.boxes[0][0, 0], truth.boxes[0, 1])


def test_somebody_without_a_known_joint_is_not_shown() -> None:
    truth, head = people(3), Shown()
    truth.keypoint_weights[1] = 0

    loss_of(head, truth)

    assert len(head.boxes[0]) == 2


def test_no_more_people_are_shown_than_asked_for() -> None:
    head = Shown()

    loss_of(head, people(5), most=2)

    assert len(head.boxes[0]) == 2


def test_nobody_costs_nothing() -> None:
    assert loss_of(Shown(), people(0)) == 0


@pytest.mark.slow
def test_boxes_are_moved_and_scaled_within_their_limits_and_tubes_as_a_whole() -> None:
    truth = people(1, frames=3)
    config, shifts, scales = CropConfig(shift=0.1, scale=0.2), [], []
    for seed in range(50):
        head = Shown()
        loss_of(head, truth, config=config, seed=seed)
        box, plain = head.boxes[0][0], truth.boxes[0]
        size, own = box[:, 2:] - box[:, :2], plain[:, 2:] - plain[:, :2]
        moved = (box[:, :2] + box[:, 2:] - plain[:, :2] - plain[:, 2:]) / 2 / own
        torch.testing.assert_close(moved, moved[:1].expand(3, -1), atol=1e-4, rtol=0)
        shifts.append(moved[0])
        scales.append(size[0] / own[0])
    reached, grown = torch.stack(shifts), torch.stack(scales)

    assert 0.07 < reached.abs().max() <= 0.1 + 1e-5
    assert 0.8 - 1e-5 <= grown.min() < 0.86
    assert 1.14 < grown.max() <= 1.2 + 1e-5
    torch.testing.assert_close(grown[:, 0], grown[:, 1])


def test_gradients_reach_every_parameter_of_the_head() -> None:
    torch.manual_seed(0)
    config = CropKeypointHeadConfig(skeleton="coco17", size=(64, 64), mirror=True)
    head = CropKeypointHead(config)

    for made in (head, CropKeypointHead(replace(config, time=3, mirror=False))):
        length = made.config.time
        loss = crop_loss(
            made, features(length), [people(2, frames=length)], most=9, config=STILL, draws=[draw()]
        )
        torch.autograd.backward(loss.mean)
        assert [n for n, p in made.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    "settings", [{"shift": -0.1}, {"scale": 1.0}, {"scale": -0.1}, {"spread": 0.0}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="CropConfig needs shift of 0 or more, scale in"):
        CropConfig(**settings)
