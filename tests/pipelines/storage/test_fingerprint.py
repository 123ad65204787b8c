from pathlib import Path

import pytest

from posetube.pipelines.storage import fingerprint as module
from posetube.pipelines.storage.fingerprint import fingerprint


def test_the_same_content_under_another_name_is_the_same_input(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"video")
    (tmp_path / "b.mp4").write_bytes(b"video")

    assert fingerprint(str(tmp_path / "a.mp4")) == fingerprint(str(tmp_path / "b.mp4"))


@pytest.mark.parametrize("other", [b"Xideo and more", b"video and morX", b"video and  more"])
def test_another_beginning_end_or_length_is_another_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: bytes
) -> None:
    monkeypatch.setattr(module, "EDGE", 4)
    (tmp_path / "a.mp4").write_bytes(b"video and more")
    (tmp_path / "b.mp4").write_bytes(other)

    assert fingerprint(str(tmp_path / "a.mp4")) != fingerprint(str(tmp_path / "b.mp4"))


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"one")
    before = fingerprint(str(tmp_path))
    (tmp_path / "2.jpg").write_bytes(b"two")

    assert fingerprint(str(tmp_path)) != before


def test_an_address_is_known_by_its_name() -> None:
    assert fingerprint("rtsp://a") != fingerprint("rtsp://b")
