"""Odd files from elsewhere: what each must give, compared also with the ffmpeg command."""

import json
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.video import open_video
from posetube.datasets.video.container import choose_stream, open_container
from posetube.errors import MediaError
from posetube.structures import Frame

# file: frames, first and last time in seconds, H, W
SOUND: dict[str, tuple[int, float, float, int, int]] = {
    "SAR-2by3.mp4": (60, 0.0, 1.966667, 360, 640),
    "animated.gif": (4, 0.0, 0.3, 48, 64),
    "av1_video.mkv": (125, 0.0, 4.96, 360, 640),
    "bitmap.mp4": (5, 0.0, 4.0, 1, 1),
    "bt709_full_range.mp4": (30, 0.0, 0.966667, 720, 1280),
    "discard_first_keyframe.mp4": (25, 0.0, 0.96, 64, 64),
    "fire2_vfr_rot180.mp4": (25, 0.0, 2.279844, 720, 1280),
    "h265_10bits.mp4": (30, 0.0, 0.966667, 200, 200),
    "h265_video.mp4": (10, 0.0, 0.9, 128, 128),
    "nasa_13013.mp4": (390, 0.0, 12.979633, 270, 480),
    "nasa_13013_rotated.mp4": (17, 0.0, 0.533867, 480, 270),
    "no_duration.webm": (74, 0.0, 4.872, 720, 1280),
    "sine_stereo_mp2.mpg": (100, 0.54, 4.5, 128, 128),
    "test_non_zero_start.mp4": (12, 8.333008, 8.699674, 112, 200),
    "testsrc2_odd_height_and_width_vp9.mp4": (25, 0.0, 0.96, 241, 321),
    "testsrc2_vp8.webm": (30, 0.0, 0.967, 720, 1280),
    "testsrc_with_attachment.mkv": (60, 0.023, 1.99, 360, 640),
    "two_video_streams_h264_mjpeg.mp4": (60, 0.0, 1.966667, 360, 640),
    "unordered.mov": (4, 0.0, 0.09375, 50, 50),
    "video_0.mov": (3, 0.0, 0.066667, 320, 568),
    "video_90.mov": (3, 0.0, 0.066667, 568, 320),
    "video_with_failing_audio.mp4": (280, 0.0, 11.16, 360, 640),
    "generated/anim.gif": (8, 0.0, 0.7, 160, 160),
    "generated/av1.mkv": (18, 0.0, 0.567, 320, 320),
    "generated/base_h264.mp4": (48, 0.0, 1.566667, 320, 320),
    "generated/black_no_people.mp4": (25, 0.0, 0.96, 180, 320),
    "generated/ffv1_lossless.mkv": (12, 0.0, 0.367, 320, 320),
    "generated/fps240.mp4": (120, 0.0, 0.495833, 180, 320),
    "generated/fragmented.mp4": (48, 0.066667, 1.633333, 320, 320),
    "generated/gray8.mp4": (48, 0.0, 1.566667, 320, 320),
    "generated/h264_interlaced_tff.mkv": (24, 0.0, 1.533, 320, 320),
    "generated/hevc_10bit.mp4": (48, 0.0, 1.566667, 320, 320),
    "generated/mjpeg.avi": (48, 0.0, 1.566667, 320, 320),
    "generated/mpeg2_interlaced.mpg": (24, 0.566667, 2.1, 320, 320),
    "generated/mpeg4_bframes.avi": (48, 0.033333, 1.6, 320, 320),
    "generated/nonsquare_sar.mp4": (48, 0.0, 1.566667, 180, 240),
    "generated/odd_161x121_444.mp4": (48, 0.0, 1.566667, 120, 160),
    "generated/rotate90_meta.mp4": (48, 0.0, 1.566667, 320, 320),
    "generated/single_frame.mp4": (1, 0.0, 0.0, 320, 320),
    "generated/start_pts_offset.mkv": (48, 3.2, 4.767, 320, 320),
    "generated/stream.ts": (48, 1.466667, 3.033333, 320, 320),
    "generated/tiny_32x18.mp4": (48, 0.0, 1.566667, 18, 32),
    "generated/two_frames.mp4": (2, 0.0, 0.033333, 320, 320),
    "generated/vfr.mp4": (18, 0.0, 1.566667, 320, 320),
    "generated/vp9.webm": (48, 0.0, 1.567, 320, 320),
    "generated/with_audio.mp4": (48, 0.0, 1.566667, 320, 320),
}

REFUSED = {
    "zero_length.webm": r"the file is empty \(0 bytes\)",
    "generated/zero_bytes.mp4": r"the file is empty \(0 bytes\)",
    "generated/text_named.mp4": "not a video in a supported format",
    "generated/random_named.mkv": "not a video in a supported format",
    "generated/audio_only.m4a": "expected a video stream, found only sound",
    "generated/truncated_mdat_or_no_moov.mp4": r"its index \(moov\) is missing",
}

TEN_BIT = {"h265_10bits.mp4": 3.5, "generated/hevc_10bit.mp4": 0.2}
"""How far pixels may be from ffmpeg's in the mean, levels. The decoded samples are the same, but
FFmpeg 5.1 and 8 interpolate the colours of more than 8 bits differently where they make RGB: at
the edges of test patterns by 100 levels, in a filmed picture by 9."""


def read(path: Path) -> tuple[list[Frame], Any]:
    with open_video(path) as video:
        return list(video), video


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_gives_its_frames(samples: Path, name: str) -> None:
    count, begin, end, height, width = SOUND[name]

    frames, video = read(samples / "robustness" / name)

    assert [f.index for f in frames] == list(range(count))
    assert (frames[0].time, frames[-1].time) == pytest.approx((begin, end), abs=1e-5)
    assert all(a.time < b.time for a, b in pairwise(frames))
    assert {f.state for f in frames} == {"ok"}
    assert {f.image.shape for f in frames if f.image is not None} == {(height, width, 3)}
    assert video.size == (height, width)
    assert video.expected in (None, count)
    assert (video.cut_short, video.warnings) == (False, [])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused(samples: Path, name: str) -> None:
    with pytest.raises(MediaError, match=REFUSED[name]):
        open_video(samples / "robustness" / name)


@pytest.mark.parametrize(("name", "count"), [("corrupted.mp4", 50), ("corrupt_bytes.mp4", 48)])
def test_a_damaged_file_keeps_every_place(samples: Path, name: str, count: int) -> None:
    folder = samples / "robustness"
    path = folder / name if (folder / name).exists() else folder / "generated" / name
    step = 0.1 if count == 50 else 1 / 30

    frames, video = read(path)

    assert [f.index for f in frames] == list(range(count))
    np.testing.assert_allclose([f.time for f in frames], np.arange(count) * step, atol=1e-5)
    lost = [f for f in frames if f.image is None]
    assert len(lost) <= 3
    assert all(f.state == "corrupt" for f in lost)
    assert (video.cut_short, video.expected) == (False, count)
    assert video.warnings


def test_a_file_cut_in_half_gives_what_is_there_and_says_so(samples: Path) -> None:
    frames, video = read(samples / "robustness" / "generated" / "truncated_half.mkv")

    assert [round(f.time, 3) for f in frames] == [0.0, 0.067, 0.133]
    assert video.cut_short
    assert video.warnings == ["truncated_half.mkv: cut short: it ends at 0.133 s of 1.600 s"]


def test_a_folder_with_gaps_marks_them(samples: Path) -> None:
    frames, _ = read(samples / "robustness" / "generated" / "frames_gap")

    states = {4: "missing", 8: "missing", 10: "corrupt"}
    assert [f.state for f in frames] == [states.get(i, "ok") for i in range(12)]


def test_every_odd_file_has_its_expected_outcome_here(samples: Path) -> None:
    folder = samples / "robustness"
    known = {*SOUND, *REFUSED, "corrupted.mp4", "generated/corrupt_bytes.mp4"}
    known.add("generated/truncated_half.mkv")

    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}

    assert {f for f in files if "frames_gap" not in f} == known


def needs_ffmpeg() -> None:
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        pytest.skip("the ffmpeg command is not installed (apt-get install ffmpeg)")


def ffmpeg_times(path: Path, stream: int) -> list[float]:
    command = ["ffprobe", "-v", "error", "-select_streams", str(stream), "-of", "json"]
    command += ["-show_entries", "frame=best_effort_timestamp_time", str(path)]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [float(frame.get("best_effort_timestamp_time", "nan")) for frame in shown["frames"]]


def ffmpeg_images(path: Path, stream: int, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:{stream}"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, *size, 3)


def compare_with_ffmpeg(path: Path, *, mean: float | None = None) -> None:
    """Same number of frames, same times, pixels at most 2 levels apart, or ``mean`` in the mean."""
    needs_ffmpeg()
    limit = 1 << 26
    with open_container(str(path), max_pixels=limit, timeout=5) as container:
        stream = choose_stream(container, str(path), max_pixels=limit).index
    frames, video = read(path)

    times = ffmpeg_times(path, stream)
    images = ffmpeg_images(path, stream, video.size)

    assert len(images) == len(times) == len(frames)
    told = ~np.isnan(times)
    ours = np.array([f.time for f in frames])
    np.testing.assert_allclose(ours[told], np.array(times)[told], atol=1e-5)
    for frame, image in zip(frames, images, strict=True):
        assert frame.image is not None
        apart = np.abs(frame.image.astype(np.int16) - image)
        if mean is None:
            assert apart.max() <= 2, f"frame {frame.index}: {apart.max()} levels apart"
        else:
            assert apart.mean() <= mean, f"frame {frame.index}: {apart.mean()} levels apart"


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_an_odd_file_gives_what_ffmpeg_gives(samples: Path, name: str) -> None:
    compare_with_ffmpeg(samples / "robustness" / name, mean=TEN_BIT.get(name))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "intel_asl_walk.mkv",
        "mmtracking_demo_crowd.mp4",
        "tfjs_pose_1.mp4",
    ],
)
def test_a_video_of_people_gives_what_ffmpeg_gives(samples: Path, name: str) -> None:
    compare_with_ffmpeg(samples / "videos" / name)


MADE: dict[str, dict[str, object]] = {
    "bframes.avi": {"options": {"bf": "3", "g": "10"}},
    "no_bframes.avi": {"options": {"bf": "0"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "open_gop.ts": {"options": {"g": "12", "x264-params": "open-gop=1:scenecut=0"}},
    "interlaced.mkv": {"options": {"flags": "+ilme+ildct"}},
    "full_colour.mp4": {"pixels": "yuv444p", "size": (97, 131)},
    "late_and_uneven.mkv": {"times": [3 + 0.04 * i + 0.01 * (i % 3) for i in range(30)]},
    "fragmented.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}},
    "animated.apng": {"codec": "apng", "pixels": "rgb24", "form": "apng", "rate": 10},
    "clip.gif": {"codec": "gif", "pixels": "rgb8", "rate": 10},
}
"""Combinations that the samples lack, as the tests make them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_a_made_file_gives_what_ffmpeg_gives(clip: Callable[..., Path], name: str) -> None:
    compare_with_ffmpeg(clip(name, frames=30, noise=6, **MADE[name]))
