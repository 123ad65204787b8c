"""Converts people to and from Arrow columns that both tables of a run share.

The joints of a person are one list of 3 K numbers, x y score joint after joint, in the order that
the table's metadata names; a joint that is not known has x and y NaN. Appearance, a column that may
be absent, is one list of D half-precision numbers. Joints before they were refined, another column
that may be absent, are a list like the joints. Masks, which may be absent too, are texts, see
:mod:`posetube.masks`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from posetube.structures import BytesArray, Detections, FloatArray

from .arrow_arrays import arrow_numbers, numpy_array

CORNERS = ("x1", "y1", "x2", "y2")
COMPRESSION = "zstd"

REPEATED = ("frame", "time_s", "track_id", "state")
"""Columns whose values repeat: for others a dictionary would only take time and space."""

LOOKS = "embedding"
"""Column of a person's appearance."""

MAPS = "heatmaps"
"""Column of the joints' heatmaps, packed; read only where somebody asks for it."""

MASKS = "mask"
"""Column of which pixels a person covers."""

RAW = "keypoints_raw"
"""Column of a person's joints before they were refined."""


def pose_fields(joints: int) -> list[Any]:
    """Names and types of the columns, for K joints."""
    corners = [pa.field(name, pa.float32(), nullable=False) for name in CORNERS]
    score = pa.field("score", pa.float32(), nullable=False)
    numbers = pa.list_(pa.field("number", pa.float32(), nullable=False), 3 * joints)
    return [*corners, score, pa.field("keypoints", numbers, nullable=False)]


def pose_arrays(people: Detections) -> list[Any]:
    """The columns' content, one row per person, in the order of :func:`pose_fields`."""
    n, k = people.keypoint_scores.shape
    joints = np.concatenate([people.keypoints, people.keypoint_scores[..., None]], axis=-1)
    corners = [arrow_numbers(people.boxes[:, i], pa.float32()) for i in range(4)]
    numbers = arrow_numbers(joints.reshape(n * k * 3), pa.float32())
    lists = pa.FixedSizeListArray.from_arrays(numbers, type=pose_fields(k)[-1].type)
    return [*corners, arrow_numbers(people.scores, pa.float32()), lists]


def appearance_field(size: int) -> Any:
    """Name and type of the column of appearances, for D numbers each."""
    number = pa.field("number", pa.float16(), nullable=False)
    return pa.field(LOOKS, pa.list_(number, size), nullable=False)


def appearance_array(embeddings: FloatArray) -> Any:
    """The column's content, from (N, D) numbers."""
    halves = arrow_numbers(embeddings.ravel(), pa.float16())
    return pa.FixedSizeListArray.from_arrays(
        halves, type=appearance_field(embeddings.shape[1]).type
    )


def mask_field() -> Any:
    """Name and type of the column of masks."""
    return pa.field(MASKS, pa.string(), nullable=False)


def mask_array(masks: BytesArray) -> Any:
    """The column's content, from (N,) masks."""
    return pa.array([mask.decode() for mask in masks.tolist()], pa.string())


def raw_field(joints: int) -> Any:
    """Name and type of the column of joints before they were refined, for K joints."""
    return pose_fields(joints)[-1].with_name(RAW)


def raw_array(keypoints: FloatArray) -> Any:
    """The column's content, from (N, K, 3) x, y and score."""
    numbers = arrow_numbers(keypoints.ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(numbers, type=raw_field(keypoints.shape[1]).type)


def raw_joints(table: Any, joints: int) -> FloatArray | None:
    """(N, K, 3) x, y and score of joints before they were refined; None: they were not."""
    if RAW not in table.column_names:
        return None
    return np.array(numpy_array(_column(table, RAW).flatten())).reshape(-1, joints, 3)


def pose_people(table: Any, joints: int) -> Detections:
    """The people of a table or record batch with the columns of :func:`pose_fields`."""
    numbers = _list_numbers(_column(table, "keypoints"))
    joint = numbers.reshape(table.num_rows, joints, 3)
    boxes = np.stack([column(table, name) for name in CORNERS], axis=-1)
    return Detections(
        boxes=boxes,
        scores=column(table, "score"),
        keypoints=np.ascontiguousarray(joint[..., :2]),
        keypoint_scores=np.ascontiguousarray(joint[..., 2]),
        embeddings=_appearances(table) if LOOKS in table.column_names else None,
        heatmaps=_heatmaps(table) if MAPS in table.column_names else None,
        masks=_masks(table) if MASKS in table.column_names else None,
    )


def _heatmaps(table: Any) -> BytesArray:
    return _objects(_column(table, MAPS).to_pylist())


def _masks(table: Any) -> BytesArray:
    return _objects([mask.encode() for mask in _column(table, MASKS).to_pylist()])


def _objects(values: list[bytes]) -> BytesArray:
    packed: BytesArray = np.empty(len(values), object)
    packed[:] = values
    return packed


def _appearances(table: Any) -> FloatArray:
    found = _column(table, LOOKS)
    halves = _list_numbers(found)
    return np.asarray(halves.reshape(table.num_rows, found.type.list_size), np.float32)


def _list_numbers(lists: Any) -> Any:
    """All numbers of a column of lists of one length.

    As ``lists.flatten()``, which imports all of Arrow's functions, a tenth of a second.

    Raises:
        ValueError: If a list is missing.
    """
    if lists.null_count:
        raise ValueError(f"{lists.null_count} lists are missing")
    size = lists.type.list_size
    return numpy_array(lists.values.slice(lists.offset * size, len(lists) * size))


def column(table: Any, name: str) -> Any:
    """One column as a NumPy array of its own."""
    return np.array(numpy_array(_column(table, name)))


def _column(table: Any, name: str) -> Any:
    found = table.column(name)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
