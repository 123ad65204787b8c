from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from posetube.datasets.video import open_video
from posetube.datasets.video.writer import VideoWriter
from posetube.errors import InputError, ResourceError
from posetube.structures import ByteArray

Draw = Callable[..., ByteArray]


def write(path: Path, times: list[float], draw: Draw, size: tuple[int, int] = (96, 128)) -> None:
    with VideoWriter(path, size=size) as writer:
        for number, time in enumerate(times):
            writer.write(draw(number, size), time)


def test_what_was_written_is_read_back_with_its_times(
    tmp_path: Path, draw: Draw, read_number: Callable[[ByteArray | None], int]
) -> None:
    times = [5.0, 5.04, 5.3, 5.301, 7.5, 7.52]
    write(tmp_path / "a.mp4", times, draw)

    with open_video(tmp_path / "a.mp4") as video:
        frames = list(video)

    np.testing.assert_allclose([f.time for f in frames], times, atol=1e-4)
    assert [read_number(f.image) for f in frames] == list(range(6))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("rate", [0.001, 1001, 2000, 60_000, 1e9])
def test_any_rate_may_be_stated_and_the_times_are_kept(
    tmp_path: Path, draw: Draw, rate: float
) -> None:
    path, times = tmp_path / "a.mp4", [i / 2000 for i in range(8)]
    with VideoWriter(path, size=(96, 128), rate=rate) as writer:
        for number, time in enumerate(times):
            writer.write(draw(number), time)

    with open_video(path) as video:
        np.testing.assert_allclose([f.time for f in video], times, atol=1e-5)


def test_a_browser_can_play_it(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "a.mp4"
    write(path, [0, 0.04], draw)

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("size", [(97, 131), (1, 1), (96, 131)])
def test_odd_sides_are_made_even_by_doubling_the_border(
    tmp_path: Path, draw: Draw, size: tuple[int, int]
) -> None:
    path = tmp_path / "a.mp4"
    image = np.full((*size, 3), 200, np.uint8)
    with VideoWriter(path, size=size) as writer:
        writer.write(image, 0)

    with open_video(path) as video:
        (frame,) = video
    assert frame.image is not None
    assert frame.image.shape[:2] == tuple(side + side % 2 for side in size)
    assert np.abs(frame.image.astype(int) - 200).max() < 8


def test_times_that_do_not_rise_are_moved_behind_the_last(tmp_path: Path, draw: Draw) -> None:
    write(tmp_path / "a.mp4", [1.0, 1.0, 0.5, 2.0], draw)

    with open_video(tmp_path / "a.mp4") as video:
        times = [f.time for f in video]

    assert times == pytest.approx([1, 1, 1, 2], abs=1e-4)
    assert np.all(np.diff(times) > 0)


def test_a_negative_start_moves_to_zero(tmp_path: Path, draw: Draw) -> None:
    write(tmp_path / "a.mp4", [-0.5, -0.3, 0.1], draw)

    with open_video(tmp_path / "a.mp4") as video:
        assert [f.time for f in video] == pytest.approx([0, 0.2, 0.6])


def write_two(writer: VideoWriter, first: ByteArray, second: ByteArray) -> None:
    writer.write(first, 0)
    writer.write(second, 1)


def test_nothing_is_left_behind_by_an_error_or_without_pictures(tmp_path: Path, draw: Draw) -> None:
    (tmp_path / "a.mp4").write_bytes(b"the one before")
    with pytest.raises(InputError), VideoWriter(tmp_path / "a.mp4", size=(96, 128)) as writer:
        write_two(writer, draw(0), draw(0, (2, 2)))

    assert (tmp_path / "a.mp4").read_bytes() == b"the one before"
    with VideoWriter(tmp_path / "b.mp4", size=(96, 128)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_bad_pictures_and_settings_are_refused(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, size=(96, 128)) as writer:
        with pytest.raises(InputError, match=r"expected uint8 \(96, 128, 3\), got uint8 \(9, 9, 3"):
            writer.write(draw(0, (9, 9)), 0)
        with pytest.raises(InputError, match="got float64"):
            writer.write(draw(0).astype(float), 0)
        with pytest.raises(InputError, match="time must be finite, got nan"):
            writer.write(draw(0), float("nan"))
    with pytest.raises(InputError, match="size must be 1 x 1 or more"):
        VideoWriter(path, size=(0, 4))
    with pytest.raises(InputError, match=r"quality must be in \[0, 51\], got 52"):
        VideoWriter(path, size=(4, 4), quality=52)
    with pytest.raises(InputError, match="rate must be above 0 frames/s, got 0"):
        VideoWriter(path, size=(4, 4), rate=0)
    with pytest.raises(InputError, match="a.mp4: cannot be written: the folder .* does not exist"):
        VideoWriter(tmp_path / "no" / "a.mp4", size=(4, 4))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_lack_of_resources(
    tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    writer = VideoWriter(tmp_path / "a.mp4", size=(96, 128))
    writer.write(draw(0), 0)
    monkeypatch.setattr("pathlib.Path.replace", full)

    with pytest.raises(ResourceError, match="a.mp4: cannot be written: disk full; make room"):
        writer.close()
    assert list(tmp_path.iterdir()) == []
