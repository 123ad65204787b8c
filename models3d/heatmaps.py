"""From heatmaps to joints: where each map peaks, to a fraction of a cell, and with what confidence.

Every function works on all people, frames and joints at once. Not here: the opposite, from joints
to training targets (:mod:`posetube.models3d.training.heatmap_targets`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from .arrays import Array, library_of, settled, sigmoid, take_along
from .preprocess import Geometry

FINE = 2
"""How many times finer than the heatmap the grid is on which the refined rule seeks the peak."""

PEAK_WINDOW = 5
"""Side, in heatmap cells, of the window whose probability is a joint's score."""

CHUNK = 8_000_000
"""How many cells of resized heatmaps the ``resized`` rule holds in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class DecodeConfig:
    """How joints are read from heatmaps."""

    rule: Literal["refined", "parabola", "resized"] = "refined"
    """``refined``: peak of the map doubled by bicubic interpolation, then a parabola through its
    neighbours. ``parabola``: the same on the map as it is; the peak itself is the joint's score.
    ``resized``: highest pixel of the map resized to the box, as Mask R-CNN does."""

    pixels: Literal["network", "picture"] = "network"
    """The pixels that the ``resized`` rule resizes to: those of the network's input (torchvision)
    or of the displayed frame (Detectron)."""

    rescore: float = 0.0
    """A person's score is multiplied by the mean of the joints' scores to this power; 0: it is
    left as it is."""

    score_power: float = 1.0
    """The person's score, so rescored, is raised to this power: order stays, and linking's
    thresholds keep their meaning where scores are modest (below 1) or bold (above 1)."""

    calibration: tuple[float, float] | None = None
    """Slope and offset that turn the height h of a joint's peak, the logarithm of a map, into the
    probability 1 / (1 + exp(-slope * h - offset)) that the joint is near its true place; None:
    the rule's own score stays."""

    min_joint: float | None = None
    """Joints less sure than this, in [0, 1], are absent from tracks by default; None: all stay."""

    def __post_init__(self) -> None:
        check_numbers(self, "rescore", low=0, high=100)
        check_numbers(self, "score_power", low=1e-2, high=100)
        check_numbers(self, "calibration", low=-1e3, high=1e3)
        check_numbers(self, "min_joint", low=0, high=1)
        if self.calibration is not None and self.calibration[0] <= 0:
            raise InputError(
                f"DecodeConfig.calibration: the slope must be above 0, got {self.calibration[0]}"
            )


class Joints(NamedTuple):
    """The joints of M boxes."""

    positions: Array
    """(M, K, 2) x y, in the boxes' pixels."""

    logits: Array
    """(M, K) height of the peak."""

    scores: Array
    """(M, K) in [0, 1]: by the refined rule, the probability within two cells of the peak; by the
    resized rule, that of the peak's own pixel."""


def decode_joints(
    heatmaps: Tensor, boxes: Tensor, *, geometry: Geometry, config: DecodeConfig
) -> Joints:
    """Read the joints of M boxes.

    Args:
        heatmaps: (M, K, S, S) logits.
        boxes: (M, 4) pixels of the network's input.
        geometry: Where the frame lies in the network's input.
        config: The rule to use.

    Returns:
        The joints, in pixels of the displayed frame.
    """
    on_picture = config.rule != "resized" or config.pixels == "picture"
    read = {
        "refined": decode_refined,
        "parabola": decode_parabola,
        "resized": decode_resized,
    }[config.rule]
    # autocast would compute the products in half precision, in which many cells are the highest
    with torch.autocast(heatmaps.device.type, enabled=False):
        joints = read(heatmaps, geometry.to_picture(boxes) if on_picture else boxes)
    if on_picture:
        return joints
    return joints._replace(positions=geometry.to_picture(joints.positions))


def decode_refined(heatmaps: Tensor, boxes: Tensor) -> Joints:
    """Joints to a fraction of a cell, at a cost that does not depend on the boxes' sizes.

    Every map is doubled by bicubic interpolation. The joint is at the top of a parabola through the
    highest cell and its neighbours.

    Args:
        heatmaps: (M, K, S, S) logits.
        boxes: (M, 4) pixels.
    """
    heatmaps = heatmaps.float()
    side = heatmaps.shape[-1] * FINE
    length = torch.full((1,), side, device=heatmaps.device)
    kernel = _bicubic(length, heatmaps.shape[-1], longest=side)[0].float()
    joints = decode_parabola(kernel @ heatmaps @ kernel.T, boxes)
    return joints._replace(scores=peak_mass(heatmaps))


def decode_parabola(heatmaps: Array, boxes: Array) -> Joints:
    """Joints where the parabola through the highest cell and its neighbours has its top.

    Args:
        heatmaps: (M, K, h, w) logarithms of maps whose clear peaks are 1.
        boxes: (M, 4) pixels, that the maps cover.
    """
    xp, (height, width) = library_of(heatmaps), heatmaps.shape[-2:]
    flat = settled(heatmaps).reshape(*heatmaps.shape[:2], height * width)
    peak = flat.argmax(2)
    logits = take_along(flat, peak[..., None], 2)[..., 0]
    row, column = peak // width, peak % width
    x = column + 0.5 + _parabola(flat, row * width, column, 1, width)
    y = row + 0.5 + _parabola(flat, column, row, width, height)
    share = xp.stack([x / width, y / height], -1)
    positions = boxes[:, None, :2] + share * (boxes[:, 2:] - boxes[:, :2])[:, None]
    return Joints(positions=positions, logits=logits, scores=xp.exp(logits).clip(max=1))


def calibrated(peaks: Array, scores: Array, config: DecodeConfig) -> Array:
    """The joints' scores in [0, 1], as probabilities if the configuration says how.

    Args:
        peaks: (...) heights of the peaks, logarithms.
        scores: (...) by the decoding rule.
        config: Says how.

    Source: logistic regression on scores (Platt, 1999).
    """
    if config.calibration is None:
        return scores
    slope, offset = config.calibration
    # peaks above 1 are no surer than clear peaks of 1
    return sigmoid(slope * peaks.clip(max=0) + offset)


def _parabola(flat: Array, start: Array, place: Array, step: int, side: int) -> Array:
    """The top of the parabola through a peak and its two neighbours on one axis.

    Args:
        flat: (M, K, h * w) maps.
        start: (M, K) index of the first cell of the peak's row or column.
        place: (M, K) the peak's place in that row or column.
        step: Distance of neighbours in ``flat``.
        side: Cells per row and column; a peak at the border has no offset.

    Returns:
        (M, K) offset from the peak, in [-0.5, 0.5] cells.
    """

    def at(offset: int) -> Array:
        index = start + (place + offset).clip(0, side - 1) * step
        return take_along(flat, index[..., None], 2)[..., 0]

    xp = library_of(flat)
    before, top, after = at(-1), at(0), at(1)
    bend = before - 2 * top + after
    offset = 0.5 * (before - after) / xp.where(bend < 0, bend, xp.ones_like(bend))
    inside = (place > 0) & (place < side - 1) & (bend < 0)
    return xp.where(inside, offset, xp.zeros_like(offset)).clip(-0.5, 0.5)


def peak_mass(heatmaps: Tensor) -> Tensor:
    """Probability within two cells of the peak: (M, K, S, S) logits to (M, K) in [0, 1]."""
    shape = heatmaps.shape
    probability = heatmaps.flatten(2).softmax(dim=2).view(shape)
    window, reach = probability, PEAK_WINDOW // 2
    # first over rows, then over columns: a fifth of the work of both at once
    for size, padding in (((PEAK_WINDOW, 1), (reach, 0)), ((1, PEAK_WINDOW), (0, reach))):
        window = functional.avg_pool2d(window, size, stride=1, padding=padding, divisor_override=1)
    return window.flatten(2).amax(dim=2).clamp(max=1)


def decode_resized(heatmaps: Tensor, boxes: Tensor) -> Joints:
    """Mask R-CNN's rule: the highest pixel of each map after it is resized to its box.

    Args:
        heatmaps: (M, K, S, S) logits.
        boxes: (M, 4) pixels. A box below one pixel counts as one pixel wide or high.

    Source:
        He et al., ICCV 2017; Detectron and torchvision, which process the people one by one.
    """
    heatmaps = heatmaps.float()
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    cells = size.ceil().long()
    people, joints = heatmaps.shape[:2]
    place = heatmaps.new_zeros(people, joints, 2)
    logits, scores = heatmaps.new_zeros(people, joints), heatmaps.new_zeros(people, joints)
    # The only place in the network that waits for the device: the maps are as large as the boxes,
    # so their sizes must be known before the maps can be made.
    known = cells.cpu()
    for group in _similar_sizes(known, joints=joints):
        largest, rows = known[group].amax(dim=0).tolist(), group.to(cells.device)
        place[rows], logits[rows], scores[rows] = _resized_peaks(
            heatmaps[rows], cells[rows], largest=largest
        )
    positions = boxes[:, None, :2] + (place + 0.5) * (size / cells)[:, None]
    return Joints(positions=positions, logits=logits, scores=scores)


def _similar_sizes(cells: Tensor, *, joints: int) -> list[Tensor]:
    """Rows of (M, 2) sizes in groups of similar size that fit into memory when resized."""
    if not len(cells):
        return []
    order = cells.prod(dim=1).argsort()
    largest = cells.amax(dim=1)[order] ** 2 * joints
    group = (largest.cumsum(dim=0) // CHUNK).tolist()
    starts = [i for i in range(len(group)) if i == 0 or group[i] != group[i - 1]]
    return list(order.tensor_split(starts[1:]))


def _resized_peaks(
    heatmaps: Tensor, cells: Tensor, *, largest: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Resize every map to its box's (w, h) cells and find the highest cell.

    ``largest`` is the greatest w and the greatest h.

    Returns:
        (m, K, 2) column and row, (m, K) logit, (m, K) probability of that cell.
    """
    side = heatmaps.shape[-1]
    rows = _bicubic(cells[:, 1], side, longest=largest[1]).to(heatmaps.dtype)
    columns = _bicubic(cells[:, 0], side, longest=largest[0]).to(heatmaps.dtype)
    resized = rows[:, None] @ heatmaps @ columns[:, None].transpose(2, 3)
    y = torch.arange(resized.shape[2], device=resized.device)
    x = torch.arange(resized.shape[3], device=resized.device)
    outside = (y[:, None] >= cells[:, 1, None, None]) | (x >= cells[:, 0, None, None])
    flat = resized.masked_fill(outside[:, None], -torch.inf).flatten(2)
    logit, peak = flat.max(dim=2)
    score = 1 / (flat - logit[..., None]).exp().sum(dim=2)
    width = resized.shape[3]
    return torch.stack([peak % width, peak // width], dim=-1).to(heatmaps.dtype), logit, score


def _bicubic(lengths: Tensor, side: int, *, longest: int) -> Tensor:
    """Bicubic interpolation from ``side`` cells to each of (m,) lengths, as (m, longest, side).

    Borders are repeated, as in OpenCV and torch.
    """
    out = torch.arange(longest, device=lengths.device)
    scale = side / lengths.to(torch.float32 if lengths.device.type == "mps" else torch.float64)
    source = (out + 0.5) * scale[:, None] - 0.5
    first = source.floor()
    taps = torch.arange(-1, 3, device=lengths.device)
    weight = _cubic((source[..., None] - (first[..., None] + taps)).abs())
    index = (first.long()[..., None] + taps).clamp(0, side - 1)
    matrix = weight.new_zeros(len(lengths), longest, side)
    return matrix.scatter_add_(2, index, weight)


def _cubic(distance: Tensor) -> Tensor:
    """Weight of a cell at a distance of so many cells (Keys' kernel with a = -0.75)."""
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = ((-0.75 * distance + 3.75) * distance - 6) * distance + 3
    return torch.where(distance <= 1, near, torch.where(distance < 2, far, 0))
