"""A linked run of two people, to be corrected."""

import json
import shutil
from pathlib import Path

import pytest

from posetube.pipelines.cli import main
from tests.pipelines.tracking.test_link_external import coco_results

FRAMES = 40


@pytest.fixture(scope="session")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with detections of two people for four seconds, and what linking makes of them."""
    folder = tmp_path_factory.mktemp("linked")
    found = coco_results(folder / "walk.json", frames=FRAMES)
    content = json.loads(found.read_text())
    for person in [*content["annotations"]]:
        (x, *rest), joints = person["bbox"], [*person["keypoints"]]
        joints[::3] = [place + 200 for place in joints[::3]]
        twin = {"bbox": [x + 200, *rest], "keypoints": joints, "id": 1000 + person["id"]}
        content["annotations"].append(person | twin)
    found.write_text(json.dumps(content))
    assert main(["link", str(found), "-o", str(folder / "run"), "--frame-rate", "10"]) == 0
    return folder


@pytest.fixture
def run(linked: Path, tmp_path: Path) -> Path:
    """A copy of that run, beside its detections."""
    shutil.copytree(linked, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"
