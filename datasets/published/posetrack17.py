"""PoseTrack17: videos of several people, with one annotation file per sequence.

The files are JSON or MATLAB, in a folder for each part.

Source: Andriluka et al., "PoseTrack", CVPR 2018, and the published files.
"""

from pathlib import Path

from ..formats import posetrack17
from .release_files import first_file
from .sequence_files import SequenceFiles

PATTERNS = (
    "annotations/*/*.json",
    "annotations/*/*.mat",
    "PoseTrackV1.0_Annots_*/*.json",
    "*.json",
    "*.mat",
)
"""Where the release and its conversions have their annotations."""


BY_PART = tuple(pattern for pattern in PATTERNS if pattern.count("/"))


def recognise(root: Path) -> bool:
    """Whether the folder of a part holds such a file."""
    file = first_file(root, BY_PART)
    return file is not None and (file.suffix == ".mat" or posetrack17.recognise(file))


def open_posetrack17(root: Path) -> SequenceFiles:
    """The data set in a folder; nothing is read yet."""
    return SequenceFiles(
        root=root, name="posetrack17", patterns=PATTERNS, reader=posetrack17.read_video
    )
