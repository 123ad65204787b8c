"""Moves maps from one box to another: the same places of a person, in the cells of another box.

The maps of one person in two frames lie under two boxes. Before they can be added, one has to be
brought to the other's cells. Arrays or tensors; the one such operation of networks and refiners.

Cell i of n covers [i, i + 1) / n of its box's width or height.
"""

from .arrays import Array, as_indices, counting, library_of, take_along


def move_maps(maps: Array, *, source: Array, target: Array, places: Array | None = None) -> Array:
    """Sample maps at the cells of other boxes, bilinearly; 0 outside.

    Args:
        maps: (M, C, h, w).
        source: (M, 4) the boxes that the maps cover.
        target: (M, 4) the boxes to cover, in the same pixels.
        places: (M, h, w, 2) x y where the middle of each cell of the target lies in the picture of
            the source, if the picture moved in between; None: where it lies in its own.

    Returns:
        (M, C, h, w).
    """
    if places is not None:
        return _gathered(maps, _in_cells(places.reshape(len(maps), -1, 2), source, maps), places)
    height, width = maps.shape[2:]
    across, down = (
        _weights(_middles(target, axis, cells), source, axis, cells)
        for axis, cells in ((0, width), (1, height))
    )
    # what does not depend on the other axis is a product per axis: much faster than gathering
    return _as(down, maps)[:, None] @ maps @ _as(across, maps)[:, None].swapaxes(2, 3)


def cell_middles(boxes: Array, size: tuple[int, int]) -> Array:
    """(M, h, w, 2) x y of the middles of the (h, w) cells of (M, 4) boxes."""
    xp, (height, width) = library_of(boxes), size
    x, y = _middles(boxes, 0, width), _middles(boxes, 1, height)
    shape = (len(boxes), height, width)
    whole = (xp.broadcast_to(x[:, None], shape), xp.broadcast_to(y[:, :, None], shape))
    return xp.stack(whole, -1)


def _middles(boxes: Array, axis: int, cells: int) -> Array:
    """(M, cells) where the middles of the boxes' columns (axis 0) or rows (1) lie."""
    start, end = boxes[:, axis, None], boxes[:, axis + 2, None]
    return start + (counting(cells, boxes) + 0.5) / cells * (end - start)


def _weights(places: Array, boxes: Array, axis: int, cells: int) -> Array:
    """(M, n, cells) weight of every cell of the boxes at each of (M, n) places of one axis."""
    start, size = boxes[:, axis, None], (boxes[:, axis + 2] - boxes[:, axis])[:, None].clip(1e-6)
    along = (places - start) / size * cells - 0.5
    return (1 - abs(along[..., None] - counting(cells, along))).clip(0)


def _in_cells(places: Array, boxes: Array, maps: Array) -> tuple[Array, Array]:
    """(M, P) column and row, cells, of (M, P, 2) places."""
    size = (boxes[:, None, 2:] - boxes[:, None, :2]).clip(1e-6)
    share = (places - boxes[:, None, :2]) / size
    return share[..., 0] * maps.shape[3] - 0.5, share[..., 1] * maps.shape[2] - 0.5


def _gathered(maps: Array, at: tuple[Array, Array], places: Array) -> Array:
    """The maps at (M, P) columns and rows, in the shape of the places."""
    xp, (height, width) = library_of(maps), maps.shape[2:]
    flat = maps.reshape(*maps.shape[:2], height * width)
    left, top = (xp.floor(along.clip(-2, max(height, width) + 1)) for along in at)
    total: Array = 0
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        near = (1 - abs(at[0] - column)).clip(0) * (1 - abs(at[1] - row)).clip(0)
        index = as_indices(row.clip(0, height - 1) * width + column.clip(0, width - 1))
        total = total + take_along(flat, index[:, None], 2) * _as(near * inside, maps)[:, None]
    return total.reshape(*maps.shape[:2], *places.shape[1:3])


def _as(weights: Array, maps: Array) -> Array:
    """The weights in the maps' type."""
    if hasattr(weights, "astype"):
        return weights.astype(maps.dtype, copy=False)
    return weights.to(maps.dtype)
