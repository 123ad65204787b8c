"""What a stage is given to do its work."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from posetube.structures import DetectedFrame

from ...datasets.video import Video
from ..loaded_model import LoadedModel
from ..settings import TrackConfig
from ..storage.recorder import Recorder

ComingFrames = Generator[DetectedFrame, None, Mapping[str, Any]]
"""Frames in rising order, as they are found; returns fields of the manifest."""


class DetectionSource(Protocol):
    """Where a run's detections come from: a video and a network, or somebody's file."""

    def frames(self, record: Recorder) -> ComingFrames:
        """Write the parts that the run lacks, and pass on the frames of all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageWork:
    """What a stage is given to do its work."""

    record: Recorder
    """The run, its manifest and the listeners."""

    settings: TrackConfig
    """The settings to work by."""

    files: Mapping[str, Path]
    """By the name of each file that the stage writes, the path to write it to: an unfinished file
    that takes its name when the stage is complete."""

    detections: DetectionSource | None = None
    """Where detections come from; None in a job that makes none."""

    coming: Iterator[DetectedFrame] | None = None
    """The frames of the stage before, which finds them as they are asked for; None: the parts on
    the disk hold them all."""

    video: Video | None = None
    """The open video; None in a job that has not opened it."""

    model: LoadedModel | None = None
    """The network; None in a job that has not loaded it."""
