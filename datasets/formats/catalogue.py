"""Every result format by the name that the command line gives it, and how to tell a file's format.

Not here: how each is read and written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from posetube.errors import FormatError, InputError
from posetube.skeletons import COCO17, MPII16, POSETRACK15, POSETRACK17SLOTS, Skeleton
from posetube.structures import VideoTracks

from ..files.json_files import decode, read_bytes
from ..readers import posetrack17, posetrack18
from . import (
    alphapose,
    coco_keypoints,
    csv_table,
    cvat_xml,
    deeplabcut,
    json_lines,
    mmpose_json,
    mot_text,
    openpose,
    parquet_table,
    posetrack18_writer,
    posetrack21,
    sleap,
)


@dataclass(frozen=True, kw_only=True)
class Format:
    """One way to write a video's people."""

    read: Callable[[Path], VideoTracks]
    """Reads a file, or a folder of files."""

    write: Callable[[Path, VideoTracks], None]
    """Writes one; the path comes first."""

    write_videos: Callable[[Path, Iterable[VideoTracks]], None] | None = None
    """Writes several videos into one file, where that is what the format's users expect."""

    suffix: str
    """Ending of the file's name; empty for a folder."""

    joints: tuple[Skeleton, ...] = ()
    """The joint sets that it can hold; empty: any. Others are converted to the first."""

    loses: str = ""
    """What it cannot hold, for the user."""


def _of(module: Any, suffix: str, loses: str = "", *joints: Skeleton) -> Format:
    return Format(
        read=module.read,
        write=module.write_tracks,
        write_videos=getattr(module, "write_videos", None),
        suffix=suffix,
        joints=joints,
        loses=loses,
    )


FORMATS: dict[str, Format] = {
    "posetrack18": Format(
        read=posetrack18.read,
        write=posetrack18_writer.write_tracks,
        suffix=".json",
        joints=(POSETRACK17SLOTS,),
    ),
    "posetrack21": _of(posetrack21, ".json", "", POSETRACK17SLOTS),
    "posetrack17": _of(
        posetrack17, ".json", "boxes other than the head's, times, size", POSETRACK15
    ),
    "coco": _of(coco_keypoints, ".json", "head boxes, ignore regions, link margins"),
    "mot": _of(mot_text, ".txt", "joints, times, frames without people"),
    "csv": _of(csv_table, ".csv", "boxes, frames without people"),
    "jsonl": _of(json_lines, ".jsonl"),
    "parquet": _of(parquet_table, ".parquet"),
    "cvat": _of(cvat_xml, ".xml", "scores, boxes, times"),
    "deeplabcut": _of(deeplabcut, ".csv", "boxes, times, hidden or seen"),
    "openpose": _of(openpose, "", "boxes, times, hidden or seen", openpose.BODY25),
    "alphapose": _of(
        alphapose, ".json", "times, hidden or seen, frames without people", COCO17, MPII16
    ),
    "mmpose": _of(mmpose_json, ".json", "times, hidden or seen"),
    "slp": _of(sleap, ".slp", "boxes, times, hidden or seen"),
    "sleap-analysis": _of(sleap, ".h5", "boxes, times, hidden or seen"),
    "nwb": _of(sleap, ".nwb", "boxes, times, hidden or seen, and sleap-io reads no identities"),
}
"""What reads and writes each format."""


def find_format(name: str) -> Format:
    """The format of this name.

    Raises:
        InputError: If there is none; lists those that exist.
    """
    if name not in FORMATS:
        raise InputError(f"no format is called {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def guess_format(path: Path) -> str:
    """Name of the format that a file or folder is in, by its name and, for JSON and CSV, content.

    Raises:
        FormatError: If it is none of them.
        InputError: If there is no such file.
    """
    if path.is_dir():
        if any(path.glob("*_keypoints.json")):
            return "openpose"
        raise FormatError(f"{path}: no files of OpenPose in this folder; name a file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    ambiguous = {".json": _guess_json, ".csv": _guess_csv}
    if path.suffix in ambiguous:
        return ambiguous[path.suffix](path)
    for name, form in FORMATS.items():
        if form.suffix == path.suffix:
            return name
    raise FormatError(f"{path}: no format ends in {path.suffix!r}; say which it is with --from")


class _Json(msgspec.Struct):
    """Enough of a JSON file to tell the formats apart."""

    annolist: msgspec.Raw = msgspec.Raw()
    instance_info: msgspec.Raw = msgspec.Raw()
    images: list[dict[str, Any]] = []
    annotations: list[msgspec.Raw] = []


def _guess_json(path: Path) -> str:
    content = read_bytes(path)
    if content.lstrip()[:1] == b"[":
        return "alphapose"
    head = decode(content, _Json, path=path)
    if head.annolist:
        return "posetrack17"
    if head.instance_info:
        return "mmpose"
    if not head.images:
        return "alphapose"  # PoseFlow's object by picture
    posetrack = {"is_labeled", "vid_id", "nframes", "frame_id"} & head.images[0].keys()
    first = decode(head.annotations[0], dict, path=path) if head.annotations else {}
    truth_of_coco = "area" in first and "bbox_head" not in first
    return "posetrack18" if posetrack and not truth_of_coco else "coco"


def _guess_csv(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"scorer"):
        return "deeplabcut"
    return "sleap-analysis" if head.startswith(b"track,frame_idx,") else "csv"
