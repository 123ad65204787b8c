"""Opens boxes from outside, a file or table of people, and holds them against the video.

Frames are matched by index, counted in decode order from 0 as everywhere here. In a folder of
pictures they are matched by file name, where the file of boxes names its frames. Ids and joints of
the file are not used: linking starts from the boxes alone, as from a network's own.

Not here: linking somebody else's detections as they are (:mod:`.link_external`).
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from posetube.boxes import or_around
from posetube.errors import InputError
from posetube.file_names import readable
from posetube.file_reading import sha256_of
from posetube.structures import IntArray, VideoTracks

from ...datasets.annotated_video import AnnotatedVideo, Dataset
from ...datasets.people import PeopleSource
from ...datasets.video import Video
from ...tracker.detection_filter import JOINTS_TO_BOX
from ..opened_people import open_people_or_run
from ..storage.fingerprint import fingerprint
from ..storage.manifest import BoxesRecord
from .given_boxes import GivenBoxes
from .link_external import scores_in_range

SHOWN = 3
"""How many names an error lists."""


@dataclass(frozen=True, kw_only=True)
class BoxSource:
    """A file of boxes, of one video or of several; or tracks in memory."""

    people: Dataset
    """Its videos."""

    path: Path | None
    """Where it is; None: in memory."""

    alone: bool = True
    """Whether boxes are wanted for one video, whose name may then be another."""

    @cached_property
    def sha256(self) -> str:
        """Of a file; of what identifies a folder; of the numbers of tracks in memory."""
        if self.path is not None:
            return sha256_of(self.path) if self.path.is_file() else fingerprint(str(self.path))
        digest = hashlib.sha256()
        for name in self.people.videos():
            tracks = self.people.read(name).tracks
            for column in (tracks.frame, tracks.boxes, tracks.scores, tracks.keypoints):
                digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    @property
    def where(self) -> str:
        """What errors call it."""
        return "boxes" if self.path is None else readable(self.path)

    def of(self, video: Video, *, name: str) -> GivenBoxes:
        """The boxes of one video.

        Args:
            video: Open.
            name: What the video is called.

        Raises:
            InputError: If the boxes do not fit the video, or there are none for it.
            FormatError: If the file is damaged.
        """
        annotated = self._chosen(video, name)
        record = BoxesRecord(
            name=readable(annotated.name),
            path="" if self.path is None else readable(self.path.absolute()),
            form=self.people.name,
            sha256=self.sha256,
        )
        return fitted(annotated, video, record=record, where=self.where)

    def _chosen(self, video: Video, name: str) -> AnnotatedVideo:
        names = self.people.videos()
        if name in names:
            return self.people.read(name)
        if len(names) == 1:
            only = self.people.read(names[0])
            if self.alone or _own_names(only.tracks, video):
                return only
        some = ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
        raise InputError(f"{self.where}: no boxes for a video called {name}; there are {some}")


def open_boxes(given: PeopleSource, *, alone: bool = True) -> BoxSource:
    """Open whatever holds people as boxes: a file, a run, a folder, tracks in memory.

    Args:
        given: Where they are.
        alone: Whether boxes are wanted for one video, whose name may then be another.

    Raises:
        InputError: If there is nothing of the name, or nothing that is understood.
        FormatError: If a file is of no format.
    """
    path = Path(given) if isinstance(given, str | Path) else None
    return BoxSource(people=open_people_or_run(given), path=path, alone=alone)


def fitted(
    annotated: AnnotatedVideo, video: Video, *, record: BoxesRecord, where: str
) -> GivenBoxes:
    """The boxes of a video, once it is clear that they are its own.

    Raises:
        InputError: If the picture has another size, a frame is not there, or no box can be used.
    """
    tracks, times = annotated.tracks, annotated.tracks.frames.times
    if tracks.size is not None and tracks.size != video.size:
        theirs, ours = ("{1} x {0}".format(*size) for size in (tracks.size, video.size))
        raise InputError(f"{where}: boxes in pictures of {theirs}, {video.source} has {ours}")
    frame = _frames_of_rows(tracks, video, where)
    boxes = or_around(tracks.boxes, tracks.keypoints, scale=JOINTS_TO_BOX)
    own = frame >= 0
    usable = own & _usable(boxes, video.size)
    if not usable.any():
        raise InputError(
            f"{where}: none of its {len(own)} boxes lies in a picture of {video.source}"
        )
    scores, notes = scores_in_range(tracks.scores)
    if not usable[own].all():
        spoilt = int(np.count_nonzero(own & ~usable))
        notes.append(f"{spoilt} without area, or outside the picture, are left out")
    rows = np.argsort(frame, kind="stable")
    rows = rows[usable[rows]]
    return GivenBoxes(
        record=record,
        frame=frame[rows],
        boxes=boxes[rows].astype(np.float32),
        scores=scores[rows].astype(np.float32),
        notes=tuple(f"boxes: {note}" for note in notes),
        # Pictures are matched by name: the times that they get are a convention.
        times=None if video.frame_names or np.isnan(times).any() else times,
        where=where,
    )


def _frames_of_rows(tracks: VideoTracks, video: Video, where: str) -> IntArray:
    """(R,) index of each row's frame in the video; -1 for those of other pictures.

    Raises:
        InputError: If frames are matched by index, and somebody is behind the video's end.
    """
    places = _own_names(tracks, video)
    if places:
        names = [PurePath(name).name for name in tracks.frames.names]
        return np.array([places.get(name, -1) for name in names], np.int64)[tracks.frame]
    last = int(tracks.frame.max(initial=-1))
    if video.expected is not None and last >= video.expected:
        raise InputError(
            f"{where}: there are boxes for frame {last}, counted from 0; {video.source} has "
            f"{video.expected} frames"
        )
    return tracks.frame


def _own_names(tracks: VideoTracks, video: Video) -> dict[str, int]:
    """Index by name of the video's pictures, if the file names one of them; else nothing."""
    own = {name: place for place, name in enumerate(video.frame_names) if name}
    named = any(PurePath(name).name in own for name in tracks.frames.names)
    return own if named else {}


def _usable(boxes: Any, size: tuple[int, int]) -> Any:
    """(R,) whether each box has an area and reaches into the picture of (H, W) pixels."""
    height, width = size
    finite = np.isfinite(boxes).all(axis=1)
    x1, y1, x2, y2 = np.where(finite[:, None], boxes, 0).T
    inside = (x2 > 0) & (y2 > 0) & (x1 < width) & (y1 < height)
    return finite & inside & (x2 > x1) & (y2 > y1)
