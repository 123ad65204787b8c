"""Where videos go in a folder of many: names that tools take, none twice, none outside."""

from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.datasets.annotated_video import AnnotatedVideo, Split
from posetube.datasets.formats import video_places
from posetube.datasets.formats.posetrack18_writer import SEQUENCE_NAME
from posetube.datasets.formats.video_places import place_video, rename_frames, sequence_names
from posetube.errors import FormatError, InputError
from posetube.skeletons import LSP14
from posetube.structures import FrameTable, VideoTracks


def video(name: str, pictures: tuple[str, ...] = (), *, split: Split = "") -> AnnotatedVideo:
    """A video of two frames without people."""
    nobody = np.zeros((0, 14, 2))
    tracks = VideoTracks(
        source=name,
        size=None,
        skeleton=LSP14,
        frames=FrameTable(times=np.full(2, np.nan), names=pictures, ids=np.array([5, 6])),
        frame=np.zeros(0, np.int64),
        track_ids=np.zeros(0, np.int64),
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        keypoints=nobody,
        keypoint_scores=nobody[..., 0],
    )
    return AnnotatedVideo(name=name, dataset="any", metric="oks", tracks=tracks, split=split)


@given(st.lists(st.text("01a_/.mpi", min_size=1, max_size=12), unique=True, max_size=8))
def test_no_two_sequences_have_one_name(names: list[str]) -> None:
    found = sequence_names(names)

    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert all(SEQUENCE_NAME.match(name) for name in found.values())


@pytest.mark.parametrize(
    ("videos", "names"),
    [
        (["val/000342_mpii_test", "val/000001_bonn"], ["000342_mpii_test", "000001_bonn"]),
        (["0001", "2326"], ["000001_mpii_test", "002326_mpii_test"]),
        (["060470979", "0001"], ["500000_mpii_test", "500001_mpii_test"]),
        (["catch/1", "walk/1"], ["500000_mpii_test", "500001_mpii_test"]),
    ],
)
def test_a_name_or_number_of_its_own_is_kept(videos: list[str], names: list[str]) -> None:
    assert list(sequence_names(videos).values()) == names


def test_more_videos_than_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_places, "MAX_NUMBER", video_places.FIRST_NUMBER + 2)

    with pytest.raises(InputError, match="3 videos, but PoseTrack's names number at most 2"):
        sequence_names(["a", "b", "c"])


@pytest.mark.parametrize(
    ("pictures", "frames"),
    [
        (("a/000342_mpii_test/7.jpg", "a/000342_mpii_test/8.jpg"), None),
        (("videos/x/00001.jpg", "videos/x/00002.jpg"), ("00001.jpg", "00002.jpg")),
        (("videos/1.png", "other/1.png"), ("000000.png", "000001.png")),
        (("videos/99999.jpg", "videos/1.jpg"), ("000000.jpg", "000001.jpg")),
        ((), ("000000.jpg", "000001.jpg")),
    ],
)
def test_frames_keep_what_posetracks_tools_accept(
    pictures: tuple[str, ...], frames: tuple[str, ...] | None
) -> None:
    given = video("dance", pictures, split="val")
    sequence = "500000_mpii_test"

    at = place_video(given, form="posetrack18", suffix=".json", sequence=sequence)
    table = rename_frames(given.tracks, at).frames

    assert at.file == PurePosixPath(f"annotations/val/{sequence}.json")
    if frames is None:
        assert table.names == pictures
        assert table.ids is not None
    else:
        assert table.names == tuple(f"images/val/{sequence}/{name}" for name in frames)
        assert table.ids is None  # the writer makes those that the tools expect


def test_motchallenge_has_a_folder_for_each_sequence() -> None:
    given = video("test/catch/a", ("x/7.png", "x/9.png"), split="test")

    at = place_video(given, form="mot", suffix=".txt", sequence="")

    assert at.file == PurePosixPath("test/catch-a/gt/gt.txt")
    assert at.frames == ("test/catch-a/img1/000001.png", "test/catch-a/img1/000002.png")


def test_other_files_are_called_like_the_video() -> None:
    at = place_video(video("images/a.jpg"), form="cvat", suffix=".xml", sequence="")

    assert (at.file, at.frames) == (PurePosixPath("images/a.jpg.xml"), None)


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "C:/a", ""])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(FormatError, match="name of a video of any: not a file under"):
        place_video(video(name), form="cvat", suffix=".xml", sequence="")
