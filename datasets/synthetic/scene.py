"""Where synthetic people are: ground and wall in perspective, things that stand around, shadows."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .camera import Camera
from .raster import Canvas, draw
from .solids import Ellipsoid, Light, Part, Tube
from .surroundings import ground_texture, wall_texture
from .texture import clouds, colour

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_UP = np.array([0.0, 1.0, 0.0])
_FRONT = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A piece of ground before a wall, with things on it."""

    ground: Image
    """(h, w, 3) repeated by mirroring; its middle lies below the camera's start."""

    wall: Image
    """(h, w, 3) the lowest row stands on the ground."""

    distance: float
    """From the camera's start to the wall, metres."""

    fineness: float
    """Pixels of both textures per metre."""

    light: Light
    """The lamp."""

    shade: float
    """Darkness of cast shadows, in [0, 1]."""

    things: tuple[Part, ...] = ()
    """Furniture, plants, pillars; they hide people behind them."""


def random_light(rng: np.random.Generator) -> Light:
    """A lamp above, from any side but behind the scene."""
    direction = np.array([rng.normal(0, 0.7), rng.uniform(0.5, 1.2), rng.uniform(0.1, 1.2)])
    diffuse = rng.uniform(0.25, 0.75)
    return Light(
        direction=direction / np.linalg.norm(direction),
        diffuse=diffuse,
        ambient=1.02 - 0.7 * diffuse,
    )


def random_scene(
    rng: np.random.Generator, *, distance: float, fineness: float, things: Sequence[Part]
) -> Scene:
    """Invent a scene whose wall is ``distance`` metres away.

    Args:
        rng: Source of chance.
        distance: From the camera to the wall, metres.
        fineness: Pixels per metre of the textures; finer than the picture would be wasted.
        things: What stands in it.
    """
    light = random_light(rng)
    return Scene(
        ground=ground_texture(rng, fineness),
        wall=wall_texture(rng, fineness),
        distance=distance,
        fineness=fineness,
        light=light,
        shade=0.15 + 0.45 * light.diffuse,
        things=tuple(things),
    )


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A scene without people, as a camera sees it."""

    canvas: Canvas
    """With the scene's things."""

    ground: npt.NDArray[np.bool_]
    """(H, W) where the ground is seen."""


def backdrop(scene: Scene, camera: Camera) -> Backdrop:
    """Draw a scene without people."""
    depth, ground = _distances(scene, camera)
    metre = 1 / scene.fineness
    rows, columns = scene.wall.shape[:2]
    corner = np.array([-columns / 2 * metre, rows * metre, -scene.distance])
    to_image = camera.plane(corner, metre * np.eye(3)[0], -metre * _UP)
    image = np.zeros((*camera.size, 3), np.uint8)
    _cover(image, ~ground, scene.wall, to_image)
    rows, columns = scene.ground.shape[:2]
    corner = np.array([-columns / 2 * metre, 0.0, -rows * metre + 1.0])
    to_image = camera.plane(corner, metre * np.eye(3)[0], metre * _FRONT)
    _cover(image, ground, scene.ground, to_image)
    canvas = Canvas(image, depth)
    draw(canvas, camera, scene.things, scene.light, owner=0, first=1)
    return Backdrop(canvas=canvas, ground=ground & (canvas.part == 0))


def _cover(image: Image, where: npt.NDArray[np.bool_], texture: Image, to_image: Array) -> None:
    """Draw a plane where it is seen; only the rows that it meets are worked on."""
    rows = np.flatnonzero(where.any(axis=1))
    if not len(rows):
        return
    window = slice(rows[0], rows[-1] + 1)
    shift = np.array([[1, 0, 0], [0, 1, -rows[0]], [0, 0, 1]])
    size = (image.shape[1], int(rows[-1] + 1 - rows[0]))
    drawn = cv2.warpPerspective(
        texture, shift @ to_image, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    cv2.copyTo(drawn, where[window].view(np.uint8), image[window])


def _distances(
    scene: Scene, camera: Camera
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(H, W) depth of ground or wall, metres, and where the ground is nearer."""
    height, width = camera.size
    x = ((np.arange(width) + 0.5 - width / 2) / camera.focal).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / camera.focal).astype(np.float32)[:, None]
    turn = camera.rotation.T.astype(np.float32)
    down = -(x * turn[1, 0] + y * turn[1, 1] + turn[1, 2])
    away = -(x * turn[2, 0] + y * turn[2, 1] + turn[2, 2])
    floor = np.float32(camera.position[1]) / np.maximum(down, np.float32(1e-4))
    wall = np.float32(camera.position[2] + scene.distance) / np.maximum(away, np.float32(1e-4))
    return np.minimum(floor, wall), floor < wall


def cast_shadows(
    canvas: Canvas,
    camera: Camera,
    scene: Scene,
    people: Sequence[tuple[Array, float]],
    ground: npt.NDArray[np.bool_],
) -> None:
    """Darken the ground where the lamp is hidden; ``people`` are limbs' (P, 2, 3) ends, radii."""
    if not people or not scene.shade:
        return
    shrink = 4
    height, width = camera.size
    mask = np.zeros((-(-height // shrink), -(-width // shrink)), np.uint8)
    lamp = scene.light.direction
    for limbs, radius in people:
        fallen = limbs - lamp * (limbs[..., 1:2] / lamp[1])
        fallen[..., 1] = 0
        for (x1, y1, near), (x2, y2, far) in camera.project(fallen).tolist():
            if min(near, far) > 0.5 and max(abs(x1), abs(x2), abs(y1), abs(y2)) < 5000:
                thick = max(round(1.6 * radius * camera.focal / near / shrink), 1)
                ends = (int(x1 / shrink), int(y1 / shrink)), (int(x2 / shrink), int(y2 / shrink))
                cv2.line(mask, *ends, 255, thick)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.6), np.uint8)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    small = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = rows[0] * shrink, columns[0] * shrink
    soft = cv2.resize(small, None, fx=shrink, fy=shrink)[: height - top, : width - left]
    window = np.s_[top : top + soft.shape[0], left : left + soft.shape[1]]
    dark = np.nonzero((soft > 0) & ground[window])
    strength = soft[dark] * np.float32(scene.shade / 255)
    pixels = canvas.image[window]
    pixels[dark] = pixels[dark] * (1 - strength[:, None])


def pillar(rng: np.random.Generator, x: float, z: float, *, radius: float) -> Part:
    """A column or tree trunk that reaches out of the picture."""
    return Tube(
        start=np.array([x, 0.0, z]),
        end=np.array([x + rng.normal(0, 0.05), 4.0, z]),
        radii=np.full((2, 2), radius),
        forward=_FRONT,
        texture=_rough(rng, rows=256),
        caps=(0.0, 0.0),
    )


def bush(rng: np.random.Generator, x: float, z: float) -> list[Part]:
    """A low shrub, rock or heap that hides legs."""
    surface = _rough(rng)
    return [
        Ellipsoid(
            centre=np.array(
                [x + rng.normal(0, 0.3), rng.uniform(0.15, 0.35), z + rng.normal(0, 0.1)]
            ),
            axes=np.eye(3),
            radii=rng.uniform(0.25, 0.5, 3),
            texture=surface,
        )
        for _ in range(3)
    ]


def board(rng: np.random.Generator, x: float, z: float) -> list[Part]:
    """A bench, counter or sign of about table height."""
    half, top = rng.uniform(0.35, 0.8), rng.uniform(0.6, 1.1)
    slab = Tube(
        start=np.array([x - half, top * 0.75, z]),
        end=np.array([x + half, top * 0.75, z]),
        radii=np.array([[top * 0.25, 0.06]] * 2),
        forward=_FRONT,
        texture=_rough(rng),
        caps=(0.02, 0.02),
    )
    legs = [
        Tube(
            start=np.array([x + side * half * 0.85, 0.0, z]),
            end=np.array([x + side * half * 0.85, top * 0.6, z]),
            radii=np.full((2, 2), 0.035),
            forward=_FRONT,
            texture=_rough(rng),
        )
        for side in (-1, 1)
    ]
    return [*legs, slab]


def _rough(rng: np.random.Generator, *, rows: int = 128) -> npt.NDArray[np.float32]:
    """(rows, 128, 3) bark, stone, leaves or paint."""
    grain = clouds(rng, rows, 128, coarse=rng.uniform(3, 14), fall=0.8)
    return np.asarray(
        colour(rng, bright=0.12) * np.clip(1 + 0.22 * grain[..., None], 0.2, 2), np.float32
    )


def random_things(rng: np.random.Generator, spots: Sequence[tuple[float, float]]) -> list[Part]:
    """One thing at each place (x, z) on the ground."""
    things: list[Part] = []
    for x, z in spots:
        kind = rng.integers(3)
        if kind == 0:
            things.append(pillar(rng, x, z, radius=rng.uniform(0.14, 0.3)))
        else:
            things += bush(rng, x, z) if kind == 1 else board(rng, x, z)
    return things
