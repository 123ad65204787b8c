"""posetube: finds every person in a video, follows each of them, says where each joint is.

>>> import posetube
>>> tracks = posetube.track("clip.mp4")              # doctest: +SKIP
>>> for poses in posetube.stream("clip.mp4"):        # doctest: +SKIP
...     print(poses.time, poses.track_ids)

Importing the package is quick and loads no network library; that waits until one is needed.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from posetube.errors import (
    FormatError,
    InputError,
    MediaError,
    MissingExtraError,
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
    PoseTrack,
    PoseTubes,
    VideoTracks,
)

if TYPE_CHECKING:
    from posetube.pipelines.api import stream, track
    from posetube.pipelines.evaluation.evaluate import evaluate

__version__ = version("posetube")

__all__ = [
    "Clip",
    "Detections",
    "FormatError",
    "Frame",
    "FramePoses",
    "FrameTable",
    "InputError",
    "MediaError",
    "MissingExtraError",
    "PoseTrack",
    "PoseTubeError",
    "PoseTubes",
    "ResourceError",
    "Skeleton",
    "VideoTracks",
    "WeightsError",
    "__version__",
    "evaluate",
    "skeleton",
    "stream",
    "track",
]

_LATE = {
    "evaluate": "posetube.pipelines.evaluation.evaluate",
    "track": "posetube.pipelines.api",
    "stream": "posetube.pipelines.api",
}


def __getattr__(name: str) -> Any:
    """Import the jobs only when they are asked for: they bring the network library along."""
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'posetube' has no attribute {name!r}")
