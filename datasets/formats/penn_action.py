"""Penn Action's clips: a ``.mat`` for each, with the 13 joints of one person in every frame.

``x`` and ``y`` (F, 13) and ``visibility`` (F, 13) are in the order of the data set's own joints,
``bbox`` (F, 4) is x1 y1 x2 y2, ``dimensions`` height, width and F; ``action``, ``pose`` (the
viewpoint) and ``train`` (1 or -1) describe the clip. Positions are stored as drawn on rescaled
pictures, so nothing is subtracted. A joint that is not visible holds the annotators' guess, or
(1, 1) where they made none.

Written for videos of any kind: each person becomes a clip of all frames, whose pictures are
``frames/<clip>/000001.jpg``. A hidden joint is a guess. In frames without the person, which Penn
Action itself does not have, the box is four zeros; read, they have nobody.

Not here: the data set in its folder (:mod:`posetube.datasets.published.penn_action`).

Source: Zhang, Zhu and Derpanis, "From Actemes to Action", ICCV 2013, and the files themselves.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from posetube import boxes as box
from posetube.errors import FormatError, InputError
from posetube.skeletons import PENN13
from posetube.structures import DoubleArray, JointState, VideoTracks

from ..annotated_video import AnnotatedVideo, Problem, table
from ..files.checked_values import number, numbers, text, variable
from ..files.mat_writer import MatValue, write_mat
from ..files.opened_file import OpenedFile
from .numbers import joint_states, shortest
from .one_person import (
    WrittenClip,
    only_clip,
    place_by_frame,
    split_people,
)

UNPLACED = 1.0
"""Both coordinates of a joint for which the annotators made no guess."""

LONGEST = (1 << 16) - 1
"""More frames, or more pixels of a side, have no place in a file."""

OWN_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
"""Names of videos that are the number of a clip."""

UNKNOWN = "unknown"
"""Action and viewpoint of videos that tell none."""

AS_DOUBLE = {"dimensions", "nframes"}
"""Whole numbers of MATLAB's class double."""


def recognise(file: OpenedFile) -> bool:
    """Whether a MATLAB file has the variables of a clip."""
    return file.suffix == ".mat" and {"x", "y", "visibility"} <= file.variables.keys()


def read(path: Path | str) -> VideoTracks:
    """Read one clip, or the only one of a data set's folder.

    Raises:
        FormatError: If the file is damaged, or something else; names the variable.
        InputError: If it cannot be opened.
    """
    return read_clip(OpenedFile(only_clip(Path(path), "labels/*.mat"))).tracks


def read_videos(file: OpenedFile) -> tuple[AnnotatedVideo]:
    """The clip of a file."""
    return (read_clip(file),)


def read_clip(file: OpenedFile, *, guesses: bool = False) -> AnnotatedVideo:
    """One clip; one row per frame, boxes included.

    Args:
        file: The file.
        guesses: Keep the guessed places of joints that cannot be seen, as occluded ones.

    Raises:
        FormatError: If the file is damaged, or something else; names the variable.
        InputError: If it cannot be opened.
    """
    where, content = str(file.path), file.variables

    def field(name: str) -> Any:
        return variable(content, name, where=where)

    x = numbers(field("x"), shape=(-1, 13), where=f"{where}: x")
    y = numbers(field("y"), shape=x.shape, where=f"{where}: y")
    seen = numbers(field("visibility"), shape=x.shape, where=f"{where}: visibility") > 0
    height, width = numbers(field("dimensions"), shape=(1, 3), where=f"{where}: dimensions")[0, :2]
    train = number(field("train"), where=f"{where}: train", low=-1, high=1)
    boxes, problems = _boxes(field("bbox"), rows=len(x), path=file.path)
    points = np.stack([x, y], axis=-1)
    placed = (points != UNPLACED).any(axis=-1)
    unseen = np.where(placed & guesses, JointState.OCCLUDED, JointState.ABSENT)
    there = np.flatnonzero(boxes.any(axis=1) | seen.any(axis=1) | placed.any(axis=1))
    return AnnotatedVideo(
        name=file.path.stem,
        dataset="penn-action",
        split="train" if train > 0 else "test",
        action=text(field("action"), where=f"{where}: action"),
        viewpoint=text(field("pose"), where=f"{where}: pose"),
        metric="pck-box",
        where=where,
        problems=problems,
        tracks=table(
            source=file.path.stem,
            size=(int(height), int(width)) if height and width else None,
            skeleton=PENN13,
            frames=len(x),
            frame=there,
            keypoints=points[there],
            joint_states=np.where(seen, JointState.VISIBLE, unseen)[there],
            boxes=np.where(boxes.any(axis=1, keepdims=True), boxes, np.nan)[there],
        ),
    )


def _boxes(value: Any, *, rows: int, path: Path) -> tuple[DoubleArray, tuple[Problem, ...]]:
    """(F, 4) boxes with ordered corners; two of the published files lack the last row."""
    boxes = numbers(value, shape=(-1, 4), where=f"{path}: bbox")
    corners = boxes.reshape(-1, 2, 2)
    # Some of the published boxes have a negative width.
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    if len(boxes) == rows:
        return boxes, ()
    if len(boxes) != rows - 1 or not len(boxes):
        raise FormatError(f"{path}: bbox has {len(boxes)} rows for {rows} frames")
    what = f"bbox has {rows - 1} rows for {rows} frames; the last one is repeated"
    problem = Problem(file=f"labels/{path.name}", where=f"frame {rows - 1}", what=what)
    return np.concatenate([boxes, boxes[-1:]]), (problem,)


def write_clips(folder: Path, video: AnnotatedVideo) -> Iterator[WrittenClip]:
    """Write each person of a video as a clip ``labels/0001.mat`` of a data set's folder.

    A video of one person whose name is a number keeps it where it is free; other clips are numbered
    on from the largest number that is there.

    Args:
        folder: The data set's folder, with the clips of earlier videos.
        video: With Penn Action's joints.

    Raises:
        InputError: If a person cannot be told from another, or a file has no room for the frames.
    """
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    count = len(video.tracks.frames)
    if count > LONGEST or max(video.tracks.size or (0,)) > LONGEST:
        raise InputError(f"{video.name}: more than {LONGEST} frames or pixels of a side")
    people = split_people(video.tracks)
    for track_id, person in people:
        name = _name(labels, video.name if len(people) == 1 else "")
        write_mat(labels / f"{name}.mat", _variables(person, video), as_double=AS_DOUBLE)
        pictures = tuple(f"frames/{name}/{number:06d}.jpg" for number in range(1, count + 1))
        yield WrittenClip(name=name, track_id=track_id, pictures=pictures)


def _name(labels: Path, wanted: str) -> str:
    own = PurePosixPath(wanted).name
    if OWN_NUMBER.fullmatch(own) and not (labels / f"{int(own):04d}.mat").exists():
        return f"{int(own):04d}"
    taken = (int(path.stem) for path in labels.glob("*.mat") if path.stem.isdecimal())
    return f"{max(taken, default=0) + 1:04d}"


def _variables(person: VideoTracks, video: AnnotatedVideo) -> dict[str, MatValue]:
    count = len(person.frames)
    states = np.zeros((count, len(PENN13)), np.uint8)
    states[person.frame] = joint_states(person)
    places = place_by_frame(person)
    placed = np.asarray(~np.isnan(places).any(axis=-1))
    places = np.where(placed[..., None], places, UNPLACED)
    boxes = np.zeros((count, 4))
    boxes[person.frame] = np.nan_to_num(
        box.or_around(shortest(person.boxes), shortest(person.keypoints))
    )
    height, width = person.size or (0, 0)
    return {
        "action": video.action or UNKNOWN,
        "pose": video.viewpoint or UNKNOWN,
        "x": places[..., 0],
        "y": places[..., 1],
        "visibility": (states == JointState.VISIBLE) & placed,
        "train": np.array([[1 if video.split == "train" else -1]], np.int32),
        "bbox": boxes,
        "dimensions": np.array([[height, width, count]], np.uint16),
        "nframes": np.array([[count]], np.uint8 if count < 256 else np.uint16),
    }


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write each person as a clip into the folder of a data set; see :func:`write_clips`."""
    video = AnnotatedVideo(name=tracks.source, dataset="penn-action", tracks=tracks)
    list(write_clips(Path(path), video))
