"""Random textures of ground and wall: grass, stone, boards, bricks, house fronts, trees, rooms."""

import cv2
import numpy as np

from posetube.structures import ByteArray

from .texture import Texture, cv_colour, fractal_noise, random_colour

Image = ByteArray

_SOIL = np.array(
    [[92, 112, 58], [120, 128, 84], [110, 110, 112], [150, 146, 140], [168, 146, 110],
     [206, 190, 158], [134, 98, 66], [86, 74, 64], [214, 216, 220], [96, 90, 100]], np.float32,
)  # fmt: skip
_LEAVES = np.array([[52, 78, 34], [84, 104, 48], [112, 104, 52], [40, 62, 44]], np.float32)
_SKY = np.array([[186, 206, 232], [208, 214, 220], [150, 184, 224], [232, 214, 196]], np.float32)


def ground_texture(rng: np.random.Generator, fineness: float) -> Image:
    """A square of 12 m of ground, ``fineness`` texels per metre."""
    side = round(12 * fineness)
    base = _SOIL[rng.integers(len(_SOIL))] * rng.uniform(0.75, 1.15)
    grain = fractal_noise(rng, side, side, coarse=rng.uniform(4, 20), fall=rng.uniform(0.5, 0.9))
    picture = base * (1 + rng.uniform(0.05, 0.2) * grain[..., None])
    kind = rng.integers(4)
    if kind == 0:  # slabs
        width, height = rng.uniform(0.3, 1.2) * fineness, rng.uniform(0.3, 1.2) * fineness
        _bricks(picture, rng, round(width), round(height))
    elif kind == 1:  # boards
        width, height = rng.uniform(2, 4) * fineness, rng.uniform(0.1, 0.2) * fineness
        _bricks(picture, rng, round(width), max(round(height), 3))
    elif kind == 2:  # patches of another soil
        patch = fractal_noise(rng, side, side, coarse=3) > rng.uniform(0.2, 1)
        picture[patch] = 0.5 * picture[patch] + 0.5 * _SOIL[rng.integers(len(_SOIL))]
    return _bytes(picture)


def wall_texture(rng: np.random.Generator, fineness: float) -> Image:
    """A wall of 24 m by 8 m behind the people, ``fineness`` texels per metre."""
    height, width = round(8 * fineness), round(24 * fineness)
    kind = rng.integers(4)
    if kind == 0:
        return _bytes(_trees(rng, height, width))
    grain = fractal_noise(rng, height, width, coarse=rng.uniform(2, 10), fall=0.7)
    base = random_colour(rng, bright=0.25) * 0.5 + rng.uniform(60, 130)
    picture = base * (1 + rng.uniform(0.02, 0.14) * grain[..., None])
    if kind == 1:
        _bricks(picture, rng, max(round(0.25 * fineness), 4), max(round(0.09 * fineness), 3))
    if kind == 3:
        _indoor_wall(picture, rng, fineness)
    else:
        _house_front(picture, rng, fineness)
    return _bytes(picture)


def _bytes(picture: Texture) -> Image:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _bricks(picture: Texture, rng: np.random.Generator, width: int, height: int) -> None:
    """Bricks, tiles or boards of a size, each in its own shade; every second row may be shifted."""
    rows, columns = picture.shape[:2]
    shift = width // 2 if rng.random() < 0.6 else 0
    course = np.arange(rows) // height
    column = (np.arange(columns)[None] + shift * (course % 2)[:, None]) // width
    shades = 1 + 0.08 * rng.standard_normal((course.max() + 1, column.max() + 1))
    picture *= shades[course[:, None], column].astype(np.float32)[..., None]
    seam = rng.uniform(0.6, 1.2)
    picture[::height] *= seam
    edge = (np.arange(columns)[None] + shift * (course % 2)[:, None]) % width == 0
    picture[edge] *= seam


def _trees(rng: np.random.Generator, height: int, width: int) -> Texture:
    """Trees in front of the sky."""
    sky = _SKY[rng.integers(len(_SKY))] * rng.uniform(0.8, 1.05)
    cover = fractal_noise(rng, height, width, coarse=2, fall=0.75)
    leaves = _LEAVES[rng.integers(len(_LEAVES))] * rng.uniform(0.8, 1.3)
    depth = fractal_noise(rng, height, width, coarse=8, fall=0.9)
    picture = leaves * (1 + 0.3 * depth[..., None])
    edge = np.linspace(-2.2, 1.6, height, dtype=np.float32)[::-1, None] * rng.uniform(0.3, 1.2)
    open_sky = cover < edge
    picture[open_sky] = sky
    for _ in range(int(rng.integers(0, 9))):
        x, thick = int(rng.integers(width)), int(rng.integers(2, max(height // 24, 4)))
        trunk = cv_colour(rng.uniform(30, 110) * np.array([1.0, 0.85, 0.7]))
        cv2.line(picture, (x, height), (x + int(rng.normal(0, 12)), height // 5), trunk, thick)
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0.8), np.float32)


def _house_front(picture: Texture, rng: np.random.Generator, fineness: float) -> None:
    """Windows and doors."""
    height, width = picture.shape[:2]
    step, x = rng.uniform(1.4, 3.2) * fineness, 0.5 * fineness
    frame = cv_colour(random_colour(rng))
    sill = rng.uniform(0.6, 1.1) * fineness
    while x < width - step:
        door = rng.random() < 0.25
        wide = rng.uniform(0.45, 0.7) * step
        low = height if door else height - sill
        high = height - rng.uniform(2.0, 2.6) * fineness
        glass = np.array([1.0, 1.05, 1.1]) * rng.uniform(25, 150)
        corner, opposite = (int(x), int(high)), (int(x + wide), int(low))
        cv2.rectangle(picture, corner, opposite, cv_colour(glass), -1)
        shine = (int(x + wide * rng.uniform(0.2, 0.8)), int(high))
        cv2.line(picture, shine, (int(x), int(low)), cv_colour(glass * 1.3), 3)
        cv2.rectangle(picture, corner, opposite, frame, max(round(0.05 * fineness), 1))
        if rng.random() < 0.7:
            middle = int(x + wide / 2)
            cv2.line(picture, (middle, int(high)), (middle, int(low)), frame, 2)
        x += step


def _indoor_wall(picture: Texture, rng: np.random.Generator, fineness: float) -> None:
    """Pictures, shelves and a skirting board."""
    height, width = picture.shape[:2]
    line = cv_colour(random_colour(rng))
    cv2.rectangle(picture, (0, height - round(0.12 * fineness)), (width, height), line, -1)
    for _ in range(int(rng.integers(8, 26))):
        x, y = rng.uniform(0, width), height - rng.uniform(0.2, 2.9) * fineness
        w, h = rng.uniform(0.15, 1.3) * fineness, rng.uniform(0.15, 0.9) * fineness
        corner, opposite = (int(x), int(y - h)), (int(x + w), int(y))
        paint = cv_colour(random_colour(rng))
        cv2.rectangle(picture, corner, opposite, paint, -1)
        if rng.random() < 0.6:
            inner = (int(x + w / 5), int(y - h * 0.8)), (int(x + w * 0.8), int(y - h / 5))
            cv2.rectangle(picture, *inner, cv_colour(random_colour(rng)), -1)
        if rng.random() < 0.5:
            cv2.rectangle(picture, corner, opposite, cv_colour(random_colour(rng)), 2)
