"""Every result format by the name that the command line gives it, and how to tell a file's format.

Not here: how each is read and written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from posetube.errors import FormatError, InputError
from posetube.skeletons import COCO17, JHMDB15, MPII16, POSETRACK15, POSETRACK17SLOTS, Skeleton
from posetube.structures import VideoTracks

from ..files.json_files import decode, read_bytes
from . import (
    alphapose,
    coco,
    csv_table,
    cvat_xml,
    deeplabcut,
    deeplabcut_hdf5,
    human36m_list,
    json_lines,
    mmpose_json,
    mot,
    mpii_list,
    openpose,
    parquet_table,
    posetrack17,
    posetrack18,
    posetrack18_writer,
    posetrack21,
    sleap,
    tfjs,
    vatic_text,
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
    "coco": _of(coco, ".json", "head boxes, ignore regions, link margins"),
    "mot": _of(mot, ".txt", "joints, times, frames without people"),
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


READ_ONLY: dict[str, Callable[[Path], VideoTracks]] = {
    "tfjs": tfjs.read,
    "vatic": vatic_text.read,
    "mpii-list": mpii_list.read,
    "human36m-list": human36m_list.read,
}
"""What reads others' formats that are met, but that nobody asks for."""


def find_format(name: str) -> Format:
    """The format of this name, to write.

    Raises:
        InputError: If there is none; lists those that exist.
    """
    if name in READ_ONLY:
        raise InputError(f"{name} is read, not written; there are {', '.join(FORMATS)}")
    if name not in FORMATS:
        raise InputError(f"no format is called {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def find_reader(name: str) -> Callable[[Path], VideoTracks]:
    """What reads the format of this name.

    Raises:
        InputError: If there is none; lists those that exist.
    """
    readers = {known: form.read for known, form in FORMATS.items()} | READ_ONLY
    if name not in readers:
        raise InputError(f"no format is called {name!r}; there are {', '.join(readers)}")
    return readers[name]


def guess_format(path: Path) -> str:
    """Name of the format that a file or folder is in, by its name and, where need be, its content.

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
    ambiguous: dict[str, Callable[[Path], str]] = {
        ".json": _guess_json,
        ".csv": _guess_csv,
        ".txt": _guess_text,
        ".h5": _guess_hdf5,
        ".npy": lambda path: "human36m-list",
        ".npz": lambda path: "human36m-list",
    }
    if path.suffix in ambiguous:
        return ambiguous[path.suffix](path)
    for name, form in FORMATS.items():
        if form.suffix == path.suffix:
            return name
    raise FormatError(
        f"{path}: no format ends in {path.suffix!r}; say which it is with --from, or name the "
        "folder of a data set"
    )


class _Json(msgspec.Struct):
    """Enough of a JSON file to tell the formats apart."""

    annolist: msgspec.Raw = msgspec.Raw()
    instance_info: msgspec.Raw = msgspec.Raw()
    images: list[dict[str, Any]] = []
    annotations: list[msgspec.Raw] = []


def _guess_json(path: Path) -> str:
    content = read_bytes(path)
    if content.lstrip()[:1] == b"[":
        return _guess_list(content, path)
    head = decode(content, _Json, path=path)
    if head.annolist:
        return "posetrack17"
    if head.instance_info:
        return "mmpose"
    if not head.images:
        return "alphapose"  # PoseFlow's object by picture
    posetrack = {"is_labeled", "vid_id", "nframes", "frame_id"} & head.images[0].keys()
    first = decode(head.annotations[0], dict, path=path) if head.annotations else {}
    if "keypoints_3d" in first:
        return "human36m-list"
    if len(first.get("keypoints", ())) == 3 * len(JHMDB15) and "vid_id" in head.images[0]:
        raise FormatError(f"{path}: clips of sub-JHMDB; name its folder, --from sub-jhmdb-json")
    truth_of_coco = "area" in first and "bbox_head" not in first
    return "posetrack18" if posetrack and not truth_of_coco else "coco"


def _guess_list(content: bytes, path: Path) -> str:
    """A list of people, or of frames of TensorFlow.js."""
    entries = decode(content, list[msgspec.Raw], path=path)
    first: Any = decode(entries[0], object, path=path) if entries else {}
    if isinstance(first, list):
        return "tfjs"
    if not isinstance(first, dict):
        return "alphapose"
    if "joints_vis" in first:
        return "mpii-list"
    joints = first.get("keypoints", list(first.values()))
    named = bool(joints) and all(isinstance(joint, dict) and "x" in joint for joint in joints)
    return "tfjs" if named else "alphapose"


def _guess_csv(path: Path) -> str:
    head = _start(path, 16)
    if head.startswith(b"scorer"):
        return "deeplabcut"
    return "sleap-analysis" if head.startswith(b"track,frame_idx,") else "csv"


def _guess_text(path: Path) -> str:
    return "vatic" if vatic_text.LINE.match(_start(path, 1000).lstrip()) else "mot"


def _guess_hdf5(path: Path) -> str:
    """By names that HDF5 keeps as plain text near the start."""
    head = _start(path, 1 << 20)
    if deeplabcut_hdf5.MARK in head:
        return "deeplabcut"
    if b"imgname" in head and b"part" in head:
        raise FormatError(f"{path}: people of FLIC or MPII; name the folder, --from flic or mpii")
    return "sleap-analysis"


def _start(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)
