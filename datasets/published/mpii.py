"""MPII Human Pose: photographs cut from videos, several people in each, 16 joints.

Not here: the three kinds of files (:mod:`posetube.datasets.formats.mpii_list`).

Source: Andriluka et al., "2D Human Pose Estimation", CVPR 2014, and the published files.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ..annotated_video import Counts
from ..formats.mpii_list import mpii_pictures
from ..formats.person_list import ListedPictures, PictureList
from .release_files import find_file

FILES = (
    "mpii_human_pose_v1_u12_1.mat",
    "*/mpii_human_pose_v1_u12_1.mat",
    "*mpii*.mat",
    "*.json",
    "annot*/*.json",
    "*.h5",
    "annot*/*.h5",
)


@dataclass(frozen=True, kw_only=True)
class Mpii(ListedPictures):
    """The data set in a folder: the first of the three files that is found."""

    root: Path
    """Folder with the labels and, if the pictures are there, ``images``."""

    name: ClassVar[str] = "mpii"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _list(self) -> PictureList:  # type: ignore[override]
        return mpii_pictures(find_file(self.root, FILES, dataset="MPII"), root=self.root)
