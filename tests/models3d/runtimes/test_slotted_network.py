"""Channels that stay in their slots: the network computes what it computed."""

import numpy as np
import pytest
import torch

from posetube.models3d.high_resolution import HighResolutionNetwork, interleave
from posetube.models3d.runtimes.channel_slots import EMPTY, padded_slots, shuffled_slots
from posetube.models3d.runtimes.slotted_network import SlottedNetwork


@pytest.mark.parametrize("added", [0, 2])
def test_it_draws_what_the_network_draws(added: int) -> None:
    network = HighResolutionNetwork(joints=17, added=added).eval()
    crops = torch.randn(2, 3, 64, 96)

    with torch.no_grad():
        slotted = SlottedNetwork(network)
        drawn, wanted = slotted(crops), network(crops)
        stem, known = slotted.features(crops)[0], network.features(crops)[0]

    assert wanted.std() > 0
    torch.testing.assert_close(drawn, wanted, rtol=1e-4, atol=1e-4 * float(wanted.std()))
    torch.testing.assert_close(stem, known, rtol=1e-5, atol=1e-5)


def test_slots_come_in_blocks_and_empty_ones_stay_empty() -> None:
    slots = padded_slots(40)
    after = shuffled_slots(slots)

    assert len(slots) == len(after) == 48
    assert slots[:40].tolist() == list(range(40))
    assert (slots[40:] == EMPTY).all()
    assert (after[40:] == EMPTY).all()


def test_a_shuffle_leaves_its_channels_where_they_are() -> None:
    channels = torch.arange(8.0).reshape(1, 8, 1, 1)
    shuffled = interleave(channels[:, :4], channels[:, 4:]).flatten()

    after = shuffled_slots(np.arange(8))

    # what lies in slot s is the shuffled map's channel after[s]
    assert shuffled[torch.from_numpy(after)].tolist() == list(range(8))
