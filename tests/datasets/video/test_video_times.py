"""Order, times and states of sound files: every codec, container, rate, B-frames, pauses."""

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from posetube.datasets.video import VideoConfig, open_video
from posetube.structures import ByteArray

Clip = Callable[..., Path]
ReadNumber = Callable[[ByteArray | None], int]

CONTAINERS: dict[str, tuple[str, ...]] = {
    "libx264": ("mp4", "mov", "mkv", "avi", "ts", "flv", "nut", "asf"),
    "libx265": ("mp4", "mkv", "ts"),
    "mpeg4": ("mp4", "mkv", "avi", "nut"),
    "mpeg2video": ("mkv", "ts", "avi"),  # in MP4, FFmpeg's edit list leaves out the last frame
    "libvpx": ("webm", "avi"),
    "libvpx-vp9": ("webm", "mkv", "mp4"),
    "mjpeg": ("avi", "mkv", "mov"),
    "ffv1": ("mkv", "avi"),
    "msmpeg4": ("avi", "asf"),
    "flv": ("flv",),
}
"""Codecs, and containers that keep uneven times of them."""

DELAYED = ("libx264", "libx265", "mpeg4", "mpeg2video")
"""Codecs with B-frames."""

COUNTED = ("avi", "asf")
"""Containers with decoding times only; they do not hold the time of the last frames in a pause."""

RATES = (Fraction(1, 5), Fraction(1, 2), 1, 5, 10, Fraction(24000, 1001), 25, 30, 60, 120, 240)
BROADCAST = (Fraction(24000, 1001), 25, 30, 60)
"""Rates that MPEG-2 knows."""


def codec_options(codec: str, bframes: int, group: int) -> dict[str, str]:
    options = {"g": str(group)}
    if codec == "libx264":
        opened = {"x264-params": "open-gop=1:scenecut=0"} if group < 12 else {}
        return options | opened | {"bf": str(bframes), "b_strategy": "0", "preset": "ultrafast"}
    if codec == "libx265":
        params = f"bframes={bframes}:b-adapt=0:keyint={group}:log-level=none:pools=none"
        return {"x265-params": params, "preset": "ultrafast"}
    if codec in DELAYED:
        return options | {"bf": str(min(bframes, 2)), "b_strategy": "0"}
    return {"cpu-used": "8", "deadline": "realtime"} if codec.startswith("libvpx") else {}


def check(path: Path, read_number: ReadNumber, times: Sequence[float], *, unknown: int = 0) -> None:
    """Every frame once, in order, on time, without a complaint; ``unknown``: last times unknown."""
    count = len(times)
    with open_video(path) as video:
        frames = list(video)
        assert [read_number(frame.image) for frame in frames] == list(range(count))
        assert {frame.state for frame in frames} == {"ok"}
        assert (video.warnings, video.cut_short) == ([], False)
        assert video.expected in (None, count)
    ours = np.array([frame.time for frame in frames])
    known = max(count - unknown, 1)
    np.testing.assert_allclose(
        (ours - ours[0])[:known], (np.array(times) - times[0])[:known], atol=0.0011
    )
    middle = count // 2
    with open_video(path, config=VideoConfig(start=ours[middle] - ours[0])) as video:
        part = [(f.index, f.time, read_number(f.image)) for f in video]
    assert part == [(i, ours[i], i) for i in range(count) if ours[i] >= ours[middle] - 1e-6]


@pytest.mark.parametrize("rate", [Fraction(1, 2), 1, 25, 240])
@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("container", CONTAINERS["libx264"])
def test_pauses_and_b_frames_at_any_rate(
    clip: Clip, read_number: ReadNumber, container: str, bframes: int, rate: Fraction | int
) -> None:
    steps = [60, 1, 1, 1, 30, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    slots = [0, *accumulate(steps)]
    options = codec_options("libx264", bframes, 8)

    path = clip(f"a.{container}", frames=15, rate=rate, slots=slots, options=options)

    # The delayed picture of AVI gets the time after the pause; nothing in the file says otherwise.
    unknown = bframes if container in COUNTED else 0
    check(path, read_number, [float(slot / rate) for slot in slots], unknown=unknown)


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("POSETUBE_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kind=st.sampled_from([(codec, c) for codec, names in CONTAINERS.items() for c in names]),
    rate=st.sampled_from(RATES),
    bframes=st.sampled_from([0, 1, 2, 4]),
    group=st.sampled_from([1, 6, 12, 250]),
    steps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 5, 40]), max_size=30),
    late=st.sampled_from([0, 0, 9]),
)
def test_any_sound_file_gives_its_frames_in_order_and_on_time(
    clip: Clip,
    read_number: ReadNumber,
    kind: tuple[str, str],
    rate: Fraction | int,
    bframes: int,
    group: int,
    steps: list[int],
    late: int,
) -> None:
    codec, container = kind
    if codec == "mpeg2video" and rate not in BROADCAST:
        rate = 25
    slots = list(accumulate([0 if container == "avi" else late, *steps]))
    bframes = 0 if codec not in DELAYED or group == 1 else bframes
    if container == "ts" and len(slots) < 9:
        return  # FFmpeg does not recognise so short a transport stream

    try:
        path = clip(
            f"a.{container}",
            frames=len(slots),
            rate=rate,
            slots=slots,
            codec=codec,
            pixels="yuvj420p" if codec == "mjpeg" else "yuv420p",
            options=codec_options(codec, bframes, group),
        )
    except av.error.PatchWelcomeError:  # FFmpeg itself cannot write such a file
        reject()

    check(
        path,
        read_number,
        [float(slot / rate) for slot in slots],
        unknown=max(bframes, codec == "mpeg2video") if container in COUNTED else 0,
    )


def test_empty_chunks_of_avi_repeat_the_frame_before(clip: Clip, read_number: ReadNumber) -> None:
    slots = [i for i in range(60) if i not in (20, 21, 22, 23, 30, 59)]
    for codec, pixels in (("libx264", "yuv420p"), ("mjpeg", "yuvj420p"), ("mpeg4", "yuv420p")):
        options = {} if codec == "mjpeg" else {"bf": "0"}
        made = {"codec": codec, "pixels": pixels, "options": options, "rate": 25}
        path = clip(f"{codec}.avi", frames=len(slots), slots=slots, **made)

        check(path, read_number, [slot / 25 for slot in slots])


def test_an_edit_list_plays_parts_of_the_file(clip: Clip, read_number: ReadNumber) -> None:
    path = clip("a.mp4", rate=25, options={"bf": "2", "g": "250"})
    set_edits(path, [(0.0, 0.4), (1.2, 1.6)])

    with open_video(path) as video:
        before = video.expected
        frames = list(video)

    assert [read_number(f.image) for f in frames] == [*range(10), *range(30, 40)]
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(20)])
    assert (before, video.expected, video.warnings, video.cut_short) == (20, 20, [], False)


def test_an_edit_list_may_play_a_part_twice(clip: Clip, read_number: ReadNumber) -> None:
    path = clip("a.mp4", rate=25, options={"bf": "0", "g": "250"})
    set_edits(path, [(0.4, 0.8), (0.4, 0.8)])

    with open_video(path) as video:
        frames = list(video)

    assert [read_number(f.image) for f in frames] == [*range(10, 20), *range(10, 20)]
    assert (video.expected, video.warnings, video.cut_short) == (20, [], False)


def set_edits(path: Path, parts: Sequence[tuple[float, float]]) -> None:
    """Replace the edit list of an MP4 file whose index is at its end."""
    data = path.read_bytes()
    scale = int.from_bytes(data[data.index(b"mdhd") + 16 :][:4], "big")
    movie = int.from_bytes(data[data.index(b"mvhd") + 16 :][:4], "big")
    at = data.index(b"edts") - 4
    old = int.from_bytes(data[at : at + 4], "big")
    begin = int.from_bytes(data[at + 28 : at + 32], "big")
    entries = b"".join(
        round((b - a) * movie).to_bytes(4, "big")
        + (round(a * scale) + begin).to_bytes(4, "big")
        + b"\0\1\0\0"
        for a, b in parts
    )
    body = b"elst" + bytes(4) + len(parts).to_bytes(4, "big") + entries
    new = (len(body) + 12).to_bytes(4, "big") + b"edts" + (len(body) + 4).to_bytes(4, "big") + body
    changed = bytearray(data[:at] + new + data[at + old :])
    for box in (b"moov", b"trak"):
        place = changed.index(box) - 4
        size = int.from_bytes(changed[place : place + 4], "big") + len(new) - old
        changed[place : place + 4] = size.to_bytes(4, "big")
    path.write_bytes(changed)
