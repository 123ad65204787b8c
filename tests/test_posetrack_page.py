"""Every command of docs/posetrack.md runs as it stands there, one after the other."""

import contextlib
import glob
import io
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from itertools import product
from pathlib import Path

import pytest

from posetube.datasets.formats import posetrack18
from posetube.pipelines.cli import main
from posetube.pipelines.storage.tracks_store import read_tracks

PAGE = (Path(__file__).parents[1] / "docs" / "posetrack.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.M | re.S)
COMMANDS = [line for kind, text in BLOCKS if not kind for line in text.splitlines()]
SETTINGS = {text.split()[1]: text for kind, text in BLOCKS if kind == "toml"}
"""The files of settings, by their name in the first line."""


def run(line: str) -> str:
    """What a line prints. Runs in this process, where a shell would begin forty."""
    line = re.sub(r"\$\((.*?)\)", lambda inner: run(inner[1]).replace("\n", " "), line)
    words = [found for word in shlex.split(line) for found in sorted(glob.glob(word)) or [word]]
    if words[0] == "python":
        subprocess.run([sys.executable, *words[1:]], check=True)
        return ""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(words[1:]) == 0, line
    return out.getvalue()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder after all commands, and what they printed."""
    folder = tmp_path_factory.mktemp("posetrack")
    for name, text in SETTINGS.items():
        (folder / name).write_text(text, encoding="utf-8")
    with contextlib.chdir(folder):
        return folder, "".join(map(run, COMMANDS))


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) > 25
    assert set(SETTINGS) == {"posetrack.toml", "penn.toml"}
    assert {line.split()[0] for line in COMMANDS} == {"posetube", "python"}


@pytest.mark.slow
def test_the_page_leads_from_training_to_a_submission(
    printed: tuple[Path, str],
) -> None:
    folder, said = printed
    chosen = tomllib.loads((folder / "thresholds.toml").read_text())
    assert set(chosen) == {"mota", "ap"}
    names = ["920000_mpii_test", "920001_mpii_test"]
    for measure, name in product(("mota", "ap"), names):
        with zipfile.ZipFile(folder / f"{measure}.zip") as archive:
            assert archive.namelist() == [f"{name}.json" for name in names]
        kept, sent = (
            read_tracks(folder / "runs/test" / name),
            posetrack18.read(folder / measure / f"{name}.json"),
        )
        listed = posetrack18.read(folder / f"POSETRACK18/annotations/test/{name}.json")
        assert sent.frames.names == listed.frames.names
        assert set(sent.ids) <= set(kept.ids)
    for line in (
        "mota: 2 sequences, 10 frames",
        "results21: 2 sequences, 10 frames",
        "protocol posetrack21: 10 frames of 2 sequences",
        "protocol pck-penn: 10 frames of 2 sequences",
        "PCK@0.2 of the box",
        "PCK@0.2 of the torso",
        "protocol pck-jhmdb: ",
    ):
        assert line in said
