"""Reads tables of text as programs and spreadsheets write them.

UTF-8, or UTF-16 with a byte order mark (Excel's "Unicode text"). Cells are separated by commas,
semicolons or tabs: what the first line has most. A line ``sep=;`` before it, which is for
spreadsheets, decides too. Where cells are not separated by commas, numbers may have decimal commas.
Rows without anything in their cells, which spreadsheets leave, are empty lines.

Not here: what the cells mean; that is each format's reader.
"""

import csv
import re
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

from posetube.errors import FormatError
from posetube.file_reading import reading

from .text_encoding import as_utf8, check_utf8

DELIMITERS = (b",", b";", b"\t")

_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\r?\n')
_LINE_END = re.compile(rb"[\r\n]")
_QUOTED = re.compile(rb'"[^"\r\n]*"')
_DECIMAL_COMMA = re.compile(rb'(?<![^;\t\r\n"])([-+]?\d*),(\d+(?:[eE][-+]?\d+)?)(?![^;\t\r\n"])')
"""A cell that is nothing but a number with a comma."""

_EMPTY_ROWS = {
    mark: re.compile(rb'^(?:(?: |" *")*+%b)++(?: |" *")*+(?=\r?$)' % mark, re.MULTILINE)
    for mark in DELIMITERS
}
"""By delimiter: a line of nothing else, blanks aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextTable:
    """A table of text that was read and not parsed yet."""

    content: bytes
    """UTF-8, without what stands before the first line; decimals with a point."""

    delimiter: str
    """What separates cells."""

    def lines(self, path: Path) -> dict[int, list[str]]:
        """The cells of each line that is not empty, by its number, from 1.

        Raises:
            FormatError: If quotes are not as in CSV.
        """
        try:
            text = TextIOWrapper(BytesIO(self.content), encoding="utf-8", newline="")
            rows = csv.reader(text, delimiter=self.delimiter)
            numbered = ((rows.line_num, cells) for cells in rows)
            return {number: cells for number, cells in numbered if cells}
        except csv.Error as error:
            raise FormatError(f"{path}: not a CSV file: {error}") from None


def read_text_table(path: Path, *, most: int) -> TextTable:
    """A file that is a table.

    Args:
        path: The file.
        most: Its largest size, bytes.

    Raises:
        FormatError: If it is larger, or no text.
        MissingFileError: If it is not there.
        InputError: If it cannot be opened.
    """
    with reading(path, most=most):
        content = as_utf8(path.read_bytes(), where=f"{path}: not a text file")
    check_utf8(content, where=f"{path}: not a text file")
    content, delimiter = _divided(content)
    if delimiter != b",":
        content = _DECIMAL_COMMA.sub(rb"\1.\2", content)
    # Lines stay where they are: errors give their numbers.
    content = _EMPTY_ROWS[delimiter].sub(b"", content)
    return TextTable(content=content, delimiter=delimiter.decode())


def first_cells(start: bytes) -> tuple[str, ...]:
    """The cells of the first line of a text in UTF-8."""
    content, delimiter = _divided(start)
    line = _first_line(content).decode(errors="replace")
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter.decode()), ()))
    except csv.Error:  # no table, and maybe no text
        return ()


def _divided(content: bytes) -> tuple[bytes, bytes]:
    """The table without a line that names the delimiter, and the delimiter."""
    told = _SEPARATOR_LINE.match(content)
    if told is not None and told[1] in DELIMITERS:
        return content[told.end() :], told[1]
    line = _QUOTED.sub(b"", _first_line(content))
    return content, max(DELIMITERS, key=line.count)


def _first_line(content: bytes) -> bytes:
    end = _LINE_END.search(content)
    return content if end is None else content[: end.start()]
