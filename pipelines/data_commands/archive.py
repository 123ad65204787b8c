"""``posetube data archive ROOT --from NAME -o people.tar``: labelled pictures to train on.

Not here: the form of an archive, and what is trained on it
(:mod:`posetube.datasets.training.training_pictures`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from cyclopts import Parameter

from posetube import boxes as box
from posetube.atomic_files import replacing
from posetube.errors import FormatError, InputError, PoseTubeError
from posetube.skeletons import COCO17
from posetube.structures import FloatArray

from ...datasets.annotated_video import Dataset, Split
from ...datasets.published.dataset_table import open_dataset
from ...datasets.training.clips import read_clip
from ...datasets.training.labelled_clip import LabelledClip
from ...datasets.training.training_pictures import LabelledPicture, write_archive
from ..failures import COMPLETE, MARKED_PROBLEMS
from .export import say


def archive(
    root: Path,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from")],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    split: Split = "",
    every: int = 1,
    long_side: int = 512,
) -> int:
    """Gather the labelled pictures of a data set for `posetube train`.

    The labels go to a file NPZ beside it. Joints become COCO's, by name. Whoever is in a picture
    but not labelled counts as background, so a data set that labels one person of several teaches
    to overlook the others.

    Videos and pictures that cannot be read are told of and left out; the exit code is then 3.

    Args:
        root: The data set's folder.
        from_: Its name, as for `data check`.
        out: The pictures, a file that ends in .tar.
        split: Only this part.
        every: Of a video only every so manieth labelled frame.
        long_side: Larger pictures are reduced to this, pixels.
    """
    if out.suffix != ".tar":
        raise InputError(f"{out}: name a file that ends in .tar")
    for name, value, least in (("every", every, 1), ("long-side", long_side, 32)):
        if value < least:
            raise InputError(f"--{name} must be {least} or more, got {value}")
    job = _Gathering(dataset=open_dataset(from_, root), long_side=long_side)
    with replacing(out.with_suffix(".npz")), replacing(out) as aside:
        write_archive(aside, job.pictures(split=split, every=every))
    left = f"; left out: {job.left_out}" if job.left_out else ""
    say(f"{root} ({from_}): {job.count} pictures, {job.people} people -> {out}{left}")
    return MARKED_PROBLEMS if job.left_out else COMPLETE


@dataclass(kw_only=True)
class _Gathering:
    """The pictures of a data set, and how many there have been."""

    dataset: Dataset
    long_side: int
    count: int = 0
    people: int = 0
    left_out: int = 0

    def pictures(self, *, split: Split, every: int) -> Iterator[tuple[str, LabelledPicture]]:
        """A name for each picture, and the picture.

        Raises:
            FormatError: If there is none.
        """
        for clip in self._clips(split, every):
            picture = reduced(clip, long_side=self.long_side)
            yield f"{self.count:06d}.webp", picture
            self.count, self.people = self.count + 1, self.people + len(picture.boxes)
        if not self.count:
            raise FormatError(f"{self.dataset.name}: no labelled picture that is there to be read")

    def _clips(self, split: Split, every: int) -> Iterator[LabelledClip]:
        for name in self.dataset.videos():
            try:
                video = self.dataset.read(name)
            except PoseTubeError as error:
                self._leave_out(error)
                continue
            if video.media is None or split not in ("", video.split):
                continue
            for frame in video.labeled_frames[::every]:
                try:
                    clip = read_clip(video, [frame])
                except PoseTubeError as error:
                    self._leave_out(error)
                    continue
                yield clip

    def _leave_out(self, error: PoseTubeError) -> None:
        self.left_out += 1
        say(str(error))


def reduced(clip: LabelledClip, *, long_side: int) -> LabelledPicture:
    """The first frame of a clip as a picture to train on, no larger than ``long_side``."""
    height, width = clip.size
    scale = min(1.0, long_side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(clip.images[0], size, interpolation=cv2.INTER_AREA)
    factors = np.array([size[0] / width, size[1] / height], np.float32)
    points, weights = (values[:, 0] for values in clip.joints_of(COCO17))
    boxes = box.clip(clip.boxes[:, 0], height=height, width=width)
    there = box.area(boxes) > 0
    regions: FloatArray = np.zeros((0, 4), np.float32) if clip.ignore is None else clip.ignore[:, 0]
    return LabelledPicture(
        image=np.asarray(image, np.uint8),
        boxes=(boxes[there] * np.tile(factors, 2)).astype(np.float32),
        keypoints=points[there] * factors,
        keypoint_weights=weights[there],
        ignore=regions[np.isfinite(regions).all(axis=1)] * np.tile(factors, 2),
    )
