"""Procedural textures, small RGB pictures (float32): fractal noise, fabrics, skin and faces."""

import cv2
import numpy as np
import numpy.typing as npt

from posetube.structures import BoolArray, FloatArray

Texture = FloatArray

SKIN = np.array(
    [[234, 200, 176], [226, 184, 154], [222, 172, 138], [206, 152, 118], [180, 126, 92],
     [150, 100, 70], [116, 76, 54], [84, 56, 42]], np.float32,
)  # fmt: skip
"""(8, 3) skin tones, light to dark."""

HAIR = np.array(
    [[24, 20, 18], [44, 32, 26], [70, 48, 34], [104, 72, 46], [150, 112, 68], [196, 160, 104],
     [128, 58, 34], [140, 136, 132], [200, 198, 194]], np.float32,
)  # fmt: skip
"""(9, 3) hair colours."""

CLOTH = np.array(
    [[28, 28, 32], [52, 54, 60], [96, 98, 102], [150, 150, 152], [232, 230, 226], [36, 46, 78],
     [62, 84, 124], [96, 124, 160], [150, 130, 100], [98, 78, 58], [74, 82, 58], [112, 30, 36]],
    np.float32,
)  # fmt: skip
"""(12, 3) everyday colours of clothes."""


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, *, coarse: float = 4.0, fall: float = 0.6
) -> Texture:
    """(H, W) noise, a sum of ever finer and weaker octaves; mean 0, deviation about 1.

    Args:
        rng: Random generator.
        height: Rows.
        width: Columns.
        coarse: Number of blobs across the shorter side in the coarsest octave.
        fall: Strength of each octave relative to the coarser one before it.
    """
    total = np.zeros((height, width), np.float32)
    cells, strength, power = coarse, 1.0, 0.0
    short = min(height, width)
    while cells < short:
        rows = max(int(cells * height / short), 2)
        columns = max(int(cells * width / short), 2)
        noise = rng.standard_normal((rows, columns), dtype=np.float32)
        total += strength * cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
        power += strength**2
        cells, strength = cells * 2.3, strength * fall
    return np.asarray(total * np.float32(1.4 / max(power, 1e-6) ** 0.5))


def cv_colour(colour: npt.NDArray[np.floating]) -> tuple[float, ...]:
    """A colour (3,) as OpenCV's drawing functions take it."""
    return tuple(float(level) for level in colour)


def random_colour(rng: np.random.Generator, *, bright: float = 0.4) -> Texture:
    """(3,) RGB: an everyday colour of clothes, or, with probability ``bright``, a vivid one."""
    if rng.random() >= bright:
        base = CLOTH[rng.integers(len(CLOTH))] * rng.uniform(0.85, 1.15)
        return np.asarray(np.clip(base + rng.normal(0, 6, 3), 0, 245), np.float32)
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(90, 220), rng.uniform(90, 240)
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], np.float32)


def fabric_texture(
    rng: np.random.Generator, *, plain: bool = False, bright: float = 0.4
) -> Texture:
    """(48, 64, 3) cloth with folds: plain, striped, checked, dotted, mottled or with a print."""
    rows, columns = 48, 64
    cloth = np.broadcast_to(random_colour(rng, bright=bright), (rows, columns, 3)).copy()
    if not plain:
        _PATTERNS[int(rng.choice(len(_PATTERNS), p=_SHARES))](cloth, rng)
    # Coarse noise of two directions shades the cloth like folds.
    folds = (
        fractal_noise(rng, rows, columns, coarse=3) * 0.5
        + fractal_noise(rng, columns, rows, coarse=5).T * 0.5
    )
    return np.asarray(cloth * (1 + 0.16 * folds[..., None]), np.float32)


def _plain(cloth: Texture, rng: np.random.Generator) -> None:
    pass


def _stripes(cloth: Texture, rng: np.random.Generator) -> None:
    period = int(rng.integers(4, 13))
    lines = np.arange(cloth.shape[0]) % period < rng.uniform(0.25, 0.6) * period
    cloth[lines] = random_colour(rng)


def _pinstripes(cloth: Texture, rng: np.random.Generator) -> None:
    period = int(rng.choice([4, 8, 16]))
    cloth[:, np.arange(cloth.shape[1]) % period < max(period // 4, 1)] = random_colour(rng)


def _checks(cloth: Texture, rng: np.random.Generator) -> None:
    other, period = random_colour(rng), int(rng.choice([8, 16]))
    cloth[np.arange(cloth.shape[0]) % period < period // 2] *= 0.5
    cloth[np.arange(cloth.shape[0]) % period < period // 2] += 0.5 * other
    across = np.arange(cloth.shape[1]) % period < period // 2
    cloth[:, across] = 0.5 * cloth[:, across] + 0.5 * other


def _dots(cloth: Texture, rng: np.random.Generator) -> None:
    ink = cv_colour(random_colour(rng))
    step, radius = int(rng.integers(6, 12)), int(rng.integers(1, 4))
    for y in range(step // 2, cloth.shape[0], step):
        for x in range(step // 2, cloth.shape[1], step):
            cv2.circle(cloth, (x, y), radius, ink, -1)


def _mottled(cloth: Texture, rng: np.random.Generator) -> None:
    cloth[fractal_noise(rng, *cloth.shape[:2], coarse=6) > rng.uniform(0, 0.8)] = random_colour(rng)


def _print(cloth: Texture, rng: np.random.Generator) -> None:
    """A picture on the front, which is in the middle columns."""
    ink = cv_colour(random_colour(rng))
    centre = (int(rng.integers(28, 37)), int(rng.integers(20, 34)))
    size = (int(rng.integers(4, 10)), int(rng.integers(3, 10)))
    if rng.random() < 0.5:
        cv2.ellipse(cloth, centre, size, 0, 0, 360, ink, -1)
    else:
        corner = (centre[0] + size[0], centre[1] + size[1])
        cv2.rectangle(cloth, (centre[0] - size[0], centre[1] - size[1]), corner, ink, -1)


_PATTERNS = (_plain, _stripes, _pinstripes, _checks, _dots, _mottled, _print)
_SHARES = (0.48, 0.13, 0.06, 0.09, 0.04, 0.06, 0.14)


def skin_texture(
    rng: np.random.Generator, tone: Texture, rows: int = 48, columns: int = 64
) -> Texture:
    """(rows, columns, 3) bare skin of one tone."""
    return np.asarray(tone * (1 + 0.04 * fractal_noise(rng, rows, columns)[..., None]), np.float32)


FACE_ROWS, FACE_COLUMNS = 64, 128


def face_cell(left: float, up: float) -> tuple[float, float]:
    """Column and row in the head's texture of a point on the front half of the unit ball."""
    forward = max(1 - left**2 - up**2, 0.0) ** 0.5
    column = (np.arctan2(left, forward) / (2 * np.pi) + 0.5) * FACE_COLUMNS
    return float(column), float((0.5 - np.arcsin(up) / np.pi) * FACE_ROWS)


def head_texture(rng: np.random.Generator, tone: Texture, hair: Texture, *, bald: bool) -> Texture:
    """(64, 128, 3) the whole head: face in the middle, hair at the top, sides and back."""
    face = skin_texture(rng, tone, FACE_ROWS, FACE_COLUMNS)
    _paint_face(face, rng, tone, hair)
    if not bald:
        strands = fractal_noise(rng, FACE_COLUMNS, FACE_ROWS, coarse=10, fall=0.9).T
        covered = _hair_cover(rng)
        face[covered] = (hair * (1 + 0.09 * strands[..., None]))[covered]
    return np.ascontiguousarray(face, np.float32)


def _hair_cover(rng: np.random.Generator) -> BoolArray:
    """Mask of the hair: above a hairline that falls from the forehead to the nape."""
    turn = np.abs(np.linspace(-np.pi, np.pi, FACE_COLUMNS))
    front = rng.uniform(0.55, 0.95)  # latitude of the hairline above the nose
    line = np.interp(
        turn, [0, 0.75, 1.15, 1.5, 1.9, np.pi], [front, front - 0.1, 0.2, 0.0, -0.5, -0.8]
    )
    line = line + 0.05 * np.sin(turn * rng.uniform(3, 9) + rng.uniform(0, 6))
    latitude = (0.5 - (np.arange(FACE_ROWS) + 0.5) / FACE_ROWS) * np.pi
    return np.asarray(latitude[:, None] > line[None])


def _paint_face(face: Texture, rng: np.random.Generator, tone: Texture, hair: Texture) -> None:
    # Positions (left, up) are on the unit ball, sizes and lines in texels.
    def spot(left: float, up: float, size: tuple[float, float], ink: Texture) -> None:
        column, row = face_cell(left, up)
        centre = (round(column * 16), round(row * 16))
        axes = (round(size[0] * 16), round(size[1] * 16))
        paint = cv_colour(ink)
        cv2.ellipse(face, centre, axes, 0, 0, 360, paint, -1, cv2.LINE_8, shift=4)

    beard = rng.random() < 0.2
    if beard:
        spot(0.0, -0.75, (22, 9), 0.45 * tone + 0.55 * hair)
        spot(0.0, -0.35, (14, 5), tone)
    white = 0.25 * tone + np.array([176, 172, 168], np.float32)
    spot(0.0, 0.42, (13, 3.5), tone * 1.08)
    for side in (-1, 1):
        spot(side * 0.46, -0.25, (6.5, 5), tone * np.array([1.12, 1.02, 1.0], np.float32))
        spot(side * 0.36, 0.07, (7.0, 5.0), tone * 0.72)
        spot(side * 0.14, -0.05, (1.8, 6.5), tone * 0.8)
        spot(side * 0.10, -0.32, (2.0, 1.3), tone * 0.4)
        spot(side * 0.38, 0.26, (6.4, 1.7), 0.25 * tone + 0.45 * hair)
        spot(side * 0.36, 0.04, (4.8, 2.3), white)
        spot(side * 0.36, 0.05, (2.3, 2.3), np.array([40, 28, 24], np.float32))
        spot(side * 0.36, 0.11, (5.2, 0.9), tone * 0.35)
    spot(0.0, -0.1, (2.2, 7.5), tone * 1.14)
    lips = tone * np.array([0.92, 0.55, 0.55], np.float32)
    spot(0.0, -0.56, (7.6, 2.6), lips)
    spot(0.0, -0.56, (7.0, 0.8), lips * 0.4)
    spot(0.0, -0.72, (5.5, 1.0), tone * (0.6 if beard else 0.8))
    if rng.random() < 0.18:
        for side in (-1, 1):
            column, row = face_cell(side * 0.36, 0.05)
            cv2.ellipse(face, (round(column), round(row)), (6, 4), 0, 0, 360, (30.0, 28.0, 28.0), 1)
        cv2.line(face, (61, 30), (67, 30), (30.0, 28.0, 28.0), 1)
    face[:] = cv2.GaussianBlur(face, (3, 3), 0.6)
