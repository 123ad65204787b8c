"""A run's directory: what lies where, and ``run.json``, the manifest that says how far it came.

Not here: what the tables hold (:mod:`.detections_store`, :mod:`.tracks_store`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from posetube.atomic_files import remove_leftovers, write_bytes
from posetube.errors import FormatError, InputError

from ...datasets.files.json_files import encode

State = Literal["running", "complete", "partial", "failed"]
"""``partial``: interrupted and to be resumed, or finished without some of the frames."""

Stage = Literal["detect", "link", "render"]


class FrameCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the video's frames came through."""

    expected: int | None
    """What the source announces for the stretch that was asked for; None where it does not say."""

    done: int = 0
    """Frames that were looked at, the corrupt and the missing ones included."""

    corrupt: int = 0
    """Frames that could not be decoded, or only with damage."""

    missing: int = 0
    """Frames that a folder of pictures leaves out."""

    cut_short: bool = False
    """Whether the source ended before the frames that it announced."""


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which network made the detections."""

    name: str
    sha256: str
    licence: str


class SourceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which video."""

    name: str
    path: str
    kind: str
    fingerprint: str
    size: tuple[int, int]
    """(H, W) of the displayed frames, pixels."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the result depends on, source and model aside."""

    start: float | None = None
    """Seconds."""

    end: float | None = None
    """Seconds."""

    every: int = 1
    """Frames from one that is looked at to the next."""

    camera_motion: bool = False
    """Whether the detections tell how the camera moved."""

    appearance: bool = False
    """Whether the detections tell what people look like."""

    link: dict[str, bool | int | float | str | None] = {}
    """The fields of the linking stage's configuration."""


class StageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stage came."""

    done: bool
    seconds: float
    """Time spent in it, interrupted attempts included."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``run.json``."""

    state: State
    source: SourceRecord
    model: ModelRecord
    settings: Settings
    frames: FrameCounts
    device: str
    versions: dict[str, str]
    skeleton: str
    tracks: int | None = None
    """Number of tracks; None before they are linked."""

    stages: dict[Stage, StageRecord] = {}
    warnings: tuple[str, ...] = ()
    error: str | None = None
    """What went wrong, where the state is ``failed``."""

    def finished(self, stage: Stage) -> bool:
        """Whether a stage came to its end."""
        return stage in self.stages and self.stages[stage].done

    @property
    def final_state(self) -> State:
        """The state once all stages are done: ``partial`` if frames are lost."""
        frames = self.frames
        lost = frames.corrupt or frames.missing or frames.cut_short
        return "partial" if lost else "complete"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Names of a run's files."""

    path: Path

    @property
    def manifest(self) -> Path:
        """``run.json``: see :class:`Manifest`."""
        return self.path / "run.json"

    @property
    def detections(self) -> Path:
        """Folder of the parts."""
        return self.path / "detections"

    @property
    def tracks(self) -> Path:
        """A row per person and frame."""
        return self.path / "tracks.parquet"

    @property
    def posetrack(self) -> Path:
        """The tracks in PoseTrack18's form."""
        return self.path / "tracks.json"

    @property
    def overlay(self) -> Path:
        """The tracks drawn over the video."""
        return self.path / "overlay.mp4"

    @property
    def events(self) -> Path:
        """Progress and warnings for machines, a JSON object per line."""
        return self.path / "events.jsonl"

    @property
    def logs(self) -> Path:
        """Folder for what helps to find a bug of ours."""
        return self.path / "logs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes off this run within the block; the folder is made if need be.

        Raises:
            InputError: If another process is at work on it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            self._lock(folder)
            yield
        finally:
            os.close(folder)

    def read(self) -> Manifest:
        """The manifest.

        Raises:
            InputError: If this is not the directory of a run.
            FormatError: If ``run.json`` does not follow its format.
        """
        try:
            return msgspec.json.decode(self.manifest.read_bytes(), type=Manifest)
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"{self.path} is not a run's directory: it has no run.json. "
                "`posetube track` makes one"
            ) from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FormatError(
                f"{self.manifest}: not a manifest of this version ({error}). "
                "Track again with --on-existing overwrite"
            ) from None

    def write(self, manifest: Manifest) -> None:
        """Replace the manifest, whole or not at all."""
        content = msgspec.json.format(encode(manifest), indent=2)
        write_bytes(self.manifest, content + b"\n")

    def clean(self) -> None:
        """Remove what a killed process was still writing."""
        remove_leftovers(self.path)
        remove_leftovers(self.detections)

    def erase(self) -> None:
        """Remove a run's own files, and nothing else that may lie in the folder.

        Whoever kills the process meanwhile leaves a run that can be resumed: the last parts go
        first, the manifest goes last, and does not call the run finished.
        """
        with suppress(InputError, FormatError):
            self.write(msgspec.structs.replace(self.read(), state="failed", stages={}))
        for path in self._own_files():
            path.unlink(missing_ok=True)

    def foreign(self) -> bool:
        """Whether the folder holds something, but no run."""
        if self.path.exists() and not self.path.is_dir():
            return True
        return self.path.is_dir() and not self.manifest.exists() and any(self.path.iterdir())

    def _lock(self, folder: int) -> None:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{self.path}: another process is at work on this run") from None

    def _own_files(self) -> Iterator[Path]:
        yield from sorted(self.detections.glob("part-*.parquet"), reverse=True)
        yield from self.logs.glob("*.log")
        yield from (self.tracks, self.posetrack, self.overlay, self.events, self.manifest)
