"""Writes synthetic clips, pictures and labels, in the folder layouts of public data sets."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import scipy.io

from posetube.atomic_files import replacing
from posetube.errors import InputError, MediaError
from posetube.skeletons import COCO17, JHMDB15, PENN13, Skeleton
from posetube.structures import BoolArray, ByteArray, FrameTable, VideoTracks

from ..annotated_video import AnnotatedVideo, Split
from ..formats import (
    coco,
    jhmdb,
    mot,
    penn_action,
    posetrack17,
    posetrack18_writer,
    posetrack21,
)
from ..formats.joint_sets import with_joints
from ..formats.one_person import WrittenClip
from ..video.writer import VideoWriter
from .clip import SyntheticClip
from .ground_truth import collect_tracks
from .render import SyntheticFrame

Layout = Literal[
    "video", "posetrack18", "posetrack21", "posetrack17", "coco", "mot", "penn-action", "jhmdb"
]
"""``video``: an MP4 with PoseTrack18's JSON beside it; the others are laid out as published.

Penn Action and JHMDB have one person per video, so each person of a clip becomes a video of their
own: the longest run of frames in which the person is present, for JHMDB wholly in the picture."""

FIRST_SEQUENCE: dict[Split, int] = {"train": 900_000, "val": 910_000, "test": 920_000}
"""Number of a part's first sequence in PoseTrack's layouts, far above the published numbers."""

PARTS: dict[Layout, tuple[Split, ...]] = {
    "posetrack18": ("train", "val", "test"),
    "posetrack21": ("train", "val", "test"),
    "posetrack17": ("train", "val", "test"),
    "mot": ("train", "test"),
    "penn-action": ("train", "test"),
    "jhmdb": ("", "train", "test"),
}
"""Parts that a layout tells apart, the usual one first; others tell none."""

ACTION = "synthetic"
"""Name of the action, in data sets that sort videos by action."""


def write_dataset(
    root: Path, clips: Iterable[SyntheticClip], *, layout: Layout, split: Split = ""
) -> int:
    """Render clips into a folder.

    Args:
        root: Created if it does not exist; files of the same names are replaced, but Penn Action's
            clips are numbered on.
        clips: What to write; one video each, or one per person (see :data:`Layout`).
        layout: Which layout.
        split: Part of the data set that they are; empty: the layout's usual one.

    Returns:
        Number of frames of all videos written.

    Raises:
        InputError: If no layout has this name or it has no such part, a clip has nobody whom it can
            hold, or JHMDB has the clip already.
        MediaError: If a picture cannot be encoded.
    """
    if layout not in WRITERS:
        raise InputError(f"no layout is called {layout!r}; there are {', '.join(get_args(Layout))}")
    parts = PARTS.get(layout, ("",))
    if split and split not in parts:
        raise InputError(f"the layout {layout} has no part {split!r}; {_listed(parts)}")
    write, split = WRITERS[layout], split or parts[0]
    return sum(write(root, number, clip, split) for number, clip in enumerate(clips))


def _listed(parts: Sequence[Split]) -> str:
    named = [part for part in parts if part]
    return f"there are {', '.join(named)}" if named else "it tells no parts apart"


def _video(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    name = f"{ACTION}_{number:04d}"
    root.mkdir(parents=True, exist_ok=True)
    with VideoWriter(root / f"{name}.mp4", size=clip.config.size, rate=clip.config.rate) as out:
        tracks = collect_tracks(
            clip.frames(),
            source=name,
            size=clip.config.size,
            times=clip.times,
            each=lambda frame: out.write(frame.image, frame.time),
        )
    posetrack18_writer.write_tracks(root / f"{name}.json", tracks)
    return len(clip)


def _posetrack18(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    tracks = _sequence(root, number, clip, split)
    posetrack18_writer.write_tracks(root / "annotations" / split / f"{tracks.source}.json", tracks)
    return len(clip)


def _posetrack21(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    tracks = _sequence(root, number, clip, split)
    posetrack21.write_tracks(root / "posetrack_data" / split / f"{tracks.source}.json", tracks)
    return len(clip)


def _sequence(root: Path, number: int, clip: SyntheticClip, split: Split) -> VideoTracks:
    """Pictures and people of a sequence of PoseTrack18 or 21."""
    # its name tells MPII's split, of which what is no training is test
    mpii = "train" if split == "train" else "test"
    name = f"{FIRST_SEQUENCE[split] + number:06d}_mpii_{mpii}"
    names = tuple(f"images/{split}/{name}/{index:06d}.jpg" for index in range(len(clip)))
    return _pictured(root, clip, source=name, names=names)


def _posetrack17(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    name = f"{FIRST_SEQUENCE[split] + number:06d}_mpii"
    names = tuple(f"images/mpii_5sec/{name}/{index + 1:08d}.jpg" for index in range(len(clip)))
    tracks = _pictured(root, clip, source=name, names=names)
    path = root / "annotations" / split / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    posetrack17.write_tracks(path, tracks)
    return len(clip)


def _coco(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    name = f"{ACTION}{number:04d}"
    names = tuple(f"{index + 1:012d}.jpg" for index in range(len(clip)))
    tracks = _pictured(root / name, clip, source=name, names=names)
    path = root / "annotations" / f"person_keypoints_{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    coco.write_tracks(path, with_joints(tracks, COCO17)[0])
    return len(clip)


def _mot(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    folder = root / split / f"{ACTION}-{number:02d}"
    names = tuple(f"img1/{index + 1:06d}.jpg" for index in range(len(clip)))
    tracks = _pictured(folder, clip, source=folder.name, names=names)
    (folder / "gt").mkdir(exist_ok=True)
    mot.write_tracks(folder / "gt" / "gt.txt", tracks)
    mot.write_sequence_info(folder / "seqinfo.ini", tracks, name=folder.name)
    return len(clip)


def _penn_action(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    people = _each_person(clip, PENN13, everything=False)
    for person in people:
        name = f"{_video_number(clip, number, person):04d}"
        person.written.extend(penn_action.write_clips(root, person.video(name, split)))
    for frame, person in _in_pictures(clip, people):
        write_picture(root / person.picture(frame), frame.image)
    return sum(len(person.tracks.frames) for person in people)


def _jhmdb(root: Path, number: int, clip: SyntheticClip, split: Split) -> int:
    people = _each_person(clip, JHMDB15, everything=True)
    masks: dict[int, list[BoolArray]] = {person.track_id: [] for person in people}
    for person in people:
        name = f"{ACTION}/{split or 'clip'}_{_video_number(clip, number, person) - 1:04d}"
        person.written.extend(jhmdb.write_clips(root, person.video(name, split)))
    for frame, person in _in_pictures(clip, people):
        write_picture(root / person.picture(frame), frame.image)
        own = frame.people.track_ids == person.track_id
        masks[person.track_id].append(frame.masks[own][0])
    for person in people:
        puppet = np.stack(masks[person.track_id], axis=-1).astype(np.uint8)
        path = root / "puppet_mask" / person.written[0].name / "puppet_mask.mat"
        with replacing(path) as aside:
            scipy.io.savemat(aside, {"part_mask": puppet})
    return sum(len(person.tracks.frames) for person in people)


WRITERS: dict[str, Callable[[Path, int, SyntheticClip, Split], int]] = {
    "video": _video,
    "posetrack18": _posetrack18,
    "posetrack21": _posetrack21,
    "posetrack17": _posetrack17,
    "coco": _coco,
    "mot": _mot,
    "penn-action": _penn_action,
    "jhmdb": _jhmdb,
}
"""For each layout, what writes a clip with its number into a part; returns the frames written."""


def _pictured(
    root: Path, clip: SyntheticClip, *, source: str, names: tuple[str, ...]
) -> VideoTracks:
    """Write every frame as a picture; returns the ground truth."""
    return collect_tracks(
        clip.frames(),
        source=source,
        size=clip.config.size,
        times=clip.times,
        names=names,
        each=lambda frame: write_picture(root / names[frame.index], frame.image),
    )


def write_picture(path: Path, image: ByteArray) -> None:
    """Write an RGB picture in the format of its suffix; the folder is created if needed.

    Raises:
        MediaError: If OpenCV cannot encode it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done, content = cv2.imencode(path.suffix, image[..., ::-1])
    if not done:
        raise MediaError(f"{path}: cannot be encoded as a picture")
    path.write_bytes(content.tobytes())


@dataclass(frozen=True, kw_only=True)
class _PersonVideo:
    """One person of a clip, for data sets with one person per video."""

    track_id: int
    """Identity within the clip, from 1."""

    first: int
    """First frame in the clip."""

    tracks: VideoTracks
    """One row per frame, of the video's own frames."""

    written: list[WrittenClip] = field(default_factory=list)
    """What it has become in the data set."""

    def video(self, name: str, split: Split = "") -> AnnotatedVideo:
        """The person's video under its name in the data set."""
        return AnnotatedVideo(
            name=name,
            dataset=ACTION,
            tracks=self.tracks,
            split=split,
            action=ACTION,
            viewpoint="front",
        )

    def picture(self, frame: SyntheticFrame) -> str:
        """Where the data set looks for the picture of a frame of the clip."""
        return self.written[0].pictures[frame.index - self.first]


def _in_pictures(
    clip: SyntheticClip, people: Sequence[_PersonVideo]
) -> Iterator[tuple[SyntheticFrame, _PersonVideo]]:
    """Every frame with each person whose video it belongs to; each is drawn once."""
    for frame in clip.frames():
        for person in people:
            if person.first <= frame.index < person.first + len(person.tracks.frames):
                yield frame, person


def _video_number(clip: SyntheticClip, number: int, person: _PersonVideo) -> int:
    """Number of a person's video, from 1; all clips have the same number of people."""
    return number * clip.config.people * clip.config.shots + person.track_id


def _each_person(
    clip: SyntheticClip, skeleton: Skeleton, *, everything: bool
) -> list[_PersonVideo]:
    """Each person in the longest run of frames in which the person is present.

    Args:
        clip: The clip.
        skeleton: Joint set to convert to.
        everything: Whether every joint must be in the picture.
    """
    whole = clip.tracks(min_visibility=0.0)
    people = []
    for track_id in np.unique(whole.track_ids):
        rows = whole.select(whole.track_ids == track_id)
        there = np.zeros(len(clip), np.bool_)
        located = ~np.isnan(rows.keypoints).any(axis=(1, 2))
        there[rows.frame] = located if everything else True
        first, last = _longest_run(there)
        if last - first >= 2:
            rows = rows.select((rows.frame >= first) & (rows.frame < last))
            frames = FrameTable(times=clip.times[first:last])
            rows = replace(rows, frame=rows.frame - first, frames=frames)
            tracks, _ = with_joints(rows, skeleton)
            people.append(_PersonVideo(track_id=int(track_id), first=first, tracks=tracks))
    if not people:
        raise InputError(
            f"clip of seed {clip.seed}: nobody is ever {'wholly ' if everything else ''}in the "
            "picture; try another seed or role 'stay'"
        )
    return people


def _longest_run(there: BoolArray) -> tuple[int, int]:
    """First and last + 1 index of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]])))
    if not len(edges):
        return 0, 0
    runs = edges.reshape(-1, 2)
    first, last = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(first), int(last)
