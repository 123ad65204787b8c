"""The scene around synthetic people: ground and wall in perspective, props, cast shadows."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posetube.structures import BoolArray, ByteArray, FloatArray

from .camera import Camera
from .primitives import Light, Primitive
from .raster import Canvas, draw_primitives
from .scene_textures import ground_texture, wall_texture
from .vector_math import Array

Image = ByteArray

_UP = np.array([0.0, 1.0, 0.0])
_FRONT = np.array([0.0, 0.0, 1.0])

_SHRINK = 4
"""Shadows are drawn at this fraction of the picture's size: they are soft anyway."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A piece of ground in front of a wall, with props on it."""

    ground: Image
    """(h, w, 3) texture, repeated by mirroring; its middle is below the camera's first position."""

    wall: Image
    """(h, w, 3) texture, repeated by mirroring; its lowest row stands on the ground."""

    distance: float
    """From the camera's first position to the wall, metres."""

    fineness: float
    """Texels of both textures per metre."""

    light: Light
    """The lamp."""

    shade: float
    """Darkness of cast shadows, in [0, 1]."""

    props: tuple[Primitive, ...] = ()
    """Pillars, bushes and boards, which hide people behind them."""


def random_light(rng: np.random.Generator) -> Light:
    """A lamp above the scene, from any side but behind the wall."""
    direction = np.array([rng.normal(0, 0.7), rng.uniform(0.5, 1.2), rng.uniform(0.1, 1.2)])
    diffuse = rng.uniform(0.25, 0.75)
    return Light(
        direction=direction / np.linalg.norm(direction),
        diffuse=diffuse,
        ambient=1.02 - 0.7 * diffuse,
    )


def random_scene(
    rng: np.random.Generator, *, distance: float, fineness: float, props: Sequence[Primitive]
) -> Scene:
    """Draw a scene at random whose wall is ``distance`` metres away.

    Args:
        rng: Random generator.
        distance: From the camera to the wall, metres.
        fineness: Texels per metre; more than the picture resolves would be wasted.
        props: What stands in it.
    """
    light = random_light(rng)
    return Scene(
        ground=ground_texture(rng, fineness),
        wall=wall_texture(rng, fineness),
        distance=distance,
        fineness=fineness,
        light=light,
        shade=0.15 + 0.45 * light.diffuse,
        props=tuple(props),
    )


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A scene without people, as a camera sees it."""

    canvas: Canvas
    """The picture with the scene's props."""

    ground: BoolArray
    """(H, W) whether a pixel shows the ground."""


def render_backdrop(scene: Scene, camera: Camera) -> Backdrop:
    """Render a scene without people."""
    depth, ground = _distances(scene, camera)
    metre = 1 / scene.fineness
    rows, columns = scene.wall.shape[:2]
    corner = np.array([-columns / 2 * metre, rows * metre, -scene.distance])
    to_image = camera.plane(corner, metre * np.eye(3)[0], -metre * _UP)
    image = np.zeros((*camera.size, 3), np.uint8)
    _draw_plane(image, ~ground, scene.wall, to_image)
    rows, columns = scene.ground.shape[:2]
    corner = np.array([-columns / 2 * metre, 0.0, -rows * metre + 1.0])
    to_image = camera.plane(corner, metre * np.eye(3)[0], metre * _FRONT)
    _draw_plane(image, ground, scene.ground, to_image)
    canvas = Canvas(image, depth)
    draw_primitives(canvas, camera, scene.props, scene.light, owner=0, first=1)
    return Backdrop(canvas=canvas, ground=ground & (canvas.part == 0))


def _draw_plane(image: Image, where: BoolArray, texture: Image, to_image: Array) -> None:
    """Draw a textured plane at the pixels ``where``; rows without such pixels are skipped."""
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


def _distances(scene: Scene, camera: Camera) -> tuple[FloatArray, BoolArray]:
    """(H, W) depth of ground or wall, whichever is nearer, metres; and whether it is the ground."""
    height, width = camera.size
    x = ((np.arange(width) + 0.5 - width / 2) / camera.focal).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / camera.focal).astype(np.float32)[:, None]
    turn = camera.rotation.T.astype(np.float32)
    # How much a ray goes down and away from the viewer per metre of depth.
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
    ground: BoolArray,
) -> None:
    """Darken the ground where people hide the lamp.

    The shadow is a blurred mask of thick lines, one per limb, projected along the light.

    Args:
        canvas: Drawn on.
        camera: Who sees the scene.
        scene: Its light, and how dark shadows are.
        people: Ends (P, 2, 3) of each person's limbs, world, and the limbs' radius, metres.
        ground: (H, W) pixels that show the ground.
    """
    if not people or not scene.shade:
        return
    mask = _shadow_mask(camera, scene, people)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    small = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = rows[0] * _SHRINK, columns[0] * _SHRINK
    height, width = canvas.size
    soft = cv2.resize(small, None, fx=_SHRINK, fy=_SHRINK)[: height - top, : width - left]
    window = np.s_[top : top + soft.shape[0], left : left + soft.shape[1]]
    dark = np.nonzero((soft > 0) & ground[window])
    strength = soft[dark] * np.float32(scene.shade / 255)
    pixels = canvas.image[window]
    pixels[dark] = pixels[dark] * (1 - strength[:, None])


def _shadow_mask(camera: Camera, scene: Scene, people: Sequence[tuple[Array, float]]) -> Image:
    """Shadows of the limbs on the ground, 0 to 255, at a fraction of the picture's size."""
    height, width = camera.size
    mask = np.zeros((-(-height // _SHRINK), -(-width // _SHRINK)), np.uint8)
    lamp = scene.light.direction
    for limbs, radius in people:
        cast = limbs - lamp * (limbs[..., 1:2] / lamp[1])
        cast[..., 1] = 0
        for (x1, y1, near), (x2, y2, far) in camera.project(cast).tolist():
            # Shadows near or behind the camera project to absurd coordinates.
            if min(near, far) > 0.5 and max(abs(x1), abs(x2), abs(y1), abs(y2)) < 5000:
                thick = max(round(1.6 * radius * camera.focal / near / _SHRINK), 1)
                start, end = ((int(x / _SHRINK), int(y / _SHRINK)) for x, y in ((x1, y1), (x2, y2)))
                cv2.line(mask, start, end, 255, thick)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.6), np.uint8)
