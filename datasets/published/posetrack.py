"""PoseTrack17, 18 and 21: videos of several people, with one annotation file per sequence.

PoseTrack17's files are JSON or MATLAB, those of the others JSON, in a folder for each part.
PoseTrack21 labels PoseTrack18's videos anew, with identities over all sequences.

Source: Andriluka et al., "PoseTrack", CVPR 2018, Doering et al., "PoseTrack21", CVPR 2022, and the
published files.
"""

from pathlib import Path

from ..formats import posetrack17, posetrack18
from .release_files import first_file
from .sequence_files import SequenceFiles

BY_PART17 = (
    "annotations/*/*.json",
    "annotations/*/*.mat",
    "PoseTrackV1.0_Annots_*/*.json",
)
"""Where PoseTrack17 and its conversions have the annotations of a part."""

BY_PART18 = ("annotations/*/*.json", "posetrack_data/*/*.json")
"""The same of PoseTrack18."""

BY_PART21 = ("posetrack_data/annotations/*/*.json", "posetrack_data/*/*.json")
"""The same of PoseTrack21."""


def is_posetrack17(root: Path) -> bool:
    """Whether the folder of a part holds a file of PoseTrack17's form."""
    file = first_file(root, BY_PART17)
    return file is not None and (file.suffix == ".mat" or posetrack17.recognise(file))


def is_posetrack18(root: Path) -> bool:
    """Whether the folder of a part holds a file of PoseTrack18's form."""
    file = first_file(root, BY_PART18)
    return file is not None and posetrack18.recognise(file)


def is_posetrack21(root: Path) -> bool:
    """Whether the folder of a part holds a file that knows people in all sequences."""
    file = first_file(root, BY_PART21)
    return file is not None and "person_id" in file.first_of("annotations")


def open_posetrack17(root: Path) -> SequenceFiles:
    """PoseTrack17 in a folder; nothing is read yet."""
    patterns = (*BY_PART17, "*.json", "*.mat")
    reader = posetrack17.read_video
    return SequenceFiles(root=root, name="posetrack17", patterns=patterns, reader=reader)


def open_posetrack18(root: Path) -> SequenceFiles:
    """PoseTrack18 in a folder, or its conversions, which keep several sequences in one file."""
    patterns = (*BY_PART18, "annotations/*.json", "*.json")
    reader = posetrack18.read_video
    return SequenceFiles(
        root=root, name="posetrack18", patterns=patterns, reader=reader, merged=True
    )


def open_posetrack21(root: Path) -> SequenceFiles:
    """PoseTrack21 in a folder; nothing is read yet."""
    patterns = (*BY_PART21, "*.json")
    reader = posetrack18.read_video
    return SequenceFiles(root=root, name="posetrack21", patterns=patterns, reader=reader)
