"""JHMDB's clips: ``joint_positions.mat`` for each, the 15 joints of one person in every frame.

``pos_img`` (2, 15, F) counts from 1; ``pos_world`` (2, 15, F) is centred in the picture and divided
by its height and by ``scale`` (1, F), the person's; ``viewpoint`` says where the camera stands. All
joints are always placed, hidden ones and those outside the picture too, and the files do not tell
which, so all count as visible.

Written for videos of any kind: each person becomes a clip of all frames, whose pictures are
``Rename_Images/<action>/<clip>/00001.png``. What JHMDB itself does not have is NaN: joints that are
not known, and all of them in frames without the person. ``scale`` is 1, because nobody laid a
puppet over the person.

Not here: the data set in its folder (:mod:`posetube.datasets.published.jhmdb`).

Source: Jhuang et al., "Towards understanding action recognition", ICCV 2013, and the files.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.skeletons import JHMDB15
from posetube.structures import VideoTracks

from ..annotated_video import AnnotatedVideo, Split, table
from ..files.checked_values import numbers, relative_path, text, variable
from ..files.mat_writer import MatValue, write_mat
from ..files.opened_file import OpenedFile
from .one_person import WrittenClip, only_clip, place_by_frame, split_people

SIZE = (240, 320)
"""Height and width of every clip of JHMDB."""

FILES = "joint_positions/*/*/joint_positions.mat"
"""Where the clips of a data set's folder are."""

UNKNOWN = "unknown"
"""Action and viewpoint of videos that tell none."""

FIRST_PIXEL = 1.0

FAR = 1e9
"""Positions in the world beyond this are damage."""


def recognise(file: OpenedFile) -> bool:
    """Whether a MATLAB file has joints in the picture."""
    return file.suffix == ".mat" and "pos_img" in file.variables


def read(path: Path | str) -> VideoTracks:
    """Read one clip, or the only one of a data set's folder.

    Raises:
        FormatError: If the file is damaged, or something else; names the variable.
        InputError: If it cannot be opened.
    """
    return read_clip(OpenedFile(only_clip(Path(path), FILES))).tracks


def read_videos(file: OpenedFile) -> tuple[AnnotatedVideo]:
    """The clip of a file."""
    return (read_clip(file),)


def read_clip(file: OpenedFile) -> AnnotatedVideo:
    """One clip, called as its folders: ``<action>/<clip>``; one row per frame.

    Raises:
        FormatError: If the file is damaged, or something else; names the variable.
        InputError: If it cannot be opened.
    """
    path, content = file.path, file.variables
    value = variable(content, "pos_img", where=str(path))
    places = numbers(value, shape=(2, 15, -1), where=f"{path}: pos_img", finite=False)
    places = places.transpose(2, 1, 0) - FIRST_PIXEL
    known = np.asarray(~np.isnan(places).any(axis=-1))
    there = np.flatnonzero(known.any(axis=1))
    name = "/".join(path.absolute().parts[-3:-1])
    return AnnotatedVideo(
        name=name,
        dataset="jhmdb",
        action=name.partition("/")[0],
        viewpoint=text(content.get("viewpoint", ""), where=f"{path}: viewpoint"),
        metric="pck-box",
        where=str(path),
        tracks=table(
            source=name,
            size=_size(content, where=str(path)),
            skeleton=JHMDB15,
            frames=len(places),
            frame=there,
            keypoints=places[there],
            joint_states=known[there],
        ),
    )


def _size(content: dict[str, Any], *, where: str) -> tuple[int, int]:
    """(H, W) by which ``pos_world`` follows from ``pos_img``; that of JHMDB where nothing tells."""
    if "pos_world" not in content or "scale" not in content:
        return SIZE
    shape, limit = (2, 15, -1), FAR
    (x, y), (x_world, y_world) = (
        numbers(content[name], shape=shape, where=f"{where}: {name}", limit=limit, finite=False)
        for name in ("pos_img", "pos_world")
    )
    scale = numbers(content["scale"], shape=(1, -1), where=f"{where}: scale", limit=limit)
    known = ~np.isnan(x + y + x_world + y_world)
    if scale.shape[1] != x.shape[1] or not known.any():
        return SIZE
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.median((y / (y_world * scale + 0.5))[known])
        width = np.median((2 * (x - x_world * scale * height))[known])
    told = np.array([height, width])
    whole = np.isfinite(told).all() and (np.abs(told - np.round(told)) < 1e-3).all()
    return (round(height), round(width)) if whole and (told >= 1).all() else SIZE


def write_clips(folder: Path, video: AnnotatedVideo) -> Iterator[WrittenClip]:
    """Write each person of a video as a clip of a data set's folder.

    A clip is called as the video, and by the person's id too where there are several. Videos of a
    part are listed in the first division (``splits/<action>_test_split1.txt``).

    Args:
        folder: The data set's folder, with the clips of earlier videos.
        video: With JHMDB's joints.

    Raises:
        InputError: If a person cannot be told from another, or a clip is there already.
        FormatError: If the video's name is no path within a folder.
    """
    path = PurePosixPath(relative_path(video.name.replace("\\", "_"), where="name of a video"))
    action = video.action or (path.parent.name or UNKNOWN)
    people = split_people(video.tracks)
    for track_id, person in people:
        clip = path.name if len(people) == 1 else f"{path.name}_person_{track_id}"
        file = folder / "joint_positions" / action / clip / "joint_positions.mat"
        if file.exists():
            raise InputError(f"{video.name}: another video has the clip {action}/{clip} already")
        file.parent.mkdir(parents=True)
        write_mat(file, _variables(person, video))
        _list(folder, action, clip, video.split)
        images = f"Rename_Images/{action}/{clip}"
        count = len(person.frames)
        yield WrittenClip(
            name=f"{action}/{clip}",
            track_id=track_id,
            pictures=tuple(f"{images}/{number:05d}.png" for number in range(1, count + 1)),
        )


def _variables(person: VideoTracks, video: AnnotatedVideo) -> dict[str, MatValue]:
    height, width = person.size or SIZE
    places = place_by_frame(person).transpose(2, 1, 0) + FIRST_PIXEL
    x, y = places
    world = [(x / width - 0.5) * width / height, y / height - 0.5]
    return {
        "pos_img": places,
        "pos_world": np.stack(world),
        "scale": np.ones((1, places.shape[2])),
        "viewpoint": video.viewpoint or UNKNOWN,
    }


def _list(folder: Path, action: str, clip: str, split: Split) -> None:
    marks = {"train": 1, "test": 2}
    if split in marks:
        lists = folder / "splits"
        lists.mkdir(exist_ok=True)
        with (lists / f"{action}_test_split1.txt").open("a", encoding="utf-8") as file:
            file.write(f"{clip}.avi {marks[split]}\n")


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write each person as a clip into the folder of a data set; see :func:`write_clips`."""
    video = AnnotatedVideo(name=tracks.source, dataset="jhmdb", tracks=tracks)
    list(write_clips(Path(path), video))
