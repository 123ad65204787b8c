"""PoseTrack21: PoseTrack18's videos labelled anew, with identities over all sequences.

Source: Doering et al., "PoseTrack21", CVPR 2022, and the published files.
"""

from pathlib import Path

from ..formats import posetrack18
from .release_files import first_file
from .sequence_files import SequenceFiles

PATTERNS = ("posetrack_data/annotations/*/*.json", "posetrack_data/*/*.json", "*.json")
"""Where the release and its conversions have their annotations."""


BY_PART = tuple(pattern for pattern in PATTERNS if pattern.count("/") > 1)


def recognise(root: Path) -> bool:
    """Whether the folder of a part holds a file that knows people in all sequences."""
    file = first_file(root, BY_PART)
    return file is not None and "person_id" in file.first_of("annotations")


def open_posetrack21(root: Path) -> SequenceFiles:
    """The data set in a folder; nothing is read yet."""
    return SequenceFiles(
        root=root,
        name="posetrack21",
        patterns=PATTERNS,
        reader=posetrack18.read_video,
    )
