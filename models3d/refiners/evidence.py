"""Brings heatmaps of all kinds to one scale, and reads joints from it."""

import math

import numpy as np

from posetube.network import TubeHeatmaps
from posetube.structures import FloatArray

from ..joint_peaks import LEAST, DecodeConfig, calibrated, decode_parabola

SIGMA = 1.0
"""Width of the Gaussian, in cells, that a clear peak of a softmax map is taken for."""


def evidence_of(maps: TubeHeatmaps) -> FloatArray:
    """How much speaks for the joint in each cell: (N, T, K, h, w) in [0, 1], 1 at a clear peak.

    A softmax map that is exactly a Gaussian of width :data:`SIGMA` peaks at 1 as well; where it is
    broader or has several peaks, these are lower.
    """
    logits = maps.logits.astype(np.float32, copy=False)
    if maps.kind == "heights":
        heights: FloatArray = np.exp(logits.clip(math.log(LEAST), 0))
        return heights
    shares: FloatArray = np.exp(logits - logits.max(axis=(-2, -1), keepdims=True))
    shares /= shares.sum(axis=(-2, -1), keepdims=True)
    return (shares * (2 * math.pi * SIGMA**2)).clip(0, 1)


def read_joints(
    evidence: FloatArray, regions: FloatArray, *, calibration: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray]:
    """The joints at the evidence's peaks.

    Args:
        evidence: (M, K, h, w) in [0, 1].
        regions: (M, 4) pixels, the boxes that the maps cover.
        calibration: As :class:`posetube.network.TubeHeatmaps` has it.

    Returns:
        (M, K, 2) positions, pixels, and (M, K) scores in [0, 1].
    """
    peaks = decode_parabola(np.log(np.maximum(evidence, np.float32(LEAST))), regions)
    scores = calibrated(peaks.logits, peaks.scores, DecodeConfig(calibration=calibration))
    return peaks.positions, scores
