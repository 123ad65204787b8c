"""Ellipsoids as a camera sees them, analytically; as if from far away. See :mod:`.tubes`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from posetube.structures import FloatArray, IntArray

from .camera import Camera
from .fragments import Atlas, Fragments, lit, rows_of, spans
from .solids import Ellipsoid, Light

Array = npt.NDArray[np.float64]


def cover(
    camera: Camera, solids: Sequence[Ellipsoid], numbers: IntArray, atlas: Atlas, light: Light
) -> tuple[Array, Fragments]:
    """The pixels of ellipsoids; arguments and results as of :func:`.tubes.cover`."""
    centre = camera.project(np.array([solid.centre for solid in solids]))
    scale = camera.focal / centre[:, 2]
    radii = np.array([solid.radii for solid in solids])
    axes = np.array([solid.axes for solid in solids]) @ camera.rotation.T
    to_unit = axes / radii[:, :, None]
    form = np.swapaxes(to_unit, 1, 2) @ to_unit
    # The inverse of the form: how far the surface reaches along the camera's axes.
    reach = np.sqrt(np.einsum("nij,nij,ni->nj", axes, axes, radii**2))[:, :2] * scale[:, None]
    boxes = np.concatenate([centre[:, :2] - reach, centre[:, :2] + reach], axis=1)
    solid, y = rows_of(boxes, camera.size)
    runs = spans(solid, y, boxes[solid, 0] - 1, boxes[solid, 2] + 1, camera.size[1])
    columns = runs.columns()
    which = runs.spread(solid)
    size = scale.astype(np.float32)[which]
    px = (columns.astype(np.float32) - (centre[:, 0] - 0.5).astype(np.float32)[which]) / size
    py = runs.spread((y + 0.5 - centre[solid, 1]).astype(np.float32)) / size
    f = form.astype(np.float32)
    half = f[:, 0, 2][which] * px + f[:, 1, 2][which] * py
    deep = f[:, 2, 2][which]
    rest = f[:, 0, 0][which] * px * px + f[:, 1, 1][which] * py * py - 1
    rest += 2 * f[:, 0, 1][which] * px * py
    root = half * half - deep * rest
    # To first order the pixel's distance from the outline is half the form's fall times the radius.
    gap = root / deep * (0.5 * reach.min(axis=1)).astype(np.float32)[which]
    inside = np.flatnonzero(gap > -0.5)
    pixels = (runs.spread(y * camera.size[1]) + columns)[inside]
    px, py, half, root = px[inside], py[inside], half[inside], root[inside]
    which, gap, deep = which[inside], gap[inside], deep[inside]
    pz = (-half - np.sqrt(np.maximum(root, 0))) / deep
    lamp = (light.diffuse * (camera.rotation @ light.direction)).astype(np.float32)
    unit = to_unit.astype(np.float32)

    def colour(some: IntArray) -> FloatArray:
        points, solid = (px[some], py[some], pz[some]), which[some]
        normal = _turned(f, solid, points)
        length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
        x, y, z = (part / np.maximum(length, np.float32(1e-9)) for part in normal)
        number = numbers[solid]
        texels = atlas.first[number] + _globe(atlas, number, _turned(unit, solid, points))
        return atlas.lit(texels, lit(x * lamp[0] + y * lamp[1] + z * lamp[2], -z, light))

    fragments = Fragments(
        pixels=pixels,
        solids=numbers[which],
        alpha=np.clip(gap + np.float32(0.5), 0, 1),
        depth=centre[:, 2].astype(np.float32)[which] + pz,
        colour=colour,
    )
    return boxes, fragments


_Planes = tuple[FloatArray, FloatArray, FloatArray]
"""The three coordinates of points, (P,) each."""


def _turned(matrices: FloatArray, which: IntArray, points: _Planes) -> _Planes:
    """Each point by the matrix (n, 3, 3) of its surface."""
    px, py, pz = points
    x, y, z = (
        matrices[:, row, 0][which] * px
        + matrices[:, row, 1][which] * py
        + matrices[:, row, 2][which] * pz
        for row in range(3)
    )
    return x, y, z


def _globe(atlas: Atlas, number: IntArray, ball: _Planes) -> IntArray:
    """Texels of points on the unit ball (left, up, forward), from each texture's first."""
    left, up, forward = ball
    rows, columns = atlas.rows[number], atlas.columns[number]
    turn = np.arctan2(left, forward) / np.float32(2 * np.pi) + np.float32(0.5)
    fall = np.float32(0.5) - np.arcsin(np.clip(up, -1, 1)) / np.float32(np.pi)
    row = np.clip((fall * rows).astype(np.int64), 0, rows - 1)
    column = np.clip((turn * columns).astype(np.int64), 0, columns - 1)
    return np.asarray(row * columns + column)
