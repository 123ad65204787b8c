"""Every loss of a batch, on a small network of the published kind with random weights."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.box_coding import BoxConvention, encode_boxes
from posetube.models3d.preprocess import Geometry
from posetube.models3d.proposals import ProposalMaps
from posetube.models3d.training.loss_config import LossConfig, detect_and_track_losses
from posetube.models3d.training.loss_shares import means
from posetube.models3d.training.losses import FocalConfig
from posetube.models3d.training.over_time import inflated
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth
from posetube.models3d.training.tube_losses import level_losses, tube_losses
from posetube.models3d.tube_choice import Proposals
from posetube.models3d.tube_rcnn import TubeRCNN
from tests.models3d.small_networks import small_anchor_rcnn

HEIGHT, WIDTH = 96, 128
CONVENTIONS: tuple[BoxConvention, ...] = ("continuous", "inclusive")


def people(
    length: int, *, count: int = 2, seed: int = 0, side: int = 50, joints: int = 17
) -> TubeTruth:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, length, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + side], dim=-1)
    inside = torch.rand(count, length, joints, 2, generator=generator) * side
    return TubeTruth(
        boxes=boxes,
        present=torch.ones(count, length, dtype=torch.bool),
        keypoints=corner[:, :, None] + inside,
        keypoint_weights=torch.ones(count, length, joints),
        ignore=torch.zeros(0, length, 4),
    )


def network(convention: BoxConvention = "continuous") -> TubeRCNN:
    torch.manual_seed(0)
    config = small_anchor_rcnn()
    return TubeRCNN(
        replace(
            config,
            proposals=replace(config.proposals, convention=convention),
            box_head=replace(config.box_head, convention=convention, presence=True),
        )
    )


def losses_of(
    model: TubeRCNN, pixels: Tensor, truth: list[TubeTruth], config: LossConfig | None = None
) -> dict[str, Tensor]:
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))
    config = config or LossConfig()
    return means(tube_losses(model, pixels, truth, config=config, draws=[draw] * len(truth)))


def pixels(frames: int) -> Tensor:
    values = torch.rand(frames, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    return 2 * values - 1


def test_gradients_reach_every_parameter() -> None:
    model = network()

    losses = losses_of(model, pixels(2), [people(1), people(1, seed=5)])
    torch.autograd.backward(list(losses.values()))

    assert set(losses) == {
        "objectness", "proposal_boxes", "classes", "boxes", "presence", "keypoints",
    }  # fmt: skip
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_levels_that_are_known_give_the_same_losses() -> None:
    model, frames, truth = network(), pixels(1), [people(1)]
    levels = model.clip_part(model.frame_part(frames), 1)
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))

    losses = means(
        level_losses(
            model,
            levels,
            truth,
            proposals=None,
            padded=(HEIGHT, WIDTH),
            config=LossConfig(),
            draws=[draw],
        )
    )

    torch.testing.assert_close(losses, losses_of(model, frames, truth))


def test_gradients_reach_every_parameter_of_a_network_over_time() -> None:
    model = inflated(network(), length=3)

    losses = losses_of(model, pixels(3), [people(3)])
    torch.autograd.backward(list(losses.values()))

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


def test_half_precision_gives_nearly_the_same_losses() -> None:
    model, frames, truth = network(), pixels(2), [people(1), people(1, seed=5)]

    exact = losses_of(model, frames, truth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = losses_of(model, frames, truth)

    for name in ("objectness", "proposal_boxes"):
        assert half[name].item() == pytest.approx(exact[name].item(), rel=0.05)
    assert all(v.dtype == torch.float32 for v in half.values())


class ExactMaps:
    """Proposals that say of every anchor how it becomes the one person's box."""

    def __init__(self, model: TubeRCNN, truth: TubeTruth, convention: BoxConvention) -> None:
        self._real, self._truth, self._convention = (
            model.proposals.maps,
            truth,
            convention,
        )

    def __call__(self, levels: list[Tensor], *, length: int, padded: tuple[int, int]) -> object:
        maps: ProposalMaps = self._real(levels, length=length, padded=padded)
        anchors = maps.anchors[:, None].expand(-1, length, -1)
        deltas = encode_boxes(self._truth.boxes, anchors, convention=self._convention)
        return maps._replace(deltas=deltas[None])


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("answer", CONVENTIONS)
def test_boxes_follow_the_pixel_arithmetic_of_the_network(
    convention: BoxConvention, answer: BoxConvention, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, truth = network(convention), people(1, count=1)
    monkeypatch.setattr(model.proposals, "maps", ExactMaps(model, truth, answer))

    loss = losses_of(model, pixels(1), [truth])["proposal_boxes"].item()

    assert (loss < 1e-9) == (answer == convention)


def test_the_box_head_follows_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, shifted = people(1, count=1), people(1, count=1)
    shifted.boxes[:] += 4
    losses = []
    for convention in CONVENTIONS:
        model = network(convention)
        monkeypatch.setattr(model.proposals, "maps", ExactMaps(model, shifted, convention))
        losses.append(losses_of(model, pixels(1), [truth])["boxes"].item())

    # boxes that are a pixel wider are shifted by less of their width
    assert losses[1] < 0.99 * losses[0]


def test_the_published_recipe_pulls_absent_frames_to_the_origin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, truth, present = network("detect-and-track"), people(3, count=1), people(3, count=1)
    monkeypatch.setattr(model.proposals, "maps", ExactMaps(model, present, "detect-and-track"))
    truth.present[0, 1] = False
    published = detect_and_track_losses()

    pulled = losses_of(model, pixels(3), [truth], published)
    left = losses_of(model, pixels(3), [truth], replace(published, absent_boxes="free"))

    assert all(torch.isfinite(v) for v in pulled.values())
    assert pulled["boxes"] > 5 * left["boxes"]


def test_a_hundred_people_and_boxes_beyond_the_picture_are_no_trouble() -> None:
    crowd = people(2, count=100)
    outside = people(2, count=3)
    outside.boxes[0] += 500
    outside.boxes[1] -= 30
    outside.boxes[2, 0] *= 100

    for truth in (crowd, outside):
        losses = losses_of(network(), pixels(2), [truth])
        assert all(torch.isfinite(v) for v in losses.values())


def test_nobody_in_a_clip_costs_neither_boxes_nor_presence() -> None:
    losses = losses_of(network(), pixels(3), [people(3, count=0)])

    assert losses["boxes"] == losses["presence"] == losses["keypoints"] == 0


def test_heads_learn_from_the_proposals_that_are_given() -> None:
    model, frames, truth = network(), pixels(2), [people(1), people(1, seed=1)]
    # without chance in the proposals' own losses, which would move that of the heads
    config = LossConfig(focal=FocalConfig())
    size = (HEIGHT, WIDTH)
    whole = Geometry(picture=size, resized=size, padded=size, scale=(1.0, 1.0))
    with torch.no_grad():
        own = model.propose(model.clip_part(model.frame_part(frames), 1), whole)
    nobody = own._replace(taken=torch.zeros_like(own.taken))

    def given(proposals: Proposals | None) -> dict[str, Tensor]:
        draws = [TorchDraw(generator=torch.Generator().manual_seed(n)) for n in (0, 1)]
        found = tube_losses(model, frames, truth, proposals=proposals, config=config, draws=draws)
        return means(found)

    alone, same, none = given(None), given(own), given(nobody)

    assert alone.keys() - same.keys() == {"objectness", "proposal_boxes"}
    for name, loss in same.items():
        torch.testing.assert_close(loss, alone[name], msg=name)
    assert abs(none["classes"] - same["classes"]) > 0.01  # only the people's own boxes are left


def test_heads_whose_losses_weigh_nothing_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    for head in (model.box_head, model.keypoint_head):
        monkeypatch.setattr(head, "forward", None)
    nothing = LossConfig(classes=0, boxes=0, presence=0, keypoints=0)

    assert losses_of(model, pixels(1), [people(1)], nothing).keys() == {
        "objectness",
        "proposal_boxes",
    }


def test_pixels_that_are_not_finite_are_refused() -> None:
    frames = pixels(4)
    frames[3, 0, 5, 5] = float("nan")

    with pytest.raises(InputError, match="clip 1 has NaN or infinity in frame 1"):
        losses_of(network(), frames, [people(2), people(2)])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"pixels \(B \* T, 3, H, W\) of 2 clips with \[2\] fra"):
        losses_of(network(), pixels(3), [people(2), people(2)])
    with pytest.raises(InputError, match="of 0 clips"):
        losses_of(network(), pixels(3), [])
    flat, lost = people(1), people(1)
    flat.boxes[1, 0, 2] = flat.boxes[1, 0, 0]
    lost.boxes[0, 0, 0] = float("nan")
    for truth in (flat, lost):
        with pytest.raises(InputError, match="finite boxes with x1 < x2 and y1 < y2, clip 0 has"):
            losses_of(network(), pixels(1), [truth])
    few = people(1)
    few = replace(
        few, keypoints=few.keypoints[:, :, :5], keypoint_weights=few.keypoint_weights[..., :5]
    )
    with pytest.raises(InputError, match="finds 17 joints, the truth of clip 0 has 5"):
        losses_of(network(), pixels(1), [few])


def test_settings_name_the_field_and_the_value() -> None:
    with pytest.raises(InputError, match="LossConfig.boxes must be 0 or more, got -1"):
        LossConfig(boxes=-1)
    with pytest.raises(InputError, match="LossConfig.keypoint_rois must be 1 or more, got 0"):
        LossConfig(keypoint_rois=0)
    with pytest.raises(InputError, match="LossConfig.box_beta must be above 0, got 0"):
        LossConfig(box_beta=0)
