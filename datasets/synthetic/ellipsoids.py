"""Fragments of ellipsoids, computed analytically.

Perspective within an ellipsoid is neglected, as in :mod:`.capsules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posetube.structures import FloatArray, IntArray

from .camera import Camera
from .fragments import Fragments, TextureAtlas, light_strength, rows_of, spans
from .primitives import Ellipsoid, Light
from .vector_math import Array

_Planes = tuple[FloatArray, FloatArray, FloatArray]
"""The three coordinates of points, (P,) each."""


@dataclass(frozen=True, kw_only=True)
class _EllipsoidViews:
    """n ellipsoids as the camera sees them."""

    centre: Array
    """(n, 3) x, y in pixels, depth in metres."""

    scale: Array
    """(n,) pixels per metre."""

    reach: Array
    """(n, 2) how far the surface reaches along x and y of the picture, pixels."""

    to_unit: FloatArray
    """(n, 3, 3) from camera axes, relative to the centre, to the unit ball: left, up, forward."""

    form: FloatArray
    """(n, 3, 3) quadratic form: a point p on the surface has p form p = 1, in camera axes."""


@dataclass(frozen=True, kw_only=True)
class _Covered:
    """The P pixels that ellipsoids cover."""

    pixels: IntArray
    """Flat indices of the picture."""

    which: IntArray
    """Index of the ellipsoid."""

    points: _Planes
    """Points of the surface, in camera axes relative to the centre, metres."""

    gap: FloatArray
    """Distance from the outline, pixels; negative outside."""


def ellipsoid_fragments(
    camera: Camera,
    ellipsoids: Sequence[Ellipsoid],
    numbers: IntArray,
    atlas: TextureAtlas,
    light: Light,
) -> tuple[Array, Fragments]:
    """Boxes and fragments of ellipsoids; see :func:`.capsules.capsule_fragments`."""
    views = _views(camera, ellipsoids)
    boxes = np.concatenate(
        [views.centre[:, :2] - views.reach, views.centre[:, :2] + views.reach], axis=1
    )
    covered = _covered(camera, views, boxes)
    lamp = (light.diffuse * (camera.rotation @ light.direction)).astype(np.float32)

    def colour(some: IntArray) -> FloatArray:
        x, y, z = (coordinate[some] for coordinate in covered.points)
        which = covered.which[some]
        # The gradient of the quadratic form is the surface's normal.
        normal = _turned(views.form, which, (x, y, z))
        length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
        right, down, away = (part / np.maximum(length, np.float32(1e-9)) for part in normal)
        lambert = right * lamp[0] + down * lamp[1] + away * lamp[2]
        number = numbers[which]
        texels = _texels_on_ball(atlas, number, _turned(views.to_unit, which, (x, y, z)))
        return atlas.shaded(atlas.first[number] + texels, light_strength(lambert, -away, light))

    fragments = Fragments(
        pixels=covered.pixels,
        primitives=numbers[covered.which],
        alpha=np.clip(covered.gap + np.float32(0.5), 0, 1),
        depth=views.centre[:, 2].astype(np.float32)[covered.which] + covered.points[2],
        colour=colour,
    )
    return boxes, fragments


def _views(camera: Camera, ellipsoids: Sequence[Ellipsoid]) -> _EllipsoidViews:
    centre = camera.project(np.array([one.centre for one in ellipsoids]))
    scale = camera.focal / centre[:, 2]
    radii = np.array([one.radii for one in ellipsoids])
    axes = np.array([one.axes for one in ellipsoids]) @ camera.rotation.T
    to_unit = axes / radii[:, :, None]
    # The diagonal of the form's inverse: the square of the surface's reach along each camera axis.
    squares = np.einsum("nij,nij,ni->nj", axes, axes, radii**2)
    return _EllipsoidViews(
        centre=centre,
        scale=scale,
        reach=np.sqrt(squares)[:, :2] * scale[:, None],
        to_unit=to_unit.astype(np.float32),
        form=(np.swapaxes(to_unit, 1, 2) @ to_unit).astype(np.float32),
    )


def _covered(camera: Camera, views: _EllipsoidViews, boxes: Array) -> _Covered:
    """Intersect the rays of all pixels near the ellipsoids with their surfaces."""
    ellipsoid, y = rows_of(boxes, camera.size)
    runs = spans(ellipsoid, y, boxes[ellipsoid, 0] - 1, boxes[ellipsoid, 2] + 1, camera.size[1])
    columns = runs.columns()
    which = runs.spread(ellipsoid)
    centre, form = views.centre, views.form
    size = views.scale.astype(np.float32)[which]
    px = (columns.astype(np.float32) - (centre[:, 0] - 0.5).astype(np.float32)[which]) / size
    py = runs.spread((y + 0.5 - centre[ellipsoid, 1]).astype(np.float32)) / size
    # Along a ray, p form p = 1 is a quadratic equation in the depth:
    # deep z^2 + 2 half z + rest = 0. It has a root where the pixel is inside the outline.
    half = form[:, 0, 2][which] * px + form[:, 1, 2][which] * py
    deep = form[:, 2, 2][which]
    rest = form[:, 0, 0][which] * px * px + form[:, 1, 1][which] * py * py - 1
    rest += 2 * form[:, 0, 1][which] * px * py
    root = half * half - deep * rest
    # To first order the distance to the outline is half the form's fall times the radius.
    gap = root / deep * (0.5 * views.reach.min(axis=1)).astype(np.float32)[which]
    inside = np.flatnonzero(gap > -0.5)
    px, py, half, root, deep = (values[inside] for values in (px, py, half, root, deep))
    return _Covered(
        pixels=(runs.spread(y * camera.size[1]) + columns)[inside],
        which=which[inside],
        points=(px, py, (-half - np.sqrt(np.maximum(root, 0))) / deep),
        gap=gap[inside],
    )


def _turned(matrices: FloatArray, which: IntArray, points: _Planes) -> _Planes:
    """Multiply each point by the matrix (n, 3, 3) of its ellipsoid."""
    px, py, pz = points
    x, y, z = (
        matrices[:, row, 0][which] * px
        + matrices[:, row, 1][which] * py
        + matrices[:, row, 2][which] * pz
        for row in range(3)
    )
    return x, y, z


def _texels_on_ball(atlas: TextureAtlas, number: IntArray, ball: _Planes) -> IntArray:
    """Texels of points on the unit ball (left, up, forward), relative to each texture's first."""
    left, up, forward = ball
    rows, columns = atlas.rows[number], atlas.columns[number]
    longitude = np.arctan2(left, forward) / np.float32(2 * np.pi) + np.float32(0.5)
    latitude = np.float32(0.5) - np.arcsin(np.clip(up, -1, 1)) / np.float32(np.pi)
    row = np.clip((latitude * rows).astype(np.int64), 0, rows - 1)
    column = np.clip((longitude * columns).astype(np.int64), 0, columns - 1)
    return np.asarray(row * columns + column)
