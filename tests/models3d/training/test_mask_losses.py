"""The loss of masks: known answers, and the three heads trained together."""

import math
from dataclasses import replace

import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.configs.people_heads import MaskHeadConfig, PoolConfig
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.loss_shares import means
from posetube.models3d.training.losses import mask_loss
from posetube.models3d.training.mask_targets import MaskTarget, mask_target
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth
from posetube.models3d.training.tube_losses import tube_losses
from posetube.models3d.tube_rcnn import TubeRCNN
from tests.models3d.small_networks import small_anchor_rcnn


def half_masks() -> torch.Tensor:
    """Two people in one frame: the left and the upper half of a box."""
    masks = torch.zeros(2, 1, 40, 60, dtype=torch.bool)
    masks[0, 0, 10:30, 20:30] = True
    masks[1, 0, 10:20, 20:40] = True
    return masks


def test_a_mask_is_cut_out_by_its_box() -> None:
    box = torch.tensor([20.0, 10.0, 40.0, 30.0]).expand(2, 1, 4)

    target = mask_target(half_masks(), box, torch.tensor([1, 0]), side=4)

    upper = torch.tensor([1.0, 1, 0, 0])[:, None].expand(4, 4)
    torch.testing.assert_close(target.cells[:, 0], torch.stack([upper, upper.T]))
    assert target.known.tolist() == [[True], [True]]


def test_frames_without_a_mask_are_not_known() -> None:
    masks = torch.cat([half_masks(), torch.zeros(2, 1, 40, 60, dtype=torch.bool)], dim=1)
    box = torch.tensor([20.0, 10.0, 40.0, 30.0]).expand(1, 2, 4)

    target = mask_target(masks, box, torch.tensor([0]), side=4)

    assert target.known.tolist() == [[True, False]]
    assert not target.cells[0, 1].any()


def test_flat_logits_cost_the_logarithm_of_two() -> None:
    target = MaskTarget(torch.rand(3, 2, 28, 28), torch.ones(3, 2, dtype=torch.bool))

    loss = mask_loss(torch.zeros(3, 2, 2, 28, 28), target).mean

    assert loss.item() == pytest.approx(math.log(2))


def test_only_the_persons_class_and_known_masks_are_taught() -> None:
    logits = torch.randn(2, 1, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    target = MaskTarget(torch.ones(2, 1, 4, 4), torch.tensor([[True], [False]]))

    mask_loss(logits, target).mean.backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert (logits.grad[0, 0, 1] < 0).all()
    taught = logits.grad.clone()
    taught[0, 0, 1] = 0
    assert not taught.any()


def network() -> TubeRCNN:
    torch.manual_seed(0)
    head = MaskHeadConfig(pool=PoolConfig(size=14, levels=4), channels=16, depth=2)
    return TubeRCNN(replace(small_anchor_rcnn(), mask_head=head))


def truth(*, with_masks: bool = True) -> TubeTruth:
    masks = torch.zeros(1, 1, 96, 128, dtype=torch.bool)
    masks[0, 0, 20:70, 30:55] = True
    return TubeTruth(
        boxes=torch.tensor([[[30.0, 20, 80, 70]]]),
        present=torch.ones(1, 1, dtype=torch.bool),
        keypoints=torch.tensor([55.0, 45]).expand(1, 1, 17, 2),
        keypoint_weights=torch.ones(1, 1, 17),
        ignore=torch.zeros(0, 1, 4),
        masks=masks if with_masks else None,
    )


def losses(model: TubeRCNN, people: TubeTruth) -> dict[str, torch.Tensor]:
    pixels = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(1))
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))
    return means(tube_losses(model, pixels, [people], config=LossConfig(), draws=[draw]))


@pytest.mark.slow
def test_boxes_masks_and_joints_are_trained_together() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    first = losses(model, truth())
    assert {"classes", "boxes", "keypoints", "masks"} <= first.keys()
    for _ in range(12):
        optimizer.zero_grad()
        total = torch.stack([*losses(model, truth()).values()]).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    last = losses(model, truth())

    assert last["masks"] < 0.5 * first["masks"]
    assert last["keypoints"] < first["keypoints"]


def test_masks_are_asked_of_the_truth() -> None:
    model = network()

    with pytest.raises(InputError, match="the network draws masks, the truth of clip 0 has none; "):
        losses(model, truth(with_masks=False))

    model.mask_head.requires_grad_(False)
    assert "masks" not in losses(model, truth(with_masks=False))


def test_masks_of_other_people_are_refused() -> None:
    with pytest.raises(InputError, match=r"TubeTruth.masks: expected \(1, 1, H, W\), got \(2, 1,"):
        replace(truth(), masks=half_masks())
