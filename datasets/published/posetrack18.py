"""PoseTrack18: videos of several people, one JSON per sequence in a folder for each part.

Source: Andriluka et al., "PoseTrack", CVPR 2018, and the published files.
"""

from pathlib import Path

from ..formats import posetrack18
from .sequence_files import SequenceFiles

PATTERNS = (
    "annotations/*/*.json",
    "posetrack_data/*/*.json",
    "annotations/*.json",
    "*.json",
)
"""Where the release and its conversions have their annotations."""


def open_posetrack18(root: Path) -> SequenceFiles:
    """The data set in a folder; nothing is read yet."""
    return SequenceFiles(
        root=root, name="posetrack18", patterns=PATTERNS, reader=posetrack18.read, merged=True
    )
