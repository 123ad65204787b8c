"""What an installed posetube looks like from outside."""

import subprocess
import sys
import tomllib
from pathlib import Path

import posetube

ROOT = Path(__file__).parents[1]


def test_importing_posetube_brings_no_network_library_along() -> None:
    code = "import sys, posetube; print(sorted({'torch', 'av', 'cv2', 'scipy'} & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_had() -> None:
    for name in posetube.__all__:
        assert getattr(posetube, name) is not None


def test_the_type_marker_is_shipped() -> None:
    from importlib.resources import files

    assert (files("posetube") / "py.typed").is_file()


def test_the_command_line_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "posetube", "--version"], check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == posetube.__version__


def test_the_light_installation_has_all_but_the_network_library() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "requirements-light.txt").read_text("utf-8").splitlines()

    light = [line for line in lines if not line.startswith("#")]

    assert light == [need for need in project["dependencies"] if not need.startswith("torch")]
