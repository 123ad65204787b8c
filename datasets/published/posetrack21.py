"""PoseTrack21: PoseTrack18's videos labelled anew, with identities over all sequences.

Source: Doering et al., "PoseTrack21", CVPR 2022, and the published files.
"""

from pathlib import Path

from posetube.structures import IntArray

from ..formats import posetrack18
from .sequence_files import SequenceFiles

PATTERNS = ("posetrack_data/annotations/*/*.json", "posetrack_data/*/*.json", "*.json")
"""Where the release and its conversions have their annotations."""


def open_posetrack21(root: Path) -> SequenceFiles:
    """The data set in a folder; nothing is read yet."""
    return SequenceFiles(
        root=root,
        name="posetrack21",
        patterns=PATTERNS,
        reader=posetrack18.read,
        people=_person_ids,
    )


def _person_ids(path: Path) -> IntArray:
    return posetrack18.read(path, identity="person_id").track_ids
