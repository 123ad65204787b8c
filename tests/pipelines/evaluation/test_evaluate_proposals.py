"""``posetube evaluate PICTURES TRUTH --proposals MODEL``."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.boxes import to_xywh
from posetube.datasets.synthetic.demo import demo_clip
from posetube.pipelines.cli import main


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Path, Path]:
    """A drawn picture of some people, and COCO's annotations of it."""
    clip = demo_clip()
    image, tracks = next(clip.frames()).image, clip.tracks()
    pictures, truth = tmp_path / "pictures", tmp_path / "truth.json"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "0.png"), np.ascontiguousarray(image[..., ::-1]))
    boxes = to_xywh(tracks.boxes[tracks.rows_of(0)]).tolist()
    things = [
        {"id": n, "image_id": 7, "category_id": 1, "bbox": box, "iscrowd": 0, "area": 1.0}
        for n, box in enumerate(boxes, start=1)
    ]
    crowd = {**things[0], "id": 99, "bbox": [0, 0, 1, 1], "iscrowd": 1}
    content = {
        "images": [{"id": 7, "file_name": "0.png", "width": 640, "height": 360}],
        "annotations": [*things, crowd],
        "categories": [{"id": 1, "name": "person"}],
    }
    truth.write_text(json.dumps(content))
    return pictures, truth


@pytest.mark.slow
def test_the_people_of_a_drawn_picture_are_proposed(
    labelled: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["evaluate", *map(str, labelled), "--proposals", "tiny"]

    assert main([*line, "--json", str(tmp_path / "recall.json")]) == 0

    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["proposals", "recall", "50", "recall", "75", "average", "recall"]
    assert shown[-1].split()[:2] == ["1000", "100.0"]
    found = json.loads((tmp_path / "recall.json").read_text())
    assert found["recall_50"]["1"] < found["recall_50"]["1000"] == 100


@pytest.mark.slow
def test_what_cannot_be_measured_is_refused(
    labelled: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, truth = map(str, labelled)

    assert main(["evaluate", truth, truth, "--proposals", "tiny"]) == 2
    assert "is no folder of pictures, which --proposals looks at" in capsys.readouterr().err
    assert main(["evaluate", pictures, truth, "--proposals", "tiny", "--tune"]) == 2
    assert "--tune does not go with --proposals" in capsys.readouterr().err
    assert main(["evaluate", pictures, truth, "--proposals", "nobody"]) == 6
