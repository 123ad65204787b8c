"""What is evaluated against what: files, folders and runs on either side, paired by sequence.

The form of each file is told by its content, so that both sides, and the sequences of one side, may
be of different forms. Not here: what is measured (:mod:`.evaluate`), which frame is which
(:mod:`.frame_matching`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from posetube.errors import FormatError, InputError
from posetube.structures import VideoTracks

from ...datasets.annotated_video import Dataset
from ...datasets.files.json_files import decode, read_bytes
from ...datasets.formats import mot, posetrack17, posetrack18
from ...datasets.published import posetrack18 as posetrack18_files
from ...datasets.published import posetrack21 as posetrack21_files
from ...datasets.published.jhmdb import Jhmdb
from ...datasets.published.penn_action import PennAction

Form = Literal["json", "posetrack18", "run", "mot", "dataset", "memory"]
"""Where a sequence lies; JSON is PoseTrack17's, 18's or 21's, ``posetrack18`` a part of a file."""

Tracks = VideoTracks | Sequence[VideoTracks]
Input = Tracks | str | Path
"""A file, a folder, a run's directory, or tracks in memory."""

POSETRACK = tuple(
    p for p in (*posetrack18_files.PATTERNS, *posetrack21_files.PATTERNS) if p.count("/") > 1
)
"""Where the published data sets have their annotations, each in the folder of its part."""

UNDERSTOOD = (
    "PoseTrack17, 18 or 21 JSON, run directories, MOTChallenge text, labels/*.mat of Penn Action, "
    "joint_positions of JHMDB"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One sequence of one side."""

    name: str
    """By which both sides are paired."""

    where: str
    """File or folder, as errors name it."""

    form: Form
    """How it is read."""

    tracks: VideoTracks | None = None
    """Itself, where it is in memory already."""

    dataset: Dataset | None = None
    """The data set that it belongs to, where it has a form of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A sequence that has been read."""

    tracks: VideoTracks
    """Everybody in it."""

    where: str
    """File or folder, as errors name it."""

    form: str
    """``posetrack17``, ``posetrack18``, or as :data:`Form`."""


class _Keys(msgspec.Struct):
    """What tells the JSON forms apart."""

    annolist: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    images: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def sources(given: Input, *, dataset: str | None = None, only_test: bool = False) -> list[Source]:
    """The sequences of one side, by rising name.

    Args:
        given: Where they are.
        dataset: Of which data set a folder is; None: told by what lies in it.
        only_test: Of a data set that tells training from test, take the test part if there is one;
            of PoseTrack the part ``val``, whose truth is published.

    Raises:
        InputError: If there is nothing of the name, or nothing that can be evaluated.
    """
    if isinstance(given, VideoTracks):
        given = [given]
    if not isinstance(given, str | Path):
        return _in_memory(given)
    path = Path(given)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if dataset is not None:
        from ...datasets.published.dataset_table import open_dataset

        return _of_dataset(open_dataset(dataset, path), where=path, only_test=only_test)
    single = _single(path)
    if single is not None and single.form == "json":
        found = _in_file(single)
    else:
        found = [single] if single is not None else _in_folder(path, only_test=only_test)
    if not found:
        raise InputError(f"{path}: nothing to evaluate in it; understood are {UNDERSTOOD}")
    return found


def _in_memory(given: Sequence[VideoTracks]) -> list[Source]:
    if not isinstance(given, Sequence) or not all(isinstance(t, VideoTracks) for t in given):
        raise InputError(f"expected a path or VideoTracks to evaluate, got {type(given).__name__}")
    return [Source(name=t.source, where=t.source, form="memory", tracks=t) for t in given]


def _single(path: Path) -> Source | None:
    """A sequence that is one file or one folder."""
    where = str(path)
    if not path.is_dir():
        form: Form = "mot" if path.suffix == ".txt" else "json"
        return Source(name=path.stem, where=where, form=form)
    if (path / "run.json").is_file():
        return Source(name=path.resolve().name, where=where, form="run")
    if (path / "gt" / "gt.txt").is_file():
        return Source(name=path.resolve().name, where=where, form="mot")
    return None


def _in_file(source: Source) -> list[Source]:
    """One sequence, or those of a PoseTrack18 file that holds several."""
    path = Path(source.where)
    if json_form(path) == "posetrack17" or len(posetrack18.folders(path)) < 2:
        return [source]
    return [
        Source(name=p.source, where=f"{path} ({p.source})", form="posetrack18", tracks=p)
        for p in posetrack18.sequences(posetrack18.read(path))
    ]


def _in_folder(folder: Path, *, only_test: bool) -> list[Source]:
    if (folder / "labels").is_dir():
        return _of_dataset(PennAction(root=folder), where=folder, only_test=only_test)
    if (folder / "joint_positions").is_dir():
        return _of_dataset(Jhmdb(root=folder), where=folder, only_test=only_test)
    for suffix in (".json", ".txt"):  # a README.txt beside JSON is no sequence
        parts = sorted(p for p in folder.iterdir() if p.is_dir() or p.suffix == suffix)
        found = [source for part in parts if (source := _single(part)) is not None]
        if found:
            return found
    return _of_posetrack(folder, only_test=only_test)


def _of_posetrack(folder: Path, *, only_test: bool) -> list[Source]:
    """The annotation files of a data set of PoseTrack's, as published or converted."""
    paths = next((found for pattern in POSETRACK if (found := sorted(folder.glob(pattern)))), [])
    for part in ("val", "test") if only_test else ():
        if any(path.parent.name == part for path in paths):
            paths = [path for path in paths if path.parent.name == part]
            break
    return [source for path in paths if (source := _single(path)) is not None]


def _of_dataset(dataset: Dataset, *, where: Path, only_test: bool) -> list[Source]:
    names = dataset.videos()
    if only_test:
        tested = [name for name in names if dataset.read(name).split == "test"]
        names = tuple(tested) or names
    return [Source(name=name, where=str(where), form="dataset", dataset=dataset) for name in names]


def pair(
    predictions: Input, truth: Input, *, dataset: str | None = None
) -> list[tuple[Source, Source]]:
    """Each sequence of the truth with its prediction; further predictions are left out.

    Args:
        predictions: Where they are.
        truth: Likewise.
        dataset: Which data set the truth is; None: told by what lies there.

    Raises:
        InputError: If one is absent, or there twice; names both sides.
    """
    true, found = sources(truth, dataset=dataset, only_test=True), sources(predictions)
    if not true:
        raise InputError("there is no truth to compare with: its list of tracks is empty")
    for side in (true, found):
        counts = Counter(source.name for source in side)
        for name in counts - Counter(list(counts)):
            raise InputError(f"{side[0].where}: several sequences are called {name!r}")
    if len(true) == 1 and len(found) == 1:
        return [(found[0], true[0])]
    by_name = {source.name: source for source in found}
    pairs = []
    for source in true:
        # JHMDB's clips are called catch/<clip>, a run of one <clip>
        names = (source.name, PurePosixPath(source.name).name)
        partner = next((by_name[name] for name in names if name in by_name), None)
        if partner is None and source.form == "json":
            partner = by_name.get(posetrack18.video_name(source.where))  # before its conversion
        if partner is None:
            raise InputError(
                f"{shown(predictions)}: no prediction of sequence {source.name}, "
                f"which the truth has in {source.where}"
            )
        pairs.append((partner, source))
    return pairs


def shown(given: Input, memory: str = "predictions") -> str:
    """What an error calls one side, which may lie in memory."""
    return str(given) if isinstance(given, str | Path) else memory


def load(
    source: Source,
    *,
    identity: Literal["track_id", "person_id"] = "track_id",
    flat_regions: bool = True,
) -> Loaded:
    """Read a sequence.

    Args:
        source: From :func:`sources`.
        identity: See :func:`posetube.datasets.formats.posetrack18.read`.
        flat_regions: Likewise.

    Raises:
        FormatError: If a file does not follow its format; names it.
    """
    path = Path(source.where)
    tracks, form = source.tracks, str(source.form)
    if source.form == "json":
        form = json_form(path)
        if form == "posetrack17":
            tracks = posetrack17.read(path)
        else:
            tracks = posetrack18.read(path, identity=identity, flat_regions=flat_regions)
            if len(posetrack18.sequences(tracks)) > 1:
                raise FormatError(
                    f"{path}: frames of several sequences; in a folder each has a file of its own"
                )
    elif source.form == "run":
        from ..storage.tracks_store import read_tracks  # brings pyarrow along

        tracks = read_tracks(path)
    elif source.form == "mot":
        tracks = mot.read_as_written(path)
    elif source.dataset is not None:
        tracks = source.dataset.read(source.name).tracks
    assert tracks is not None
    return Loaded(tracks=tracks, where=source.where, form=form)


def json_form(path: Path) -> str:
    """``posetrack17`` or ``posetrack18``, by the content.

    Raises:
        FormatError: If it is neither.
    """
    content = read_bytes(path)
    if content.lstrip().startswith(b"["):
        raise FormatError(
            f"{path}: a list, as COCO's results are, not a sequence of PoseTrack; results are "
            "compared with COCO's own truth by the protocol coco"
        )
    keys = decode(content, _Keys, path=path)
    if keys.annolist is not msgspec.UNSET:
        return "posetrack17"
    if keys.images is msgspec.UNSET:
        raise FormatError(
            f"{path}: neither 'annolist' (PoseTrack17) nor 'images' (PoseTrack18, 21, COCO) in it"
        )
    return "posetrack18"
