from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.heatmaps import decode_joints, decode_refined, decode_resized, peak_mass
from posetube.models3d.joint_peaks import DecodeConfig, Joints, calibrated, decode_parabola
from posetube.models3d.preprocess import Geometry


def bumps(places: Tensor, *, side: int = 56, width: float = 2.0) -> Tensor:
    """(M, K, 2) places in [0, 1] to (M, K, S, S) logits that peak there."""
    cells = (torch.arange(side) + 0.5) / side
    x = (cells - places[..., 0, None]) * side / width
    y = (cells - places[..., 1, None]) * side / width
    return 8 - (x**2)[..., None, :] / 2 - (y**2)[..., None] / 2


def test_the_refined_rule_finds_places_between_cells() -> None:
    places = torch.rand(20, 17, 2, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    boxes = torch.tensor([[10.0, 20, 210, 320]]).repeat(20, 1)

    found = decode_refined(bumps(places), boxes)

    wanted = boxes[:, None, :2] + places * torch.tensor([200.0, 300.0])
    # a cell is 3.6 x 5.4 pixels
    assert (found.positions - wanted).abs().max() < 0.3
    assert found.scores.min() >= 0
    assert found.scores.max() <= 1


def test_a_sharp_peak_is_surer_than_a_broad_one() -> None:
    centre = torch.full((1, 1, 2), 0.5)

    sharp, broad = (peak_mass(bumps(centre, width=width)).item() for width in (0.7, 10.0))

    assert sharp > 0.9 > 0.3 > broad


def test_scores_become_probabilities_where_the_configuration_says_how() -> None:
    logits = torch.tensor([[-20.0, -1.0, 0.0, 0.5]])
    joints = Joints(positions=torch.zeros(1, 4, 2), logits=logits, scores=logits.exp())

    found = calibrated(
        joints.logits, joints.scores, DecodeConfig(rule="parabola", calibration=(2.0, 3.0))
    )

    assert found[0, 0] < 1e-9
    torch.testing.assert_close(found[0, 1:], torch.sigmoid(torch.tensor([1.0, 3.0, 3.0])))
    assert calibrated(joints.logits, joints.scores, DecodeConfig()) is joints.scores


def test_joints_behind_the_first_ones_may_have_a_calibration_of_their_own() -> None:
    heights = np.array([[[-1.0, 0.0, -1.0]]], np.float32)
    config = DecodeConfig(
        rule="parabola", ranking=2, calibration=(2.0, 3.0), calibration_of_rest=(1.0, 0.0)
    )

    for peaks in (heights, torch.from_numpy(heights)):
        found = calibrated(peaks, peaks, config)
        wanted = 1 / (1 + np.exp(-np.array([[[1.0, 3.0, -1.0]]])))
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"calibration": (0.0, 1.0)}, "calibration: the slope must be above 0, got 0.0"),
        ({"calibration_of_rest": (0.0, 1.0)}, "calibration_of_rest: the slope must be above 0"),
        (
            {"calibration_of_rest": (1.0, 1.0), "ranking": 2},
            "calibration_of_rest goes with calibration and ranking, got None and 2",
        ),
        ({"min_joint": 1.5}, r"min_joint must be in \[0, 1\], got 1.5"),
    ],
)
def test_impossible_probabilities_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"DecodeConfig.{message}"):
        DecodeConfig(**fields)


def test_a_peak_at_the_border_stays_in_the_box() -> None:
    maps = torch.zeros(1, 1, 56, 56)
    maps[0, 0, 0, 55] = 9

    found = decode_refined(maps, torch.tensor([[0.0, 0, 56, 56]]))

    x, y = found.positions[0, 0].tolist()
    assert 55 < x <= 56
    assert 0 <= y < 1


def test_the_parabola_finds_the_middle_of_a_gaussian_in_a_map_that_is_not_square() -> None:
    y, x = torch.arange(64) + 0.5, torch.arange(48) + 0.5
    logarithm = -((x - 20.3) ** 2) / 8 - ((y[:, None] - 40.9) ** 2) / 18 - 0.25
    box = torch.tensor([[100.0, 50, 196, 306]])

    found = decode_parabola(logarithm[None, None], box)

    # cells are 2 pixels wide and 4 pixels high
    wanted = [100 + 2 * 20.3, 50 + 4 * 40.9]
    assert found.positions[0, 0].tolist() == pytest.approx(wanted, abs=1e-3)
    peak = logarithm.max().exp().item()
    assert found.scores.item() == pytest.approx(peak)
    assert found.logits.item() == pytest.approx(logarithm.max().item())


def test_the_parabola_stays_in_its_cell_and_at_the_border_in_its_middle() -> None:
    box = torch.tensor([[0.0, 0, 8, 4]])
    border, plateau = (torch.full((1, 1, 4, 8), -5.0) for _ in range(2))
    border[0, 0, 0, 7] = 1
    plateau[0, 0, 2, 3:5] = 0.5

    first, second = decode_parabola(border, box), decode_parabola(plateau, box)

    assert first.positions[0, 0].tolist() == [7.5, 0.5]
    assert first.scores.item() == 1  # a peak above 1 counts as 1
    assert second.positions[0, 0, 0].item() == pytest.approx(4)


def test_the_parabola_takes_logarithms_of_the_cells_that_count() -> None:
    maps = np.random.default_rng(0).uniform(1e-6, 1.2, (3, 5, 16, 12)).astype(np.float32)
    boxes = np.array([[0, 0, 48, 64]] * 3, np.float32)

    found = decode_parabola(maps, boxes, logarithms=False)
    wanted = decode_parabola(np.log(maps), boxes)

    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parity
def test_the_resized_rule_is_that_of_torchvision() -> None:
    from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(12, 17, 56, 56, generator=generator)
    corner = torch.rand(12, 2, generator=generator) * 50
    size = torch.rand(12, 2, generator=generator) * 200
    size[0] = 0.3
    boxes = torch.cat([corner, corner + size], dim=1)

    ours = decode_resized(maps, boxes)

    places, logits = heatmaps_to_keypoints(maps, boxes)
    torch.testing.assert_close(ours.positions, places[..., :2], rtol=0, atol=1e-3)
    torch.testing.assert_close(ours.logits, logits, rtol=1e-4, atol=1e-4)


def test_the_resized_rule_does_not_depend_on_who_else_is_there() -> None:
    maps = torch.randn(3, 17, 56, 56, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[0.0, 0, 30, 40], [5, 5, 900, 700], [0, 0, 2, 2]])

    together = decode_resized(maps, boxes)

    alone = [decode_resized(maps[i : i + 1], boxes[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together.positions, torch.cat([a.positions for a in alone]))
    torch.testing.assert_close(together.scores, torch.cat([a.scores for a in alone]))


@pytest.mark.parametrize("rule", [decode_refined, decode_resized])
def test_nobody_has_no_joints(rule: object) -> None:
    assert callable(rule)

    found = rule(torch.zeros(0, 17, 56, 56), torch.zeros(0, 4))

    assert found.positions.shape == (0, 17, 2)
    assert found.scores.shape == (0, 17)


@pytest.mark.parametrize("rule", ["refined", "resized"])
def test_autocast_leaves_the_joints_where_they_are(rule: Literal["refined", "resized"]) -> None:
    maps = bumps(torch.rand(3, 17, 2, generator=torch.Generator().manual_seed(0)))
    boxes = torch.tensor([[10.0, 20, 210, 320]]).repeat(3, 1)
    size = (400, 400)
    geometry = Geometry(picture=size, resized=size, padded=size, scale=(1.0, 1.0))
    config = DecodeConfig(rule=rule)

    exact = decode_joints(maps, boxes, geometry=geometry, config=config)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = decode_joints(maps, boxes, geometry=geometry, config=config)

    assert torch.equal(found.positions, exact.positions)


def test_the_power_of_rescoring_is_not_negative() -> None:
    with pytest.raises(InputError, match=r"DecodeConfig.rescore must be in \[0, 100\], got -1"):
        DecodeConfig(rescore=-1)
    with pytest.raises(
        InputError, match=r"DecodeConfig.score_power must be in \[0.01, 100\], got 0"
    ):
        DecodeConfig(score_power=0)
