"""Detection scales: people are looked for in a picture at several sizes (multi-scale testing).

A detector knows people of a range of sizes; whoever fills the picture lies above it. The tubes of
all sizes are suppressed together, as if they came from cells of further levels. Arrays or tensors,
so that every runtime shares it. Importing this file does not import torch.

Source: multi-scale testing is as old as SPPnet (He et al., ECCV 2014); to leave the further sizes
out where the first tells enough is ours.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .arrays import Array, library_of, on_host
from .configs.proposal_heads import DenseProposalConfig, FurtherScalesConfig
from .preprocess import Geometry
from .tube_choice import Proposals, choose_tubes


class ScaledTubes(NamedTuple):
    """What the N cells of B clips say at one size of the network's input."""

    logits: Array
    """(B, N) one per tube."""

    tubes: Array
    """(B, N, T, 4) pixels of the input of this size."""

    geometry: Geometry
    """Where the frames lie in it."""


def choose_over_scales(found: Iterator[ScaledTubes], *, config: DenseProposalConfig) -> Proposals:
    """The best tubes of B clips, one of many similar ones; they carry no gradient.

    Args:
        found: The first size, then the further ones. These are asked for only where a clip needs
            them; on a device always, because looking whether one does would wait for it.
        config: Says which clips need them; and the filter.

    Returns:
        Tubes in pixels of the input of the first size.
    """
    first = next(found)
    chosen = choose_tubes(first.logits, first.tubes, config=config)
    if config.further is None:
        return chosen
    again = needs_further(chosen, first.geometry, config.further)
    if on_host(again) and not again.any():
        return chosen
    xp, logits, tubes = library_of(again), [first.logits], [first.tubes]
    for more in found:
        logits.append(xp.where(again[:, None], more.logits, -np.inf))
        tubes.append(first.geometry.to_network(more.geometry.to_picture(more.tubes)))
    return choose_tubes(xp.concatenate(logits, 1), xp.concatenate(tubes, 1), config=config)


def needs_further(chosen: Proposals, geometry: Geometry, config: FurtherScalesConfig) -> Array:
    """Which of B clips need a look at the further sizes, (B,) bool.

    Args:
        chosen: The people of the first size.
        geometry: Of the first size.
        config: The rule.
    """
    sure = chosen.taken & (chosen.scores >= config.sure)
    xp, sides = library_of(sure), chosen.tubes[..., 2:] - chosen.tubes[..., :2]
    longest = xp.amax(xp.amax(sides, -1), -1)
    large = sure & (longest > config.large * max(geometry.resized))
    return ~sure.any(1) | large.any(1)
