"""MOTChallenge's text: a line per box, ``frame,id,left,top,width,height,confidence,-1,-1,-1``.

Frames count from 1, and so do pixels: 1 is added to corners when written and subtracted when read.
Boxes, identities and scores only; a score that is not known is written as 1. Where nobody has an
identity, it is written as -1, as in MOTChallenge's lists of detections.

Not here: the reading of lines (:mod:`posetube.datasets.readers.mot`), which leaves pixels as they
are.
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from posetube import boxes as box
from posetube.errors import InputError
from posetube.structures import VideoTracks

from ..readers import mot
from .numbers import shortest

FIRST_PIXEL = 1.0


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people, those without a box as the extent of their joints.

    Raises:
        InputError: If a person has neither box nor joints, or others but not they an identity.
    """
    boxes = shortest(tracks.boxes)
    if len(tracks.skeleton):
        extent = box.around(shortest(tracks.keypoints))
        boxes = np.where(np.isnan(boxes).any(axis=1, keepdims=True), extent, boxes)
    nameless = tracks.track_ids < 0
    wrong = np.isnan(boxes).any(axis=1) | (nameless & (not nameless.all()))
    if wrong.any():
        frame = tracks.frame[np.flatnonzero(wrong)[0]]
        raise InputError(
            f"{path}: frame {frame}: a person has no track id, or neither box nor joints"
        )
    sides_of = box.to_xywh(boxes + FIRST_PIXEL)
    scores = np.where(np.isnan(tracks.scores), 1.0, shortest(tracks.scores))
    lines = [
        f"{frame + 1},{track_id},{','.join(map(repr, sides))},{score!r},-1,-1,-1\n"
        for frame, track_id, sides, score in zip(
            tracks.frame.tolist(), tracks.track_ids.tolist(), sides_of.tolist(), scores.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    Path(path).write_text("".join(lines), encoding="ascii")


def write_sequence_info(path: Path | str, tracks: VideoTracks, *, name: str) -> None:
    """Write ``seqinfo.ini``, which says how long a sequence is: frames without people have no line.

    Args:
        path: The file, in the sequence's folder.
        tracks: The sequence, its frames called ``img1/000001.jpg``.
        name: Of the sequence.
    """
    frames = tracks.frames
    suffix = PurePosixPath(frames.names[0]).suffix if frames.names else ".jpg"
    steps = np.diff(frames.times[~np.isnan(frames.times)])
    lines = {"name": name, "imDir": "img1", "seqLength": len(frames), "imExt": suffix}
    if len(steps) and np.median(steps) > 0:
        lines["frameRate"] = f"{1 / np.median(steps):.6g}"
    if tracks.size is not None:
        lines |= {"imHeight": tracks.size[0], "imWidth": tracks.size[1]}
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    Path(path).write_text(f"[Sequence]\n{text}", encoding="utf-8")


def read(path: Path | str) -> VideoTracks:
    """Read one video's boxes.

    Raises:
        FormatError: If a line is not one of numbers; names file and line.
        InputError: If the file cannot be opened.
    """
    tracks = mot.read(path)
    boxes = (tracks.boxes.astype(np.float64) - FIRST_PIXEL).astype(np.float32)
    return replace(tracks, boxes=boxes)
