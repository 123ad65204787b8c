"""Damaged files: lost frames keep their indices; refused files get a message of one line."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posetube.datasets.video import open_video
from posetube.errors import MediaError, PoseTubeError
from posetube.structures import ByteArray

Clip = Callable[..., Path]
ReadNumber = Callable[[ByteArray | None], int]


def damage(path: Path, *, at: float, count: int = 400, seed: int = 0) -> Path:
    """Overwrite bytes in the middle of a file, in place."""
    data = bytearray(path.read_bytes())
    begin = int(len(data) * at)
    data[begin : begin + count] = random.Random(seed).randbytes(count)
    path.write_bytes(data)
    return path


# AVI and program streams are left out: they lose frames without a trace of their times.
@pytest.mark.parametrize("at", [0.35, 0.5, 0.65])
@pytest.mark.parametrize(
    ("name", "options", "least"),
    [
        ("plain.mp4", {}, 52),
        ("short_gops.mp4", {"g": "12"}, 52),
        ("no_bframes.mp4", {"bf": "0"}, 52),
        ("transport.ts", {"g": "12"}, 52),
        ("matroska.mkv", {"g": "12"}, 45),  # FFmpeg drops the rest of a damaged cluster
    ],
)
def test_behind_damage_every_frame_has_its_index_and_time(
    clip: Clip, read_number: ReadNumber, name: str, options: dict[str, str], least: int, at: float
) -> None:
    path = clip(name, options=options, noise=12, size=(192, 256))
    with open_video(path) as video:
        sound = [(f.index, round(f.time, 2)) for f in video]
    damage(path, at=at)

    with open_video(path) as video:
        frames = list(video)

    assert [(f.index, round(f.time, 2)) for f in frames] == sound
    good = [f for f in frames if f.state == "ok"]
    assert len(good) >= least
    assert all(f.image is not None for f in good)
    assert len(good) == 60 or any(f"{name}: frame" in w for w in video.warnings)
    # A frame far from the damage is unchanged.
    for frame in frames[:15]:
        assert read_number(frame.image) == frame.index


def test_a_resumed_reading_of_a_damaged_file_sees_the_same(clip: Clip) -> None:
    path = damage(clip("a.mp4", options={"g": "10"}, noise=12), at=0.4, count=900)
    with open_video(path) as video:
        whole = list(video)
    assert any(f.state == "corrupt" for f in whole)

    for first in range(1, 60, 7):
        with open_video(path) as video:
            part = list(video.frames(first))
        assert [(f.index, f.time, f.state) for f in part] == [
            (f.index, f.time, f.state) for f in whole[first:]
        ]
        for one, other in zip(part, whole[first:], strict=True):
            assert (one.image is None) == (other.image is None)
            if one.image is not None and other.image is not None:
                np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize(
    ("name", "container"),
    [("a.mkv", {}), ("a.mp4", {"movflags": "+faststart"}), ("a.avi", {}), ("a.flv", {})],
)
def test_a_file_that_is_cut_short_says_so(clip: Clip, name: str, container: dict[str, str]) -> None:
    path = clip(name, noise=12, container=container)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])

    with open_video(path) as video:
        frames = list(video)

    assert 10 < len(frames) < 60
    assert [f.index for f in frames] == list(range(len(frames)))
    assert video.cut_short
    assert any(f"{name}: cut short: " in w for w in video.warnings)


def test_a_damaged_run_is_one_warning_with_file_frames_and_times(clip: Clip) -> None:
    path = clip("a.avi", codec="mjpeg", pixels="yuvj420p", frames=20)
    data = bytearray(path.read_bytes())
    chunks = [i for i in range(data.index(b"movi"), len(data)) if data[i : i + 4] == b"00dc"]
    for begin in chunks[5:8]:
        size = int.from_bytes(data[begin + 4 : begin + 8], "little")
        data[begin + 8 : begin + 8 + size] = bytes(size)
    path.write_bytes(data)

    with open_video(path) as video:
        states = [f.state for f in video]

    assert [i for i, state in enumerate(states) if state == "corrupt"] == [5, 6, 7]
    assert len(states) == 20
    (warning,) = video.warnings
    assert warning.startswith("a.avi: frames 5 to 7 (0.167 s to 0.233 s): ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", r"the file is empty \(0 bytes\)"),
        ("text.mp4", b"This is no video.\n" * 50, "not a video in a supported format"),
        ("noise.mkv", random.Random(0).randbytes(9000), "not a video in a supported format"),
        ("list.mp4", b"ffconcat version 1.0\nfile other.mp4\n", "it is a list of other files"),
        ("list.mkv", b"#EXTM3U\n#EXTINF:1,\nother.ts\n", r"refused, because it is a playlist"),
        ("dash.mp4", b'<?xml version="1.0"?><MPD></MPD>', "refused, because it is an XML"),
        ("session.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", "it is a session description"),
        ("song.mp4", b"RIFF$\0\0\0WAVEfmt \x10\0\0\0" + bytes(40), "not one of the allowed"),
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(90), "the picture cannot be decoded"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, clip: Clip, name: str, content: bytes, message: str
) -> None:
    clip("other.mp4", frames=3)
    clip("other.ts", frames=3)
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(MediaError, match=message) as caught:
        open_video(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_playlist_is_refused_where_ffmpeg_would_follow_it(tmp_path: Path, clip: Clip) -> None:
    clip("other.mp4", frames=3)
    path = tmp_path / "innocent.mp4"
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 3

    with pytest.raises(MediaError, match="list of other files"):
        open_video(path)


def test_what_is_not_there_or_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nothing.mp4: no such file"):
        open_video(tmp_path / "nothing.mp4")
    with pytest.raises(MediaError, match="not a regular file"):
        open_video("/dev/null")
    with pytest.raises(MediaError, match="no numbered pictures in this folder"):
        open_video(tmp_path)
    with pytest.raises(MediaError, match="'a.x00b.mp4': cannot be opened"):
        open_video("a\0b.mp4")
    with pytest.raises(MediaError, match="cannot be opened: File name too long"):
        open_video("a" * 300 + ".mp4")


def test_protocols_that_name_other_files_are_paths_here(tmp_path: Path, clip: Clip) -> None:
    path = clip("a.mp4", frames=3)

    for source in (f"concat:{path}|{path}", f"subfile,,start,0,end,0,,:{path}", f"file:{path}"):
        with pytest.raises(MediaError, match="no such file"):
            open_video(source)


def test_an_unfinished_mp4_names_the_missing_index(clip: Clip) -> None:
    path = clip("a.mp4", noise=12)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])

    with pytest.raises(MediaError, match=r"its index \(moov\) is missing"):
        open_video(path)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))

    with pytest.raises(MediaError, match="expected a video stream, found only sound"):
        open_video(path)


def test_a_file_of_which_nothing_can_be_decoded_is_refused(clip: Clip) -> None:
    path = clip("a.mp4", frames=3)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - begin)
    path.write_bytes(data)

    with pytest.raises(MediaError, match="none of its frames can be decoded"):
        open_video(path)


@pytest.mark.slow
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["a.mp4", "a.mkv", "a.ts", "a.avi", "a.webm", "a.gif", "a.mpg", "a.apng"]),
    at=st.floats(0, 0.99),
    count=st.integers(1, 3000),
    cut=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_damage_raises_anything_but_our_errors(
    tmp_path: Path, clip: Clip, name: str, at: float, count: int, cut: bool, seed: int
) -> None:
    sound = tmp_path / name
    if not sound.exists():
        codecs = {"a.webm": "libvpx", "a.gif": "gif", "a.mpg": "mpeg2video", "a.apng": "apng"}
        colours = {"a.gif": "rgb8", "a.apng": "rgb24"}
        clip(
            name,
            frames=20,
            codec=codecs.get(name, "libx264"),
            pixels=colours.get(name, "yuv420p"),
        )
    path = tmp_path / f"bad{sound.suffix}"
    path.write_bytes(sound.read_bytes())
    if cut:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * at)])
    else:
        damage(path, at=at, count=count, seed=seed)

    try:
        video = open_video(path)
    except PoseTubeError:
        return
    with video:
        frames = list(video)

    assert [f.index for f in frames] == list(range(len(frames)))
    assert all(a.time <= b.time for a, b in pairwise(frames))
    assert {f.image.shape[:2] for f in frames if f.image is not None} <= {video.size}
    assert all(f.image is not None for f in frames if f.state == "ok")
