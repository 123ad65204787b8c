"""The warper of neighbouring maps."""

import pytest
import torch
from torch.nn import functional

from posetube.models3d.refiners.conv_lstm import corrected
from posetube.models3d.refiners.learned_config import MapWarperConfig
from posetube.models3d.refiners.map_warper import MapWarper

SMALL = MapWarperConfig(skeleton="coco17", channels=8, blocks=1, dilations=(1, 2))


def maps(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return torch.rand(2, 17, 12, 10), torch.rand(2, 2, 17, 12, 10)


def test_untrained_it_changes_nothing() -> None:
    own, others = maps()

    assert torch.equal(corrected(own, MapWarper(SMALL)(own, others)), own)


def test_without_offsets_maps_stay_where_they_are() -> None:
    own, others = maps()

    torch.testing.assert_close(MapWarper(SMALL).bent(own, others[:, 0]), others[:, 0])


def test_a_steady_offset_moves_the_map() -> None:
    own, others = maps()
    warper = MapWarper(SMALL)
    with torch.no_grad():
        for conv in warper.offsets:
            bias = conv.bias
            assert isinstance(bias, torch.Tensor)
            bias.view(17, 9, 2)[..., 0] = 1  # y before x: one row further down
            moved = warper.bent(own, others[:, 0])

    torch.testing.assert_close(moved[:, :, 1:-1], others[:, 0, :, 2:])


@pytest.mark.slow
def test_it_learns_where_a_joint_went() -> None:
    # the neighbours show a joint that the frame itself does not, three cells to the left
    torch.manual_seed(0)
    warper = MapWarper(SMALL)
    place = torch.randint(4, 8, (16, 17))
    peaks = functional.one_hot(place, 10).float()[:, :, None].expand(-1, -1, 12, -1) * 0.9
    others = torch.stack([peaks.roll(-3, dims=3)] * 2, 1)
    own = torch.full_like(peaks, 0.05)
    optimizer = torch.optim.Adam(warper.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        logits = warper.logits(own, others)
        loss = functional.cross_entropy(logits.mean(2).flatten(0, 1), place.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.3 * losses[0]
