"""Frames of undamaged files of every kind: pictures, indices, times."""

import gc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from posetube.datasets.video import VideoConfig, open_video
from posetube.errors import InputError, MediaError
from posetube.structures import ByteArray, Frame

Clip = Callable[..., Path]
ReadNumber = Callable[[ByteArray | None], int]


def frames_of(path: Path, config: VideoConfig | None = None, first: int = 0) -> list[Frame]:
    with open_video(path, config=config) as video:
        return list(video.frames(first))


@pytest.mark.parametrize(
    ("name", "settings", "begin"),
    [
        ("plain.mp4", {}, 0),
        ("bframes.mp4", {"options": {"bf": "4", "b_strategy": "0"}}, 0),
        ("fragmented.mp4", {"container": {"movflags": "frag_keyframe+empty_moov"}}, None),
        ("unknown_count.mkv", {}, 0),
        ("transport.ts", {}, None),
        ("open_gop.ts", {"options": {"g": "12", "x264-params": "open-gop=1:scenecut=0"}}, None),
        ("ten_bit.mp4", {"pixels": "yuv420p10le"}, 0),
        ("full_colour.mp4", {"pixels": "yuv444p"}, 0),
        ("odd_size.mp4", {"pixels": "yuv444p", "size": (97, 131)}, 0),
        ("lossless.mkv", {"codec": "ffv1"}, 0),
        ("jpegs.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}, 0),
        ("mpeg4.avi", {"codec": "mpeg4", "options": {"bf": "2"}}, None),
        ("mpeg2.mpg", {"codec": "mpeg2video", "options": {"bf": "2"}}, None),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}}, 0),
        ("no_times_for_frames.avi", {}, 2 / 30),
        ("counted.avi", {"options": {"bf": "0"}}, 0),
        ("no_times_at_all.h264", {"form": "h264"}, 0),
        ("interlaced.mp4", {"options": {"flags": "+ilme+ildct"}}, 0),
    ],
)
def test_every_frame_comes_once_in_order_and_on_time(
    clip: Clip, read_number: ReadNumber, name: str, settings: dict[str, object], begin: float | None
) -> None:
    frames = frames_of(clip(name, **settings))

    assert [frame.index for frame in frames] == list(range(60))
    assert [read_number(frame.image) for frame in frames] == list(range(60))
    assert {frame.state for frame in frames} == {"ok"}
    times = np.array([frame.time for frame in frames])
    np.testing.assert_allclose(times - times[0], np.arange(60) / 30, atol=0.0011)
    if begin is not None:
        assert times[0] == pytest.approx(begin)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_times_are_those_of_the_container_not_of_a_frame_rate(clip: Clip, name: str) -> None:
    times = [0.0, 0.02, 0.1, 0.101, 0.5, 0.533, 2.0, 2.04]

    frames = frames_of(clip(name, frames=8, times=times))

    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-6)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_late_start_is_kept(clip: Clip, name: str) -> None:
    frames = frames_of(clip(name, frames=5, times=[3.2, 3.24, 3.28, 3.32, 3.36]))

    assert [frame.time for frame in frames] == pytest.approx([3.2, 3.24, 3.28, 3.32, 3.36])


def test_what_the_container_says_is_told(clip: Clip) -> None:
    with open_video(clip("walk.mp4", frames=12)) as video:
        assert (video.name, video.size, video.expected) == ("walk", (96, 128), 12)
        assert (video.rate, video.live, video.warnings) == (30.0, False, [])
    with open_video(clip("walk.mkv", frames=12)) as video:
        assert video.expected is None
        assert len(list(video)) == 12
        assert not video.cut_short


def test_a_file_can_be_read_twice(clip: Clip) -> None:
    with open_video(clip("a.mp4", frames=9)) as video:
        assert [f.time for f in video] == [f.time for f in video]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.h264"])
@pytest.mark.parametrize("first", [1, 25, 59, 60, 99])
def test_reading_from_a_frame_on_gives_what_a_full_reading_gives(
    clip: Clip, name: str, first: int
) -> None:
    path = clip(name, options={"g": "8", "x264-params": "open-gop=1:scenecut=0"})
    whole = frames_of(path)

    part = frames_of(path, first=first)

    assert [(f.index, f.time) for f in part] == [(f.index, f.time) for f in whole[first:]]
    for one, other in zip(part, whole[first:], strict=True):
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
@pytest.mark.parametrize(("start", "end"), [(0.5, 0.9), (None, 0.21), (1.4, None), (5.0, 6.0)])
def test_start_and_end_are_exact(
    clip: Clip, name: str, start: float | None, end: float | None
) -> None:
    path = clip(name, options={"g": "8"})
    low = -np.inf if start is None else start
    high = np.inf if end is None else end
    whole = frames_of(path)
    wanted = [f for f in whole if low <= round(f.time - whole[0].time, 6) < high]

    part = frames_of(path, VideoConfig(start=start, end=end))

    assert [(f.index, f.time) for f in part] == [(f.index, f.time) for f in wanted]
    for one, other in zip(part, wanted, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize("name", ["late.ts", "late.mp4", "late.mkv"])
def test_start_and_end_count_from_the_first_frame(clip: Clip, name: str) -> None:
    path = clip(name, frames=50, rate=25, slots=[900_035 + i for i in range(50)])
    whole = frames_of(path)
    assert whole[0].time > 36000

    part = frames_of(path, VideoConfig(start=0.4, end=0.8))

    assert [(f.index, f.time) for f in part] == [(f.index, f.time) for f in whole[10:20]]
    with open_video(path, config=VideoConfig(start=5.0)) as video:
        assert list(video) == []
        assert (video.begin, video.last) == (whole[0].time, whole[-1].time)


def test_skipping_in_uneven_time_keeps_the_indices(clip: Clip) -> None:
    times = [0.03 * i + 0.01 * (i % 3) + (1.0 if i > 20 else 0) for i in range(60)]
    path = clip("vfr.mkv", options={"g": "5"}, times=times)

    part = frames_of(path, VideoConfig(start=2.0))

    assert part[0].index == next(i for i, t in enumerate(times) if t >= 2.0)


def test_every_nth_frame_keeps_its_index(clip: Clip, read_number: ReadNumber) -> None:
    frames = frames_of(clip("a.mp4", frames=20), VideoConfig(every=7))

    assert [(f.index, read_number(f.image)) for f in frames] == [(0, 0), (7, 7), (14, 14)]


def test_decoding_in_the_same_thread_gives_the_same(clip: Clip) -> None:
    path = clip("a.mp4", frames=10)

    plain, threaded = frames_of(path, VideoConfig(ahead=0)), frames_of(path)

    assert [f.time for f in plain] == [f.time for f in threaded]


# tkhd matrices: a b u c d v x y w, of which a b c d are given here
UPRIGHT = (1, 0, 0, 1)
MATRICES = [
    (UPRIGHT, lambda m: m),
    ((0, 1, -1, 0), lambda m: np.rot90(m, -1)),
    ((-1, 0, 0, -1), lambda m: np.rot90(m, 2)),
    ((0, -1, 1, 0), lambda m: np.rot90(m, 1)),
    ((-1, 0, 0, 1), lambda m: m[:, ::-1]),
    ((0, 1, 1, 0), lambda m: m.transpose(1, 0, 2)),
]


@pytest.mark.parametrize(("matrix", "expected"), MATRICES)
def test_frames_are_turned_and_mirrored_as_displayed(
    clip: Clip, matrix: tuple[int, ...], expected: Callable[[ByteArray], ByteArray]
) -> None:
    path = clip("a.mp4", frames=3)
    upright = frames_of(path)[2].image
    assert upright is not None
    set_matrix(path, matrix)

    with open_video(path) as video:
        shown = list(video)[2].image
        size = video.size

    assert shown is not None
    assert shown.shape[:2] == size
    np.testing.assert_array_equal(shown, expected(upright))


def set_matrix(path: Path, matrix: tuple[int, ...]) -> None:
    """Overwrite the display matrix in the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    values = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14]) * 65536
    data[place : place + 36] = values.astype(">i4").tobytes()
    path.write_bytes(data)


def test_pixels_that_are_not_square_are_told_and_kept(clip: Clip) -> None:
    with open_video(clip("wide.mp4", frames=3, aspect=Fraction(4, 3))) as video:
        assert video.size == (96, 128)
        assert video.pixel_aspect == pytest.approx(4 / 3)


def test_a_gif_is_a_video(clip: Clip) -> None:
    frames = frames_of(clip("a.gif", frames=4, codec="gif", pixels="rgb8", rate=10))

    assert [f.time for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize("name", ["a.apng", "a.png"])
def test_an_animated_png_is_a_video(clip: Clip, read_number: ReadNumber, name: str) -> None:
    path = clip(name, frames=4, codec="apng", pixels="rgb24", form="apng", rate=10)

    frames = frames_of(path)

    assert [f.time for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert [read_number(f.image) for f in frames] == [0, 1, 2, 3]


def test_the_ending_of_the_name_does_not_matter(clip: Clip) -> None:
    path = clip("a.mp4", frames=3)

    assert len(frames_of(path.rename(path.with_suffix(".avi")))) == 3


def test_the_largest_stream_is_read_and_cover_art_is_not(
    tmp_path: Path, draw: Callable[..., ByteArray], read_number: ReadNumber
) -> None:
    path = tmp_path / "two.mp4"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=30) for _ in range(2)]
        sizes = [(48, 64), (96, 128)]
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 480, 640, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for stream, size in zip(streams, sizes, strict=True):
            stream.height, stream.width = size
        art = av.VideoFrame.from_ndarray(draw(0, (480, 640)), format="rgb24")
        container.mux(cover.encode(art))
        container.mux(cover.encode(None))
        for number in range(5):
            for stream, size in zip(streams, sizes, strict=True):
                image = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24")
                container.mux(stream.encode(image))
        for stream in streams:
            container.mux(stream.encode(None))

    frames = frames_of(path)

    assert [read_number(f.image) for f in frames] == [0, 1, 2, 3, 4]
    assert {f.image.shape for f in frames if f.image is not None} == {(96, 128, 3)}


def test_joined_recordings_are_one_video_of_one_size(clip: Clip, read_number: ReadNumber) -> None:
    first = clip("first.ts", frames=30)
    second = clip("second.ts", frames=30, size=(144, 192))
    first.write_bytes(first.read_bytes() + second.read_bytes())

    with open_video(first) as video:
        frames = list(video)

    assert [read_number(f.image) for f in frames] == [*range(30), *range(30)]
    assert {f.image.shape for f in frames if f.image is not None} == {(96, 128, 3)}
    times = np.array([f.time for f in frames])
    np.testing.assert_allclose(np.diff(times), 1 / 30, atol=1e-3)
    assert any("scaled to the first frame's size from 192 x 144" in w for w in video.warnings)
    assert any("time starts over 1 times" in w for w in video.warnings)


def test_a_video_without_a_first_keyframe_begins_where_it_can_be_decoded(
    clip: Clip, read_number: ReadNumber
) -> None:
    path = clip("a.ts", options={"g": "20", "x264-params": "scenecut=0"}, noise=20)
    data = path.read_bytes()
    path.write_bytes(data[len(data) // 2 // 188 * 188 :])

    with open_video(path) as video:
        frames = list(video)

    assert read_number(frames[0].image) == 40
    assert [f.state for f in frames] == ["ok"] * 20
    assert [f.index for f in frames] == list(range(20))
    assert any("frames before the first keyframe are left out" in w for w in video.warnings)


def test_a_single_picture_is_a_video_of_one_frame(
    tmp_path: Path, draw: Callable[..., ByteArray]
) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), draw(5)[..., ::-1])

    with open_video(path) as video:
        (frame,) = video
        assert (video.expected, video.size, video.name) == (1, (96, 128), "photo")

    assert (frame.index, frame.time, frame.state) == (0, 0.0, "ok")
    np.testing.assert_array_equal(frame.image, draw(5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": float("nan")}, "VideoConfig.start must be 0 or more, got nan"),
        (
            {"start": 2, "end": 1},
            r"VideoConfig.end must be after VideoConfig.start \(2 s\), got 1 s",
        ),
        ({"every": 0}, "VideoConfig.every must be 1 or more, got 0"),
        ({"max_pixels": 0}, "VideoConfig.max_pixels must be 1 or more, got 0"),
        ({"ahead": -1}, "VideoConfig.ahead must be 0 or more, got -1"),
        ({"timeout": 0}, "VideoConfig.timeout must be above 0, got 0"),
    ],
)
def test_config_names_the_field_and_the_value(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        VideoConfig(**settings)  # type: ignore[arg-type]


def test_a_frame_before_the_first_is_refused(clip: Clip) -> None:
    with (
        open_video(clip("a.mp4", frames=2)) as video,
        pytest.raises(InputError, match="first must be 0 or more, got -1"),
    ):
        video.frames(-1)


def test_frames_over_the_limit_are_refused(clip: Clip) -> None:
    path = clip("a.mp4", frames=2)

    with pytest.raises(MediaError, match="128 x 96 pixels are over the limit of 1000"):
        open_video(path, config=VideoConfig(max_pixels=1000))


def test_decoded_frames_are_let_go_without_waiting_for_the_collector(clip: Clip) -> None:
    path = clip("a.mp4", frames=40)
    gc.collect()
    gc.disable()
    try:
        with open_video(path, config=VideoConfig(ahead=0)) as video:
            for _ in video:
                pass
            alive = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()

    assert alive < 10
