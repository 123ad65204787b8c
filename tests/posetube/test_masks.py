"""Masks as bytes: there and back, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from posetube.errors import FormatError
from posetube.masks import decode_mask, encode_mask, fitted_mask, mask_area, mask_outlines
from posetube.structures import BoolArray


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_a_mask_comes_back(mask: BoolArray) -> None:
    packed = encode_mask(mask)

    np.testing.assert_array_equal(decode_mask(packed), mask)
    assert mask_area(packed) == mask.sum()


@pytest.mark.parity
def test_pycocotools_takes_the_bytes_as_they_are() -> None:
    coco_mask: Any = pytest.importorskip("pycocotools.mask")
    mask = np.zeros((5, 7), np.bool_)
    mask[1:3, 2:6] = True

    assert int(coco_mask.area(json.loads(encode_mask(mask)))) == 8


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"5",
        b"\xff",
        b"{}",
        b'{"size":[3,4],"counts":"zzz"}',
        b'{"size":[5,7],"counts":"zzz"}',
        b'{"size":[3,4],"counts":""}',
        b'{"size":[3,4],"counts":[1,2]}',
        b'{"size":[0,4],"counts":"0"}',
        b'{"size":[100000,100000],"counts":"0"}',
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="this is no mask by COCO's run lengths: "):
        decode_mask(content)


def test_a_mask_is_fitted_to_another_picture() -> None:
    mask = np.ones((4, 6), np.bool_)
    wide, narrow = (encode_mask(np.zeros(size, np.bool_)) for size in ((3, 9), (8, 2)))

    in_wide, in_narrow = (decode_mask(fitted_mask(encode_mask(mask), b)) for b in (wide, narrow))

    assert (in_wide.shape, in_narrow.shape) == ((3, 9), (8, 2))
    assert in_wide[:, :6].all()
    assert not in_wide[:, 6:].any()
    assert in_narrow[:4].all()
    assert not in_narrow[4:].any()
    assert fitted_mask(wide, wide) == wide


def test_outlines_go_round_pieces_and_holes() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:30, 10:40] = True
    mask[10:20, 15:25] = False
    mask[35, 50:52] = True  # two pixels have no area

    outlines = mask_outlines(encode_mask(mask), near=1)

    corners = sorted((sorted(map(tuple, one.tolist())) for one in outlines), key=len)
    whole = [(10, 5), (10, 29), (39, 5), (39, 29)]
    assert whole in corners
    [hole] = [found for found in corners if found != whole]
    assert np.min(hole, axis=0).tolist() == [14, 9]
    assert np.max(hole, axis=0).tolist() == [25, 20]
    assert mask_outlines(b"", near=1) == []
