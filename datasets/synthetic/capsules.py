"""Fragments of capsules, computed analytically: each pixel gets its place on the surface.

A capsule is drawn as if seen from far away: its ends are projected in perspective, but perspective
within its width is neglected. In the picture it is a strip around a straight axis; tables along the
axis (:class:`_AxisTables`) hold what is the same for all pixels of a cross-section.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.structures import FloatArray, IntArray

from .camera import Camera
from .fragments import Fragments, TextureAtlas, light_strength, rows_of, spans
from .primitives import Capsule, Light
from .vector_math import Array, unit_vectors

_STEPS = 512
_TURNS = (np.arcsin(np.linspace(-1, 1, _STEPS + 1)) / (2 * np.pi)).astype(np.float32)
"""Angles around a capsule from the middle of its visible side, in turns, for sines -1 to 1."""


@dataclass(frozen=True, kw_only=True)
class _Views:
    """How n capsules lie in the picture and how they are turned, all (n, ...)."""

    origin: Array
    """(n, 2) pixel of the start."""

    along: Array
    """(n, 2) unit direction of the axis in the picture."""

    across: Array
    """(n, 2) the direction at right angles to it."""

    length: Array
    """(n,) of the axis, pixels."""

    scale: Array
    """(n, 2) pixels per metre at both ends."""

    depth: Array
    """(n, 2) metres at both ends."""

    axis: Array
    """(n, 3) direction of the axis, in camera axes."""

    side: Array
    """(n, 3) the direction across, in camera axes."""

    facing: Array
    """(n, 3) normal of the surface in the middle of the visible side, in camera axes."""

    left: Array
    """(n, 3) first axis of the cross-section, in camera axes."""

    front: Array
    """(n, 3) second axis of the cross-section, in camera axes."""


@dataclass(frozen=True, kw_only=True)
class _AxisTables:
    """Tables along the axes of all capsules, one capsule after the other.

    Each capsule has one entry per pixel of its length, from the tip of one cap to that of the
    other.
    """

    capsule: IntArray
    """Index of the capsule."""

    first: Array
    """(n,) distance of each capsule's first entry from its start, pixels; not above 0."""

    begin: IntArray
    """(n,) index of each capsule's first entry."""

    count: IntArray
    """(n,) number of its entries."""

    radius: FloatArray
    """Half of the width, pixels."""

    lean: FloatArray
    """Sine of the angle by which the normal leans towards the end."""

    upright: FloatArray
    """Cosine of that angle."""

    depth: FloatArray
    """Of the axis, metres."""

    thickness: FloatArray
    """Distance from the axis to the nearest point of the surface, metres."""

    row: FloatArray
    """Position from start to end, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class _CoveredPixels:
    """The P pixels that capsules cover."""

    pixels: IntArray
    """Flat indices of the picture."""

    entry: IntArray
    """Entry of :class:`_AxisTables`."""

    v: FloatArray
    """Signed distance from the axis, pixels."""

    gap: FloatArray
    """Distance from the outline, pixels; negative outside."""


@dataclass(frozen=True, kw_only=True)
class _SurfaceTables:
    """Light and texture along the axes of all capsules, with the entries of :class:`_AxisTables`.

    The lamp's light on a point is a mix of three terms, weighted by where it is around the axis.
    """

    along: FloatArray
    """Light on what faces the end."""

    across: FloatArray
    """Light on what faces the side."""

    facing: FloatArray
    """Light on what faces the viewer."""

    turn: FloatArray
    """Turn from the back of the texture to the middle of the visible side, in [-0.5, 1.5]."""

    texel: IntArray
    """First texel of the row of the texture, in the atlas."""

    columns: IntArray
    """Columns of the texture."""


def capsule_fragments(
    camera: Camera,
    capsules: Sequence[Capsule],
    numbers: IntArray,
    atlas: TextureAtlas,
    light: Light,
) -> tuple[Array, Fragments]:
    """Boxes and fragments of capsules.

    Args:
        camera: Who sees them; none may be behind it.
        capsules: At least one.
        numbers: (n,) their indices among all surfaces that are drawn.
        atlas: The textures of all surfaces, by those indices.
        light: The lamp.

    Returns:
        Boxes (n, 4), x1 y1 x2 y2, pixels, including parts outside the picture; and the fragments.
    """
    views = _views(camera, capsules)
    tables = _axis_tables(capsules, views)
    boxes = _boxes(views, tables)
    covered = _covered(camera, views, tables, boxes)
    u = np.clip(covered.v / np.maximum(tables.radius[covered.entry], np.float32(0.3)), -1, 1)
    w = np.sqrt(1 - u * u)
    surface = _surface_tables(camera, views, tables, numbers, atlas, light)

    def colour(some: IntArray) -> FloatArray:
        entry, sine, cosine = covered.entry[some], _single(u[some]), w[some]
        lambert = surface.along[entry] + surface.across[entry] * sine
        lambert += surface.facing[entry] * cosine
        around = _TURNS[((sine + 1) * (_STEPS / 2)).astype(np.int64)] + surface.turn[entry]
        around -= np.floor(around)
        columns = surface.columns[entry]
        texels = np.minimum((around * columns).astype(np.int64), columns - 1)
        return atlas.shaded(surface.texel[entry] + texels, light_strength(lambert, cosine, light))

    fragments = Fragments(
        pixels=covered.pixels,
        primitives=numbers[tables.capsule[covered.entry]],
        alpha=np.clip(covered.gap + np.float32(0.5), 0, 1),
        depth=_single(tables.depth[covered.entry] - w * tables.thickness[covered.entry]),
        colour=colour,
    )
    return boxes, fragments


def _views(camera: Camera, capsules: Sequence[Capsule]) -> _Views:
    places = np.array([(capsule.start, capsule.end, capsule.forward) for capsule in capsules])
    ends = camera.project(places[:, :2])
    track = ends[:, 1, :2] - ends[:, 0, :2]
    length = np.hypot(track[:, 0], track[:, 1])
    # A capsule that points at the camera has no direction in the picture; any will do.
    along = np.where(length[:, None] > 1e-3, track / np.maximum(length, 1e-3)[:, None], [0.0, 1.0])
    axis = unit_vectors((places[:, 1] - places[:, 0]) @ camera.rotation.T)
    front = places[:, 2] @ camera.rotation.T
    front = unit_vectors(front - axis * (front * axis).sum(axis=1, keepdims=True))
    side = np.stack([-along[:, 1], along[:, 0], np.zeros(len(along))], axis=1)
    facing = np.cross(side, axis)
    return _Views(
        origin=ends[:, 0, :2],
        along=along,
        across=side[:, :2],
        length=length,
        scale=camera.focal / ends[..., 2],
        depth=ends[..., 2],
        axis=axis,
        side=side,
        facing=np.where(facing[:, 2:] < 0, facing, -facing),
        left=np.cross(axis, front),
        front=front,
    )


def _axis_tables(capsules: Sequence[Capsule], views: _Views) -> _AxisTables:
    sections = np.array([len(capsule.radii) for capsule in capsules])
    last_section = np.cumsum(sections) - 1
    first_section = last_section - sections + 1
    wide, deep = _silhouette(capsules, views, sections)

    # A cap bulges as the capsule asks, or further where the axis points at the camera.
    bulging = np.maximum([capsule.caps for capsule in capsules], np.abs(views.axis[:, 2:]))
    ends = np.stack([wide[first_section], wide[last_section]], axis=1)
    caps = np.maximum(ends * views.scale * bulging, 0.5)
    first = np.floor(-caps[:, 0])
    count = (np.ceil(views.length + caps[:, 1]) + 1 - first).astype(np.int64)
    begin = np.cumsum(count) - count
    capsule = np.repeat(np.arange(len(capsules)), count)
    step = np.arange(count.sum()) - (begin - first)[capsule]

    length = views.length[capsule]
    place = np.clip(step / np.maximum(length, 1e-3), 0, 1)
    knot = place * (sections[capsule] - 1)
    low = np.minimum(knot.astype(np.int64), sections[capsule] - 2)
    knot -= low
    low += first_section[capsule]
    past = _into_caps(step, length, caps[capsule])
    ball = np.sqrt(1 - past**2)
    near, far = views.scale[:, 0][capsule], views.scale[:, 1][capsule]
    width = wide[low] + knot * (wide[low + 1] - wide[low])
    slope = -np.diff(width * near, append=0)
    slope[begin + count - 1] = 0
    lean = np.where(past != 0, past, slope / np.sqrt(1 + slope**2))
    radius = width * (near + place * (far - near)) * ball
    radius[begin] = radius[begin + count - 1] = 0
    depth = views.depth[:, 0][capsule] + place * (views.depth[:, 1] - views.depth[:, 0])[capsule]
    return _AxisTables(
        capsule=capsule,
        first=first,
        begin=begin,
        count=count,
        radius=_single(radius),
        lean=_single(lean),
        upright=_single(np.sqrt(1 - lean**2)),
        depth=_single(depth),
        thickness=_single((deep[low] + knot * (deep[low + 1] - deep[low])) * ball),
        row=_single(place),
    )


def _into_caps(step: IntArray, length: Array, caps: Array) -> Array:
    """How far each step is into the cap of its end, -1 to 1; 0 between the ends."""
    past = np.where(step < 0, step / caps[:, 0], (step - length) / caps[:, 1])
    return np.where((step >= 0) & (step <= length), 0, np.clip(past, -1, 1))


def _silhouette(
    capsules: Sequence[Capsule], views: _Views, sections: IntArray
) -> tuple[Array, Array]:
    """Half-width and half-depth of every cross-section as the camera sees it, metres."""
    radii = np.concatenate([capsule.radii for capsule in capsules])
    owner = np.repeat(np.arange(len(capsules)), sections)
    left, front = views.left[owner], views.front[owner]
    wide = np.hypot(
        radii[:, 0] * (left * views.side[owner]).sum(axis=1),
        radii[:, 1] * (front * views.side[owner]).sum(axis=1),
    )
    return wide, np.hypot(radii[:, 0] * left[:, 2], radii[:, 1] * front[:, 2])


def _boxes(views: _Views, tables: _AxisTables) -> Array:
    """(n, 4) around each capsule."""
    step = np.arange(len(tables.capsule)) - (tables.begin - tables.first)[tables.capsule]
    middle = views.origin[tables.capsule] + step[:, None] * views.along[tables.capsule]
    reach = np.abs(views.across[tables.capsule]) * tables.radius[:, None]
    low = np.minimum.reduceat(middle - reach, tables.begin)
    high = np.maximum.reduceat(middle + reach, tables.begin)
    return np.concatenate([low, high], axis=1)


def _covered(camera: Camera, views: _Views, tables: _AxisTables, boxes: Array) -> _CoveredPixels:
    """Find the pixels whose distance from the axis is less than the radius there."""
    capsule, y = rows_of(boxes, camera.size)
    runs = spans(capsule, y, *_reach(views, tables, capsule, y + 0.5), camera.size[1])
    columns = runs.columns()
    x = _single(columns)
    along, across = views.along[capsule], views.across[capsule]
    dx, dy = 0.5 - views.origin[capsule, 0], y + 0.5 - views.origin[capsule, 1]
    s = x * _single(runs.spread(along[:, 0]))
    s += _single(runs.spread(dx * along[:, 0] + dy * along[:, 1] - tables.first[capsule]))
    v = x * _single(runs.spread(across[:, 0]))
    v += _single(runs.spread(dx * across[:, 0] + dy * across[:, 1]))
    entry = np.minimum(np.maximum(s.astype(np.int64), 0), runs.spread(tables.count[capsule] - 1))
    entry += runs.spread(tables.begin[capsule])
    gap = tables.radius[entry] - np.abs(v)
    inside = np.flatnonzero(gap > -0.5)
    pixels = (runs.spread(y * camera.size[1]) + columns)[inside]
    return _CoveredPixels(pixels=pixels, entry=entry[inside], v=v[inside], gap=gap[inside])


def _reach(
    views: _Views, tables: _AxisTables, capsule: IntArray, y: npt.NDArray[Any]
) -> tuple[Array, Array]:
    """Columns (L,) between which rows can meet their capsules.

    A row is cut by the two long sides of the strip, and by its two ends; lines that are almost
    parallel to the row do not bound it.
    """
    width = np.maximum.reduceat(tables.radius, tables.begin).astype(np.float64) + 0.5
    slope, down = views.across[capsule, 0], y - views.origin[capsule, 1]
    steep = np.abs(slope) > 0.02
    slope = np.where(steep, slope, 1.0)
    middle = -down * views.across[capsule, 1] / slope
    half = np.where(steep, width[capsule] / np.abs(slope), np.inf)
    low, high = middle - half, middle + half

    slope = views.along[capsule, 0]
    steep = np.abs(slope) > 0.02
    slope = np.where(steep, slope, 1.0)
    start, end = tables.first - 1, tables.first + tables.count + 1
    from_start = (start[capsule] - down * views.along[capsule, 1]) / slope
    from_end = (end[capsule] - down * views.along[capsule, 1]) / slope
    low = np.where(steep, np.maximum(low, np.minimum(from_start, from_end)), low)
    high = np.where(steep, np.minimum(high, np.maximum(from_start, from_end)), high)
    origin = views.origin[capsule, 0]
    return origin + low, origin + high


def _surface_tables(
    camera: Camera,
    views: _Views,
    tables: _AxisTables,
    numbers: IntArray,
    atlas: TextureAtlas,
    light: Light,
) -> _SurfaceTables:
    lamp = light.diffuse * (camera.rotation @ light.direction)
    turn = 0.5 - np.arctan2(
        (views.front * views.side).sum(axis=1), (views.front * views.facing).sum(axis=1)
    ) / (2 * np.pi)
    number = numbers[tables.capsule]
    rows, columns = atlas.rows[number], atlas.columns[number]
    row = np.minimum((tables.row * rows).astype(np.int64), rows - 1)
    return _SurfaceTables(
        along=tables.lean * _single(views.axis @ lamp)[tables.capsule],
        across=tables.upright * _single(views.side @ lamp)[tables.capsule],
        facing=tables.upright * _single(views.facing @ lamp)[tables.capsule],
        turn=_single(turn)[tables.capsule],
        texel=atlas.first[number] + row * columns,
        columns=columns,
    )


def _single(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values, np.float32)
