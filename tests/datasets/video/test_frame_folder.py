"""Folders of numbered pictures as videos; single pictures, their orientation and damage."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.datasets.video import VideoConfig, open_video
from posetube.datasets.video.inputs import find_inputs
from posetube.datasets.video.picture import is_picture, read_picture
from posetube.errors import MediaError
from posetube.structures import ByteArray

Draw = Callable[..., ByteArray]
LIMIT = 1 << 24


def save(path: Path, image: ByteArray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))
    return path


def test_a_folder_is_a_video_whose_gaps_keep_their_places(
    tmp_path: Path, draw: Draw, read_number: Callable[[ByteArray | None], int]
) -> None:
    folder = tmp_path / "walk.v2"
    for number in (1, 2, 3, 5, 6, 8):
        save(folder / f"{number:06}.jpg", draw(number))
    (folder / "000006.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")

    with open_video(folder) as video:
        frames = list(video)
        again = list(video.frames(4))

    assert (video.name, video.expected, video.rate, video.size) == ("walk.v2", 8, 25.0, (96, 128))
    assert [f.index for f in frames] == list(range(8))
    assert [f.time for f in frames] == [i / 25 for i in range(8)]
    states = ["ok", "ok", "ok", "missing", "ok", "corrupt", "missing", "ok"]
    assert [f.state for f in frames] == states
    assert [f.image is None for f in frames] == [state != "ok" for state in states]
    assert [read_number(f.image) for f in frames if f.state == "ok"] == [1, 2, 3, 5, 8]
    assert [f.index for f in again] == [4, 5, 6, 7]
    assert video.warnings[0] == "walk.v2: frame 3 (0.120 s): missing from the folder"
    assert "frame 5 (0.200 s)" in video.warnings[1]
    assert "000006.jpg: the file is empty" in video.warnings[1]


def test_numbers_need_no_zeros_and_may_come_in_even_steps(tmp_path: Path, draw: Draw) -> None:
    for number in (97, 99, 101, 105):
        save(tmp_path / f"Movie-2-{number}_crop.png", draw(number))

    with open_video(tmp_path) as video:
        frames = list(video)

    assert [f.state for f in frames] == ["ok", "ok", "ok", "missing", "ok"]


def test_the_longest_series_is_the_video(tmp_path: Path, draw: Draw) -> None:
    for number in range(4):
        save(tmp_path / f"frame_{number}.png", draw(number))
    save(tmp_path / "mask_0.png", draw(0))

    with open_video(tmp_path) as video:
        assert len(list(video)) == 4
    assert video.warnings[0].endswith("1 pictures outside the numbered series are left out")


@pytest.mark.parametrize(
    "names",
    [
        [f"door_2024-05-06_12-{t}" for t in ("00-59.250", "00-59.750", "01-00.250", "01-02.250")],
        [f"17170000{t}" for t in ("59250", "59750", "60250", "62250")],
    ],
    ids=["date", "milliseconds"],
)
def test_pictures_named_by_times_are_one_video_with_these_times(
    names: list[str], tmp_path: Path, draw: Draw
) -> None:
    """Beyond a full minute, which no number at the end of the names knows of."""
    for name in names:
        save(tmp_path / f"{name}.png", draw(1))

    with open_video(tmp_path) as video:
        frames = list(video)
        assert (video.rate, video.expected, video.warnings) == (2.0, 4, [])
    with open_video(tmp_path, config=VideoConfig(start=0.5, end=3)) as video:
        assert [f.index for f in video] == [1, 2]

    assert [f.time for f in frames] == [0, 0.5, 1, 3]
    assert [f.state for f in frames] == ["ok"] * 4


def test_photographs_named_by_times_are_no_video(tmp_path: Path, draw: Draw) -> None:
    for time in ("120010", "120510", "121005"):
        save(tmp_path / f"IMG_20240506_{time}.jpg", draw(1))

    assert [found.kind for found in find_inputs([str(tmp_path)])] == ["picture"] * 3
    with pytest.raises(MediaError, match="3 pictures, 298 s apart by their names, are too far"):
        open_video(tmp_path)


def test_start_end_and_every_choose_among_pictures(tmp_path: Path, draw: Draw) -> None:
    for number in range(20):
        save(tmp_path / f"{number}.png", draw(number, (16, 32)))

    config = VideoConfig(start=0.2, end=0.6, every=3)
    with open_video(tmp_path, config=config) as video:
        assert [f.index for f in video] == [6, 9, 12]


def test_pictures_of_another_size_are_scaled_with_a_warning(tmp_path: Path, draw: Draw) -> None:
    save(tmp_path / "1.png", draw(1))
    save(tmp_path / "2.png", draw(2, (48, 64)))

    with open_video(tmp_path) as video:
        shapes = {f.image.shape for f in video if f.image is not None}

    assert shapes == {(96, 128, 3)}
    assert "scaled to the first picture's size from 64 x 48" in video.warnings[0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("1.png", "01.png"), "01.png and 1.png have the same number"),
        (
            ("000000000139.png", "000000581781.png", "000000000785.png"),
            "too far apart for a video; give",
        ),
        (("anna.png", "berta.png"), "no numbered pictures in this folder"),
    ],
)
def test_folders_that_are_no_video_are_refused(
    tmp_path: Path, draw: Draw, names: tuple[str, ...], message: str
) -> None:
    for name in names:
        save(tmp_path / name, draw(1))

    with pytest.raises(MediaError, match=message):
        open_video(tmp_path)


def test_a_folder_of_which_no_picture_can_be_read_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"nothing")

    with pytest.raises(MediaError, match="no picture in it can be read"):
        open_video(tmp_path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_pictures_of_each_format_are_read(tmp_path: Path, draw: Draw, suffix: str) -> None:
    path = save(tmp_path / f"photo{suffix}", draw(77))

    image, state = read_picture(path, max_pixels=LIMIT)

    assert is_picture(path)
    assert state == "ok"
    assert np.abs(image.astype(int) - draw(77)).mean() < 4


def with_orientation(path: Path, orientation: int) -> None:
    """Put an EXIF block with an orientation into a JPEG file."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    block = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    data = path.read_bytes()
    path.write_bytes(data[:2] + block + data[2:])


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, lambda m: m),
        (2, lambda m: m[:, ::-1]),
        (3, lambda m: np.rot90(m, 2)),
        (6, lambda m: np.rot90(m, -1)),
        (8, lambda m: np.rot90(m, 1)),
    ],
)
def test_pictures_are_turned_as_exif_says(
    tmp_path: Path, draw: Draw, orientation: int, expected: Callable[[ByteArray], ByteArray]
) -> None:
    path = save(tmp_path / "photo.jpg", draw(9))
    upright, _ = read_picture(path, max_pixels=LIMIT)
    with_orientation(path, orientation)

    with open_video(path) as video:
        (frame,) = video

    np.testing.assert_array_equal(frame.image, expected(upright))
    assert video.size == expected(upright).shape[:2]


def test_half_a_jpeg_is_marked(tmp_path: Path, draw: Draw) -> None:
    path = save(tmp_path / "photo.jpg", draw(9, (480, 640)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with open_video(path) as video:
        (frame,) = video

    assert frame.state == "corrupt"
    assert frame.image is not None
    assert video.warnings == ["photo.jpg: frame 0 (0.000 s): photo.jpg is damaged"]


def test_damage_inside_a_picture_is_marked(
    tmp_path: Path, draw: Draw, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    path = save(tmp_path / "photo.jpg", noise)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    path.write_bytes(data)

    image, state = read_picture(path, max_pixels=LIMIT)

    assert (image.shape, state) == ((96, 128, 3), "corrupt")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tif"])
def test_half_a_picture_of_another_format_is_refused(
    tmp_path: Path, draw: Draw, suffix: str
) -> None:
    path = save(tmp_path / f"photo{suffix}", draw(9, (480, 640)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(MediaError, match="cannot be decoded; it is damaged or over"):
        open_video(path)


def test_a_picture_over_the_limit_is_refused_before_it_is_decoded(
    tmp_path: Path, draw: Draw
) -> None:
    path = save(tmp_path / "photo.png", draw(9))

    with pytest.raises(MediaError, match="over the limit of 1000 pixels"):
        read_picture(path, max_pixels=1000)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"GIF89a" + bytes(50))

    with pytest.raises(MediaError, match="not a picture"):
        read_picture(path, max_pixels=LIMIT)


def test_an_album_is_all_pictures_by_name_each_in_its_own_place(tmp_path: Path) -> None:
    for name, (height, width) in {"b.png": (10, 30), "a10.png": (20, 8), "a9.png": (6, 6)}.items():
        picture = np.full((height, width, 3), height, np.uint8)
        assert cv2.imwrite(str(tmp_path / name), picture)

    with open_video(str(tmp_path), config=VideoConfig(as_one=True)) as video:
        frames = list(video.frames())

    assert video.size == (20, 30)
    assert video.frame_names == ("a9.png", "a10.png", "b.png")
    assert [frame.time for frame in frames] == [0, 10, 20]
    for frame, (height, width) in zip(frames, [(6, 6), (20, 8), (10, 30)], strict=True):
        assert frame.image is not None
        assert (frame.image[:height, :width] == height).all()
        assert frame.image.sum() == 3 * height * height * width


def test_an_album_needs_pictures(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no pictures in this folder"):
        open_video(str(tmp_path), config=VideoConfig(as_one=True))
