"""Tables in the documentation (formats, data sets, corrections ...) are those of the program."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import pytest

from posetube.datasets.formats.format_table import FORMATS
from posetube.datasets.published.dataset_table import DATASETS
from posetube.pipelines.editing.edit_words import SPELLING
from posetube.pipelines.evaluation.protocol_table import EVALUATIONS

DOCS = Path(__file__).parents[1] / "docs"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return (
        "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
        .replace("| --- ", "|---")
        .replace("--- |", "---|")
    )


def datasets() -> str:
    head = ("name", "files read", "positions", "not labelled", "score")
    return table(
        head, ((f"`{d.name}`", d.files, d.positions, d.unlabelled, d.score) for d in DATASETS)
    )


def written_formats() -> str:
    rows = ((f"`{f.name}`", f.holds, f.loses or "nothing") for f in FORMATS if f.is_written)
    return table(("name", "file", "has no place for"), rows)


def read_formats() -> str:
    return table(("name", "file"), ((f"`{f.name}`", f.holds) for f in FORMATS if not f.is_written))


def protocols() -> str:
    return table(("protocol", "what counts"), ((f"`{p.name}`", p.counts) for p in EVALUATIONS))


def corrections() -> str:
    return table(("correction", "what it does"), ((f"`{t}`", m) for t, m in SPELLING.values()))


@pytest.mark.parametrize(
    ("file", "made"),
    [
        ("repair.md", corrections()),
        ("data.md", datasets()),
        ("data.md", written_formats()),
        ("data.md", read_formats()),
        ("evaluation.md", protocols()),
    ],
    ids=["corrections", "data sets", "formats", "formats that are read", "protocols"],
)
def test_the_documentation_has_the_programs_table(file: str, made: str) -> None:
    text = (DOCS / file).read_text(encoding="utf-8")
    assert made in text, f"docs/{file} needs this table:\n{made}"


def test_the_page_of_settings_is_that_of_the_program() -> None:
    written = importlib.util.spec_from_file_location("settings_table", DOCS / "settings_table.py")
    assert written is not None
    assert written.loader is not None
    maker = importlib.util.module_from_spec(written)
    written.loader.exec_module(maker)

    assert maker.PAGE.read_text(encoding="utf-8") == maker.page(), "python docs/settings_table.py"


@pytest.mark.parametrize(
    "names",
    [
        [form.name for form in FORMATS],
        [entry.name for entry in DATASETS],
        [protocol.name for protocol in EVALUATIONS],
    ],
    ids=["formats", "data sets", "protocols"],
)
def test_names_are_there_once(names: list[str]) -> None:
    assert len(set(names)) == len(names)
