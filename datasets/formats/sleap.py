"""SLEAP's ``.slp`` and NWB with ndx-pose, by the optional library sleap-io.

Holds positions, scores and identities; neither boxes nor states nor times. SLEAP knows no person
without a score; one that is not known is written as 0, and read as 0. NWB as sleap-io 0.9 has it
gives identities and the number of the first frame to the file, but not back.

Files are read in a process of their own, which is ended where it takes too long: on a damaged file
the HDF5 library below can run on for ever, where no error can reach it.

Not here: the formats themselves, which are sleap-io's.
"""

import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.structures import FrameTable, VideoTracks

from ..files.optional_library import optional_library
from ..readers.annotated_video import MAX_FRAMES
from ..readers.annotation_rows import AnnotationRows, skeleton_of
from . import parquet_table

TRACK = "track_{}"
"""How a track is called; other names are numbered in the order of the file."""

SUFFIXES = (".slp", ".nwb")
SECONDS = 120
"""A file that takes longer to read is refused."""

CHILD = (
    "import sys; from pathlib import Path; from posetube.datasets.formats.sleap import read_into; "
    "read_into(Path(sys.argv[1]), Path(sys.argv[2]))"
)
"""What the process of its own runs."""


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people; the ending of the name says which format.

    Raises:
        InputError: If the name has another ending.
        MissingExtraError: If sleap-io is not installed.
    """
    path = Path(path)
    sleap = _library(path)
    nodes = tracks.skeleton.joints
    skeleton = sleap.Skeleton(
        nodes=list(nodes), edges=list(tracks.skeleton.edges), name=tracks.skeleton.name
    )
    video = sleap.Video(filename=f"{tracks.source}.mp4", open_backend=False)
    names = {int(i): sleap.Track(name=TRACK.format(i)) for i in tracks.ids}
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
        save = sleap.save_nwb if path.suffix == ".nwb" else sleap.save_slp
        save(labels, str(path))


def read(path: Path | str) -> VideoTracks:
    """Read the people of a file's only video.

    Raises:
        FormatError: If the file is damaged, or holds several videos or skeletons.
        MissingExtraError: If sleap-io is not installed.
    """
    path = Path(path)
    _library(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with TemporaryDirectory() as folder:
        copy = Path(folder) / f"{path.stem}.parquet"
        command = [sys.executable, "-c", CHILD, str(path), str(copy)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise FormatError(f"{path}: sleap-io has not read it in {SECONDS} s") from None
        if done.returncode or not copy.is_file():
            raise FormatError(f"{path}: sleap-io cannot read it: {_last_line(done.stderr)}")
        return parquet_table.read(copy)


def read_into(path: Path, copy: Path) -> None:
    """Read a file here and now, whatever it does, and write it as Parquet."""
    sleap = _library(path)
    with _quiet():
        load = sleap.load_nwb if path.suffix == ".nwb" else sleap.load_slp
        tracks = _tracks(load(str(path), open_videos=False), path)
    parquet_table.write_tracks(copy, tracks)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended without a word"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user that sleap-io writes NWB in ways that pynwb deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _library(path: Path) -> Any:
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    return optional_library("sleap_io", purpose=f"{path}: a {path.suffix} file")


def _tracks(labels: Any, path: Path) -> VideoTracks:
    frames = list(labels.labeled_frames)
    if len({id(f.video) for f in frames}) > 1 or len(labels.skeletons) != 1:
        raise FormatError(f"{path}: expected one video and one skeleton")
    joints = tuple(str(node.name) for node in labels.skeletons[0].nodes)
    ids = _identities([track.name for track in labels.tracks])
    rows, last = AnnotationRows(len(joints)), -1
    for frame in frames:
        index = int(frame.frame_idx)
        last = max(last, index)
        if not 0 <= index < MAX_FRAMES:
            raise FormatError(f"{path}: frame {index} is not in [0, {MAX_FRAMES})")
        for person in frame.instances:
            points = np.asarray(person.numpy(), np.float64)
            predicted = hasattr(person, "score")
            rows.add(
                frame=index,
                track_id=None if person.track is None else ids[person.track.name],
                points=np.column_stack([points, np.ones(len(points))]).ravel().tolist(),
                scores=person.points["score"].tolist() if predicted else None,
                score=float(person.score) if predicted else None,
            )
    return rows.table(
        path=path,
        source=_source(labels, path),
        size=None,
        skeleton=skeleton_of(joints, name=str(labels.skeletons[0].name or path.stem)),
        frames=FrameTable(times=np.full(last + 1, np.nan)),
    )


def _identities(names: list[str]) -> dict[str, int]:
    ours = [re.fullmatch(r"track_([0-9]{1,15})", name) for name in names]
    if all(ours):
        return {name: int(match[1]) for name, match in zip(names, ours, strict=True) if match}
    return {name: place for place, name in enumerate(names)}


def _source(labels: Any, path: Path) -> str:
    names = labels.videos[0].filename if labels.videos else path.stem
    return Path(names[0] if isinstance(names, list) else names).stem
