"""Every loss of a batch, on the embedded network with random weights and small pictures."""

import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.presets import tiny
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth
from posetube.models3d.training.tube_losses import LossConfig, choose_rois, fill_absent, tube_losses
from posetube.models3d.tube_rcnn import TubeRCNN

HEIGHT, WIDTH = 96, 128


def people(length: int, *, count: int = 2, seed: int = 0) -> TubeTruth:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, length, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + 50], dim=-1)
    inside = torch.rand(count, length, 17, 2, generator=generator) * 50
    return TubeTruth(
        boxes=boxes,
        present=torch.ones(count, length, dtype=torch.bool),
        keypoints=corner[:, :, None] + inside,
        keypoint_weights=torch.ones(count, length, 17),
        ignore=torch.zeros(0, length, 4),
    )


def network() -> TubeRCNN:
    torch.manual_seed(0)
    return TubeRCNN(tiny())


def losses_of(
    model: TubeRCNN, pixels: torch.Tensor, truth: list[TubeTruth]
) -> dict[str, torch.Tensor]:
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))
    return tube_losses(model, pixels, truth, config=LossConfig(), draw=draw)


def pixels(frames: int) -> torch.Tensor:
    values = torch.rand(frames, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    return 2 * values - 1


def test_gradients_reach_every_parameter() -> None:
    model = network()

    losses = losses_of(model, pixels(2), [people(1), people(1, seed=5)])
    torch.autograd.backward(list(losses.values()))

    assert set(losses) == {"objectness", "proposal_boxes", "classes", "boxes", "keypoints"}
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_pictures_without_people_still_teach_the_background() -> None:
    model = network()

    losses = losses_of(model, pixels(2), [people(1, count=0), people(1)])
    alone = losses_of(model, pixels(1), [people(1, count=0)])

    assert all(torch.isfinite(v) for v in (*losses.values(), *alone.values()))
    assert alone["keypoints"] == 0
    assert alone["objectness"] > 0


def test_clips_of_several_frames_have_the_same_losses() -> None:
    losses = losses_of(network(), pixels(6), [people(3), people(3, seed=2)])

    assert all(torch.isfinite(v) and v > 0 for v in losses.values())


def test_what_is_said_of_absent_frames_makes_no_difference() -> None:
    model, frames = network(), pixels(3)
    seen = people(3, count=1)
    seen.present[0, 1] = False
    first = seen.keypoints.clone()

    before = losses_of(model, frames, [seen])
    seen.keypoints[0, 1] += 9
    after = losses_of(model, frames, [seen])

    assert not torch.equal(first, seen.keypoints)
    for name in before:
        assert torch.equal(before[name], after[name]), name


def test_absent_frames_take_the_box_of_the_nearest_frame() -> None:
    boxes = torch.arange(5.0)[None, :, None].expand(1, 5, 4)
    present = torch.tensor([[False, True, False, False, True]])

    assert fill_absent(boxes, present)[0, :, 0].tolist() == [1, 1, 1, 4, 4]


def test_the_people_themselves_are_among_the_rois() -> None:
    truth = people(1)
    far = torch.tensor([[[0.0, 0, 5, 5]]])

    rois = choose_rois(far, truth, config=LossConfig(), draw=TorchDraw(generator=torch.Generator()))

    assert rois.labels.tolist() == [1, 1, 0]
    assert rois.person[:2].tolist() == [0, 1]
    assert torch.equal(rois.tubes[:2], truth.boxes)


def test_half_precision_gives_nearly_the_same_losses() -> None:
    model, frames, truth = network(), pixels(2), [people(1), people(1, seed=5)]

    exact = losses_of(model, frames, truth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = losses_of(model, frames, truth)

    for name in ("objectness", "proposal_boxes"):
        assert half[name].item() == pytest.approx(exact[name].item(), rel=0.05)
    assert all(v.dtype == torch.float32 for v in half.values())


def test_settings_name_the_field_and_the_value() -> None:
    with pytest.raises(InputError, match="LossConfig.boxes must not be below 0, got -1"):
        LossConfig(boxes=-1)
    with pytest.raises(InputError, match="LossConfig.keypoint_rois must be 1 or more, got 0"):
        LossConfig(keypoint_rois=0)
