"""Heatmaps of all kinds on one scale."""

import math

import numpy as np
import pytest

from posetube.models3d.joint_peaks import DecodeConfig, calibrated
from posetube.models3d.refiners.evidence import SIGMA, evidence_of, read_joints
from posetube.network import MapKind, TubeHeatmaps

CELLS = np.stack(np.meshgrid(np.arange(48), np.arange(64)), axis=-1)  # column, row


def gaussian(x: float, y: float, sigma: float = SIGMA) -> np.ndarray:
    """(64, 48) logarithm of a Gaussian of height 1."""
    squared: np.ndarray = np.square(CELLS - [x, y]).sum(-1)
    return -0.5 * squared / sigma**2


def drawn(logits: np.ndarray, kind: MapKind) -> TubeHeatmaps:
    region = np.array([[[0, 0, 48, 64]]], np.float32)
    return TubeHeatmaps(logits=logits[None, None, None], regions=region, kind=kind)


@pytest.mark.parametrize(("kind", "constant"), [("heights", 0.0), ("softmax", 7.5)])
def test_a_clear_peak_is_1_whatever_the_maps_are(kind: MapKind, constant: float) -> None:
    evidence = evidence_of(drawn(gaussian(20, 30) + constant, kind))[0, 0, 0]

    assert evidence.max() == pytest.approx(1, abs=1e-3)
    assert np.unravel_index(evidence.argmax(), evidence.shape) == (30, 20)
    np.testing.assert_allclose(evidence, np.exp(gaussian(20, 30)), atol=1e-3)


def test_a_broad_softmax_map_is_less_sure() -> None:
    broad = evidence_of(drawn(gaussian(20, 30, sigma=3 * SIGMA), "softmax"))

    assert broad.max() == pytest.approx(1 / 9, rel=0.01)
    flat = evidence_of(drawn(np.zeros((64, 48)), "softmax"))
    np.testing.assert_allclose(flat, 2 * math.pi * SIGMA**2 / (64 * 48), rtol=1e-4)


def test_joints_lie_at_peaks_in_pixels_and_their_scores_follow_the_heights() -> None:
    heights = 0.5 * np.exp(gaussian(20.25, 30.5, sigma=2))[None, None].astype(np.float32)
    box = np.array([[100, 200, 148, 264]], np.float32)

    places, scores = read_joints(heights, box, calibration=None)
    _, probability = read_joints(heights, box, calibration=(2.0, 1.0))

    np.testing.assert_allclose(places[0, 0], [100 + 20.75, 200 + 31], atol=0.01)
    assert scores[0, 0] == pytest.approx(0.5, abs=0.02)
    peak = np.log(heights.max(keepdims=True))
    known = calibrated(peak, scores, DecodeConfig(calibration=(2.0, 1.0)))
    assert probability[0, 0] == pytest.approx(known.item())


def test_empty_maps_are_read_without_a_warning() -> None:
    _, scores = read_joints(
        np.zeros((1, 2, 8, 8), np.float32), np.zeros((1, 4), np.float32), calibration=(2.0, 3.0)
    )

    assert (scores < 1e-6).all()
