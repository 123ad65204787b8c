"""JSON of other programs: marks, NaN, whole numbers with a point."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from posetube.datasets.files.json_files import decode, read_bytes
from posetube.errors import FormatError


class Frame(msgspec.Struct):
    index: int
    track: int | str | None = None
    x: float = 0.0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_content(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"name": "caf\u00e9"}', encoding=encoding)

    assert decode(read_bytes(path), dict[str, Any], path=path) == {"name": "caf\u00e9"}


def test_a_mark_before_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(FormatError, match="a.json: a mark of utf-16-le, but other text"):
        read_bytes(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf\n")
    with pytest.raises(FormatError, match="b.json: the file is empty"):
        read_bytes(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"index": 1, "x": NaN}', r"NaN at byte 18; write null for what is not known"),
        ('{"index": 1, "x": nan}', "nan at byte 18; write null"),
        ('{"index": 1, "x": -Infinity}', "-Infinity at byte 18; write null"),
        ('{"index": 1, "x": Infinity}', "Infinity at byte 18"),
        ('{"index": 1, "track": None}', "None at byte 22"),
        ('{"index": 1', "truncated; is the file cut short"),
        ("{'index': 1}", r"malformed.*\(byte 1\)$"),
    ],
)
def test_what_is_no_json_is_told(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=f"a.json: not valid JSON: .*{why}"):
        decode(text.encode(), Frame, path=Path("a.json"))


def test_a_whole_number_may_have_a_point() -> None:
    found = decode(b'{"index": 4.0, "track": 7.0, "x": 1}', Frame, path=Path("a.json"))

    assert (found.index, found.track, found.x) == (4, 7, 1.0)
    assert isinstance(found.index, int)
    with pytest.raises(FormatError, match="Expected int, got float, at index"):
        decode(b'{"index": 4.5}', Frame, path=Path("a.json"))
