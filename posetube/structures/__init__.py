"""The data that crosses a folder's border: frozen NumPy records, checked once when they are made.

Axis letters: N people of one frame or clip, T frames of a clip, F frames of a video, R rows of a
table (one person in one frame), K joints, H W pixels. Images are RGB uint8. Coordinates are x, y
in pixels of the displayed frame, continuous (pixel i covers [i, i + 1)); boxes are x1 y1 x2 y2.
A joint whose place is not known is NaN. Scores are in [0, 1]. Times are presentation times in
seconds.

Not here: what the joints are called (:mod:`posetube.skeletons`), files (:mod:`posetube.datasets`),
tensors (they stay inside :mod:`posetube.models3d`).
"""

from .arrays import BoolArray, ByteArray, BytesArray, DoubleArray, FloatArray, IntArray, Polygon
from .frames import (
    Clip,
    DetectedFrame,
    Detections,
    Frame,
    FramePoses,
    FrameState,
    JointState,
    PoseTubes,
    RowState,
)
from .tracks import FrameTable, PoseTrack
from .video_tracks import ROW_COLUMNS, PoseArrays, VideoTracks

__all__ = [
    "ROW_COLUMNS",
    "BoolArray",
    "ByteArray",
    "BytesArray",
    "Clip",
    "DetectedFrame",
    "Detections",
    "DoubleArray",
    "FloatArray",
    "Frame",
    "FramePoses",
    "FrameState",
    "FrameTable",
    "IntArray",
    "JointState",
    "Polygon",
    "PoseArrays",
    "PoseTrack",
    "PoseTubes",
    "RowState",
    "VideoTracks",
]
