"""Joints at the peaks of heatmaps: how they are to be read, and the parabola rule.

Arrays or tensors. The other rules need torch (:mod:`.heatmaps`).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from posetube.errors import InputError
from posetube.network import MapKind
from posetube.setting_checks import check_numbers

from .arrays import Array, library_of, settled, sigmoid, take_along
from .slots import constants

LEAST = 1e-6
"""Heatmap values below this, of 1 at a clear peak, count as this before the logarithm."""


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

    ranking: int | None = None
    """How many joints, from the first, make that mean and tell whether two people are the same;
    None: all."""

    score_power: float = 1.0
    """The person's score, so rescored, is raised to this power: order stays, and linking's
    thresholds keep their meaning where scores are modest (below 1) or bold (above 1)."""

    calibration: tuple[float, float] | None = None
    """Slope and offset that turn the height h of a joint's peak, the logarithm of a map, into the
    probability 1 / (1 + exp(-slope * h - offset)) that the joint is near its true place; None:
    the rule's own score stays."""

    calibration_of_rest: tuple[float, float] | None = None
    """The same for the joints behind the first ``ranking`` ones, where they need other numbers."""

    min_joint: float | None = None
    """Joints less sure than this, in [0, 1], are absent from tracks by default; None: all stay."""

    def __post_init__(self) -> None:
        check_numbers(self, "rescore", low=0, high=100)
        check_numbers(self, "ranking", low=1, high=1000)
        check_numbers(self, "score_power", low=1e-2, high=100)
        check_numbers(self, "calibration", "calibration_of_rest", low=-1e3, high=1e3)
        check_numbers(self, "min_joint", low=0, high=1)
        for name in ("calibration", "calibration_of_rest"):
            pair = getattr(self, name)
            if pair is not None and pair[0] <= 0:
                raise InputError(f"DecodeConfig.{name}: the slope must be above 0, got {pair[0]}")
        if self.calibration_of_rest and (self.calibration is None or self.ranking is None):
            raise InputError(
                "DecodeConfig.calibration_of_rest goes with calibration and ranking, got "
                f"{self.calibration} and {self.ranking}"
            )

    @property
    def map_kind(self) -> MapKind:
        """What the rule takes heatmaps for."""
        return "heights" if self.rule == "parabola" else "softmax"


class Joints(NamedTuple):
    """The joints of M boxes."""

    positions: Array
    """(M, K, 2) x y, in the boxes' pixels."""

    logits: Array
    """(M, K) height of the peak."""

    scores: Array
    """(M, K) in [0, 1]: by the refined rule, the probability within two cells of the peak; by the
    resized rule, that of the peak's own pixel."""


def decode_parabola(heatmaps: Array, boxes: Array, *, logarithms: bool = True) -> Joints:
    """Joints where the parabola through the highest cell and its neighbours has its top.

    Args:
        heatmaps: (M, K, h, w) logarithms of maps whose clear peaks are 1.
        boxes: (M, 4) pixels, that the maps cover.
        logarithms: False: ``heatmaps`` are the maps themselves, ``LEAST`` or more. Logarithms are
            then taken of the few cells that count.
    """
    xp, (height, width) = library_of(heatmaps), heatmaps.shape[-2:]
    flat = settled(heatmaps).reshape(*heatmaps.shape[:2], height * width)
    peak = flat.argmax(2)
    row, column = peak // width, peak % width
    # at the border a neighbour is the peak itself, and not asked
    left, right = (column > 0), (column < width - 1)
    up, down = (row > 0), (row < height - 1)
    before, after = [peak - 1 * left, peak - width * up], [peak + 1 * right, peak + width * down]
    heights = take_along(flat, xp.stack([peak, *before, *after], -1), 2)
    if not logarithms:
        heights = xp.log(heights)
    logits, inside = heights[..., 0], xp.stack([left & right, up & down], -1)
    summit = _summit(heights[..., :1], heights[..., 1:3], heights[..., 3:], inside=inside)
    share = (xp.stack([column, row], -1) + 0.5 + summit) / constants((width, height), peak)
    positions = boxes[:, None, :2] + share * (boxes[:, 2:] - boxes[:, :2])[:, None]
    return Joints(positions=positions, logits=logits, scores=xp.exp(logits).clip(max=1))


def calibrated(peaks: Array, scores: Array, config: DecodeConfig) -> Array:
    """The joints' scores in [0, 1], as probabilities if the configuration says how.

    Args:
        peaks: (..., K) heights of the peaks, logarithms.
        scores: (..., K) by the decoding rule.
        config: Says how.

    Source: logistic regression on scores (Platt, 1999).
    """
    if config.calibration is None:
        return scores
    pairs = [config.calibration] * peaks.shape[-1]
    if config.calibration_of_rest is not None:
        pairs[config.ranking :] = [config.calibration_of_rest] * len(pairs[config.ranking :])
    slope, offset = (constants(column, peaks) for column in zip(*pairs, strict=True))
    # peaks above 1 are no surer than clear peaks of 1
    return sigmoid(slope * peaks.clip(max=0) + offset)


def _summit(top: Array, before: Array, after: Array, *, inside: Array) -> Array:
    """Where the parabola through a peak and its two neighbours is highest, across and down.

    Args:
        top: (M, K, 1) height of the peak.
        before: (M, K, 2) height of the cell before it.
        after: (M, K, 2) height of the cell behind it.
        inside: (M, K, 2) whether there are such cells; a peak at the border has no offset.

    Returns:
        (M, K, 2) offset from the peak, in [-0.5, 0.5] cells.
    """
    xp = library_of(top)
    bend = before - 2 * top + after
    curved = inside & (bend < 0)
    offset = 0.5 * (before - after) / xp.where(curved, bend, xp.ones_like(bend))
    return xp.where(curved, offset, xp.zeros_like(offset)).clip(-0.5, 0.5)
