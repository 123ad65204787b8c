"""Runs of workers that do not see their folders: sent there, worked on, and gathered.

A worker keeps such a run in a folder of its own. Before a task it gets the files that are there of
the run, and afterwards they come back as it has left them; each way they are one archive, which
goes in pieces, so that memory does not grow with it. The first process holds the run's lock
meanwhile. Where a worker dies, the run stays as it was before the task.

Not here: who calls whom (:mod:`.ray_pool`).
"""

import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO, TypeVar

import msgspec

from posetube.atomic_files import flush, unfinished
from posetube.errors import FormatError, PoseTubeError

from ..progress import Event
from ..reporting.report_command import report_run
from ..storage.manifest import decode_manifest
from ..storage.run_directory import RunDirectory
from ..tracking.batch import InputOutcome, failed_outcome
from ..tracking.track_input import TrackTask
from ..watch import Watch
from .worker_loop import Message, VideoTask

PIECE = 4 * 2**20
"""Bytes that are sent in one go."""

Said = TypeVar("Said", bound=Message)


class RunElsewhere:
    """A worker's side: one run after the other, in a folder of its own."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="posetube-run-")
        self._archive = Path(self._folder.name) / "run.tar"
        self._here, self._there = RunDirectory(self._archive), RunDirectory(self._archive)

    def take(self, piece: bytes, offset: int) -> None:
        """Take a piece of the archive with what is there of the next run."""
        with self._archive.open("ab" if offset else "wb") as file:
            file.write(piece)

    def begin(self, task: VideoTask) -> VideoTask:
        """The task with the run here, of which the archive is taken."""
        shutil.rmtree(self._here.path, ignore_errors=True)
        self._there = task.track.run
        self._here = RunDirectory(self._archive.parent / "runs" / self._there.path.name)
        with self._archive.open("rb") as file:
            place(file, self._here)
        # a report knows the way from its folder to the video: it is made where the folder is
        config = replace(task.track.config, report=False)
        return replace(task, track=replace(task.track, run=self._here, config=config))

    def named(self, message: Said) -> Said:
        """What the worker says, with the run's name there in the place of that here."""
        names = str(self._here.path), str(self._there.path)
        if isinstance(message, Event) and message.text:
            return msgspec.structs.replace(message, text=message.text.replace(*names))
        if isinstance(message, InputOutcome):
            return replace(message, line=message.line.replace(*names))
        return message

    def piece(self, offset: int) -> bytes:
        """A piece of the archive with the run as it is; less than :data:`PIECE` at its end."""
        if not offset:
            with self._archive.open("wb") as file:
                pack(self._here, file)
        with self._archive.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()


class SentRuns:
    """The first process's side: the runs that are elsewhere, by their worker."""

    def __init__(self) -> None:
        self._tasks: dict[int, TrackTask] = {}
        self._locks: dict[int, ExitStack] = {}
        self._to_overwrite: set[Path] = set()

    def send(self, worker: int, task: VideoTask, take: Callable[[bytes, int], object]) -> VideoTask:
        """Send what is there of a run, and keep other processes off it.

        Args:
            worker: Who gets it.
            task: What is to be done with it.
            take: Sends a piece of the archive, and its place.

        Returns:
            The task as the worker should do it.

        Raises:
            InputError: If another process is at work on the run.
        """
        run, lock = task.track.run, ExitStack()
        lock.enter_context(run.locked())
        self._tasks[worker], self._locks[worker] = task.track, lock
        if task.track.on_existing == "overwrite":
            self._to_overwrite.add(run.path)  # also where the first worker dies over it
        anew = run.path in self._to_overwrite
        with TemporaryFile() as file:
            pack(run, file, results=not anew)
            for offset, piece in _pieces(file):
                take(piece, offset)
        return replace(task, track=replace(task.track, on_existing="overwrite")) if anew else task

    def __contains__(self, worker: int) -> bool:
        return worker in self._tasks

    def gather(self, worker: int, message: Message, piece: Callable[[int], bytes]) -> Message:
        """Fetch the run of a worker that has ended its task.

        Args:
            worker: Who has it.
            message: What the worker says of it.
            piece: Fetches the piece of the archive that begins at a place.

        Returns:
            What is to be said of it.
        """
        task = self._tasks[worker]
        try:
            with TemporaryFile() as file:
                for part in _fetched(piece):
                    file.write(part)
                file.seek(0)
                place(file, task.run)
            self._to_overwrite.discard(task.run.path)
            self.leave(worker)
            if task.config.report and isinstance(message, InputOutcome) and not message.failed:
                report_run(task.run, anew=False, watch=Watch())
        except (PoseTubeError, OSError) as error:
            return failed_outcome(error, name=task.item.name)
        finally:
            self.leave(worker)
        return message

    def leave(self, worker: int) -> None:
        """Let others have the run of a worker."""
        task, lock = self._tasks.pop(worker, None), self._locks.pop(worker, None)
        if lock is not None and task is not None:
            lock.close()
            with suppress(OSError):  # the lock had made it, and there is nothing to keep
                task.run.path.rmdir()

    def close(self) -> None:
        """Let others have all runs."""
        for worker in list(self._tasks):
            self.leave(worker)


def pack(run: RunDirectory, file: BinaryIO, *, results: bool = True) -> None:
    """Write a run's own files, as far as they are there, into an archive.

    Args:
        run: The run.
        file: Gets the archive.
        results: Whether it has more than the manifest and people's corrections.
    """
    wanted = run.files() if results else [p for p in (run.edits, run.manifest) if p.is_file()]
    with tarfile.open(fileobj=file, mode="w") as archive:
        for path in wanted:
            archive.add(path, arcname=path.relative_to(run.path).as_posix())


def place(file: BinaryIO, run: RunDirectory) -> None:
    """Put the files of an archive in the place of a run's own.

    Whoever kills the process meanwhile leaves a run that can be gone on with.

    Raises:
        FormatError: If it is no archive of a run.
    """
    aside = unfinished(run.path)
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with tarfile.open(fileobj=file) as archive:
            aside.mkdir(parents=True, exist_ok=True)
            for member in archive:
                _extract(member, archive, aside)
        _replace_files(RunDirectory(aside), run)
    except tarfile.TarError as error:
        raise FormatError(f"{run.path}: its files came damaged: {error}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _extract(member: tarfile.TarInfo, archive: tarfile.TarFile, folder: Path) -> None:
    """Write a file of an archive; early releases of Python 3.11 have no filters to trust.

    Raises:
        TarError: If it is no file, or would lie elsewhere.
    """
    content, path = archive.extractfile(member), folder / member.name
    if content is None or not path.resolve().is_relative_to(folder.resolve()):
        raise tarfile.TarError(f"{member.name!r} is no file of a run")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)


def _replace_files(new: RunDirectory, run: RunDirectory) -> None:
    names = [path.relative_to(new.path) for path in new.files()]
    old_exports = run.read().exports if run.manifest.is_file() else ()
    exports: tuple[str, ...] = ()
    if new.manifest.is_file():
        manifest = decode_manifest(new.manifest.read_bytes())
        exports = manifest.exports
        # until all files are there, none of the stages is said to be finished
        run.write(msgspec.structs.replace(manifest, state="partial", stages={}))
    stale = [path for path in run.files() if path.relative_to(run.path) not in names]
    stale += [run.path / name for name in set(old_exports) - set(exports)]
    for path in stale:
        path.unlink(missing_ok=True)
    for name in names:  # the manifest is the last of a run's files
        flush(new.path / name)
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (new.path / name).replace(run.path / name)
    if names:
        flush(run.path)


def _pieces(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    file.seek(0)
    offset = 0
    while piece := file.read(PIECE):
        yield offset, piece
        offset += len(piece)


def _fetched(piece: Callable[[int], bytes]) -> Iterator[bytes]:
    offset, part = 0, b""
    while not offset or len(part) == PIECE:
        part = piece(offset)
        offset += len(part)
        yield part
