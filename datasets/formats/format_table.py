"""Lists every format of files that hold people, and tells which of them a file is.

A new format is one file beside this one and one row of :data:`FORMATS`. A format of your own needs
no row: pass it where a format is asked for.
"""

from collections.abc import Sequence
from pathlib import Path

from posetube.errors import FormatError, InputError, MissingFileError
from posetube.skeletons import COCO17, JHMDB15, MPII16, PENN13, POSETRACK15, POSETRACK17SLOTS

from ..files.opened_file import OpenedFile
from . import (
    alphapose,
    coco,
    csv_table,
    cvat_xml,
    deeplabcut,
    human36m_list,
    jhmdb,
    json_lines,
    mmpose_json,
    mot,
    mpii_list,
    openpose,
    parquet_table,
    penn_action,
    posetrack17,
    posetrack18,
    posetrack21,
    sleap,
    tfjs,
    vatic_text,
    wide_table,
)
from .file_format import FileFormat, never

FORMATS: tuple[FileFormat, ...] = (
    FileFormat(
        name="posetrack18",
        suffix=".json",
        read=posetrack18.read,
        read_videos=posetrack18.read_videos,
        lists_pictures=True,
        recognise=posetrack18.recognise,
        write=posetrack18.write_tracks,
        joints=(POSETRACK17SLOTS,),
        needs_identities=True,
        holds="JSON, 17 slots",
        loses="link margins",
    ),
    FileFormat(
        name="posetrack21",
        suffix=".json",
        read=posetrack18.read,
        read_videos=posetrack18.read_videos,
        lists_pictures=True,
        recognise=never,  # read as PoseTrack18's, which it is but for person_id
        write=posetrack21.write_tracks,
        joints=(POSETRACK17SLOTS,),
        needs_identities=True,
        holds="JSON, 17 slots, with `person_id`",
        loses="link margins",
    ),
    FileFormat(
        name="posetrack17",
        suffix=".json",
        read=posetrack17.read,
        read_videos=posetrack17.read_videos,
        lists_pictures=True,
        recognise=posetrack17.recognise,
        write=posetrack17.write_tracks,
        joints=(POSETRACK15,),
        needs_identities=True,
        holds="JSON, 15 joints; named with `--from`, its MATLAB files are read",
        loses="boxes other than the head's, times, size",
    ),
    FileFormat(
        name="human36m-list",
        suffix=".npz",
        also_read=(".npy", ".json"),
        read=human36m_list.read,
        recognise=human36m_list.recognise,
        holds="mmpose's pictures of Human3.6M, `.npz` and JSON, and joints that a network found, "
        "`.npy`",
    ),
    FileFormat(
        name="coco",
        suffix=".json",
        read=coco.read,
        lists_pictures=True,
        recognise=coco.recognise,
        write=coco.write_tracks,
        write_videos=coco.write_videos,
        masks=True,
        holds="JSON; identities as `track_id` and in `attributes`, where CVAT looks; masks as "
        "`segmentation`",
        coco17_only=True,
        loses="head boxes, ignore regions, link margins",
    ),
    FileFormat(
        name="mmpose",
        suffix=".json",
        read=mmpose_json.read,
        recognise=mmpose_json.recognise,
        write=mmpose_json.write_tracks,
        holds="the inferencer's JSON; what `MMPoseInferencer(pred_out_dir=...)` dumps is read",
        loses="times, hidden or seen",
    ),
    FileFormat(
        name="tfjs",
        suffix=".json",
        read=tfjs.read,
        recognise=tfjs.recognise,
        holds="poses of TensorFlow.js as JSON, a frame each: joints by name, MoveNet's or "
        "BlazePose's",
    ),
    FileFormat(
        name="mpii-list",
        suffix=".json",
        read=mpii_list.read,
        recognise=mpii_list.recognise,
        holds="the list of MPII's people that training programs use, a frame for each picture",
    ),
    FileFormat(
        name="alphapose",
        suffix=".json",
        read=alphapose.read,
        lists_pictures=True,
        write=alphapose.write_tracks,
        joints=(COCO17, MPII16),
        holds="JSON list; its `cmu` and `open` forms, PoseFlow's object and COCO's list of results "
        "are read",
        loses="times, hidden or seen, frames without people",
    ),
    FileFormat(
        name="parquet",
        suffix=".parquet",
        read=parquet_table.read,
        write=parquet_table.write_tracks,
        holds="a column per joint and number; also as `to_pandas().to_parquet()` writes it",
    ),
    FileFormat(
        name="jsonl",
        suffix=".jsonl",
        read=json_lines.read,
        write=json_lines.write_tracks,
        holds="a line per frame",
    ),
    FileFormat(
        name="deeplabcut",
        suffix=".csv",
        also_read=(".h5", ".tsv", ".txt"),
        read=deeplabcut.read,
        lists_pictures=True,
        recognise=deeplabcut.recognise,
        write=deeplabcut.write_tracks,
        holds="CSV with four header lines; its tables in HDF5 are read (needs h5py)",
        loses="boxes, times, hidden or seen",
    ),
    FileFormat(
        name="sleap-analysis",
        suffix=".h5",
        also_read=(".csv", ".tsv", ".txt"),
        read=sleap.read,
        recognise=sleap.recognise_analysis,
        write=sleap.write_tracks,
        holds="SLEAP's analysis files in HDF5, by sleap-io; as a table they are read",
        loses="boxes, times, hidden or seen",
    ),
    FileFormat(
        name="pandas",
        suffix=".csv",
        also_read=(".tsv", ".txt"),
        read=wide_table.read,
        recognise=wide_table.recognise,
        holds="a line per person and frame, as `to_pandas().to_csv()` writes it",
    ),
    FileFormat(
        name="csv",
        suffix=".csv",
        also_read=(".tsv", ".txt"),
        read=csv_table.read,
        recognise=csv_table.recognise,
        write=csv_table.write_tracks,
        write_videos=csv_table.write_videos,
        holds="a line per person, frame and joint",
        loses="boxes, frames without people",
    ),
    FileFormat(
        name="vatic",
        suffix=".txt",
        read=vatic_text.read,
        recognise=vatic_text.recognise,
        boxes_only=True,
        holds="VATIC's text, a line per box; the labels are not kept",
    ),
    FileFormat(
        name="mot",
        suffix=".txt",
        also_read=("",),
        read=mot.read,
        read_videos=mot.read_videos,
        recognise=mot.recognise,
        write=mot.write_tracks,
        boxes_only=True,
        needs_identities=True,
        holds="text, a line per box; a sequence's folder with `gt/gt.txt` is read",
        loses="joints, times, frames without people",
    ),
    FileFormat(
        name="openpose",
        suffix="",
        read=openpose.read,
        recognise=openpose.recognise,
        write=openpose.write_tracks,
        joints=(openpose.BODY25,),
        holds="a folder, a file per frame, 25 joints",
        loses="boxes, times, hidden or seen",
    ),
    FileFormat(
        name="penn-action",
        suffix="",
        also_read=(".mat",),
        read=penn_action.read,
        read_videos=penn_action.read_videos,
        recognise=penn_action.recognise,
        write=penn_action.write_tracks,
        write_clips=penn_action.write_clips,
        keeps=("action", "viewpoint"),
        joints=(PENN13,),
        needs_identities=True,
        holds="the data set's folder: `labels/0001.mat`, a clip for each person",
        loses="scores, times, identities",
    ),
    FileFormat(
        name="jhmdb",
        suffix="",
        also_read=(".mat",),
        read=jhmdb.read,
        read_videos=jhmdb.read_videos,
        recognise=jhmdb.recognise,
        write=jhmdb.write_tracks,
        write_clips=jhmdb.write_clips,
        keeps=("action", "viewpoint"),
        joints=(JHMDB15,),
        needs_identities=True,
        holds="the data set's folder: `joint_positions/<action>/<clip>/joint_positions.mat`, a "
        "clip for each person",
        loses="boxes, scores, times, identities, hidden or seen",
    ),
    FileFormat(
        name="cvat",
        suffix=".xml",
        read=cvat_xml.read,
        write=cvat_xml.write_tracks,
        needs_identities=True,
        masks=True,
        holds="CVAT for video 1.1, tracks of skeletons, and of masks' outlines",
        loses="scores, boxes, times",
    ),
    FileFormat(
        name="slp",
        suffix=".slp",
        read=sleap.read,
        write=sleap.write_tracks,
        holds="SLEAP's labels, by sleap-io (`pip install 'posetube[interop]'`)",
        loses="boxes, times, hidden or seen",
    ),
    FileFormat(
        name="nwb",
        suffix=".nwb",
        read=sleap.read,
        write=sleap.write_tracks,
        holds="NWB with ndx-pose, by sleap-io",
        loses="boxes, times, hidden or seen, and sleap-io reads no identities",
    ),
)
"""Every format. Of those that share an ending the broad ones come last: they take what is left."""


def format_names(*, written: bool = False, formats: Sequence[FileFormat] = FORMATS) -> str:
    """Names of the formats, or of those that can be written, for the user."""
    return ", ".join(f.name for f in formats if f.is_written or not written)


def find_format(name: str, *, formats: Sequence[FileFormat] = FORMATS) -> FileFormat:
    """The format of this name.

    Raises:
        InputError: If there is none; lists those that exist.
    """
    found = next((form for form in formats if form.name == name), None)
    if found is None:
        raise InputError(f"no format is called {name!r}; there are {format_names(formats=formats)}")
    return found


def find_written_format(name: str) -> FileFormat:
    """The format of this name, to write.

    Raises:
        InputError: If there is none, or it is only read; lists those that are written.
    """
    form = next((form for form in FORMATS if form.name == name), None)
    if form is None or not form.is_written:
        what = f"no format is called {name!r}" if form is None else f"{name} is read, not written"
        raise InputError(f"{what}; there are {format_names(written=True)}")
    return form


def recognise(
    file: OpenedFile | Path | str, *, formats: Sequence[FileFormat] = FORMATS
) -> FileFormat:
    """The format of a file or folder, by its name and, where need be, its content.

    Args:
        file: What is looked at is kept in an :class:`OpenedFile`, for the reader to go on from.
        formats: Those to choose from.

    Raises:
        FormatError: If it is none of them, or damaged.
        MissingFileError: If there is no such file.
    """
    file = file if isinstance(file, OpenedFile) else OpenedFile(file)
    path = file.path
    if not path.exists():
        raise MissingFileError(f"{path}: no such file")
    _refuse_parts_of_data_sets(file)
    for form in formats:
        if file.suffix in form.suffixes and form.recognise(file):
            return form
    if not path.stat().st_size:
        raise FormatError(f"{path}: the file is empty")
    if path.is_dir():
        raise FormatError(f"{path}: no files of OpenPose in this folder; name a file")
    raise FormatError(
        f"{path}: no format ends in {path.suffix!r}; say which it is, or name the folder of a "
        "data set"
    )


def _refuse_parts_of_data_sets(file: OpenedFile) -> None:
    """Say whose folder to name instead of a file that cannot be read without it."""
    if file.suffix == ".h5" and b"imgname" in file.start and b"part" in file.start:
        raise FormatError(
            f"{file.path}: people of FLIC or MPII; name the folder, as data set flic or mpii"
        )
    if file.suffix == ".json" and "vid_id" in file.first_of("images"):
        joints = file.first_of("annotations").get("keypoints")
        named = file.first_of("categories").get("keypoints") or ["belly"]
        as_many = isinstance(joints, list) and len(joints) == 3 * len(JHMDB15)
        if as_many and isinstance(named, list) and "belly" in named:
            raise FormatError(
                f"{file.path}: clips of sub-JHMDB; name its folder, as data set sub-jhmdb-json"
            )
