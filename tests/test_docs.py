"""The commands, the Python and the settings in README.md and docs/ work as they are written."""

import contextlib
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.formats import posetrack18
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import Layout, write_dataset
from posetube.datasets.video.writer import VideoWriter
from posetube.models3d.refiners.learned_config import unipose_lstm
from posetube.models3d.refiners.refiner_files import build_refiner, save_refiner
from posetube.pipelines.cli import main
from posetube.pipelines.training.toml_config import read_config
from posetube.pipelines.training.train_config import TrainConfig
from tests.datasets.published_label_files import write_labels

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = {"posetube", "python", "pip", "pytest", "make", "git"}
"""First words of the lines that are commands; other lines of a block are what these print."""

NOT_RUN = {
    "pip install": "installs packages; CI does what the README says in a clean environment",
    "python -m benchmarks.": "needs COCO's photographs",
    "posetube track clip.mp4 --detector": "needs others' networks, as test_foreign_model.py has",
    "posetube track clip.mp4 --boxes people.csv --pose": "needs somebody's pose network, too",
    "posetube models fetch mask_rcnn_r50": "needs the internet",
    "posetube track clip.mp4 --model mask_rcnn_r50": "needs what the line before brings",
    "posetube track clips -o out --ray": "needs a cluster, as test_ray_pool.py has",
    "posetube review": "serves until Ctrl-C; tests/pipelines/reporting has it",
    "posetube demo": "takes half a minute; tests/pipelines/test_demo.py runs it",
    "posetube train run.toml -o runs/train --device cuda": "needs two GPUs",
    "posetube train docs/": "takes an hour; test_train_refiner.py runs it on less",
    "posetube track clip.mp4 --refine learned": "needs what the line before makes",
}
"""How commands begin that are not run here, and why."""

SETTINGS = """
start = "tiny"
save_every = 1
[pictures]
batch = 1
sizes = [[96, 128]]
[pictures.archives]
"drawn.tar" = 1.0
[optimization]
steps = 1
learning_rate = 1e-6
"""
"""``run.toml``: one step of training."""

ENDS_WELL = {0, 3}
"""Exit codes: all done, or finished and problems in the input reported."""


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages; '' is a block that names none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [text for language, text in found if language in languages]


def commands(block: str) -> list[str]:
    """The command lines of a block, in order, without prompts and comments."""
    plain = [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in block.splitlines()]
    return [line for line in plain if line.partition(" ")[0] in PROGRAMS]


SHELL = [
    pytest.param(block, id=f"{page.name}: {commands(block)[0][:40]}")
    for page in PAGES
    if page.name != "posetrack.md"  # one way from top to bottom: test_posetrack_page.py
    for block in blocks(page, "", "sh", "console")
    if commands(block)
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the commands read, small, under the names that they use."""
    folder = tmp_path_factory.mktemp("docs")
    scene = SceneConfig(people=2, seconds=0.4, size=(192, 256))

    def drawn(name: str, layout: Layout, clips: int = 1) -> Path:
        write_dataset(folder / name, [generate(scene, seed=7)] * clips, layout=layout)
        return folder / name

    (video,) = drawn("made", "video").glob("*.mp4")
    (folder / "clips").mkdir()
    for name in ("clip.mp4", "clips/one.mp4", "clips/two.mp4"):
        shutil.copy(video, folder / name)
    shutil.copy(video.with_suffix(".json"), folder / "truth.json")
    (folder / "TRUTH").mkdir()
    shutil.copy(video.with_suffix(".json"), folder / "TRUTH" / "clip.json")
    for name, layout in (
        ("PENN", "penn-action"),
        ("COCO", "coco"),
        ("POSETRACK", "posetrack18"),
        ("PoseTrack18", "posetrack18"),
    ):
        drawn(name, layout)  # type: ignore[arg-type]
    as_training_part(folder / "COCO")
    as_sequence_of_val(folder / "POSETRACK")
    truth = replace(posetrack18.read(folder / "truth.json"), source="clip")
    write_labels(folder / "BONN", [truth], dataset="bonn")
    write_labels(folder / "LSP", [truth], dataset="lsp")
    with contextlib.chdir(folder):
        assert main(["track", "clip.mp4", "--no-overlay", "--progress", "none"]) == 0
        assert main(["export", "runs/clip", "--to", "coco", "-o", "results.json"]) == 0
        for name in ("beach", "street"):
            picture = ["-o", f"photos/{name}.png", "--overlay.no-boxes"]
            Path("photos").mkdir(exist_ok=True)
            assert main(["render", "runs/clip", *picture]) == 0
        Path("results").mkdir()
        assert main(["export", "runs/clip", "--to", "csv", "-o", "results/clip.csv"]) == 0
        assert main(["export", "runs/clip", "--to", "csv", "-o", "detections.csv"]) == 0
        assert main(["data", "archive", "COCO", "--from", "coco", "-o", "drawn.tar"]) == 0
    (folder / "run.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "videos.csv").write_text("video,start,end,name\nclip.mp4,,0.3s,first\n")
    save_refiner(build_refiner(unipose_lstm("coco19")), folder / "memory.safetensors")
    shutil.copytree(folder / "runs/clip", folder / "PREDICTIONS")
    film(folder / "film.mp4")
    return folder


def as_sequence_of_val(root: Path) -> None:
    """Call PoseTrack's only file as one of the validation part is called."""
    (labels,) = (root / "annotations").rglob("*.json")
    (root / "annotations" / "val").mkdir()
    labels.rename(root / "annotations" / "val" / "000342_mpii_test.json")


def as_training_part(root: Path) -> None:
    """Call COCO's files as those of the training part are called."""
    (pictures,) = (path for path in root.iterdir() if path.name != "annotations")
    (labels,) = (root / "annotations").iterdir()
    pictures.rename(root / "train2017")
    labels.rename(labels.with_name("person_keypoints_train2017.json"))


def film(path: Path) -> None:
    """A video of more than a minute with few frames."""
    with VideoWriter(path, size=(64, 96), rate=0.5) as out:
        for second in range(0, 70, 2):
            out.write(np.full((64, 96, 3), 90, np.uint8), float(second))


@pytest.fixture
def here(prepared: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the prepared folder, to work in."""
    folder = tmp_path / "here"
    shutil.copytree(prepared, folder)
    with contextlib.chdir(folder):
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("block", SHELL)
def test_commands_of_the_documentation_run(
    block: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for line in commands(block):
        if line.startswith(tuple(NOT_RUN)):
            continue
        words = shlex.split(line.partition("|")[0])
        assert words[0] == "posetube", f"{line}: run it, or say in NOT_RUN why not"
        code = main(words[1:])
        assert code in ENDS_WELL, f"{line} ended with {code}: {capfd.readouterr().err}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_documentation_runs(page: Path, here: Path) -> None:
    names: dict[str, object] = {}
    for text in blocks(page, "python"):
        exec(compile(text, f"{page.name} in documentation", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_in_the_documentation_are_settings_of_training(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "toml"):
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        read_config(path, TrainConfig)


def test_what_is_not_run_is_in_the_documentation() -> None:
    lines = [line for page in PAGES for block in blocks(page, "") for line in commands(block)]

    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in lines)] == []


def test_the_functions_on_the_way_of_a_frame_are_where_the_page_says() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `([\w.]+)` \| `([\w/]+)\.py` \|", page)
    assert len(rows) > 20
    for function, path in rows:
        module = import_module("posetube." + path.replace("/", ".").removesuffix(".__init__"))
        assert callable(attrgetter(function)(module)), f"{path}.py has no {function}"


def test_the_figure_names_functions_that_the_page_explains() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    figure = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    named = re.findall(r'class="m"[^>]*>([\w.]+)<', figure)
    assert len(named) > 15
    for name in named:
        assert name.removeprefix("posetube.") in page, f"{name} is not on the page"
