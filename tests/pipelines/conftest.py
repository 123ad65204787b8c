"""A network that finds coloured squares, and clips with squares for it: quick and exact."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from posetube.masks import encode_mask
from posetube.models3d.devices import Device
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.manifest import ModelRecord
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import ByteArray, BytesArray, FloatArray, PoseTubes

WIDTH, HEIGHT = 160, 96
SQUARE = 24


class SquareFinder:
    """Finds one person per colour channel: the square that is bright in it alone."""

    def __init__(self, clip_length: int = 1) -> None:
        self.clip_length = clip_length
        self.skeleton: Skeleton = COCO17
        self.encoded: list[int] = []  # frames per call
        self.embeddings = False

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> list[ByteArray]:
        self.encoded.append(len(images))
        self.embeddings = embeddings
        return [image.copy() for image in images]

    def detect_features(self, features: Sequence[ByteArray], frames: Sequence[int]) -> PoseTubes:
        boxes = np.stack([_squares(image) for image in features], axis=1)  # (3, T, 4)
        found = boxes[np.isfinite(boxes).all(axis=(1, 2))].astype(np.float32)
        n, t = found.shape[:2]
        steps = np.linspace(0.1, 0.9, 17, dtype=np.float32)
        low, size = found[..., None, :2], found[..., None, 2:] - found[..., None, :2]
        return PoseTubes(
            frames=np.array(frames, np.int64),
            boxes=found,
            keypoints=low + size * np.stack([steps, steps**2], axis=-1),
            keypoint_scores=np.full((n, t, 17), 0.8, np.float32),
            scores=np.full(n, 0.9, np.float32),
            presence=np.ones((n, t), np.float32),
            embeddings=colours_of(features, found) if self.embeddings else None,
        )


class MaskFinder(SquareFinder):
    """Finds squares, and masks on request: the left half of each."""

    draws_masks = True

    def encode(self, images: Any, *, embeddings: bool = False, masks: bool = False) -> list[Any]:
        self.masks = masks
        return super().encode(images, embeddings=embeddings)

    def detect_features(self, features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        found = super().detect_features(features, frames)
        if not self.masks:
            return found
        packed: BytesArray = np.full(found.boxes.shape[:2], b"", object)
        centre = len(frames) // 2
        for row, (x1, y1, x2, y2) in enumerate(found.boxes[:, centre].astype(int)):
            mask = np.zeros((HEIGHT, WIDTH), np.bool_)
            mask[y1:y2, x1 : (x1 + x2) // 2] = True
            packed[row, centre] = encode_mask(mask)
        return replace(found, masks=packed)


class NobodyFinder(SquareFinder):
    """Finds nobody, at once, in pictures of any size."""

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> list[ByteArray]:
        return list(images[:, :1, :1])

    def detect_features(self, features: Sequence[ByteArray], frames: Sequence[int]) -> PoseTubes:
        return super().detect_features([np.zeros_like(f) for f in features], frames)


def _squares(image: ByteArray) -> Any:
    """(3, 4) box of the square of each colour; NaN where there is none."""
    boxes = np.full((3, 4), np.nan)
    for channel in range(3):
        rest = np.delete(image, channel, axis=2).max(axis=2)
        rows, columns = np.nonzero((image[..., channel] > 128) & (rest < 100))
        if len(rows) > 20:
            boxes[channel] = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return boxes


def colours_of(images: Sequence[ByteArray], boxes: FloatArray) -> FloatArray:
    """(N, T, 3) colour of the middle of each box."""
    middle = ((boxes[..., :2] + boxes[..., 2:]) / 2).astype(int)
    looks = [image[middle[:, t, 1], middle[:, t, 0]] for t, image in enumerate(images)]
    return (np.stack(looks, axis=1) / 255).astype(np.float32)


def picture(step: int, *, pan: int = 0) -> ByteArray:
    """Two squares that walk towards each other in different rows, before a carpet that moves."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    if pan:
        places = np.arange(WIDTH // 8) * 8 + step * pan
        tiles = 30 + (places[None] // 8 * 37 + np.arange(HEIGHT // 8)[:, None] * 61) % 50
        carpet = np.kron(tiles, np.ones((8, 8)))
        image[:] = np.roll(carpet, -(step * pan % 8), axis=1).astype(np.uint8)[..., None]
    place = 2 * step % (WIDTH - SQUARE)
    image[10 : 10 + SQUARE, place : place + SQUARE] = [230, 20, 20]
    left = WIDTH - SQUARE - place
    image[60 : 60 + SQUARE, left : left + SQUARE] = [20, 230, 20]
    return image


@cache
def encoded_clip(suffix: str, *, frames: int, rate: int, pan: int) -> bytes:
    """The file of a clip of squares; tests ask for few different ones, hundreds of times."""
    file = BytesIO()
    with av.open(file, "w", format="matroska" if suffix == ".mkv" else "mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        for step in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(step, pan=pan), format="rgb24")
            frame.pts, frame.time_base = step, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


ClipMaker = Callable[..., Path]


@pytest.fixture
def make_clip(tmp_path: Path) -> ClipMaker:
    """Writes a clip of squares: ``make_clip("name.mp4", frames=20)``."""

    def make(name: str = "clip.mp4", *, frames: int = 20, rate: int = 25, pan: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded_clip(path.suffix, frames=frames, rate=rate, pan=pan))
        return path

    return make


@pytest.fixture
def nobody_finder() -> type[NobodyFinder]:
    return NobodyFinder


@pytest.fixture
def make_model() -> Callable[..., LoadedModel]:
    """A loaded model around the square finder: ``make_model(clip_length=3)``."""

    def make(
        *,
        clip_length: int = 1,
        batch: int = 1,
        sha256: str = "0" * 64,
        finder: type[SquareFinder] = SquareFinder,
    ) -> LoadedModel:
        return LoadedModel(
            network=finder(clip_length),
            record=ModelRecord(name="squares", sha256=sha256, licence="none"),
            device=Device(name="cpu", reason="a test"),
            batch=batch,
        )

    return make
