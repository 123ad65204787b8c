"""Files that hold several pictures: all of them are read, and what a picture carries is not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from posetube.datasets.video import VideoConfig, open_video
from posetube.datasets.video.inputs import find_inputs
from posetube.datasets.video.picture_sequence import sequence_format, tiff_pages
from posetube.errors import MediaError
from posetube.structures import ByteArray

Draw = Callable[..., ByteArray]
ReadNumber = Callable[[ByteArray | None], int]


def encoded(suffix: str, images: Sequence[ByteArray]) -> list[bytes]:
    return [cv2.imencode(suffix, image[..., ::-1])[1].tobytes() for image in images]


@pytest.mark.parametrize("name", ["a.mjpeg", "a.jpg", "a.png", "a.data", "a.bmp", "a.webp"])
def test_pictures_one_after_another_are_a_video(
    tmp_path: Path, draw: Draw, read_number: ReadNumber, name: str
) -> None:
    suffix = {"a.data": ".png", "a.mjpeg": ".jpg"}.get(name, name[1:])
    path = tmp_path / name
    path.write_bytes(b"".join(encoded(suffix, [draw(i) for i in range(12)])))

    with open_video(path) as video:
        frames = list(video)
        assert (video.warnings, video.cut_short, video.rate) == ([], False, 25.0)

    assert [read_number(f.image) for f in frames] == list(range(12))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(12)])


def test_the_pages_of_a_tiff_are_frames(
    tmp_path: Path, draw: Draw, read_number: ReadNumber
) -> None:
    path = tmp_path / "stack.tiff"
    cv2.imwritemulti(str(path), [draw(i)[..., ::-1] for i in range(6)])

    with open_video(path) as video:
        assert (video.expected, video.frame_names, video.rate) == (6, (), 25.0)
        frames = list(video)
    with open_video(path, config=VideoConfig(start=0.08, every=2)) as video:
        part = [f.index for f in video.frames(1)]

    assert [read_number(f.image) for f in frames] == list(range(6))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(6)])
    np.testing.assert_array_equal(frames[3].image, draw(3))
    assert part == [2, 4]


def test_a_thumbnail_in_a_tiff_is_no_frame(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "photo.tif"
    cv2.imwritemulti(str(path), [draw(0)[..., ::-1], draw(0, (24, 32))[..., ::-1]])

    with open_video(path) as video:
        assert len(list(video)) == 1
        assert video.warnings == ["photo.tif: 1 pages of another size are left out"]
        assert video.frame_names == ("photo.tif",)


def test_a_damaged_page_keeps_its_place(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "stack.tiff"
    cv2.imwritemulti(str(path), [draw(i)[..., ::-1] for i in range(3)])
    data = bytearray(path.read_bytes())
    # The entry "compression" of the second page gets a method that does not exist.
    second = int.from_bytes(data[4:8], "little")
    second = int.from_bytes(data[second + 2 + 12 * data[second] :][:4], "little")
    entries = range(second + 2, second + 2 + 12 * data[second], 12)
    place = next(at for at in entries if data[at : at + 2] == b"\x03\x01")
    data[place + 8 : place + 10] = b"\x77\x77"
    path.write_bytes(data)

    with open_video(path) as video:
        states = [frame.state for frame in video]
        assert "it is damaged or over the limit" in video.warnings[0]
        assert video.warnings[0].endswith("(page 2)")

    assert states == ["ok", "corrupt", "ok"]


@pytest.mark.parametrize(("left_out", "padding"), [(2, b""), (0, bytes(99)), (0, b"\xff" * 7)])
def test_raw_jpegs_may_be_padded_or_lack_their_end(
    tmp_path: Path, draw: Draw, read_number: ReadNumber, left_out: int, padding: bytes
) -> None:
    path = tmp_path / "camera.mjpeg"
    images = encoded(".jpg", [draw(i) for i in range(5)])
    path.write_bytes(b"".join(one[: len(one) - left_out] + padding for one in images))

    with open_video(path) as video:
        assert [read_number(f.image) for f in video] == list(range(5))


@pytest.mark.parametrize("data", [b"II*\0", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*" + bytes(9), b"I"])
def test_a_tiff_that_breaks_off_has_no_pages(data: bytes) -> None:
    assert tiff_pages(data) == {}


def test_a_tiff_whose_pages_go_round_in_circles_ends() -> None:
    page = b"\1\0" + b"\0\1\3\0\1\0\0\0\x20\0\0\0"
    assert tiff_pages(b"II*\0\x08\0\0\0" + page + b"\x08\0\0\0") == {8: (0, 32)}


def test_what_a_photograph_carries_along_is_no_frame(tmp_path: Path, draw: Draw) -> None:
    photo, same, small = encoded(".jpg", [draw(0), draw(1), draw(2, (24, 32))])
    stereo = photo[:2] + b"\xff\xe2\x00\x0aMPF\0____" + photo[2:]
    thumbnail = photo[:2] + b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small + photo[2:]
    carried = {
        "stereo": stereo + same,
        "gain_map": photo + small,
        "motion": photo + b"\0\0\0\x18ftypmp42" + same,
        "thumbnail": thumbnail,
        "cut": photo[:-2],
        "junk": photo + b"SEFT" * 9,
    }
    for name, data in carried.items():
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(data)

        assert sequence_format(path) is None, name
        with open_video(path) as video:
            assert len(list(video)) == 1

    (tmp_path / "series.jpg").write_bytes(thumbnail + thumbnail)
    assert sequence_format(tmp_path / "series.jpg") == "mjpeg"


def test_an_animated_avif_is_a_video(tmp_path: Path, draw: Draw, read_number: ReadNumber) -> None:
    path = tmp_path / "a.avif"
    with av.open(str(path), "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=25, options={"preset": "12", "crf": "20"})
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        for number in range(8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(number), format="rgb24")))
        container.mux(stream.encode(None))

    frames = list(open_video(path))

    assert [read_number(f.image) for f in frames] == list(range(8))


def test_an_animated_webp_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    head = b"VP8X\n\0\0\0\x12\0\0\0\x9f\0\0\x5f\0\0ANIM\6\0\0\0" + bytes(6)
    path.write_bytes(b"RIFF" + (len(head) + 4).to_bytes(4, "little") + b"WEBP" + head)

    with pytest.raises(MediaError, match="animated WebP is not read; convert it to a video or a G"):
        open_video(path)


def test_raw_jpegs_and_avif_are_found_in_a_folder(tmp_path: Path) -> None:
    for name in ("a.mjpeg", "b.avif", "c.txt"):
        (tmp_path / name).write_bytes(b"x")

    assert [one.name for one in find_inputs([str(tmp_path)])] == ["a", "b"]
