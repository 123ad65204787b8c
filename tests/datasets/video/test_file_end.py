"""Whether the end of a file is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.datasets.video import open_video
from posetube.datasets.video.file_end import lacks_end

Clip = Callable[..., Path]
FORMS = {
    ".avi": "avi",
    ".flv": "flv",
    ".ivf": "ivf",
    ".mkv": "matroska",
    ".mp4": "mov",
    ".webm": "matroska",
}


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_file_that_was_cut_lacks_its_end(clip: Clip, suffix: str, share: float) -> None:
    codec = "libvpx" if suffix in (".webm", ".ivf") else "libx264"
    path = clip(f"a{suffix}", frames=20, codec=codec, noise=9)
    assert not lacks_end(path, FORMS[suffix])
    data = path.read_bytes()

    path.write_bytes(data[: int(len(data) * share)])

    assert lacks_end(path, FORMS[suffix])


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mp4"])
def test_something_behind_the_end_does_not_matter(clip: Clip, suffix: str) -> None:
    path = clip(f"a{suffix}", frames=5)

    path.write_bytes(path.read_bytes() + b"\xff" * 11)

    assert not lacks_end(path, FORMS[suffix])


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("matroska", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7),  # live: no length
        ("avi", b"RIFF\0\0\0\0AVI LIST"),  # never finished
        ("avi", b"RI"),
        ("mov", b"\0\0\0\0mdat" + bytes(9)),  # to the end
        ("mpegts", b"G" * 188),
    ],
)
def test_without_a_length_nothing_is_missing(tmp_path: Path, form: str, data: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)

    assert not lacks_end(path, form)


def test_a_mp4_box_may_be_longer_than_4_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\0\0\0\1mdat" + (5 << 30).to_bytes(8, "big"))

    assert lacks_end(path, "mov")


def test_ivf_may_state_a_duration_in_place_of_a_number(clip: Clip) -> None:
    path = clip("a.ivf", frames=20, codec="libvpx")
    data = path.read_bytes()
    path.write_bytes(data[:24] + (2400).to_bytes(4, "little") + data[28:])

    with open_video(path) as video:
        assert len(list(video)) == 20
        assert (video.cut_short, video.warnings, video.expected) == (False, [], None)


def test_a_fragmented_file_that_was_cut_says_so(clip: Clip) -> None:
    options = {"g": "10", "bf": "0"}
    path = clip("a.mp4", container={"movflags": "frag_keyframe+empty_moov"}, options=options)
    path.write_bytes(path.read_bytes()[:-300])

    with open_video(path) as video:
        assert len(list(video)) < 60
        assert video.cut_short
        assert any("a.mp4: cut short: it ends at" in line for line in video.warnings)


def test_a_last_frame_may_last_longer_than_all_others(clip: Clip) -> None:
    path = clip("a.mkv", rate=1, frames=20, options={"bf": "0"})
    data = path.read_bytes()
    # The header says 60 s: the last picture stays for 40 s.
    path.write_bytes(data.replace(b"00:00:20.000000000", b"00:01:00.000000000"))

    with open_video(path) as video:
        assert len(list(video)) == 20
        assert (video.cut_short, video.warnings) == (False, [])


def test_a_tail_that_cannot_be_read_is_missing(clip: Clip) -> None:
    for name in ("a.mkv", "a.avi"):
        path = clip(name, noise=12, size=(192, 256), options={"g": "10"})
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))

        with open_video(path) as video:
            assert len(list(video)) < 60
            assert video.cut_short
