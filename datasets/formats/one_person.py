"""Formats of clips that show one person: each person of a video becomes a clip of all its frames.

Not here: the formats (:mod:`.penn_action`, :mod:`.jhmdb`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.structures import DoubleArray, VideoTracks

from .annotation_rows import refuse_nameless
from .numbers import shortest


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenClip:
    """One person's clip in a data set's folder."""

    name: str
    """As the data set calls it."""

    track_id: int
    """Who it is in the video; -1 where nobody has an identity."""

    pictures: tuple[str, ...]
    """Where the data set looks for the pictures of the frames, below its folder."""


def split_people(tracks: VideoTracks) -> list[tuple[int, VideoTracks]]:
    """The people of a video one by one, by rising id; everybody keeps all frames.

    Raises:
        InputError: If nobody is in the video, or a person cannot be told from another: one has no
            identity, or two have the same in one frame.
    """
    if not len(tracks.frame):
        raise InputError(f"{tracks.source}: nobody is in it, and a clip shows one person")
    alone = bool((tracks.track_ids < 0).all()) and not _twice(tracks)
    ids = [-1] if alone else tracks.ids.tolist()
    if not alone:
        refuse_nameless(tracks, where=tracks.source)
    people = [(track_id, tracks.select(tracks.track_ids == track_id)) for track_id in ids]
    for track_id, person in people:
        if _twice(person):
            raise InputError(f"{tracks.source}: track id {track_id} is twice in a frame")
    return people


def _twice(tracks: VideoTracks) -> bool:
    return bool((np.diff(tracks.frame) == 0).any())


def place_by_frame(person: VideoTracks) -> DoubleArray:
    """(F, K, 2) where one person is in every frame; NaN where that is not known."""
    places = np.full((len(person.frames), len(person.skeleton), 2), np.nan)
    places[person.frame] = shortest(person.keypoints)
    return places


def only_clip(path: Path, pattern: str) -> Path:
    """The file itself, or the one that a folder has where its layout puts clips.

    Raises:
        FormatError: If the folder has none or several.
    """
    if not path.is_dir():
        return path
    found = sorted(path.glob(pattern))
    if len(found) != 1:
        raise FormatError(f"{path}: {len(found)} clips {pattern}; name the file of one")
    return found[0]
