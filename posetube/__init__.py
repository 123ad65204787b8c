"""posetube: finds every person in a video, follows each of them, says where each joint is.

>>> import posetube
>>> tracks = posetube.track("clip.mp4")              # doctest: +SKIP
>>> for poses in posetube.stream("clip.mp4"):        # doctest: +SKIP
...     print(poses.time, poses.track_ids)

Importing the package is quick and loads no network library; that waits until one is needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from posetube.errors import (
    FormatError,
    InputError,
    MediaError,
    MissingExtraError,
    MissingFileError,
    PoseTubeError,
    ResourceError,
    WeightsError,
)
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import (
    Clip,
    Detections,
    Frame,
    FramePoses,
    FrameTable,
    PoseArrays,
    PoseTrack,
    PoseTubes,
    VideoTracks,
)

if TYPE_CHECKING:
    __version__: str
    from posetube.datasets.annotated_video import AnnotatedVideo, Dataset
    from posetube.datasets.formats.file_format import FileFormat
    from posetube.datasets.video import Video, VideoConfig, open_video
    from posetube.pipelines.api.edit import edit
    from posetube.pipelines.api.export import export
    from posetube.pipelines.api.link import link
    from posetube.pipelines.api.load import load
    from posetube.pipelines.api.measure import measure
    from posetube.pipelines.api.refine import refine
    from posetube.pipelines.api.stream import stream
    from posetube.pipelines.api.track import track
    from posetube.pipelines.evaluation.evaluate import evaluate
    from posetube.pipelines.evaluation.evaluate_config import PckConfig
    from posetube.pipelines.loaded_model import LoadedModel, load_model
    from posetube.pipelines.settings import DetectConfig, OverlayConfig
    from posetube.tracker.config import LinkConfig
    from posetube.tracker.metrics.report import EvalReport
    from posetube.tracker.offline import OfflineConfig
    from posetube.tracker.paper import PaperConfig
    from posetube.tracker.refiners.refine_config import RefineConfig
    from posetube.tracker.shots import CutConfig

_LATE = {
    "AnnotatedVideo": "posetube.datasets.annotated_video",
    "CutConfig": "posetube.tracker.shots",
    "Dataset": "posetube.datasets.annotated_video",
    "DetectConfig": "posetube.pipelines.settings",
    "EvalReport": "posetube.tracker.metrics.report",
    "FileFormat": "posetube.datasets.formats.file_format",
    "LinkConfig": "posetube.tracker.config",
    "LoadedModel": "posetube.pipelines.loaded_model",
    "OfflineConfig": "posetube.tracker.offline",
    "OverlayConfig": "posetube.pipelines.settings",
    "PaperConfig": "posetube.tracker.paper",
    "RefineConfig": "posetube.tracker.refiners.refine_config",
    "PckConfig": "posetube.pipelines.evaluation.evaluate_config",
    "Video": "posetube.datasets.video",
    "VideoConfig": "posetube.datasets.video",
    "edit": "posetube.pipelines.api.edit",
    "evaluate": "posetube.pipelines.evaluation.evaluate",
    "export": "posetube.pipelines.api.export",
    "link": "posetube.pipelines.api.link",
    "load": "posetube.pipelines.api.load",
    "load_model": "posetube.pipelines.loaded_model",
    "measure": "posetube.pipelines.api.measure",
    "open_video": "posetube.datasets.video",
    "refine": "posetube.pipelines.api.refine",
    "stream": "posetube.pipelines.api.stream",
    "track": "posetube.pipelines.api.track",
}
"""Public names that bring much along, and the modules that they come from, when asked for."""

__all__ = [
    "AnnotatedVideo",
    "Clip",
    "CutConfig",
    "Dataset",
    "DetectConfig",
    "Detections",
    "EvalReport",
    "FileFormat",
    "FormatError",
    "Frame",
    "FramePoses",
    "FrameTable",
    "InputError",
    "LinkConfig",
    "LoadedModel",
    "MediaError",
    "MissingExtraError",
    "MissingFileError",
    "OfflineConfig",
    "OverlayConfig",
    "PaperConfig",
    "PckConfig",
    "PoseArrays",
    "PoseTrack",
    "PoseTubeError",
    "PoseTubes",
    "RefineConfig",
    "ResourceError",
    "Skeleton",
    "Video",
    "VideoConfig",
    "VideoTracks",
    "WeightsError",
    "__version__",
    "edit",
    "evaluate",
    "export",
    "link",
    "load",
    "load_model",
    "measure",
    "open_video",
    "refine",
    "skeleton",
    "stream",
    "track",
]


def __getattr__(name: str) -> Any:
    """Import a job, or the class of its settings, only when it is asked for."""
    if name == "__version__":
        from importlib.metadata import version  # takes as long as all other imports together

        return version("posetube")
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'posetube' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, those not imported yet among them."""
    return sorted(__all__)
