"""Heatmaps that are kept in a few kilobytes."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.errors import FormatError
from posetube.models3d.packed_maps import LEAST_SHARE, PersonMaps, pack, unpack
from posetube.models3d.refiners.evidence import read_joints

REGION = np.array([10.5, 20.25, 58.5, 84.25], np.float32)
"""Cells are pixels."""


def person(rng: np.random.Generator, *, joints: int = 5) -> PersonMaps:
    """A clear peak per joint, and a lower one beside it."""
    cells = np.stack(np.meshgrid(np.arange(48), np.arange(64)), axis=-1)
    evidence = np.zeros((joints, 64, 48), np.float32)
    for one in evidence:
        top = rng.uniform(0.1, 1)
        for height in (top, rng.uniform(0, 0.5) * top):
            away = np.square(cells - rng.uniform([2, 2], [45, 61])).sum(-1)
            one += height * np.exp(-0.5 * away / rng.uniform(1.5, 3) ** 2)
    return PersonMaps(evidence=evidence.clip(0, 1), region=REGION, calibration=(2.25, -0.5))


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_maps_come_back_and_joints_stay_where_they_were(seed: int) -> None:
    maps = person(np.random.default_rng(seed))

    packed = pack(maps)
    back = unpack(packed)

    assert len(packed) < 3000
    tops = maps.evidence.max(axis=(1, 2), keepdims=True)
    assert (np.abs(back.evidence - maps.evidence) <= (LEAST_SHARE + 0.01) * tops).all()
    np.testing.assert_array_equal(back.region, maps.region)
    assert back.calibration == maps.calibration
    (places, scores), (wanted, known) = (
        read_joints(one.evidence[None], REGION[None], calibration=None) for one in (back, maps)
    )
    np.testing.assert_allclose(places, wanted, atol=0.1)
    np.testing.assert_allclose(scores, known, atol=0.005)


def test_a_joint_of_which_nothing_is_known_stays_so() -> None:
    nothing = PersonMaps(evidence=np.zeros((2, 8, 6), np.float32), region=REGION, calibration=None)

    back = unpack(pack(nothing))

    np.testing.assert_array_equal(back.evidence, nothing.evidence)
    assert back.calibration is None


@pytest.mark.parametrize("cut", [4, 30, 200])
def test_what_is_no_heatmaps_is_refused(cut: int) -> None:
    whole = zlib.decompress(pack(person(np.random.default_rng(0))))

    with pytest.raises(FormatError, match="no heatmaps that were kept"):
        unpack(zlib.compress(whole[:cut]))
    with pytest.raises(FormatError, match="no heatmaps that were kept"):
        unpack(whole[:cut])
