"""Every loss of a batch on the embedded model's kind, and what frozen parts spare."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.models3d.features import Pictures
from posetube.models3d.network_input import prepare
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.loss_shares import means
from posetube.models3d.training.over_time import inflated
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth
from posetube.models3d.training.tube_losses import tube_losses
from posetube.models3d.tube_rcnn import TubeRCNN
from tests.models3d.small_networks import SIDES, small_tiny

from . import test_tube_losses

people = partial(test_tube_losses.people, joints=19)
DETECTOR = ("body", "neck", "proposals")


def network(*, length: int = 1, frozen: tuple[str, ...] = ()) -> TubeRCNN:
    torch.manual_seed(0)
    model = inflated(TubeRCNN(small_tiny()), length=length).train()
    for name in frozen:
        model.get_submodule(name).requires_grad_(False)
    return model


def losses_of(
    model: TubeRCNN, truth: list[TubeTruth], config: LossConfig | None = None
) -> dict[str, Tensor]:
    frames = len(truth) * truth[0].boxes.shape[1]
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (frames, *SIDES, 3), generator=generator, dtype=torch.uint8)
    pixels, geometry = prepare(images.numpy(), model.config.preprocess)
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))
    shares = tube_losses(
        model,
        pixels,
        truth,
        pictures=Pictures(images.permute(0, 3, 1, 2), geometry),
        config=config or LossConfig(),
        draws=[draw] * len(truth),
    )
    return means(shares)


@pytest.mark.parametrize("length", [1, 3])
def test_gradients_reach_every_parameter(length: int) -> None:
    model = network(length=length)

    truth = [people(length, count=1, side=side) for side in (30, 60, 90)]  # one for every level
    losses = losses_of(model, truth)
    torch.autograd.backward(list(losses.values()))

    assert set(losses) == {"objectness", "proposal_boxes", "keypoints"}
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_losses_are_weighted() -> None:
    model, truth = network(), [people(1)]

    plain = losses_of(model, truth, LossConfig(objectness=1, proposal_boxes=1, keypoints=1))
    weighted = losses_of(model, truth, LossConfig(objectness=3, proposal_boxes=0.5, keypoints=2))

    for name, weight in (("objectness", 3), ("proposal_boxes", 0.5), ("keypoints", 2)):
        assert weighted[name].item() == pytest.approx(weight * plain[name].item(), rel=1e-5)


def test_pictures_without_people_still_teach_the_background() -> None:
    losses = losses_of(network(), [people(1, count=0)])

    assert losses["objectness"] > 0
    assert losses["proposal_boxes"] == losses["keypoints"] == 0


def test_what_is_said_of_absent_frames_makes_no_difference() -> None:
    model, seen = network(length=3), people(3, count=1)
    seen.present[0, 1] = False

    before = losses_of(model, [seen])
    seen.keypoints[0, 1] += 9
    seen.boxes[0, 1] = 0
    after = losses_of(model, [seen])

    for name in before:
        assert torch.equal(before[name], after[name]), name


def test_half_precision_gives_nearly_the_same_losses() -> None:
    model, truth = network(), [people(1), people(1, seed=5)]

    exact = losses_of(model, truth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = losses_of(model, truth)

    for name, value in exact.items():
        assert half[name].item() == pytest.approx(value.item(), rel=0.05), name
    assert all(v.dtype == torch.float32 for v in half.values())


def refuse(module: nn.Module) -> None:
    """Let a part fail if it is computed."""

    def stop(*_: Any) -> None:
        raise AssertionError(f"a frozen {type(module).__name__} is computed")

    for part in module.modules():
        part.register_forward_pre_hook(stop)


def test_a_frozen_keypoint_head_is_not_computed() -> None:
    model = network(frozen=("keypoint_head",))
    refuse(model.keypoint_head)

    assert set(losses_of(model, [people(1)])) == {"objectness", "proposal_boxes"}


def test_a_frozen_detector_is_not_computed() -> None:
    model = network(frozen=DETECTOR)
    for name in DETECTOR:
        refuse(model.get_submodule(name))

    losses = losses_of(model, [people(1)])
    torch.autograd.backward(list(losses.values()))

    assert set(losses) == {"keypoints"}
    assert all(p.grad is not None for p in model.keypoint_head.parameters())


def test_a_frozen_body_still_feeds_the_proposals() -> None:
    model = network(frozen=("body",))

    losses = losses_of(model, [people(1)])
    torch.autograd.backward(list(losses.values()))

    assert set(losses) == {"objectness", "proposal_boxes", "keypoints"}
    assert all(p.grad is None for p in model.body.parameters())
    assert all(p.grad is not None for p in model.neck.parameters())


def test_a_network_that_is_frozen_as_a_whole_is_refused() -> None:
    model = network(frozen=(*DETECTOR, "keypoint_head"))

    with pytest.raises(InputError, match="every part of the network is frozen, there is nothing"):
        losses_of(model, [people(1)])
