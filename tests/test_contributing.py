"""What CONTRIBUTING.md shows of new formats, data sets, protocols and bodies works as it stands."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import file_format, json_lines
from posetube.datasets.formats.file_format import FileFormat
from posetube.datasets.people import open_people
from posetube.datasets.published import dataset_table
from posetube.errors import FormatError, InputError
from posetube.models3d import parts
from posetube.models3d.checkpoints.config_json import from_json, to_json
from posetube.models3d.presets import tube_rcnn_r50_fpn
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from posetube.pipelines.data_commands.export import write_whole
from posetube.pipelines.evaluation import protocol_table
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking.link_external import link_file
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.config import LinkConfig

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# ([^\n]+)\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def new_files() -> Iterator[dict[str, ModuleType]]:
    """The files that the page shows, as modules of the package."""
    made: dict[str, ModuleType] = {}
    for place, code in BLOCKS.items():
        if not place.endswith(".py"):
            continue
        name = "posetube." + place.removesuffix(".py").replace("/", ".")
        package, _, last = name.rpartition(".")
        module = made[last] = ModuleType(name)
        module.__package__ = package
        sys.modules[name] = module
        setattr(sys.modules[package], last, module)
        exec(compile(code, place, "exec"), module.__dict__)
    yield made
    for module in made.values():
        package, _, last = module.__name__.rpartition(".")
        del sys.modules[module.__name__]
        delattr(sys.modules[package], last)


def row(table: str, *places: Any) -> Any:
    """The row that the page shows, with the names that its table's file has."""
    names = {place.__name__.rpartition(".")[2]: place for place in places}
    names |= {name: value for place in places for name, value in vars(place).items()}
    return eval(BLOCKS[f"a row of {table}"], names)


@pytest.fixture
def wrists(new_files: dict[str, ModuleType]) -> FileFormat:
    """The format."""
    found = row("FORMATS", file_format, new_files["wrists"])
    assert isinstance(found, FileFormat)
    return found


def walk(name: str = "walk", skeleton: Any = None) -> VideoTracks:
    """Two people who wave for ten frames."""
    frame = np.repeat(np.arange(10), 2)
    left = np.stack([20.0 + frame, np.tile([50.0, 250.0], 10)], axis=1)
    return VideoTracks(
        source=name,
        size=None,
        skeleton=skeleton,
        frames=FrameTable(times=np.full(10, np.nan)),
        frame=frame,
        track_ids=np.tile([4, 7], 10),
        boxes=np.full((20, 4), np.nan, np.float32),
        scores=np.full(20, np.nan, np.float32),
        keypoints=np.stack([left, left + 40], axis=1),
        keypoint_scores=np.full((20, 2), np.nan),
    )


def test_a_format_of_the_callers_own_opens_converts_links_and_evaluates(
    new_files: dict[str, ModuleType], wrists: FileFormat, tmp_path: Path
) -> None:
    tracks, path = walk(skeleton=new_files["wrists"].WRISTS), tmp_path / "walk.txt"

    write_whole(tracks, wrists, path)
    people = open_people(path, form=wrists)
    video = people.read("walk")
    write_whole(video.tracks, wrists, tmp_path / "again.txt")
    link_file(path, RunDirectory(tmp_path / "run"), config=LinkConfig(), form=wrists)

    assert (people.name, video.tracks.track_ids.tolist()) == ("wrists", [4, 7] * 10)
    assert open_people(path, formats=(wrists,)).name == "wrists"
    assert (tmp_path / "again.txt").read_bytes() == path.read_bytes()
    assert len(read_tracks(tmp_path / "run")) == 2
    assert evaluate(people, tracks, protocol="pixels").total("within_0px") == 100
    path.write_text("frame;person;\n1;2\n")
    with pytest.raises(FormatError, match="line 2: expected 6 numbers, got '1;2'"):
        open_people(path, form=wrists).read("walk")


def test_a_data_set_needs_its_file_and_its_row(
    new_files: dict[str, ModuleType],
    wrists: FileFormat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = row("DATASETS", dataset_table, new_files["handwork"])
    monkeypatch.setattr(dataset_table, "DATASETS", (*dataset_table.DATASETS, entry))
    root = tmp_path / "handwork"
    for name in ("train/a", "test/b"):
        file = root / "clips" / f"{name}.txt"
        file.parent.mkdir(parents=True)
        write_whole(walk(name, new_files["wrists"].WRISTS), wrists, file)

    people = open_people(root)
    assert main(["data", "check", str(root), "--from", "handwork"]) == 3  # it has no pictures
    assert main(["data", "convert", str(root), "--to", "jsonl", "-o", str(tmp_path / "out")]) == 0
    report = evaluate(walk("b", new_files["wrists"].WRISTS), root, protocol="pixels")

    assert (people.name, people.videos()) == ("handwork", ("test/b", "train/a"))
    assert "handwork in " in capsys.readouterr().out
    assert len(json_lines.read(tmp_path / "out" / "test" / "b.jsonl").frame) == 20
    assert (list(report.per_sequence), report.total("within_0px")) == (["test/b"], 100)
    with pytest.raises(InputError, match="there are posetrack17, .*, handwork; and no format"):
        open_people(root, form="handwrok")


def test_a_protocol_needs_its_file_and_its_row(
    new_files: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = row("EVALUATIONS", protocol_table, new_files["evaluate_frames"])
    monkeypatch.setattr(protocol_table, "EVALUATIONS", (*protocol_table.EVALUATIONS, entry))
    truth = walk(skeleton=new_files["wrists"].WRISTS)
    found = truth.select(truth.frame < 5)

    assert evaluate(found, truth, protocol="frames").total("frames") == 50
    with pytest.raises(InputError, match="strict= does not go with the protocol frames"):
        evaluate(found, truth, protocol="frames", strict=True)


@pytest.mark.slow
def test_a_body_needs_its_file_and_its_row(
    new_files: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parts.PARTS, "body", (*parts.PARTS["body"], row("PARTS", parts)))
    flat = tube_rcnn_r50_fpn()
    anchors = replace(flat.proposals.anchors, sizes=flat.proposals.anchors.sizes[:3])  # of 3 levels
    proposals = replace(flat.proposals, anchors=anchors)
    body = new_files["patch_body"].PatchBodyConfig(width=8)
    config = replace(flat, body=body, proposals=proposals)

    again = from_json(to_json(config), source="here")
    kept = TubeRCNN(again).encode(np.zeros((1, 90, 120, 3), np.uint8))

    assert again == config
    assert len(kept) == 1
