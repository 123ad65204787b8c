"""A run's directory: what lies where, the lock on it, and reading and writing ``run.json``.

Not here: what the files hold (:mod:`.manifest`, :mod:`.detections_store`, :mod:`.tracks_store`).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from posetube.atomic_files import (
    UNFINISHED,
    check_target,
    remove_leftovers,
    write_bytes,
)
from posetube.errors import FormatError, InputError, MissingFileError

from ...datasets.files.json_files import encode_indented
from .manifest import Manifest, decode_manifest


@dataclass
class RunDirectory:
    """Names of a run's files, and what concerns all of them."""

    path: Path

    def __post_init__(self) -> None:
        path = self.path
        self.manifest = path / "run.json"
        """See :class:`.manifest.Manifest`."""
        self.detections = path / "detections"
        """Folder of the parts."""
        self.tracks = path / "tracks.parquet"
        """A row per person and frame."""
        self.linked = path / "linked.parquet"
        """The tracks as linked, kept where people corrected them."""
        self.edits = path / "edits.jsonl"
        """What people corrected; see :mod:`.edit_journal`."""
        self.posetrack = path / "tracks.json"
        """The tracks in PoseTrack18's form."""
        self.overlay = path / "overlay.mp4"
        """The tracks drawn over the video."""
        self.picture = path / "overlay.png"
        """The same of a run of one picture."""
        self.report = path / "report.html"
        """A page that shows the run."""
        self.events = path / "events.jsonl"
        """Progress and warnings for machines, a JSON object per line."""
        self.logs = path / "logs"
        """Folder for what helps to find a bug of ours."""
        self.lock = path / "run.lock"
        """The file that a process locks while it works on the run; gone afterwards."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes off this run within the block; the folder is made if need be.

        The lock is the operating system's, so that it ends with the process, however that ends.
        Where a shared disk has none, the file itself is the lock, and names the process.

        Raises:
            InputError: If another process is at work on it, or the path is a file.
        """
        self.refuse_file()
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock, timeout=0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that the disk has no locks
                lock.acquire()
        except Timeout:
            raise InputError(f"{self.path}: another process is at work on this run") from None
        try:
            yield
        finally:
            # The file is removed while the lock is held. A process that opened it before notices,
            # once it gets the lock, that the file has no name any more, and gives up. Windows
            # does not remove open files; a file that stays is harmless.
            with suppress(OSError):
                self.lock.unlink(missing_ok=True)
            lock.release()

    def read(self) -> Manifest:
        """The manifest.

        Raises:
            MissingFileError: If there is no such folder.
            InputError: If it is not the directory of a run.
            FormatError: If ``run.json`` does not follow its format.
        """
        try:
            return decode_manifest(self.manifest.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            if not self.path.exists():
                raise MissingFileError(f"{self.path}: no such file or folder") from None
            self.refuse_without_manifest()
            raise InputError(
                f"{self.path} is not a run's directory: it has no run.json. "
                "`posetube track` makes one"
            ) from None
        except FormatError as error:
            raise FormatError(
                f"{self.manifest}: {error}. The line that made the run makes it again with "
                "`--on-existing overwrite`"
            ) from None

    def refuse_file(self) -> None:
        """Refuse a path at which no folder can be.

        Raises:
            InputError: If it is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; name a folder for the run")

    def refuse_without_manifest(self) -> None:
        """Refuse a folder that holds a run's files, but no ``run.json`` any more.

        What lies in it must not be taken for a folder of files, or for one that may be written to.

        Raises:
            FormatError: If it is such a folder.
        """
        if self.manifest.exists():
            return
        results = self.tracks.exists()
        beside = any(path.exists() for path in (self.posetrack, self.events, self.overlay))
        if not (results and beside) and not any(self.detections.glob("part-*.parquet")):
            return
        tracks = f"; for its tracks alone name {self.tracks}" if results else ""
        raise FormatError(
            f"{self.path}: a run's directory without its run.json, which says what the run was "
            "made of and with which settings. Put run.json back, or make the run again in another "
            f"folder{tracks}"
        )

    def write(self, manifest: Manifest) -> None:
        """Replace the manifest, whole or not at all."""
        write_bytes(self.manifest, encode_indented(manifest))

    def clean(self) -> None:
        """Remove what a killed process was still writing."""
        remove_leftovers(self.path)
        remove_leftovers(self.detections)

    def erase(self) -> None:
        """Remove a run's own files, and nothing else that may lie in the folder.

        Corrections stay: they are people's work, and are done again where they make sense.

        The manifest stays, without a finished stage, until the next one replaces it: whoever kills
        the process meanwhile leaves a run that can be started again.
        """
        with suppress(InputError, FormatError):
            self.write(msgspec.structs.replace(self.read(), state="failed", stages={}))
        for path in self._own_files():
            path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the run, and its folders where nothing else lies in them."""
        for path in (*self._own_files(), self.manifest):
            path.unlink(missing_ok=True)
        for folder in (self.detections, self.logs, self.path):
            with suppress(OSError):
                folder.rmdir()

    def foreign(self) -> bool:
        """Whether the folder holds files, but no run, not even one that was just begun."""
        if not self.path.is_dir() or self.manifest.exists():
            return False
        names = {path.name for path in self.path.iterdir()} - {self.lock.name}
        return not all(name.startswith(UNFINISHED) for name in names)

    def owns(self, path: Path) -> bool:
        """Whether a path is one of the run's own files, which no export may replace."""
        path, folder = path.resolve(), self.path.resolve()
        results = (self.tracks, self.linked, self.posetrack)
        shown = (self.overlay, self.picture, self.report)
        files = (self.manifest, self.edits, *results, *shown, self.events, self.lock)
        own = {folder / file.name for file in files}
        folders = {folder, folder / self.detections.name, folder / self.logs.name}
        return path in own | folders or bool({*path.parents} & (folders - {folder}))

    def refuse_own(self, out: Path) -> None:
        """Refuse to write over one of the run's own files.

        Raises:
            InputError: If the path is one of them.
        """
        if self.owns(out):
            raise InputError(f"{out}: belongs to the run itself; name another file for the export")

    @contextmanager
    def exporting(self, out: Path) -> Iterator[None]:
        """Note what the block exports into the run's folder, for a later linking to remove it.

        Raises:
            InputError: If it would replace one of the run's own files, or another process is at
                work on the run.
        """
        self.refuse_own(out)
        if out.resolve().parent != self.path.resolve():
            yield
            return
        with self.locked():
            yield
            manifest = self.read()
            exports = tuple(sorted({*manifest.exports, out.name}))
            self.write(msgspec.structs.replace(manifest, exports=exports))

    def files(self) -> list[Path]:
        """The run's files that are there, corrections too, the manifest last; no exports."""
        wanted = (*self._own_files(), self.edits, self.manifest)
        return [path for path in wanted if path.is_file()]

    def _own_files(self) -> Iterator[Path]:
        yield from sorted(self.detections.glob("part-*.parquet"), reverse=True)
        yield from self.logs.glob("*.log")
        yield from (self.tracks, self.linked, self.posetrack)
        yield from (self.overlay, self.picture, self.report, self.events)


@contextmanager
def guarding_runs(out: Path) -> Iterator[None]:
    """Let the block export a file, and not over a run's own files where its folder is a run's.

    Raises:
        InputError: See :meth:`RunDirectory.exporting`.
    """
    run = _run_around(out)
    with nullcontext() if run is None else run.exporting(out):
        yield


def refuse_own_files(*paths: Path | None) -> None:
    """Refuse paths of reports that cannot be written or are one of a run's own files.

    Raises:
        InputError: If one is.
        MissingFileError: If there is no folder for one.
    """
    for path in paths:
        if path is None:
            continue
        run = _run_around(path)
        if run is not None:
            run.refuse_own(path)
        check_target(path)


def _run_around(out: Path) -> RunDirectory | None:
    """The run in whose directory, or in a folder of it, a path lies."""
    folders = (out, *out.absolute().parents[:2])
    return next((RunDirectory(one) for one in folders if (one / "run.json").is_file()), None)
