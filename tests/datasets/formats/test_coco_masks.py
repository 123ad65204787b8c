"""Masks in COCO's files: polygons and run lengths, sound and damaged."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from posetube.datasets.formats import coco
from posetube.datasets.formats.coco_masks import mask_in
from posetube.errors import FormatError
from posetube.masks import decode_mask, encode_mask
from posetube.structures import BoolArray

SIZE = (5, 7)


def square() -> BoolArray:
    mask = np.zeros(SIZE, np.bool_)
    mask[1:3, 2:6] = True
    return mask


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize(
    "segmentation",
    [
        raw([[2, 1, 6, 1, 6, 3, 2, 3]]),
        raw([[2, 1, 4, 1, 4, 3, 2, 3], [4, 1, 6, 1, 6, 3, 4, 3]]),
        raw({"size": [5, 7], "counts": [11, 2, 3, 2, 3, 2, 3, 2, 7]}),
        msgspec.Raw(encode_mask(square())),
    ],
    ids=["polygon", "two pieces", "runs", "packed runs"],
)
def test_a_mask_is_read_from_any_of_its_forms(segmentation: msgspec.Raw) -> None:
    np.testing.assert_array_equal(decode_mask(mask_in(segmentation, SIZE)), square())


@pytest.mark.parametrize("content", [b"", b"null", b"[]"])
def test_no_mask_is_no_bytes(content: bytes) -> None:
    assert mask_in(msgspec.Raw(content), SIZE) == b""


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[2, 1, 6]], "segmentation: a polygon is broken, or far outside the picture"),
        ([[2, 1, 6, 1, 6, 3000]], "segmentation: a polygon is broken, or far outside the picture"),
        ("abc", r"segmentation: Expected `object \| array`, got `str`"),
        ({"size": [7, 5], "counts": "0"}, r"segmentation: of a picture of \(7, 5\), expected \(5"),
        ({"size": [5, 7], "counts": [3, 4]}, "segmentation: its runs do not fill the picture"),
        ({"size": [5, 7], "counts": "zzz"}, "this is no mask by COCO's run lengths"),
    ],
)
def test_damaged_masks_are_named(segmentation: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        mask_in(raw(segmentation), SIZE)
    with pytest.raises(FormatError, match="segmentation: a picture of 100000 x 100000 pixels"):
        mask_in(raw(segmentation), (100_000, 100_000))


def test_a_file_with_a_damaged_mask_is_read_without_it(tmp_path: Path) -> None:
    person = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "keypoints": [3, 3, 2]}
    masks = ([[2, 1, 6, 1, 6, 3, 2, 3]], [[1, 2]])
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 5, "width": 7}],
        "annotations": [
            {"id": place, **person, "segmentation": mask} for place, mask in enumerate(masks, 1)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"]}],
    }
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content))

    tracks = coco.read(path)

    assert tracks.masks is not None
    np.testing.assert_array_equal(decode_mask(tracks.masks[0]), square())
    assert tracks.masks[1] == b""
