"""Says where each video of a data set goes in another format's folder, and how frames are called.

A folder that is made so opens again as a data set: PoseTrack's and MOTChallenge's have their
published layout; of other formats a file lies where the video's own name says. No name leads out of
the folder, and no two videos get the same.

Not here: the writing (:mod:`posetube.pipelines.data_commands.convert_dataset`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from posetube.errors import InputError
from posetube.structures import VideoTracks

from ..annotated_video import AnnotatedVideo
from ..files.checked_values import relative_path

SEQUENCE = re.compile(r"\d{6}_(mpii|bonn|mpiinew)(_\w+)?", re.ASCII)
"""Names of PoseTrack's sequences, as its tools ask for."""

OWN_NUMBER = re.compile(r"\d{1,6}", re.ASCII)
"""Names of videos that become the number of a sequence."""

FIRST_NUMBER = 500_000
"""Number of the first sequence of a data set that has none of its own, above the published ones."""

MAX_NUMBER = 999_999
MAX_FRAME = 9_999
"""The largest number of a frame that PoseTrack's tools accept."""

FOLDERS = {
    "posetrack17": "annotations",
    "posetrack18": "annotations",
    "posetrack21": "posetrack_data",
}
"""Where PoseTrack's files lie, in a folder for each part."""

UNDIVIDED = "all"
"""Folder of videos that belong to no part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoPlace:
    """Where one video goes; paths are relative to the new data set's folder."""

    file: PurePosixPath
    """Its annotation file, or a folder where the format is one."""

    frames: tuple[str, ...] | None = None
    """Pictures of its frames; None where the format leaves pictures where they are."""


def sequence_names(videos: Sequence[str]) -> dict[str, str]:
    """PoseTrack's name of each video: its own, or its own number; else all are numbered in order.

    Args:
        videos: All names of a data set, so that a video is called the same whichever are chosen.

    Raises:
        InputError: If there are more videos than numbers.
    """
    own = [_own_name(video) for video in videos]
    if all(own) and len(set(own)) == len(own):
        return dict(zip(videos, own, strict=True))
    if FIRST_NUMBER + len(videos) > MAX_NUMBER:
        most = MAX_NUMBER - FIRST_NUMBER
        raise InputError(f"{len(videos)} videos, but PoseTrack's names number at most {most}")
    return {video: f"{FIRST_NUMBER + i:06d}_mpii_test" for i, video in enumerate(videos)}


def _own_name(video: str) -> str:
    last = PurePosixPath(video).name
    if SEQUENCE.fullmatch(last):
        return last
    return f"{int(last):06d}_mpii_test" if OWN_NUMBER.fullmatch(last) else ""


def place_video(video: AnnotatedVideo, *, form: str, suffix: str, sequence: str) -> VideoPlace:
    """Where a video goes.

    Args:
        video: Any.
        form: Name of the format.
        suffix: Ending of the format's files.
        sequence: From :func:`sequence_names`.

    Raises:
        FormatError: If the video's own name is no path within a folder.
    """
    name = relative_path(video.name, where=f"name of a video of {video.dataset}")
    part = video.split or UNDIVIDED
    if form in FOLDERS:
        folder = f"images/{part}/{sequence}"
        return VideoPlace(
            file=PurePosixPath(FOLDERS[form], part, f"{sequence}.json"),
            frames=_posetrack_frames(video.tracks, folder),
        )
    if form == "mot":
        flat = name.removeprefix(f"{part}/").replace("/", "-")
        pictures = zip(range(1, len(video.tracks.frames) + 1), _suffixes(video.tracks), strict=True)
        return VideoPlace(
            file=PurePosixPath(part, flat, "gt", "gt.txt"),
            frames=tuple(f"{part}/{flat}/img1/{i:06d}{suffix}" for i, suffix in pictures),
        )
    return VideoPlace(file=PurePosixPath(f"{name}{suffix}"))


def _posetrack_frames(tracks: VideoTracks, folder: str) -> tuple[str, ...]:
    """The names as they are where PoseTrack's tools take them, else at least their numbers."""
    paths = [PurePosixPath(name) for name in tracks.frames.names]
    numbered = bool(paths) and all(_is_number(path.stem) for path in paths)
    if numbered and all(SEQUENCE.fullmatch(path.parent.name) for path in paths):
        return tracks.frames.names
    # The number stays, so that a frame of the copy is the same frame of the original.
    if numbered and len({path.name for path in paths}) == len(paths):
        return tuple(f"{folder}/{path.name}" for path in paths)
    return tuple(f"{folder}/{i:06d}{suffix}" for i, suffix in enumerate(_suffixes(tracks)))


def _is_number(stem: str) -> bool:
    return stem.isascii() and stem.isdigit() and len(stem) < 15 and int(stem) <= MAX_FRAME


def _suffixes(tracks: VideoTracks) -> list[str]:
    """Ending of each frame's picture."""
    names = tracks.frames.names or (".jpg",) * len(tracks.frames)
    return [PurePosixPath(name).suffix or ".jpg" for name in names]


def rename_frames(tracks: VideoTracks, at: VideoPlace) -> VideoTracks:
    """The same people with the new names of the frames.

    Frames that get new names lose their numbers: the format makes those that its tools expect,
    which differ from one video to the next.
    """
    if at.frames is None or at.frames == tracks.frames.names:
        return tracks
    return replace(tracks, frames=replace(tracks.frames, names=at.frames, ids=None))
