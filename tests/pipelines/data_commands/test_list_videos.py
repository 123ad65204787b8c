"""``data list`` and the parts that ``data synthesize`` draws."""

import shutil
from pathlib import Path

import pytest

from posetube.datasets.people import open_people
from posetube.errors import FormatError, InputError
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate

SCENE = ["--size", "96", "160", "--seconds", "0.12", "--people", "2", "--roles", "stay"]


def draw(root: Path, layout: str, part: str, seed: int = 2) -> int:
    words = ["data", "synthesize", str(root), "--layout", layout, "--seed", str(seed), *SCENE]
    return main([*words, "--split", part])


@pytest.mark.parametrize(
    ("layout", "parts", "place"),
    [
        ("posetrack18", ("train", "val", "test"), "images/test/920000_mpii_test"),
        ("posetrack21", ("train", "val", "test"), "images/test/920000_mpii_test"),
        ("posetrack17", ("train", "val", "test"), "images/mpii_5sec/920000_mpii"),
        ("penn-action", ("train", "test"), "frames/0003"),
        ("jhmdb", ("train", "test"), "Rename_Images/synthetic/test_0001"),
    ],
)
def test_a_part_is_drawn_and_listed_apart(
    layout: str,
    parts: tuple[str, ...],
    place: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "data"
    for part in parts:
        assert draw(root, layout, part) == 0
    people = open_people(root)
    assert people.name == layout
    assert {people.read(name).split for name in people.videos()} == set(parts)
    capsys.readouterr()

    assert main(["data", "list", str(root), "--split", "test"]) == 0
    test = capsys.readouterr().out.splitlines()
    assert main(["data", "list", str(root)]) == 0

    assert test[0] == str(root / place)
    assert set(test) < set(capsys.readouterr().out.splitlines())
    assert all(Path(line).is_dir() for line in test)
    own = evaluate(root, root, split="train", protocol="pixels")
    assert own.total("within_0px") == 100
    assert own.sequences == len(people.videos()) // len(parts)


def test_videos_whose_pictures_are_away_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    draw(root, "posetrack18", "train")
    draw(root, "posetrack18", "val")
    shutil.rmtree(root / "images" / "val")
    capsys.readouterr()

    assert main(["data", "list", str(root)]) == 3

    told = capsys.readouterr()
    assert told.out.splitlines() == [str(root / "images/train/900000_mpii_train")]
    assert told.err == f"{root}: val/910000_mpii_test: its pictures are not there\n"


def test_a_video_file_is_listed_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "synthesize", str(tmp_path / "made"), *SCENE]) == 0
    path = tmp_path / "root" / "annotations" / "val"
    path.mkdir(parents=True)
    for file in (tmp_path / "made").iterdir():
        file.rename(path / f"000001_mpii_test{file.suffix}")
    capsys.readouterr()

    assert main(["data", "list", str(tmp_path / "root")]) == 0
    assert capsys.readouterr().out == f"{path / '000001_mpii_test.mp4'}\n"


@pytest.mark.parametrize(
    ("layout", "part", "message"),
    [
        ("penn-action", "val", "layout penn-action has no part 'val'; there are train, test"),
        ("coco", "train", "the layout coco has no part 'train'; it tells no parts apart"),
        ("jhmdb", "val", "the layout jhmdb has no part 'val'; there are train, test"),
    ],
)
def test_a_part_that_a_layout_lacks_is_refused(
    layout: str, part: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw(tmp_path / "data", layout, part) == 2
    assert message in capsys.readouterr().err


def test_the_other_divisions_of_jhmdb_have_names(tmp_path: Path) -> None:
    root = tmp_path / "data"
    draw(root, "jhmdb", "train")
    draw(root, "jhmdb", "test")
    lists = root / "splits"
    text = (lists / "synthetic_test_split1.txt").read_text()
    (lists / "synthetic_test_split2.txt").write_text(text.replace("avi 1", "avi 2"))
    (lists / "synthetic_test_split3.txt").write_text(text.replace("avi 2", "avi 0"))

    scored = {
        name: evaluate(root, root, dataset=name, protocol="pck-jhmdb").sequences
        for name in ("jhmdb", "jhmdb-split2")
    }

    assert scored == {"jhmdb": 1, "jhmdb-split2": 2}
    with pytest.raises(InputError, match="jhmdb has no video of part 'test'; there is .none., tr"):
        evaluate(root, root, dataset="jhmdb-split3", split="test", protocol="pck-jhmdb")
    with pytest.raises(FormatError, match="sub-JHMDB needs sub_splits/.*_test_split_3.txt"):
        evaluate(root, root, dataset="sub-jhmdb-split3", protocol="pck-jhmdb")
