"""Tables that spreadsheets and Windows programs wrote are read as what they were made of."""

import codecs
import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import posetube
from posetube.datasets.files.text_encoding import BLOCK
from posetube.datasets.files.text_tables import first_cells, read_text_table
from posetube.datasets.formats import csv_table, deeplabcut, json_lines, mot
from posetube.datasets.people import open_people
from posetube.errors import FormatError
from posetube.skeletons import Skeleton
from posetube.structures import VideoTracks
from tests.datasets.test_people import walk

ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
"""Encodings, and the mark that Python does not write itself."""

SLEAP = (
    "track,frame_idx,instance.score,nose.x,nose.y,nose.score,épaule.x,épaule.y,épaule.score\n"
    "anna,0,0.5,20.25,30.5,0.75,21.25,31.5,0.5\nbert,0,0.25,120.5,30.5,0.125,121.5,,0.5\n"
    "anna,2,0.5,22.25,30.5,0.75,23.25,31.5,0.5\n"
)
VATIC = '0 10 20 110 220 0 0 0 0 "Person"\n0 15 20 115 220 1 0 0 1 "Person"\n'


@st.composite
def spreadsheets(draw: st.DrawFn) -> dict[str, object]:
    """How a program may write a table."""
    delimiter = draw(st.sampled_from(",;\t"))
    return {
        "encoding": draw(st.sampled_from(sorted(ENCODINGS))),
        "delimiter": delimiter,
        "decimal_comma": delimiter != "," and draw(st.booleans()),
        "quoted": draw(st.booleans()),
        "newline": draw(st.sampled_from(["\n", "\r\n"])),
        "lines_per_gap": draw(st.sampled_from([0, 1, 3])),
    }


def saved(
    text: str,
    *,
    encoding: str,
    delimiter: str = ",",
    decimal_comma: bool = False,
    quoted: bool = False,
    newline: str = "\n",
    lines_per_gap: int = 0,
) -> bytes:
    """A table with commas as a spreadsheet saves it, with an empty row after some lines."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        lineterminator=newline,
        quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
    )
    for number, line in enumerate(csv.reader(io.StringIO(text)), start=1):
        writer.writerow([as_decimal_comma(cell) if decimal_comma else cell for cell in line])
        if lines_per_gap and number % lines_per_gap == 0:
            writer.writerow([""] * len(line))
    return ENCODINGS[encoding] + out.getvalue().encode(encoding)


def as_decimal_comma(cell: str) -> str:
    try:
        float(cell)
    except ValueError:
        return cell
    return cell.replace(".", ",")


def people() -> VideoTracks:
    """Two people with joints of names that are not ASCII."""
    tracks = walk("walk", Skeleton(name="own", joints=("nose", "épaule", "main, gauche")))
    tracks.keypoints[:] += np.random.default_rng(7).random(tracks.keypoints.shape)
    return tracks


def equal(one: VideoTracks, other: VideoTracks) -> bool:
    fields = ("frame", "track_ids", "boxes", "scores", "keypoints", "keypoint_scores")
    return one.skeleton.joints == other.skeleton.joints and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in fields
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plain table of each format."""
    folder = tmp_path_factory.mktemp("plain")
    csv_table.write_tracks(folder / "csv.csv", people())
    deeplabcut.write_tracks(folder / "deeplabcut.csv", people())
    mot.write_tracks(folder / "mot.txt", people())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "endings"),
    [
        ("csv", (".csv", ".tsv", ".txt", ".CSV", ".TXT")),
        ("deeplabcut", (".csv", ".tsv", ".txt", ".CSV")),
        ("mot", (".txt", ".TXT")),
    ],
)
@given(data=st.data())
def test_tables_are_read_however_they_were_saved(
    plain: Path, form: str, endings: tuple[str, ...], data: st.DataObject
) -> None:
    [source] = plain.glob(f"{form}.*")
    how = data.draw(spreadsheets())
    # Quotes around numbers are not in MOTChallenge's text.
    how["quoted"] = how["quoted"] and form != "mot"
    file = plain / "saved" / f"table{data.draw(st.sampled_from(endings))}"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(saved(source.read_text("utf-8"), **how))  # type: ignore[arg-type]

    found = open_people(file)

    assert found.name == form
    assert equal(posetube.load(file), posetube.load(source))


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt", ".CSV"])
def test_sleaps_tables_are_read_however_they_were_saved(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    (tmp_path / "plain.csv").write_text(SLEAP, "utf-8")
    file = tmp_path / f"saved{ending}"
    file.write_bytes(
        saved(SLEAP, encoding="utf-16-le", delimiter="\t", decimal_comma=True, lines_per_gap=1)
    )

    found = posetube.load(file)

    assert found.skeleton.joints == ("nose", "épaule")
    assert sorted(found.track_names.values()) == ["anna", "bert"]
    assert equal(found, posetube.load(tmp_path / "plain.csv"))


def test_a_line_for_spreadsheets_names_the_delimiter(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("sep=;\nframe;track_id;joint;x;y\n0;1,0;main, gauche;2,5;3\n", "utf-8")

    found = posetube.load(file)

    assert found.skeleton.joints == ("main, gauche",)
    assert found.keypoints.tolist() == [[[2.5, 3]]]
    assert (found.track_ids.tolist(), found.track_names) == ([1], {})


def test_other_texts_may_be_utf_16_too(tmp_path: Path) -> None:
    json_lines.write_tracks(tmp_path / "plain.jsonl", people())
    (tmp_path / "plain.txt").write_text(VATIC, "utf-8")
    for name in ("plain.jsonl", "plain.txt"):
        for encoding, mark in ENCODINGS.items():
            file = (tmp_path / f"saved-{encoding}").with_suffix(Path(name).suffix)
            file.write_bytes(mark + (tmp_path / name).read_text("utf-8").encode(encoding))
            assert equal(posetube.load(file), posetube.load(tmp_path / name)), file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("frame;track_id;joint;x;y\n0;1;épaule;2;3\n".encode("cp1252"),
         "line 2: byte 0xe9 is not UTF-8; save it as UTF-8"),
        ("frame;track_id;joint;x;y\n".encode("utf-16-le"),
         "line 1: a zero byte: no text, or UTF-16 without a byte order mark; save it as UTF-8"),
        (b"x" * (BLOCK - 1) + "\né".encode() + b"\n\xe9",
         "line 3: byte 0xe9 is not UTF-8"),
        (b"frame,track_id,joint,x,y\n" + "é".encode()[:1], "line 2: byte 0xc3 is not UTF-8"),
        (b"\xff\xfeabc", "a mark of utf-16-le, but other text"),
        (b"frame|track_id|joint|x|y\n", "no column frame, track_id, joint, x, y; it has "
         r"frame\|track_id\|joint\|x\|y, divided at ','"),
        (b'frame,track_id,joint,x,y\n0,1,nose,"2,5",3\n', "CSV conversion error to double"),
        (b"frame;track_id;joint;x;y\n0;1;nose;1.234,5;3\n", "CSV conversion error to double"),
    ],
    ids=["latin", "utf-16 without mark", "cut between blocks", "cut short", "false mark", "bars",
         "commas twice", "thousands"],
)  # fmt: skip
def test_what_is_no_such_table_is_refused_with_the_place(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(FormatError, match=rf"a\.csv: .*{message}"):
        posetube.load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("start", "cells"),
    [
        (b"a,b;c\r\n1,2,3\n", ("a", "b;c")),
        (b'"a,b,c";d;e', ("a,b,c", "d", "e")),
        (b"sep=\t\na,b\tc\n", ("a,b", "c")),
        (b"\x00\xff\n", ("\x00\ufffd",)),
        (b"", ()),
    ],
)
def test_the_first_line_tells_what_separates_cells(start: bytes, cells: tuple[str, ...]) -> None:
    assert first_cells(start) == cells


@pytest.mark.parametrize(
    ("name", "head", "line", "message"),
    [
        ("a.txt", "1,1,2,3,4,5", "1,1,2,3,x,5", "line 4: expected numbers"),
        ("a.csv", "scorer,s,s\nbodyparts,nose,nose\ncoords,x,y", "0,1,x", "line 6: could not"),
    ],
)
def test_empty_rows_are_lines_in_messages(
    name: str, head: str, line: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(f'{head}\n, ,\n"",,\n{line}\n,,\n')

    with pytest.raises(FormatError, match=message):
        posetube.load(tmp_path / name)


def test_numbers_among_commas_and_names_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv"
    file.write_bytes(b'a\tb 1,5\t"2,5"\t-0,5e-3\t1,2\t\r\n,5\t7,\t1.5\t1,2,3\n \t""\t\n')
    commas = tmp_path / "a.csv"
    commas.write_bytes(b'1,5,"2,5"\n')

    assert read_text_table(file, most=1000).lines(file) == {
        1: ["a", "b 1,5", "2.5", "-0.5e-3", "1.2", ""],
        2: [".5", "7,", "1.5", "1,2,3"],
    }
    assert read_text_table(commas, most=1000).lines(commas) == {1: ["1", "5", "2,5"]}
