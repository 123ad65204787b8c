"""Names that are not UTF-8, and back."""

import os
from pathlib import Path

import pytest

from posetube.file_names import original, readable

NAME = os.fsdecode(b"caf\xe9 \xff.mp4")


@pytest.mark.skipif(os.name == "nt", reason="names of files are UTF-16 there")
@pytest.mark.parametrize("name", [NAME, "café.mp4", "a\\xe9b", "x.mp4"])
def test_a_name_is_shown_and_found_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    shown = readable(path)

    assert shown.encode().decode() == shown
    assert original(shown) == str(path)


def test_what_is_utf_8_stays_as_it_is() -> None:
    assert readable("föö/ü.mp4") == "föö/ü.mp4"
    assert readable(NAME) == "caf\\xe9 \\xff.mp4"
    assert original("http://host/a.mp4") == "http://host/a.mp4"
