"""From heatmaps to joints: where each map peaks, to a fraction of a cell, and with what confidence.

Every function works on all people, frames and joints at once. Not here: the opposite, from joints
to training targets (:mod:`posetube.models3d.training.heatmap_targets`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .joint_peaks import DecodeConfig, Joints, decode_parabola
from .preprocess import Geometry

FINE = 2
"""How many times finer than the heatmap the grid is on which the refined rule seeks the peak."""

PEAK_WINDOW = 5
"""Side, in heatmap cells, of the window whose probability is a joint's score."""

CHUNK = 8_000_000
"""How many cells of resized heatmaps the ``resized`` rule holds in memory at a time."""


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
    # The softmax at the peak, in the form that cannot overflow.
    score = 1 / (flat - logit[..., None]).exp().sum(dim=2)
    width = resized.shape[3]
    return torch.stack([peak % width, peak // width], dim=-1).to(heatmaps.dtype), logit, score


def _bicubic(lengths: Tensor, side: int, *, longest: int) -> Tensor:
    """Bicubic interpolation from ``side`` cells to each of (m,) lengths, as (m, longest, side).

    Borders are repeated, as in OpenCV and torch.
    """
    out = torch.arange(longest, device=lengths.device)
    # Apple's GPUs have no float64.
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
