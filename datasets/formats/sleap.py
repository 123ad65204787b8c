"""Reads and writes SLEAP's ``.slp``, its analysis files, and NWB with ndx-pose, by sleap-io.

Holds positions, scores and identities; neither boxes nor states nor times. SLEAP knows no person
without a score; one that is not known is written as 0, and read as 0. NWB as sleap-io 0.9 has it
gives identities and the number of the first frame to the file, but not back. Analysis files are
HDF5 (``.h5``) or, read only, a table.

Files are read in a process of their own, which is ended where it takes too long: on a damaged file
the HDF5 library below can run on for ever, where no error can reach it. To read many files,
keep the process: :func:`reader`.

Not here: the formats themselves, which are sleap-io's.
"""

import csv
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.file_reading import check_size
from posetube.optional_library import optional_library
from posetube.structures import VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.opened_file import OpenedFile
from ..files.reader_process import ReaderProcess
from ..files.text_tables import read_text_table
from . import parquet_table
from .annotation_rows import AnnotationRows, ids_of_names, name_of, names_of_ids, skeleton_of

SUFFIXES = (".slp", ".nwb", ".h5")
"""What is written."""

SECONDS = 60.0
"""A file may take this long to be read, and a second more for each :data:`BYTES_PER_SECOND`."""

BYTES_PER_SECOND = 1 << 17

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""How an HDF5 file begins; a longer block of the user's own before it, which is allowed, is not met
in either format."""

LIBRARIES = {
    ".slp": ("sleap_io.io.main", "sleap_io.io.slp"),
    ".nwb": ("sleap_io.io.main", "sleap_io.io.nwb"),
    ".h5": ("sleap_io.io.main", "sleap_io.io.analysis_h5"),
    ".csv": ("sleap_io.io.main", "sleap_io.io.csv"),
}
"""What reads each kind of file, and takes seconds to import."""

TABLES = (".csv", ".tsv", ".txt")
"""Endings of tables, which all are read as ``.csv``."""

MAX_TABLE_BYTES = 512 * 2**20
"""Larger tables are refused."""


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people; the ending of the name says which format.

    Raises:
        InputError: If the name has another ending, or nobody is in the video of an analysis file or
            of NWB.
        MissingExtraError: If sleap-io is not installed.
    """
    path = Path(path)
    sleap = _library(path, SUFFIXES)
    if path.suffix != ".slp" and not len(tracks.frame):
        raise InputError(
            f"{tracks.source}: nobody is in it, and a {path.suffix} file needs somebody"
        )
    nodes = tracks.skeleton.joints
    skeleton = sleap.Skeleton(
        nodes=list(nodes), edges=list(tracks.skeleton.edges), name=tracks.skeleton.name
    )
    video = sleap.Video(filename=f"{tracks.source}.mp4", open_backend=False)
    names = {int(i): sleap.Track(name=name_of(tracks, int(i))) for i in tracks.ids}
    scores = np.nan_to_num(tracks.keypoint_scores, nan=0.0).astype(np.float64)
    overall = np.nan_to_num(tracks.scores, nan=0.0).tolist()
    labelled = []
    for frame in np.unique(tracks.frame).tolist():
        rows = tracks.rows_of(frame)
        people = [
            sleap.PredictedInstance.from_numpy(
                tracks.keypoints[row].astype(np.float64),
                skeleton=skeleton,
                point_scores=scores[row],
                score=overall[row],
                track=names.get(int(tracks.track_ids[row])),
            )
            for row in range(rows.start, rows.stop)
        ]
        labelled.append(sleap.LabeledFrame(video=video, frame_idx=frame, instances=people))
    labels = sleap.Labels(
        labeled_frames=labelled, videos=[video], skeletons=[skeleton], tracks=list(names.values())
    )
    with _quiet():
        if path.suffix == ".nwb":
            _write_nwb(path, labels, frames=len(tracks.frames))
        else:
            save = sleap.save_analysis_h5 if path.suffix == ".h5" else sleap.save_slp
            save(labels, str(path))


def _write_nwb(path: Path, labels: Any, *, frames: int) -> None:
    """Write NWB. sleap-io's own saver counts times by labelled frames, and fails at a gap."""
    writer = optional_library("sleap_io.io.nwb_predictions", purpose=f"{path}: a .nwb file")
    times = np.arange(frames, dtype=np.float64)
    writer.write_nwb(labels, str(path), pose_estimation_metadata={"video_timestamps": times})


def recognise_analysis(file: OpenedFile) -> bool:
    """Whether a CSV is SLEAP's; HDF5 is taken to be."""
    return file.suffix == ".h5" or file.first_cells[:2] == ("track", "frame_idx")


def read(
    path: Path | str, *, process: ReaderProcess | None = None, seconds: float = SECONDS
) -> VideoTracks:
    """Read the people of a file's only video.

    Args:
        path: A ``.slp`` or ``.nwb`` file, or an analysis file, ``.h5`` or a table.
        process: From :func:`reader`, for many files; by default one is started for this file.
        seconds: Time to allow, and more for a large file.

    Raises:
        FormatError: If the file is damaged, or holds several videos or skeletons.
        MissingFileError: If there is no such file.
        MissingExtraError: If sleap-io is not installed.
    """
    path = Path(path)
    _library(path)
    check_size(path)
    ending = _ending(path)
    if ending != ".csv":
        with path.open("rb") as file:
            if file.read(len(SIGNATURE)) != SIGNATURE:
                raise FormatError(f"{path}: not an HDF5 file, as {ending} files are")
    if process is None:
        with reader(ending) as process:
            return _copied(path, process, seconds=seconds)
    return _copied(path, process, seconds=seconds)


def reader(suffix: str) -> ReaderProcess:
    """A process that reads files with this ending, to be closed by who asked for it."""
    return ReaderProcess(__name__, read_into.__name__, preload=LIBRARIES[suffix])


def _copied(path: Path, process: ReaderProcess, *, seconds: float) -> VideoTracks:
    with TemporaryDirectory() as folder:
        # The library runs in another process; Parquet carries over all that a video holds.
        copy = Path(folder) / f"{path.stem}.parquet"
        process.run(path, copy, seconds=seconds + path.stat().st_size / BYTES_PER_SECOND)
        return parquet_table.read(copy)


def read_into(path: Path, copy: Path) -> None:
    """Read a file here and now, whatever it does, and write it as Parquet."""
    sleap, ending, source = _library(path), _ending(path), path
    if ending == ".csv":
        source = copy.with_suffix(".csv")
        _write_plain(source, read_text_table(path, most=MAX_TABLE_BYTES).lines(path).values())
    with _quiet():
        loaders = {
            ".slp": partial(sleap.load_slp, open_videos=False),
            ".nwb": sleap.load_nwb,
            ".h5": sleap.load_analysis_h5,
            ".csv": partial(sleap.load_csv, format="sleap"),
        }
        tracks = _tracks(loaders[ending](str(source)), path)
    parquet_table.write_tracks(copy, tracks)


def _write_plain(path: Path, lines: Iterable[list[str]]) -> None:
    """Write a table as the library reads it: UTF-8, commas, decimal points."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)


def _ending(path: Path) -> str:
    """Which of :data:`LIBRARIES` reads it."""
    ending = path.suffix.lower()
    return ".csv" if ending in TABLES else ending


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user that sleap-io writes NWB in ways that pynwb deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _library(path: Path, endings: Iterable[str] = LIBRARIES) -> Any:
    if _ending(path) not in endings:
        raise InputError(f"{path}: expected a name that ends in {', '.join(endings)}")
    return optional_library("sleap_io", purpose=f"{path}: a {path.suffix} file")


def _tracks(labels: Any, path: Path) -> VideoTracks:
    frames = list(labels.labeled_frames)
    if len({id(f.video) for f in frames}) > 1 or len(labels.skeletons) != 1:
        raise FormatError(f"{path}: expected one video and one skeleton")
    [skeleton] = labels.skeletons
    joints = tuple(str(node.name) for node in skeleton.nodes)
    ids = ids_of_names([track.name for track in labels.tracks])
    rows, last = AnnotationRows(skeleton_of(joints, name=str(skeleton.name or path.stem))), -1
    for frame in frames:
        index = int(frame.frame_idx)
        last = max(last, index)
        if not 0 <= index < MAX_FRAMES:
            raise FormatError(f"{path}: frame {index} is not in [0, {MAX_FRAMES})")
        for person in frame.instances:
            points = np.asarray(person.numpy(), np.float64)
            # Only predictions have scores; labels are of another class.
            predicted = hasattr(person, "score")
            rows.add(
                frame=index,
                track_id=None if person.track is None else ids[person.track.name],
                points=np.column_stack([points, np.ones(len(points))]).ravel().tolist(),
                scores=person.points["score"].tolist() if predicted else None,
                score=float(person.score) if predicted else None,
            )
    tracks = rows.table(path, last + 1, source=_source(labels, path))
    return replace(tracks, track_names=names_of_ids(ids))


def _source(labels: Any, path: Path) -> str:
    names = labels.videos[0].filename if labels.videos else path.stem
    return Path(names[0] if isinstance(names, list) else names).stem
