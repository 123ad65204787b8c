"""Where the crop network's channels lie in its graphs: never moved, and padded to whole blocks.

Shuffle blocks take their channels in halves and interleave them. In a graph every half and every
shuffle would be a copy, and ONNX Runtime would leave its blocked layout for each. So channels stay
in the slot where they are, and the kernels next to them are reordered instead: a convolution that
takes half of the channels has zeros for the others, and one that makes half of them leaves the
slots of the others alone. Slots come in blocks of 16, the layout of the widest vectors; slots
without a channel are zeros.

NumPy only: the same function fills a graph when it is opened, and the torch modules that it is
traced from (:mod:`.slotted_network`).

Source: Zhang et al., "ShuffleNet", CVPR 2018, for the shuffle.
"""

from collections.abc import Mapping
from itertools import pairwise, permutations
from typing import NamedTuple

import numpy as np

from posetube.structures import FloatArray, IntArray

BLOCK = 16
"""Channels that are kept together: as many float32 as the widest vectors hold."""

EMPTY = -1
"""In a slot without a channel."""

STAGES = 3
"""Stages of the crop network; the first one has two branches, each one more than the last."""

Tensors = Mapping[str, FloatArray]


def padded_slots(channels: int) -> IntArray:
    """(S,) the channel in each slot, in their order."""
    slots = np.full(-(-channels // BLOCK) * BLOCK, EMPTY, np.int64)
    slots[:channels] = np.arange(channels)
    return slots


def shuffled_slots(slots: IntArray) -> IntArray:
    """The channel in each slot after a shuffle block, whose second half was replaced in place."""
    half = (slots >= 0).sum() // 2
    return np.where(slots < half, 2 * slots, 2 * (slots - half) + 1).clip(EMPTY)


class ArrangedTensors(NamedTuple):
    """A crop network's tensors, its channels in slots."""

    weights: dict[str, FloatArray]
    """Under the network's names, wider where slots are empty, but: the stem's first convolution is
    two, ``stem_halves.0`` and ``stem_halves.1``, one for each half of its channels."""

    kept: dict[str, FloatArray]
    """``kept`` (S, 1, 1, 1) of every shuffle block: a kernel that lets pass what it keeps."""


def arrange_channels(tensors: Tensors) -> ArrangedTensors:
    """The tensors of a crop network, their channels in slots.

    Args:
        tensors: All of the network's, by their names in it.

    Returns:
        Its finest branch comes out of its last block doubled, as the sum that follows wants it.
    """
    work = _Arrangement(tensors)
    stem = work.stem()
    widths = [len(tensors[f"enter.{i}.pointwise.weight"]) for i in range(STAGES + 1)]
    enter = [padded_slots(width) for width in widths]
    branches = [enter[0]]
    work.separable("enter.0", stem, enter[0])
    for stage in range(STAGES):
        work.separable(f"enter.{stage + 1}", branches[-1] if stage else stem, enter[stage + 1])
        branches.append(enter[stage + 1])
        unit = 0
        while f"stages.{stage}.{unit}.up.1_0.weight" in tensors:
            branches = work.unit(f"stages.{stage}.{unit}", branches)
            unit += 1
    last = padded_slots(widths[0])
    merged = [branches[-1], *reversed(branches[:-1]), last]
    for index, (inputs, outputs) in enumerate(pairwise(merged)):
        work.separable(f"merge.{index}", inputs, outputs)
    work.readouts(merged[-2], last)
    return ArrangedTensors(weights=work.arranged, kept=work.kept)


class _Arrangement:
    """Reorders one layer after the other."""

    def __init__(self, tensors: Tensors) -> None:
        self.arranged: dict[str, FloatArray] = {}
        self.kept: dict[str, FloatArray] = {}
        self._tensors = tensors

    def stem(self) -> IntArray:
        """Two halves beside each other, each whole blocks wide; the channels in their slots."""
        half = len(self._tensors["stem.expand.weight"]) // 2
        for part in range(2):
            for kind in ("weight", "bias"):
                both = self._tensors[f"stem.first.{kind}"]
                self.arranged[f"stem_halves.{part}.{kind}"] = np.array_split(both, 2)[part]
        rest = ("stem.short", "stem.expand", "stem.main")
        self.arranged |= {name: one for name, one in self._tensors.items() if name.startswith(rest)}
        return np.concatenate([2 * np.arange(half), 2 * np.arange(half) + 1])

    def unit(self, name: str, branches: list[IntArray]) -> list[IntArray]:
        """An exchange unit; the channels in the slots that its outputs have."""
        own = []
        for branch, slots in enumerate(branches):
            after = self._block(f"{name}.branches.{branch}.0", slots)
            last = f"{name}.branches.{branch}.1"
            own.append(self._block(last, after, factor=1 if branch else 2))
        for i, j in permutations(range(len(own)), 2):
            if j > i:
                self._mix(f"{name}.up.{j}_{i}", own[j], own[i])
                continue
            slots = own[j]
            for step in range(i - j):
                wider = own[i] if step == i - j - 1 else padded_slots(int((slots >= 0).sum()))
                self.separable(f"{name}.down.{j}_{i}.{step}", slots, wider)
                slots = wider
        return own

    def separable(self, name: str, inputs: IntArray, outputs: IntArray) -> None:
        """A depthwise and a pointwise convolution."""
        for kind in ("weight", "bias"):
            depthwise = f"{name}.depthwise.{kind}"
            self.arranged[depthwise] = _placed(self._tensors[depthwise], inputs)
        self._mix(f"{name}.pointwise", inputs, outputs)

    def readouts(self, coarse: IntArray, fine: IntArray) -> None:
        """The convolutions that draw heatmaps: their inputs are in slots, their outputs are not."""
        own = self._tensors["out.weight"]
        self._mix("out", fine, np.arange(len(own)))
        added = {name: one for name, one in self._tensors.items() if name.startswith("added.")}
        self.arranged |= added
        if added:
            hidden = np.arange(len(added["added.fine.weight"]))
            self.separable("added.coarse", coarse, hidden)
            self._mix("added.fine", fine, hidden)

    def _block(self, name: str, slots: IntArray, *, factor: int = 1) -> IntArray:
        """A shuffle block, its output times a factor; the channels in the slots of its output."""
        half = int((slots >= 0).sum()) // 2
        hidden, changed = padded_slots(half), (slots - half).clip(EMPTY)
        self._mix(f"{name}.reduce", changed, hidden)
        self.separable(f"{name}.rest", hidden, changed)
        for kind in ("weight", "bias"):
            self.arranged[f"{name}.rest.pointwise.{kind}"] *= factor
        kept = (slots >= 0) & (slots < half)
        self.kept[f"{name}.kept"] = factor * kept.astype(np.float32)[:, None, None, None]
        return shuffled_slots(slots)

    def _mix(self, name: str, inputs: IntArray, outputs: IntArray) -> None:
        """A convolution of all channels."""
        weight = _placed(self._tensors[f"{name}.weight"], outputs)
        weight = _placed(weight.swapaxes(0, 1), inputs).swapaxes(0, 1)
        self.arranged[f"{name}.weight"] = np.ascontiguousarray(weight)
        self.arranged[f"{name}.bias"] = _placed(self._tensors[f"{name}.bias"], outputs)


def _placed(rows: FloatArray, slots: IntArray) -> FloatArray:
    """The row of the channel in each slot; zeros for empty slots."""
    placed = rows[slots]
    placed[slots == EMPTY] = 0
    return placed
