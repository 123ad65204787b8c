"""Draw shaded solids: tapered tubes and ellipsoids, with depth, owner and part per pixel.

Both are drawn analytically inside their bounding box: each pixel gets its place on the surface,
hence normal, light, texture and depth; edges are smoothed. Surfaces are approximated as seen from
far away (no perspective within one part). Not here: what the parts are (:mod:`.body`).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .camera import Camera

Array = npt.NDArray[np.float64]
Texture = npt.NDArray[np.float32]

NEAREST = 0.25
"""Parts closer to the camera than this, metres, are not drawn."""

_COLUMNS = 512
_ARCSIN = np.arcsin(np.linspace(-1, 1, _COLUMNS + 1))


@dataclass(frozen=True, kw_only=True)
class Tube:
    """A limb or trunk: elliptic sections along a straight axis."""

    start: Array
    """(3,) world."""

    end: Array
    """(3,) world."""

    radii: Array
    """(n, 2) half-widths sideways and forward at equal steps along the axis, metres."""

    forward: Array
    """(3,) world direction of the front of the section; need not be at right angles to the axis."""

    texture: Texture
    """(rows from start to end, columns around from the back, 3) RGB."""

    caps: tuple[float, float] = (0.7, 0.7)
    """How far the ends bulge, in radii."""


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """A head, hand or the like."""

    centre: Array
    """(3,) world."""

    axes: Array
    """(3, 3) rows: world directions of left, up and forward."""

    radii: Array
    """(3,) along those directions, metres."""

    texture: Texture
    """(rows from the top, columns around from the back through the left, 3) RGB."""


Part = Tube | Ellipsoid


@dataclass(frozen=True, kw_only=True)
class Light:
    """A distant lamp and the light that comes from everywhere."""

    direction: Array
    """(3,) world, unit, towards the lamp."""

    diffuse: float = 0.55
    """Strength of the lamp."""

    ambient: float = 0.55
    """Strength of the rest."""


def cross(first: Array, second: Array) -> Array:
    """Cross product of two vectors (3,); NumPy's own takes ten times as long for one pair."""
    a, b, c = first.tolist()
    x, y, z = second.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def length_of(vector: Array) -> float:
    """Length of one vector (3,), as quickly."""
    return math.sqrt(vector @ vector)


class Canvas:
    """A picture in the making, with what is known of each pixel."""

    def __init__(self, image: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> None:
        """Draw on ``image`` (H, W, 3), whose pixels lie ``depth`` (H, W) metres away."""
        self.size = image.shape[:2]
        self.image = image
        self.depth = depth
        self.owner = np.zeros(self.size, np.int16)
        """(H, W) 1 + index of the person that is seen; 0 the scene; -1 an occluder."""
        self.part = np.zeros(self.size, np.int16)
        """(H, W) index of the part that is seen; 0 the scene."""

    def paint(
        self,
        pixels: npt.NDArray[np.int64],
        colour: Texture,
        alpha: Texture,
        depth: Texture,
        *,
        owner: int,
        part: int,
    ) -> None:
        """Put a surface on those of the flat ``pixels`` (P,) where it is the nearest."""
        old = self.depth.reshape(-1)[pixels]
        front = np.flatnonzero(depth < old)
        if len(front) < len(pixels):
            pixels, colour, alpha, depth = pixels[front], colour[front], alpha[front], depth[front]
        image = self.image.reshape(-1, 3)
        edge = np.flatnonzero(alpha < 1)
        mix = alpha[edge, None]
        colour[edge] = mix * colour[edge] + (1 - mix) * image[pixels[edge]]
        image[pixels] = colour
        solid = pixels if not len(edge) else pixels[alpha >= 0.5]
        self.depth.reshape(-1)[solid] = depth if not len(edge) else depth[alpha >= 0.5]
        self.owner.reshape(-1)[solid] = owner
        self.part.reshape(-1)[solid] = part


@dataclass(frozen=True, kw_only=True)
class Print:
    """Where a part fell on the picture."""

    box: tuple[float, float, float, float]
    """x1 y1 x2 y2 of the whole part, hidden and outside pixels included."""

    pixels: npt.NDArray[np.int64]
    """(P,) flat indices of the pixels it covers, hidden ones included."""


def _clip(values: Any, low: float, high: float) -> Any:
    """``np.clip`` without its cost per call, which is most of the cost for short arrays."""
    return np.minimum(np.maximum(values, low), high)


def draw(
    canvas: Canvas, camera: Camera, solid: Part, light: Light, *, owner: int, part: int
) -> Print | None:
    """Draw a part; None where it lies behind the camera."""
    if isinstance(solid, Tube):
        return _draw_tube(canvas, camera, solid, light, owner=owner, part=part)
    return _draw_ellipsoid(canvas, camera, solid, light, owner=owner, part=part)


@dataclass(frozen=True, kw_only=True)
class _Rails:
    """A tube as the camera sees it: tables along its axis, one entry per pixel."""

    origin: Array
    along: Array
    across: Array
    first: float
    radius: Texture
    tilt: Texture
    round: Texture
    depth: Texture
    thickness: Texture
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    shades: tuple[float, float, float]


def _rails(camera: Camera, tube: Tube, light: Light) -> _Rails | None:
    ends = camera.project(np.stack([tube.start, tube.end]))
    if ends[:, 2].min() < NEAREST:
        return None
    track = ends[1, :2] - ends[0, :2]
    length = float(np.hypot(*track))
    along = track / length if length > 1e-3 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    axis = camera.rotation @ (tube.end - tube.start)
    axis = axis / max(length_of(axis), 1e-9)
    front = camera.rotation @ tube.forward
    front = front - axis * (front @ axis)
    front = front / max(length_of(front), 1e-9)
    left = cross(axis, front)
    side = np.array([across[0], across[1], 0.0])
    facing = cross(side, axis)
    facing = facing if facing[2] < 0 else -facing

    scale = camera.focal / ends[:, 2]
    wide = np.hypot(tube.radii[:, 0] * (left @ side), tube.radii[:, 1] * (front @ side))
    deep = np.hypot(tube.radii[:, 0] * left[2], tube.radii[:, 1] * front[2])
    caps = [max(wide[end] * scale[end] * max(tube.caps[end], abs(axis[2])), 0.5) for end in (0, -1)]
    steps = np.arange(np.floor(-caps[0]), np.ceil(length + caps[1]) + 1)
    place = _clip(steps / max(length, 1e-3), 0, 1)
    knots = np.linspace(0, 1, len(wide))
    bulge = _clip(np.where(steps < 0, steps / caps[0], (steps - length) / caps[1]), -1, 1)
    bulge = np.where((steps >= 0) & (steps <= length), 0, bulge)
    ball = np.sqrt(1 - bulge**2)
    radius = np.interp(place, knots, wide) * (scale[0] + place * (scale[1] - scale[0])) * ball
    slope = -np.diff(np.interp(place, knots, wide * scale[0]), append=wide[-1] * scale[0])
    lean = np.where(bulge != 0, bulge, slope / np.sqrt(1 + slope**2))
    radius[[0, -1]] = 0
    to_lamp = camera.rotation @ light.direction
    turn = np.arctan2(front @ side, front @ facing)
    columns = tube.texture.shape[1]
    around = (np.pi + _ARCSIN - turn) / (2 * np.pi) * columns
    return _Rails(
        origin=ends[0, :2],
        along=along,
        across=across,
        first=float(steps[0]),
        radius=radius.astype(np.float32),
        tilt=lean.astype(np.float32),
        round=np.sqrt(1 - lean**2).astype(np.float32),
        depth=(ends[0, 2] + place * (ends[1, 2] - ends[0, 2])).astype(np.float32),
        thickness=(np.interp(place, knots, deep) * ball).astype(np.float32),
        row=np.minimum(place * len(tube.texture), len(tube.texture) - 1).astype(np.int64),
        column=around.astype(np.int64) % columns,
        shades=(
            light.diffuse * float(axis @ to_lamp),
            light.diffuse * float(side @ to_lamp),
            light.diffuse * float(facing @ to_lamp),
        ),
    )


def _draw_tube(
    canvas: Canvas, camera: Camera, tube: Tube, light: Light, *, owner: int, part: int
) -> Print | None:
    rails = _rails(camera, tube, light)
    if rails is None:
        return None
    steps = rails.first + np.arange(len(rails.radius))
    middle = rails.origin + steps[:, None] * rails.along
    reach = np.abs(rails.across) * rails.radius[:, None]
    box = (*(middle - reach).min(axis=0), *(middle + reach).max(axis=0))
    window = _window(box, canvas.size)
    if window is None:
        return Print(box=box, pixels=np.zeros(0, np.int64))
    x, y = _offsets(window, rails.origin)
    s = x * np.float32(rails.along[0]) + y * np.float32(rails.along[1]) - np.float32(rails.first)
    v = x * np.float32(rails.across[0]) + y * np.float32(rails.across[1])
    step = _clip(s.astype(np.int32), 0, len(rails.radius) - 1)
    gap = rails.radius[step] - np.abs(v)
    inside = np.flatnonzero(gap > -0.5)
    step, v, gap = step.ravel()[inside], v.ravel()[inside], gap.ravel()[inside]
    u = _clip(v / np.maximum(rails.radius[step], 0.3), -1, 1)
    w = np.sqrt(1 - u * u)
    shade = rails.tilt[step] * rails.shades[0]
    shade += rails.round[step] * (u * rails.shades[1] + w * rails.shades[2])
    texels = rails.column[((u + 1) * (_COLUMNS / 2)).astype(np.int32)]
    colour = _lit(tube.texture[rails.row[step], texels], shade, w, light)
    pixels = _flat(inside, window, canvas.size)
    alpha = _clip(gap + np.float32(0.5), 0, 1)
    depth = np.asarray(rails.depth[step] - w * rails.thickness[step], np.float32)
    canvas.paint(pixels, colour, alpha, depth, owner=owner, part=part)
    return Print(box=box, pixels=pixels[alpha >= 0.5])


def _draw_ellipsoid(
    canvas: Canvas, camera: Camera, solid: Ellipsoid, light: Light, *, owner: int, part: int
) -> Print | None:
    centre = camera.project(solid.centre)
    if centre[2] < NEAREST:
        return None
    scale = camera.focal / centre[2]
    axes = solid.axes @ camera.rotation.T  # rows: left, up, forward in camera axes
    to_unit = axes / solid.radii[:, None]
    form = to_unit.T @ to_unit
    spread = np.linalg.inv(form)
    reach = np.sqrt(np.diag(spread))[:2] * scale
    box = (*(centre[:2] - reach), *(centre[:2] + reach))
    window = _window(box, canvas.size)
    if window is None:
        return Print(box=box, pixels=np.zeros(0, np.int64))
    x, y = _offsets(window, centre[:2])
    x, y = x / np.float32(scale), y / np.float32(scale)
    f = form.astype(np.float32)
    half = f[0, 2] * x + f[1, 2] * y
    rest = f[0, 0] * x * x + (2 * f[0, 1]) * x * y + f[1, 1] * y * y - 1
    root = half * half - f[2, 2] * rest
    # To first order the pixel's distance from the outline is half the form's fall times the radius.
    gap = root * np.float32(0.5 * min(reach) / f[2, 2])
    inside = np.flatnonzero(gap > -0.5)
    height, width = window[1] - window[0], window[3] - window[2]
    px = np.broadcast_to(x, (height, width)).ravel()[inside]
    py = np.broadcast_to(y, (height, width)).ravel()[inside]
    gap, half, root = gap.ravel()[inside], half.ravel()[inside], root.ravel()[inside]
    pz = (-half - np.sqrt(np.maximum(root, 0))) / f[2, 2]
    points = np.stack([px, py, pz], axis=1)
    ball = points @ to_unit.T.astype(np.float32)
    normal = points @ f
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    to_lamp = (light.diffuse * (camera.rotation @ light.direction)).astype(np.float32)
    colour = _lit(_globe(solid.texture, ball), normal @ to_lamp, -normal[:, 2], light)
    pixels = _flat(inside, window, canvas.size)
    alpha = _clip(gap + 0.5, 0, 1)
    depth = (centre[2] + pz).astype(np.float32)
    canvas.paint(pixels, colour, alpha, depth, owner=owner, part=part)
    return Print(box=box, pixels=pixels[alpha >= 0.5])


def _globe(texture: Texture, ball: Texture) -> Texture:
    """Colours of points (P, 3) on the unit ball: left, up, forward."""
    rows, columns = texture.shape[:2]
    if rows == columns == 1:
        return np.repeat(texture[0], len(ball), axis=0)
    turn = np.arctan2(ball[:, 0], ball[:, 2]) / (2 * np.pi) + 0.5
    fall = 0.5 - np.arcsin(_clip(ball[:, 1], -1, 1)) / np.pi
    row = np.minimum(fall * rows, rows - 1).astype(np.int32)
    column = np.minimum(turn * columns, columns - 1).astype(np.int32)
    return np.asarray(texture[row, column])


def _lit(colour: Texture, shade: Texture, facing: Texture, light: Light) -> Texture:
    """Colours under a lamp; surfaces that turn away from the viewer get slightly darker."""
    strength = np.maximum(shade, 0.15 * shade) + light.ambient * (0.75 + 0.25 * facing)
    lit: Texture = np.minimum(colour * strength[:, None].astype(np.float32), 255)
    return lit


def _window(box: tuple[float, ...], size: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """y1 y2 x1 x2 of the pixels around a box, None where it is outside the picture."""
    x1, y1 = max(int(box[0]) - 1, 0), max(int(box[1]) - 1, 0)
    x2, y2 = min(int(box[2]) + 2, size[1]), min(int(box[3]) + 2, size[0])
    return (y1, y2, x1, x2) if x1 < x2 and y1 < y2 else None


def _offsets(window: tuple[int, int, int, int], origin: Array) -> tuple[Texture, Texture]:
    """(1, w) and (h, 1) distances of the pixels' centres from a point."""
    y1, y2, x1, x2 = window
    x = np.arange(x1, x2, dtype=np.float32) + np.float32(0.5 - origin[0])
    y = np.arange(y1, y2, dtype=np.float32) + np.float32(0.5 - origin[1])
    return x[None, :], y[:, None]


def _flat(
    inside: npt.NDArray[np.int64], window: tuple[int, int, int, int], size: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Indices within a window as flat indices of the picture."""
    y1, _, x1, x2 = window
    rows, columns = np.divmod(inside, x2 - x1)
    return (rows + y1) * size[1] + columns + x1
