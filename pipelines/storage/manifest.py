"""The content of ``run.json``: what a run was made of, how far it is, and what it found.

Not here: manifests of earlier formats (:mod:`.manifest_upgrade`), the other files of a run
(:mod:`.run_directory`).
"""

import hashlib
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import msgspec

from posetube.errors import FormatError

from ..settings import TrackConfig, detection_settings, track_settings
from .manifest_upgrade import upgraded

FORMAT = 2
"""Version of the manifest's format. 1, which carried no number, is read as well."""

LIBRARIES = (
    *("posetube", "onnxruntime", "torch", "torchvision"),
    *("av", "numpy", "pyarrow", "opencv-python-headless"),
)

LATER_SETTINGS = {
    "quality": "normal",
    "flip": False,
    "runtime": "torch",
    "precision": "float32",
    "detector_every": 1,
    "as_one": False,
    "masks": False,
    "judge_boxes": False,
    "boxes": "none",
    "detector": "none",
}
"""Settings of detections that the first runs of this format do not have, with their defaults."""

State = Literal["running", "complete", "partial", "failed"]
"""``partial``: interrupted and to be resumed, or finished without some of the frames."""


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

    detections: int | None = None
    """Rows of all parts of the detections; None in runs of format 1."""


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which network made the detections."""

    name: str
    sha256: str
    licence: str
    layout: str = ""
    """How the outputs of somebody else's network are read; empty for a network of ours."""

    def __str__(self) -> str:
        """What tells it from others."""
        layout = f", read as {self.layout}" if self.layout else ""
        return f"{self.name} ({self.sha256[:12]}{layout})"


class SourceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which video, or which file of detections."""

    name: str
    path: str
    kind: str
    fingerprint: str
    size: tuple[int, int]
    """(H, W) of the displayed frames, pixels."""

    pictures: tuple[str, ...] = ()
    """Names of the pictures of an album, one per frame."""

    frame_rate: float | None = None
    """Frames per second that are assumed, where a file of detections gives no times."""


class BoxesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which file said where the people are, where the network did not look for them itself."""

    name: str
    """What the file calls the video."""

    path: str
    """Where the file was; empty for tracks in memory."""

    form: str
    """Name of the format."""

    sha256: str
    """Of a file; of what identifies a folder; of the numbers of tracks in memory."""


class StageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stage is."""

    done: bool
    seconds: float
    """Time spent in it, interrupted attempts included."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``run.json``."""

    format: int = FORMAT
    state: State
    source: SourceRecord
    model: ModelRecord
    settings: TrackConfig
    frames: FrameCounts
    device: str
    threads: int | None = None
    """Threads that the run began with on a processor; results with others differ a little."""

    versions: dict[str, str]
    skeleton: str
    detector: ModelRecord | None = None
    """Which network found the boxes, where ``model`` only read the joints in them."""

    boxes: BoxesRecord | None = None
    """Where the boxes come from; None: the network found them itself."""

    tracks: int | None = None
    """Number of tracks; None before they are linked."""

    edited: str = ""
    """Digest of the corrections that the tracks were made with; empty without any."""

    stages: dict[str, StageRecord] = {}
    exports: tuple[str, ...] = ()
    """Files of the run's folder that ``posetube export`` made of the tracks."""

    warnings: tuple[str, ...] = ()
    error: str | None = None
    """What went wrong, where the state is ``failed``."""

    def finished(self, stage: str) -> bool:
        """Whether a stage is complete."""
        return stage in self.stages and self.stages[stage].done

    @property
    def final_state(self) -> State:
        """The state once all stages are done: ``partial`` if frames are lost."""
        frames = self.frames
        lost = frames.corrupt or frames.missing or frames.cut_short
        return "partial" if lost else "complete"

    @property
    def identity(self) -> dict[str, Any]:
        """What the result depends on, the input aside, by names that the user knows."""
        return self._of_detections | track_settings(self.settings)

    @property
    def detections_key(self) -> str:
        """What all parts of the detections of this run have in common, and no other run's have."""
        # Runs of earlier versions had none of these settings; their parts must still be theirs.
        later = LATER_SETTINGS.items()
        said = sorted(item for item in self._of_detections.items() if item not in later)
        content = (self.source.fingerprint, said)
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:32]

    @property
    def _of_detections(self) -> dict[str, Any]:
        rate = {} if self.source.frame_rate is None else {"frame_rate": self.source.frame_rate}
        given = self.boxes
        boxes = "none" if given is None else f"{given.name} of {given.path} ({given.sha256[:12]})"
        settings = detection_settings(self.settings)
        networks = {"model": str(self.model), "detector": str(self.detector or "none")}
        return {**networks, **settings, "boxes": boxes, **rate}


def decode_manifest(content: bytes) -> Manifest:
    """Read ``run.json`` of this version's format, or of an earlier one.

    Raises:
        FormatError: If it follows none of them.
    """
    try:
        return msgspec.convert(upgraded(msgspec.json.decode(content), to=FORMAT), Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(f"not a manifest of this version ({error})") from None


def library_versions() -> dict[str, str]:
    """Versions of what the result depends on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):  # a light installation has no torch
            found[name] = version(name)
    return found
