"""What the two forms of PoseTrack's files say, and each failure of the reference as one line.

Two people who walk through four frames, written in both forms and then changed by hand.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import posetrack17, posetrack18_writer
from posetube.errors import FormatError
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, VideoTracks

Content = dict[str, Any]
Change = Callable[[Content], object]

NAME = "000001_mpii_test"


def walk(name: str = NAME) -> VideoTracks:
    frame = np.repeat(np.arange(4), 2)
    first = np.stack([100.0 + 50 * frame, np.tile([100.0, 400.0], 4)], axis=1)
    return VideoTracks(
        source=name,
        size=None,
        skeleton=POSETRACK15,
        frames=FrameTable(
            times=np.full(4, np.nan),
            names=tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(4)),
        ),
        frame=frame,
        track_ids=np.tile([1, 2], 4),
        boxes=np.full((8, 4), np.nan, np.float32),
        scores=np.full(8, np.nan, np.float32),
        keypoints=first[:, None] + np.arange(15)[:, None] * np.array([10.0, 0]),
        keypoint_scores=np.full((8, 15), 0.5),
        head_boxes=np.tile([0.0, 0, 30, 40], (8, 1)),
    )


@pytest.fixture(params=["posetrack18", "posetrack17"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def files(folder: Path, form: str = "posetrack18", *names: str) -> tuple[Path, Path]:
    """Predictions and truth, alike."""
    write = {"posetrack18": posetrack18_writer, "posetrack17": posetrack17}[form].write_tracks
    for side in ("pred", "gt"):
        (folder / side).mkdir()
        for name in names or (NAME,):
            write(folder / side / f"{name}.json", walk(name))
    return folder / "pred", folder / "gt"


def change(folder: Path, how: Change, name: str = NAME) -> None:
    path = folder / f"{name}.json"
    content = json.loads(path.read_text())
    how(content)
    path.write_text(json.dumps(content))


def test_poseval_matches_frames_by_position_whatever_they_are_called(
    tmp_path: Path, form: str
) -> None:
    found, truth = files(tmp_path, form)
    change(found, lambda c: c["images" if "images" in c else "annolist"].reverse())

    assert evaluate(found, truth, protocol="poseval").total("mota") == -100  # all have moved on
    assert evaluate(found, truth, protocol="clean").total("mota") == 100


def test_joints_are_told_by_their_names_not_by_their_places(tmp_path: Path) -> None:
    found, truth = files(tmp_path)

    def other_order(content: Content) -> None:
        names = content["categories"][0]["keypoints"]
        order = [names.index(joint) for joint in reversed(POSETRACK15.joints)]
        content["categories"][0]["keypoints"] = [names[place] for place in order]
        for person in content["annotations"]:
            triples = np.array(person["keypoints"]).reshape(-1, 3)
            person["keypoints"] = triples[order].ravel().tolist()
            person["scores"] = [person["scores"][place] for place in order]

    change(found, other_order)
    report = evaluate(found, truth, protocol="poseval")

    assert [report.total(m) for m in ("ap", "mota", "motp")] == [100, 100, 100]


@pytest.mark.parametrize(
    ("triple", "objects"),
    [((0, 0, 0), 0), ((0, 0, 1), 6), ((-5, 3, 0), 6), ((7, 0, 0), 6)],
)
def test_a_joint_is_there_unless_all_its_three_numbers_are_0(
    tmp_path: Path, triple: tuple[int, int, int], objects: int
) -> None:
    found, truth = files(tmp_path)

    def place(content: Content) -> None:
        for person in content["annotations"]:
            person["keypoints"][:3] = triple  # the nose

    change(found, place)
    change(truth, place)
    report = evaluate(found, truth, protocol="poseval")

    assert report["objects"]["nose"] == objects
    assert report["mota"]["nose"] == (100 if objects else None)
    assert report["ap"]["nose"] == (100 if objects else 0)


def test_of_several_points_with_one_id_the_first_counts(tmp_path: Path) -> None:
    found, truth = files(tmp_path, "posetrack17")

    def add(content: Content) -> None:
        for frame in content["annolist"]:
            for person in frame["annorect"]:
                points = person["annopoints"][0]["point"]
                points.append({**points[0], "x": [5000.0]})

    change(found, add)
    assert evaluate(found, truth, protocol="poseval").total("mota") == 100


def test_people_are_followed_over_sequences_by_their_person_ids(tmp_path: Path) -> None:
    names = (NAME, "000002_mpii_test")
    found, truth = files(tmp_path, "posetrack18", *names)

    def numbered(first: int, second: int) -> Change:
        ids = {1: first, 2: second}
        return lambda c: [p.update(person_id=ids[p["track_id"]]) for p in c["annotations"]]

    for name in names:
        change(truth, numbered(900, 901), name)
    change(found, numbered(30, 31), NAME)
    change(found, numbered(30, 32), names[1])
    report = evaluate(found, truth, protocol="posetrack21")

    # within the sequences all is right; over both, person 901 is 31 for 4 frames and 32 for 4:
    # AssA (8 + 4 * 4/8 + 4 * 4/8) / 16
    assert report.total("hota") == pytest.approx(100)
    assert report.total("reid_deta") == pytest.approx(100)
    assert report.total("reid_assa") == pytest.approx(75)
    assert report.total("reid_hota") == pytest.approx(100 * 0.75**0.5)


def person(**fields: Any) -> Change:
    """Change the second person of the first frame; None takes a field away."""

    def how(content: Content) -> None:
        people = content.get("annotations") or content["annolist"][0]["annorect"]
        listed = {k: v if "annotations" in content else [v] for k, v in fields.items()}
        people[1] |= listed
        for name, value in fields.items():
            if value is None:
                del people[1][name]

    return how


def image(**fields: Any) -> Change:
    """Change the first frame."""
    return lambda c: c["images"][0].update(fields)


NEW, OLD, BOTH = ("posetrack18",), ("posetrack17",), ("posetrack18", "posetrack17")
WHERE = "frame images/val/000001_mpii_test/000000.jpg"
FAILURES: list[tuple[tuple[str, ...], str, Change, str]] = [
    (BOTH, "pred", person(track_id=1), "person 2 (track id 1) has a track id that another one in"),
    (BOTH, "gt", person(track_id=1), "person 2 (track id 1) has a track id that another one in"),
    (BOTH, "pred", person(track_id=10_000), "has a track id over 9999, the largest accepted"),
    (BOTH, "pred", person(track_id=None), "person 2 has no track id"),
    (NEW, "gt", person(bbox_head=None), "person 2 has no head box"),
    (OLD, "gt", person(x1=None), "person 2 has no head box"),
    (BOTH, "gt", person(bbox_head=None, x1=None), "the protocols coco and pixels need none"),
    (NEW, "pred", person(track_id="2"), "person in annotations[1]: Expected float | null, got str"),
    (NEW, "pred", person(scores=[0.5] * 3), "annotations[1]: expected 17 joint scores, got 3"),
    (NEW, "gt", image(ignore_regions_x=[[0, 9]], ignore_regions_y=[[0, 9]]),
     "ignore_regions: a polygon needs 3 corners or more, got 2"),
    (NEW, "gt", image(ignore_regions_x=[0.0, 9, 9], ignore_regions_y=[0.0, 9, 0]),
     "ignore_regions: expected a list of polygons, got a list of numbers"),
    (NEW, "pred", lambda c: [image.update(file_name=f"dance/{i}.jpg") for i, image in
     enumerate(c["images"])], "frame dance/0.jpg: poseval wants a folder like 000123_mpii_test"),
    (NEW, "pred", image(file_name=f"images/val/{NAME}/first.jpg"), "wants a number up to 9999"),
    (NEW, "pred", lambda c: c.pop("categories"), "no 'categories' that name the joints"),
    (BOTH, "pred", lambda c: (c.get("annolist") or c["images"]).pop(), "3 frames, but the truth"),
]  # fmt: skip


def _shown(value: object) -> str:
    """A parameter's name; that of a function holds no address, which differs between processes."""
    return "how" if callable(value) else str(value)[:40]


@pytest.mark.parametrize(("forms", "side", "how", "message"), FAILURES, ids=_shown)
def test_what_the_reference_fails_on_is_one_line_and_exit_code_2(
    forms: tuple[str, ...],
    side: str,
    how: Change,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for form in forms:
        (tmp_path / form).mkdir()
        found, truth = files(tmp_path / form, form)
        change(tmp_path / form / side, how)

        code = main(["evaluate", str(found), str(truth), "--protocol", "poseval"])

        line = capsys.readouterr().err
        assert code == 2
        assert line.count("\n") == 1
        assert str(tmp_path / form / side / f"{NAME}.json") in line
        assert message in line
        assert WHERE in line or "person" not in message


def test_a_crowd_that_no_picture_has_is_refused(tmp_path: Path) -> None:
    found, truth = files(tmp_path)
    change(found, lambda c: c["annotations"].extend(c["annotations"][-1:] * 1_000))
    with pytest.raises(FormatError, match="000003.jpg, .* the frame has more than 1000 people"):
        evaluate(found, truth)
    crowd = walk().select(np.repeat(np.arange(8), [1] * 7 + [1_000]))
    with pytest.raises(FormatError, match="000003.jpg: 1001 people, no frame may have more than"):
        evaluate(crowd, truth)
