"""Clips: which frames belong together, and what is read for them."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.datasets.annotated_video import AnnotatedVideo, Counts
from posetube.datasets.training.clip_frames import ClipConfig, evaluation_clips, training_clips
from posetube.datasets.training.clip_index import ClipIndex, label_bytes
from posetube.datasets.training.clip_reader import read_clip
from posetube.errors import InputError, MediaError
from posetube.masks import encode_mask
from posetube.skeletons import LSP14
from posetube.structures import FrameTable, VideoTracks

EVERYWHERE = np.ones(10, np.bool_)
FRAMES = 6


def video(root: Path, *, pictures: bool = True, identities: bool = True) -> AnnotatedVideo:
    """Two people; frame 4 is not labelled, frame 1 has a region to ignore."""
    if pictures:
        for i in range(FRAMES):
            image = np.full((40, 60, 3), i * 10, np.uint8)
            cv2.imwrite(str(root / f"{i}.png"), image)
    frame = np.array([0, 0, 1, 2, 2, 3, 5])
    ids = np.array([1, 2, 1, 1, 2, 2, 2])
    points = np.tile(np.arange(14.0)[:, None] + [5, 5], (7, 1, 1)) + frame[:, None, None]
    return AnnotatedVideo(
        name="walk",
        dataset="test",
        metric="oks",
        split="train",
        media=root if pictures else None,
        tracks=VideoTracks(
            source="walk",
            size=(40, 60),
            skeleton=LSP14,
            frames=FrameTable(
                times=np.full(FRAMES, np.nan),
                names=tuple(f"{i}.png" for i in range(FRAMES)),
                labeled=np.arange(FRAMES) != 4,
                ignore_regions={1: (np.array([[30.0, 5], [50, 5], [40, 20]]),)},
            ),
            frame=frame,
            track_ids=ids if identities else np.full(7, -1),
            boxes=np.where(ids[:, None] == 1, [1, 2, 30, 31], np.nan).astype(np.float32),
            scores=np.full(7, np.nan, np.float32),
            keypoints=points,
            keypoint_scores=np.full((7, 14), np.nan, np.float32),
        ),
    )


@given(
    count=st.integers(1, 30),
    length=st.integers(1, 6),
    stride=st.integers(1, 4),
)
def test_every_frame_is_the_centre_of_one_evaluation_clip(
    count: int, length: int, stride: int
) -> None:
    clips = evaluation_clips(count, ClipConfig(length=length, stride=stride))

    assert clips.shape == (count, length)
    np.testing.assert_array_equal(clips[:, length // 2], np.arange(count))
    assert clips.min() >= 0
    assert clips.max() < count
    assert (np.diff(clips, axis=1) >= 0).all()
    assert (np.diff(clips, axis=1) <= stride).all()


def test_a_frame_that_is_not_there_is_replaced_from_the_middle_outwards() -> None:
    there = np.array([True, True, True, True, False, True])

    clips = evaluation_clips(6, ClipConfig(length=5), there=there)

    assert clips[[0, 3, 5]].tolist() == [[0, 0, 0, 1, 2], [1, 2, 3, 3, 5], [3, 5, 5, 5, 5]]


@given(
    count=st.integers(1, 30),
    length=st.integers(1, 5),
    stride=st.integers(1, 3),
    step=st.integers(1, 5),
)
def test_repeating_the_end_lets_training_see_every_frame(
    count: int, length: int, stride: int, step: int
) -> None:
    config = ClipConfig(length=length, stride=stride, step=step, people=False)
    everywhere = np.ones(count, np.bool_)

    clips = training_clips(everywhere, everywhere, config)

    assert (np.diff(clips[:, 0]) == step).all()
    if stride == 1 and step <= length:
        assert set(clips.ravel().tolist()) == set(range(count))


def test_clips_over_the_end_are_filled_or_dropped() -> None:
    repeat = ClipConfig(length=4, step=4)
    drop = ClipConfig(length=4, step=4, edges="drop")

    assert training_clips(EVERYWHERE, EVERYWHERE, repeat).tolist() == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9],
    ]  # fmt: skip
    assert training_clips(EVERYWHERE, EVERYWHERE, drop).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_video_shorter_than_a_clip_gives_one_or_none() -> None:
    short = np.ones(2, np.bool_)

    assert training_clips(short, short, ClipConfig(length=4)).tolist() == [[0, 1, 1, 1]]
    assert len(training_clips(short, short, ClipConfig(length=4, edges="drop"))) == 0


@pytest.mark.parametrize(
    ("rule", "starts"),
    [("all", [0, 1, 2, 6, 7]), ("centre", [0, 1, 2, 3, 5, 6, 7]), ("any", list(range(8)))],
)
def test_the_rule_says_which_frames_must_be_labelled(
    rule: Literal["all", "centre", "any"], starts: list[int]
) -> None:
    labeled = np.ones(10, np.bool_)
    labeled[5] = False

    clips = training_clips(labeled, EVERYWHERE, ClipConfig(length=3, labeled=rule))

    assert clips[:, 0].tolist() == starts


def test_clips_in_which_nobody_is_are_left_out() -> None:
    occupied = np.zeros(10, np.bool_)
    occupied[9] = True

    clips = training_clips(EVERYWHERE, occupied, ClipConfig(length=3))

    assert clips.tolist() == [[7, 8, 9]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 0}, "ClipConfig.length must be 1 or more, got 0"),
        ({"stride": -1}, "ClipConfig.stride must be 1 or more, got -1"),
        ({"step": 0}, "ClipConfig.step must be 1 or more, got 0"),
        ({"pose_margin": 0.0}, "ClipConfig.pose_margin must be above 0, got 0.0"),
    ],
)
def test_config_names_the_field_and_the_value(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ClipConfig(**settings)  # type: ignore[arg-type]


def test_people_keep_their_row_through_a_clip(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path), [0, 1, 2])

    assert clip.images[:, 0, 0, 0].tolist() == [0, 10, 20]
    np.testing.assert_allclose(clip.times, [0, 0.04, 0.08])
    assert np.isnan(clip.boxes).any(axis=2).tolist() == [[False] * 3, [False, True, False]]
    np.testing.assert_array_equal(clip.boxes[0, 0], [1, 2, 30, 31])
    # the second person has no box: the joints' extent (5 to 18), a fifth larger
    np.testing.assert_allclose(clip.boxes[1, 0], [3.7, 3.7, 19.3, 19.3], atol=1e-5)
    np.testing.assert_array_equal(clip.keypoints[1, 2, 0], [7, 7])


def masked(root: Path) -> AnnotatedVideo:
    """The second person's mask is known in frame 2, where it is the picture's left third."""
    plain = video(root)
    left = np.zeros((40, 60), np.bool_)
    left[:, :20] = True
    masks = np.array([b"", b"", b"", b"", encode_mask(left), b"", b""], object)
    return replace(plain, tracks=replace(plain.tracks, masks=masks))


def test_masks_are_read_where_they_are_wanted(tmp_path: Path) -> None:
    clip = read_clip(masked(tmp_path), [0, 1, 2], masks=True)

    assert clip.masks is not None
    assert clip.masks.sum(axis=(2, 3)).tolist() == [[0, 0, 0], [0, 0, 800]]
    assert clip.masks[1, 2, :, :20].all()
    assert read_clip(masked(tmp_path), [0, 1, 2]).masks is None
    bare = read_clip(video(tmp_path), [0], masks=True).masks
    assert bare is not None
    assert not bare.any()


@pytest.mark.parametrize(("known", "count"), [(True, 3), (False, 0)])
def test_videos_without_masks_have_no_clips_with_masks(
    tmp_path: Path, known: bool, count: int
) -> None:
    labels = masked(tmp_path) if known else video(tmp_path)

    clips = ClipIndex(dataset=OneVideo(labels), config=ClipConfig(length=2), masks=True)

    assert len(clips) == count
    assert all(clips[place].masks is not None for place in range(count))


def test_masks_count_as_memory(tmp_path: Path) -> None:
    mask = masked(tmp_path).tracks.masks
    assert mask is not None
    assert label_bytes(mask) > mask.nbytes + len(mask[4])


def test_people_without_identity_have_a_row_for_each_frame(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path, identities=False), [0, 1])

    assert len(clip.boxes) == 3


def test_what_nobody_labelled_is_ignored(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path), [1, 3, 4])

    np.testing.assert_array_equal(clip.ignore[0, 0], [30, 5, 50, 20])
    assert np.isnan(clip.ignore[0, 1]).all()
    np.testing.assert_array_equal(clip.ignore[0, 2], [0, 0, 60, 40])


def test_a_repeated_frame_is_the_same_picture(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path), [5, 5, 5])

    assert (clip.images == clip.images[0]).all()


def test_missing_pictures_are_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="walk: its pictures are not there"):
        read_clip(video(tmp_path, pictures=False), [0])


class OneVideo:
    """A data set of one video, under one or several names."""

    name = "test"
    whole = Counts(videos=1, frames=FRAMES)

    def __init__(self, only: AnnotatedVideo, *names: str) -> None:
        self.only, self.names = only, names or (only.name,)
        self.reads: list[str] = []

    def videos(self) -> tuple[str, ...]:
        return self.names

    def read(self, video: str) -> AnnotatedVideo:
        self.reads.append(video)
        return self.only


def test_an_index_reads_a_clip_when_it_is_asked_for(tmp_path: Path) -> None:
    index = ClipIndex(dataset=OneVideo(video(tmp_path)), config=ClipConfig(length=2))

    assert [frames.tolist() for _, frames in index.places] == [[0, 1], [1, 2], [2, 3]]
    assert [len(index[place]) for place in range(len(index))] == [2, 2, 2]
    rng = np.random.default_rng(0)
    drawn = [int(index.draw(rng).images[0, 0, 0, 0]) for _ in range(30)]
    assert set(drawn) == {0, 10, 20}


def test_videos_of_other_parts_and_without_pictures_have_no_clips(tmp_path: Path) -> None:
    config = ClipConfig(length=2)

    other = ClipIndex(dataset=OneVideo(video(tmp_path)), config=config, split="test")
    bare = ClipIndex(dataset=OneVideo(video(tmp_path, pictures=False)), config=config)

    assert (len(other), len(bare)) == (0, 0)


def test_labels_are_read_once_per_video(tmp_path: Path) -> None:
    dataset = OneVideo(video(tmp_path), "a", "b")
    index = ClipIndex(dataset=dataset, config=ClipConfig(length=2))

    rng = np.random.default_rng(0)
    for _ in range(10):
        index.draw(rng)

    assert dataset.reads == ["a", "b"]


def test_labels_beyond_the_given_memory_are_read_again(tmp_path: Path) -> None:
    dataset = OneVideo(video(tmp_path), "a", "b", "c")
    room = 2 * label_bytes(dataset.only)
    index = ClipIndex(dataset=dataset, config=ClipConfig(length=2), kept_bytes=room)

    for place in (0, 3, 6, 3):  # of a, b, c and b again: the two used last are kept
        index[place]

    assert dataset.reads == ["a", "b", "c", "a", "b", "c"]


def test_the_memory_of_labels_counts_arrays_and_texts(tmp_path: Path) -> None:
    walk = video(tmp_path)

    held = walk.tracks.keypoints.nbytes + sum(map(len, walk.tracks.frames.names))

    assert held < label_bytes(walk) < held + 4000
