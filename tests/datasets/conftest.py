"""Clips that tests make: every frame carries its number in its pixels."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from posetube.structures import ByteArray

BITS = 8


def picture(number: int, size: tuple[int, int] = (96, 128)) -> ByteArray:
    """(H, W, 3) RGB: the number as black and white bars, red on the left, blue at the bottom."""
    height, width = size
    image = np.full((height, width, 3), 90, np.uint8)
    edges = np.linspace(width // 8, width, BITS + 1).astype(int)
    for bit in range(BITS):
        image[: height * 3 // 4, edges[bit] : edges[bit + 1]] = 235 if number >> bit & 1 else 20
    image[: height * 3 // 4, : width // 8] = [220, 20, 20]
    image[height * 3 // 4 :] = [20, 20, 220]
    return image


def number_in(image: ByteArray | None) -> int:
    """The number that :func:`picture` wrote."""
    assert image is not None
    height, width, _ = image.shape
    edges = np.linspace(width // 8, width, BITS + 1).astype(int)
    bars = [image[height // 3, (edges[i] + edges[i + 1]) // 2].mean() for i in range(BITS)]
    return sum(int(bar > 128) << i for i, bar in enumerate(bars))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to encode a clip."""

    frames: int = 60
    size: tuple[int, int] = (96, 128)
    codec: str = "libx264"
    pixels: str = "yuv420p"
    rate: Fraction | int = 30
    times: Sequence[float] | None = None
    slots: Sequence[int] | None = None
    """Place of each frame in units of 1 / rate; the codec then knows no finer time."""
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    form: str | None = None
    noise: int = 0
    aspect: Fraction | None = None


def write_clip(path: Path, recipe: Recipe) -> Path:
    """Encode a clip with PyAV."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", format=recipe.form, options=recipe.container) as container:
        stream = container.add_stream(recipe.codec, rate=recipe.rate, options=recipe.options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = recipe.size
        stream.pix_fmt = recipe.pixels
        if recipe.aspect:
            stream.codec_context.sample_aspect_ratio = recipe.aspect
        base = Fraction(1, 1000) if recipe.times is not None else 1 / Fraction(recipe.rate)
        stamps = recipe.slots
        if recipe.times is not None:
            stamps = [round(time * 1000) for time in recipe.times]
        if stamps is not None:
            stream.codec_context.time_base = base
        for number in range(recipe.frames):
            image = picture(number, recipe.size).astype(int)
            image += rng.integers(-recipe.noise, recipe.noise + 1, image.shape)
            frame = VideoFrame.from_ndarray(image.clip(0, 255).astype(np.uint8), format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[number], base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Recipe], Path]:
    """Encode a clip once, to be copied: several tests want the same."""
    folder = tmp_path_factory.mktemp("encoded")
    known: dict[str, Path] = {}

    def encode(suffix: str, recipe: Recipe) -> Path:
        wanted = f"{suffix} {recipe}"
        if wanted not in known:
            known[wanted] = write_clip(folder / f"{len(known)}{suffix}", recipe)
        return known[wanted]

    return encode


@pytest.fixture
def clip(encoded: Callable[[str, Recipe], Path], tmp_path: Path) -> Callable[..., Path]:
    """Make a clip: ``clip("name.mp4", frames=10, ...)``, see :class:`Recipe`."""

    def make(name: str, **settings: object) -> Path:
        path = tmp_path / name
        recipe = Recipe(**settings)  # type: ignore[arg-type]
        return Path(shutil.copyfile(encoded(path.suffix, recipe), path))

    return make


@pytest.fixture
def read_number() -> Callable[[ByteArray | None], int]:
    """Read the number in a clip's frame."""
    return number_in


@pytest.fixture
def draw() -> Callable[..., ByteArray]:
    """Draw a numbered frame."""
    return picture
