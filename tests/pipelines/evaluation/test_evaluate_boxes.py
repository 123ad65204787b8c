"""Boxes against boxes, where regions are to be ignored."""

import json
from pathlib import Path

import pytest

from posetube.pipelines.evaluation.evaluate import evaluate

PERSON = "{frame},1,{x},100,50,100,1,-1,-1,-1\n"
NOBODY = "{frame},2,450,100,50,100,1,-1,-1,-1\n"
REGION = {"ignore_regions_x": [[440, 520, 520, 440]], "ignore_regions_y": [[90, 90, 210, 210]]}
HUGE = {"ignore_regions_x": [[400, 3000, 3000, 400]], "ignore_regions_y": [[0, 0, 3000, 3000]]}


def inputs(folder: Path, *, region: dict[str, list[list[int]]]) -> tuple[Path, Path]:
    """Somebody in frames 1, 2 and 4; a box that is nobody's in a region of frames 2, 3 and 4."""
    people = [PERSON.format(frame=frame, x=100 + 5 * frame) for frame in (1, 2, 4)]
    truth = folder / "walk"
    (truth / "gt").mkdir(parents=True)
    (truth / "gt" / "gt.txt").write_text("".join(people))
    images = [{"frame_index": i, "file_name": f"{i:06d}.jpg", **region} for i in range(1, 5)]
    (truth / "image_info.json").write_text(json.dumps(images))
    found = folder / "walk.txt"
    found.write_text("".join([*people, *(NOBODY.format(frame=frame) for frame in (2, 3, 4))]))
    return found, truth


@pytest.mark.parametrize(
    ("protocol", "strict", "region", "expected"),
    [
        ("clean", False, {}, 3),
        ("clean", False, REGION, 0),
        ("clean", False, HUGE, 0),
        ("posetrack21", False, {}, 3),
        ("posetrack21", False, REGION, 0),
        ("posetrack21", True, REGION, 1),  # the kit passes over frames without a true person
        ("posetrack21", False, HUGE, 3),  # the kit measures how alike box and region are
    ],
)
def test_nobody_counts_in_an_ignore_region(
    tmp_path: Path,
    protocol: str,
    strict: bool,
    region: dict[str, list[list[int]]],
    expected: int,
) -> None:
    found, truth = inputs(tmp_path, region=region)

    report = evaluate(found, truth, protocol=protocol, strict=strict)

    assert report.total("false_positives") == expected
    assert report.total("hota_fp") == expected
    assert report.total("misses") == 0
