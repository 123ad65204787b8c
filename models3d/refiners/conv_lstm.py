"""A convolutional LSTM, and the refiner of heatmaps that is built on it.

Source: Shi et al., "Convolutional LSTM Network", NeurIPS 2015; the gates' first biases are those of
the program of Luo et al., "LSTM Pose Machines", CVPR 2018.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.skeletons import Skeleton, skeleton

from ..joint_peaks import LEAST
from ..map_moving import move_maps
from .learned_config import ConvLSTMConfig

GATE_BIASES = {"candidate": 0.0, "forget": 1.0, "input": 1.4, "output": 0.2}
"""What the gates lean to before they are trained: to keep, to take in, to show."""

MOST_CHANGE = 30.0
"""Of a logarithm; more would be no finite number any more."""

CENTRE_WIDTH = 21 / 8
"""Width of the Gaussian in the middle of the box, cells."""


class Memory(NamedTuple):
    """What a cell carries from frame to frame, for M people."""

    cell: Tensor
    """(M, C, h / stride, w / stride); K * C channels where joints share a cell."""

    hidden: Tensor
    """(M, C, h / stride, w / stride)."""


class EvenConv2d(nn.Conv2d):
    """A convolution that treats left and right, up and down alike.

    Its maps cannot learn that everything lies a little lower than it seems, which is true of the
    clips that it learned from and not of others.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """As of any convolution."""
        half = self.weight + self.weight.flip(2)
        even = (half + half.flip(3)) / 4
        found: Tensor = functional.conv2d(maps, even, self.bias, padding=self.padding)
        return found


class ConvLSTMCell(nn.Module):
    """The cell. Without a memory it begins as with one of zeros: C = i g, h = o tanh(C)."""

    def __init__(self, inputs: int, hidden: int, *, conv: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        self.hidden = hidden
        self.from_input = conv(inputs, 4 * hidden, 3, padding=1)
        # one bias per gate is enough: two would only be added
        self.from_hidden = conv(hidden, 4 * hidden, 3, padding=1, bias=False)
        assert self.from_input.bias is not None
        with torch.no_grad():
            self.from_input.bias.copy_(
                torch.tensor(list(GATE_BIASES.values())).repeat_interleave(hidden)
            )

    def forward(self, inputs: Tensor, memory: Memory | None) -> Memory:
        """One step with (M, I, h, w) inputs."""
        gates = self.from_input(inputs)
        if memory is not None:
            gates = gates + self.from_hidden(memory.hidden)
        candidate, forget, take, show = gates.split(self.hidden, dim=1)
        cell = take.sigmoid() * candidate.tanh()
        if memory is not None:
            cell = forget.sigmoid() * memory.cell + cell
        return Memory(cell=cell, hidden=show.sigmoid() * cell.tanh())


class RefinerState(NamedTuple):
    """What is remembered of M people."""

    memory: Memory
    refined: Tensor
    """(M, K, h, w) evidence of the last frame, refined."""

    regions: Tensor
    """(M, 4) the boxes that all these maps cover."""


class ConvLSTMRefiner(nn.Module):
    """Corrects evidence by what it remembers: causal, and the identity until it is trained."""

    def __init__(self, config: ConvLSTMConfig) -> None:
        super().__init__()
        self.config = config
        self.take_joints(skeleton(config.skeleton))
        joints = 1 if config.shared else self.joints
        inputs = joints * (1 + config.feedback) + int(config.centre) + 2 * config.shared
        conv = EvenConv2d if config.shared else nn.Conv2d
        self.lstm = ConvLSTMCell(inputs, config.hidden, conv=conv)
        widths = [config.hidden] + [config.channels] * len(config.kernels)
        self.readout = nn.Sequential()
        for (before, after), kernel in zip(pairwise(widths), config.kernels, strict=True):
            self.readout.append(conv(before, after, kernel, padding=kernel // 2))
            self.readout.append(nn.ReLU())
        last = nn.Conv2d(widths[-1], joints, 1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.readout.append(last)

    def take_joints(self, joints: Skeleton) -> None:
        """Refine these joints from now on: weights that joints share fit any."""
        self.joints, self.flip = len(joints), joints.flip

    def forward(self, evidence: Tensor, regions: Tensor, *, coarse: bool = False) -> Tensor:
        """Correct whole stretches.

        Args:
            evidence: (B, T, K, h, w) in [0, 1].
            regions: (B, T, 4) pixels.
            coarse: Whether the evidence has the memory's cells already: training on such maps
                teaches the same in a fraction of the time.

        Returns:
            (B, T, K, h, w) logarithms of the refined evidence.
        """
        state, found = None, []
        for maps, boxes in zip(evidence.unbind(1), regions.unbind(1), strict=True):
            state, logits = self.step(state, maps, boxes, coarse=coarse)
            found.append(logits)
        return torch.stack(found, 1)

    def step(
        self,
        state: RefinerState | None,
        evidence: Tensor,
        regions: Tensor,
        *,
        coarse: bool = False,
    ) -> tuple[RefinerState, Tensor]:
        """Correct one frame of M people.

        Args:
            state: Of the frame before; None: these people are new.
            evidence: (M, K, h, w) in [0, 1].
            regions: (M, 4) pixels.
            coarse: As for :meth:`forward`.

        Returns:
            The state for the next frame, and (M, K, h, w) logarithms of the refined evidence.
        """
        memory = None
        before = torch.zeros_like(evidence)
        if state is not None:
            boxes = {"source": state.regions, "target": regions}
            memory = Memory(*(move_maps(maps, **boxes) for maps in state.memory))
            before = move_maps(state.refined, **boxes)
        stride = 1 if coarse else self.config.stride
        seen = self._inputs(pooled(evidence, stride), pooled(before, stride))
        if memory is not None:
            memory = Memory(*(self._apart(maps) for maps in memory))
        memory = self.lstm(self._apart(seen), memory)
        change = self._together(self.readout(memory.hidden))
        if stride > 1:
            change = functional.interpolate(change, size=evidence.shape[2:], mode="bilinear")
        memory = Memory(*(self._together(maps) for maps in memory))
        refined = corrected(evidence, change)
        return RefinerState(memory, refined, regions), changed_logits(evidence, change)

    def _inputs(self, evidence: Tensor, before: Tensor) -> Tensor:
        """(M, C, h, w) what the cell sees; where joints share a cell, joint after joint."""
        inputs = [evidence, before] if self.config.feedback else [evidence]
        if self.config.shared:
            inputs += [_faint(evidence), evidence[:, self.flip]]
        if self.config.centre:
            centre = _centre(evidence, CENTRE_WIDTH / self.config.stride)
            inputs.append(centre.expand_as(evidence) if self.config.shared else centre)
        if self.config.shared:
            return torch.stack(inputs, 2).flatten(1, 2)
        return torch.cat(inputs, 1)

    def _apart(self, maps: Tensor) -> Tensor:
        """(M * K, C, h, w) of (M, K * C, h, w), where joints share a cell."""
        if not self.config.shared:
            return maps
        people, channels, height, width = maps.shape
        return maps.reshape(people * self.joints, channels // self.joints, height, width)

    def _together(self, maps: Tensor) -> Tensor:
        """(M, K * C, h, w) of (M * K, C, h, w), where joints share a cell."""
        if not self.config.shared:
            return maps
        rows, channels, height, width = maps.shape
        return maps.reshape(rows // self.joints, self.joints * channels, height, width)


def _faint(evidence: Tensor) -> Tensor:
    """Evidence in [0, 1] whose small values stand out: a lower peak may be the right one."""
    return (1 + 100 * evidence).log() / math.log(101)


def pooled(maps: Tensor, stride: int) -> Tensor:
    """Maps whose cells are ``stride`` times as large."""
    height, width = (max(side // stride, 1) for side in maps.shape[2:])
    return functional.adaptive_avg_pool2d(maps, (height, width))


def changed_logits(evidence: Tensor, change: Tensor) -> Tensor:
    """Logarithms of evidence, changed."""
    return evidence.clamp(min=LEAST).log() + change


def corrected(evidence: Tensor, change: Tensor) -> Tensor:
    """Evidence whose logarithm is changed; exactly what it was where nothing changes.

    A map that would rise above 1 is lowered as a whole, so that its peak keeps its form.
    """
    raised = evidence + evidence.clamp(min=LEAST) * change.clamp(max=MOST_CHANGE).expm1()
    return raised / raised.amax((2, 3), keepdim=True).clamp(min=1)


def joined(states: Sequence[RefinerState]) -> RefinerState:
    """The states of several people as one."""
    memory = Memory(*(torch.cat(maps) for maps in zip(*(s.memory for s in states), strict=True)))
    return RefinerState(
        memory,
        torch.cat([state.refined for state in states]),
        torch.cat([state.regions for state in states]),
    )


def apart(state: RefinerState) -> list[RefinerState]:
    """The state of every person alone."""
    tensors = (*state.memory, state.refined, state.regions)
    columns = [torch.split(tensor, 1) for tensor in tensors]
    return [RefinerState(Memory(*one[:2]), *one[2:]) for one in zip(*columns, strict=True)]


def _centre(like: Tensor, width: float) -> Tensor:
    """(M, 1, h, w) a Gaussian in the middle."""
    people, _, rows, columns = like.shape
    y, x = (
        torch.arange(side, device=like.device, dtype=like.dtype) - (side - 1) / 2
        for side in (rows, columns)
    )
    squared = (y**2)[:, None] + x**2
    return (-0.5 * squared / width**2).exp().expand(people, 1, -1, -1)
