"""Tapered tubes as a camera sees them, analytically: each pixel gets its place on the surface.

A tube is approximated as seen from far away (no perspective within its width). Not here: which
pixels are hidden (:mod:`.raster`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.structures import FloatArray, IntArray

from .camera import Camera
from .fragments import Atlas, Fragments, lit, rows_of, spans
from .solids import Light, Tube

Array = npt.NDArray[np.float64]

_COLUMNS = 512
_TURNS = (np.arcsin(np.linspace(-1, 1, _COLUMNS + 1)) / (2 * np.pi)).astype(np.float32)
"""Turns around a tube from its middle to where the sine is -1 ... 1."""


@dataclass(frozen=True, kw_only=True)
class _Views:
    """Where n tubes lie in the picture and how they are turned, all (n, ...)."""

    origin: Array
    """Pixel of the start."""

    along: Array
    """Unit direction of the axis in the picture."""

    across: Array
    """The direction at right angles to it."""

    length: Array
    """Of the axis, pixels."""

    scale: Array
    """(n, 2) pixels per metre at both ends."""

    depth: Array
    """(n, 2) metres at both ends."""

    axis: Array
    """(n, 3) of the tube, in camera axes."""

    side: Array
    """(n, 3) across, in camera axes."""

    facing: Array
    """(n, 3) the surface's direction in the middle of what is seen, in camera axes."""

    left: Array
    """(n, 3) the section's first axis, in camera axes."""

    front: Array
    """(n, 3) its second."""


@dataclass(frozen=True, kw_only=True)
class _Steps:
    """Tables along the axes of all tubes, one entry per pixel of length, one tube after the other.

    A tube's entries begin where its start's cap does.
    """

    tube: IntArray
    """Which tube."""

    first: Array
    """(n,) distance of each tube's first entry from its start, pixels."""

    begin: IntArray
    """(n,) place of each tube's first entry."""

    count: IntArray
    """(n,) number of its entries."""

    radius: FloatArray
    """Half of the width, pixels."""

    lean: FloatArray
    """How far the surface turns towards the end: the sine."""

    upright: FloatArray
    """The cosine."""

    depth: FloatArray
    """Of the axis, metres."""

    thickness: FloatArray
    """From the axis to the surface in the middle, metres."""

    row: FloatArray
    """Place from start to end, in [0, 1]."""


def cover(
    camera: Camera, tubes: Sequence[Tube], numbers: IntArray, atlas: Atlas, light: Light
) -> tuple[Array, Fragments]:
    """The pixels of tubes.

    Args:
        camera: What sees them; none may lie behind it.
        tubes: At least one.
        numbers: (n,) their places among all surfaces that are drawn.
        atlas: Their textures, by those numbers.
        light: The lamp.

    Returns:
        Boxes (n, 4) around the tubes, x1 y1 x2 y2, parts outside the picture included; the pixels.
    """
    views = _views(camera, tubes)
    steps = _steps(tubes, views)
    boxes = _boxes(views, steps)
    found = _inside(camera, views, steps, boxes)
    u = np.clip(found.v / np.maximum(steps.radius[found.step], np.float32(0.3)), -1, 1)
    w = np.sqrt(1 - u * u)
    surface = _surface(camera, views, steps, numbers, atlas, light)

    def colour(some: IntArray) -> FloatArray:
        step, sine, cosine = found.step[some], _single(u[some]), w[some]
        shade = surface.along[step] + surface.across[step] * sine + surface.facing[step] * cosine
        around = _TURNS[((sine + 1) * (_COLUMNS / 2)).astype(np.int64)] + surface.turn[step]
        around -= np.floor(around)
        columns = surface.columns[step]
        texels = np.minimum((around * columns).astype(np.int64), columns - 1)
        return atlas.lit(surface.texel[step] + texels, lit(shade, cosine, light))

    fragments = Fragments(
        pixels=found.pixels,
        solids=numbers[steps.tube[found.step]],
        alpha=np.clip(found.gap + np.float32(0.5), 0, 1),
        depth=_single(steps.depth[found.step] - w * steps.thickness[found.step]),
        colour=colour,
    )
    return boxes, fragments


@dataclass(frozen=True, kw_only=True)
class _Inside:
    """The P pixels that tubes cover."""

    pixels: IntArray
    """Flat indices of the picture."""

    step: IntArray
    """Entry of :class:`_Steps`."""

    v: FloatArray
    """Distance from the axis, pixels, with a sign."""

    gap: FloatArray
    """Distance from the border, pixels; negative outside."""


def _inside(camera: Camera, views: _Views, steps: _Steps, boxes: Array) -> _Inside:
    tube, y = rows_of(boxes, camera.size)
    runs = spans(tube, y, *_reach(views, steps, tube, y + 0.5), camera.size[1])
    columns = runs.columns()
    x = _single(columns)
    along, across = views.along[tube], views.across[tube]
    dx, dy = 0.5 - views.origin[tube, 0], y + 0.5 - views.origin[tube, 1]
    s = x * _single(runs.spread(along[:, 0]))
    s += _single(runs.spread(dx * along[:, 0] + dy * along[:, 1] - steps.first[tube]))
    v = x * _single(runs.spread(across[:, 0]))
    v += _single(runs.spread(dx * across[:, 0] + dy * across[:, 1]))
    step = np.minimum(np.maximum(s.astype(np.int64), 0), runs.spread(steps.count[tube] - 1))
    step += runs.spread(steps.begin[tube])
    gap = steps.radius[step] - np.abs(v)
    inside = np.flatnonzero(gap > -0.5)
    pixels = (runs.spread(y * camera.size[1]) + columns)[inside]
    return _Inside(pixels=pixels, step=step[inside], v=v[inside], gap=gap[inside])


@dataclass(frozen=True, kw_only=True)
class _Surface:
    """Light and texture along the axes of all tubes: tables like those of :class:`_Steps`."""

    along: FloatArray
    """The lamp's light on what turns towards the end ..."""

    across: FloatArray
    """... to the side ..."""

    facing: FloatArray
    """... and to the viewer."""

    turn: FloatArray
    """Turn of what faces the viewer, from the back, in [-0.5, 1.5]."""

    texel: IntArray
    """Where the row of the texture begins in the atlas."""

    columns: IntArray
    """Columns of the texture."""


def _surface(
    camera: Camera, views: _Views, steps: _Steps, numbers: IntArray, atlas: Atlas, light: Light
) -> _Surface:
    lamp = light.diffuse * (camera.rotation @ light.direction)
    turn = 0.5 - np.arctan2(
        (views.front * views.side).sum(axis=1), (views.front * views.facing).sum(axis=1)
    ) / (2 * np.pi)
    number = numbers[steps.tube]
    rows, columns = atlas.rows[number], atlas.columns[number]
    row = np.minimum((steps.row * rows).astype(np.int64), rows - 1)
    return _Surface(
        along=steps.lean * _single(views.axis @ lamp)[steps.tube],
        across=steps.upright * _single(views.side @ lamp)[steps.tube],
        facing=steps.upright * _single(views.facing @ lamp)[steps.tube],
        turn=_single(turn)[steps.tube],
        texel=atlas.first[number] + row * columns,
        columns=columns,
    )


def _single(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values, np.float32)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _views(camera: Camera, tubes: Sequence[Tube]) -> _Views:
    places = np.array([(tube.start, tube.end, tube.forward) for tube in tubes])
    ends = camera.project(places[:, :2])
    track = ends[:, 1, :2] - ends[:, 0, :2]
    length = np.hypot(track[:, 0], track[:, 1])
    along = np.where(length[:, None] > 1e-3, track / np.maximum(length, 1e-3)[:, None], [0.0, 1.0])
    axis = _unit((places[:, 1] - places[:, 0]) @ camera.rotation.T)
    front = places[:, 2] @ camera.rotation.T
    front = _unit(front - axis * (front * axis).sum(axis=1, keepdims=True))
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


def _steps(tubes: Sequence[Tube], views: _Views) -> _Steps:
    sections = np.array([len(tube.radii) for tube in tubes])
    last_section = np.cumsum(sections) - 1
    radii = np.concatenate([tube.radii for tube in tubes])
    owner = np.repeat(np.arange(len(tubes)), sections)
    left, front = views.left[owner], views.front[owner]
    wide = np.hypot(
        radii[:, 0] * (left * views.side[owner]).sum(axis=1),
        radii[:, 1] * (front * views.side[owner]).sum(axis=1),
    )
    deep = np.hypot(radii[:, 0] * left[:, 2], radii[:, 1] * front[:, 2])

    bulging = np.maximum([tube.caps for tube in tubes], np.abs(views.axis[:, 2:]))
    ends = np.stack([wide[last_section - sections + 1], wide[last_section]], axis=1)
    caps = np.maximum(ends * views.scale * bulging, 0.5)
    first = np.floor(-caps[:, 0])
    count = (np.ceil(views.length + caps[:, 1]) + 1 - first).astype(np.int64)
    begin = np.cumsum(count) - count
    tube = np.repeat(np.arange(len(tubes)), count)
    step = np.arange(count.sum()) - (begin - first)[tube]

    length = views.length[tube]
    place = np.clip(step / np.maximum(length, 1e-3), 0, 1)
    knot = place * (sections[tube] - 1)
    low = np.minimum(knot.astype(np.int64), sections[tube] - 2)
    knot -= low
    low += (last_section - sections + 1)[tube]
    past = np.where(step < 0, step / caps[tube, 0], (step - length) / caps[tube, 1])
    past = np.where((step >= 0) & (step <= length), 0, np.clip(past, -1, 1))
    ball = np.sqrt(1 - past**2)
    near, far = views.scale[:, 0][tube], views.scale[:, 1][tube]
    width = wide[low] + knot * (wide[low + 1] - wide[low])
    slope = -np.diff(width * near, append=0)
    slope[begin + count - 1] = 0
    lean = np.where(past != 0, past, slope / np.sqrt(1 + slope**2))
    radius = width * (near + place * (far - near)) * ball
    radius[begin] = radius[begin + count - 1] = 0
    depth = views.depth[:, 0][tube] + place * (views.depth[:, 1] - views.depth[:, 0])[tube]
    return _Steps(
        tube=tube,
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


def _boxes(views: _Views, steps: _Steps) -> Array:
    """(n, 4) around each tube."""
    step = np.arange(len(steps.tube)) - (steps.begin - steps.first)[steps.tube]
    middle = views.origin[steps.tube] + step[:, None] * views.along[steps.tube]
    reach = np.abs(views.across[steps.tube]) * steps.radius[:, None]
    low = np.minimum.reduceat(middle - reach, steps.begin)
    high = np.maximum.reduceat(middle + reach, steps.begin)
    return np.concatenate([low, high], axis=1)


def _reach(
    views: _Views, steps: _Steps, tube: IntArray, y: npt.NDArray[Any]
) -> tuple[Array, Array]:
    """From where to where (L,) rows can meet their tubes: a strip as wide as the widest place."""
    width = np.maximum.reduceat(steps.radius, steps.begin).astype(np.float64) + 0.5
    slope, down = views.across[tube, 0], y - views.origin[tube, 1]
    steep = np.abs(slope) > 0.02
    slope = np.where(steep, slope, 1.0)
    middle = -down * views.across[tube, 1] / slope
    half = np.where(steep, width[tube] / np.abs(slope), np.inf)
    low, high = middle - half, middle + half

    slope = views.along[tube, 0]
    steep = np.abs(slope) > 0.02
    slope = np.where(steep, slope, 1.0)
    start, end = steps.first - 1, steps.first + steps.count + 1
    from_start = (start[tube] - down * views.along[tube, 1]) / slope
    from_end = (end[tube] - down * views.along[tube, 1]) / slope
    low = np.where(steep, np.maximum(low, np.minimum(from_start, from_end)), low)
    high = np.where(steep, np.minimum(high, np.maximum(from_start, from_end)), high)
    origin = views.origin[tube, 0]
    return origin + low, origin + high
