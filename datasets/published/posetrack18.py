"""PoseTrack18: videos of several people, one JSON per sequence in a folder for each part.

Source: Andriluka et al., "PoseTrack", CVPR 2018, and the published files.
"""

from pathlib import Path

from ..formats import posetrack18
from .release_files import first_file
from .sequence_files import SequenceFiles

PATTERNS = (
    "annotations/*/*.json",
    "posetrack_data/*/*.json",
    "annotations/*.json",
    "*.json",
)
"""Where the release and its conversions have their annotations."""


BY_PART = tuple(pattern for pattern in PATTERNS if pattern.count("/") > 1)


def recognise(root: Path) -> bool:
    """Whether the folder of a part holds such a file."""
    file = first_file(root, BY_PART)
    return file is not None and posetrack18.recognise(file)


def open_posetrack18(root: Path) -> SequenceFiles:
    """The data set in a folder; nothing is read yet."""
    return SequenceFiles(
        root=root, name="posetrack18", patterns=PATTERNS, reader=posetrack18.read_video, merged=True
    )
