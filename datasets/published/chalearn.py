"""ChaLearn 2013 multi-modal gestures: one person before a Kinect, 20 joints from its own tracker.

Layout: ``trainingdata/Sample00001/Sample00001_data.mat`` with ``_color.mp4`` beside it, the same
for ``validationdata`` and ``testdata``. ``Video.Frames(i).Skeleton`` holds ``PixelPosition``
(20, 2), which counts from 0, and ``WorldPosition`` (20, 3) in metres; all zero where the Kinect saw
nobody. The labels are the Kinect's, and noisy.

Source: Escalera et al., "Multi-modal gesture recognition challenge 2013", ICMI 2013; a public
reader of the files. No original file was at hand; whether Kinect's left is the person's own is not
known.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import KINECT20
from posetube.structures import DoubleArray

from ..annotated_video import MAX_FRAMES, AnnotatedVideo, Counts, Problem, Split, table
from ..files.checked_values import entries, numbers, structs, text, variable
from ..files.mat_files import read_mat

FOLDERS: dict[str, Split] = {"trainingdata": "train", "validationdata": "val", "testdata": "test"}
UNFIT = {"train": {223, 225, 228}, "val": set(range(629, 640))}
"""Samples whose skeletons the organisers advise against."""

SIZE = (480, 640)
"""Height and width of the colour videos."""


@dataclass(frozen=True, kw_only=True)
class ChaLearn:
    """The data set in a folder."""

    root: Path
    """Folder with ``trainingdata``, ``validationdata``, ``testdata``, or some of them."""

    name: ClassVar[str] = "chalearn"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _samples(self) -> dict[str, tuple[Path, Split]]:
        found: dict[str, tuple[Path, Split]] = {}
        for folder, split in FOLDERS.items():
            for path in sorted((self.root / folder).glob("Sample*/Sample*_data.mat")):
                found[f"{folder}/{path.parent.name}"] = (path, split)
        if not found:
            raise FormatError(
                f"{self.root}: no <part>/SampleNNNNN/SampleNNNNN_data.mat of ChaLearn"
            )
        return found

    def videos(self) -> tuple[str, ...]:
        """Names such as ``trainingdata/Sample00001``."""
        return tuple(self._samples)

    def read(self, video: str) -> AnnotatedVideo:
        """One sample; frames in which the Kinect saw nobody have no row."""
        if video not in self._samples:
            raise FormatError(f"{self.root}: no sample {video!r} in ChaLearn")
        path, split = self._samples[video]
        content = structs(
            variable(read_mat(path), "Video", where=str(path)), "Frames", where=f"{path}: Video"
        )
        if len(content) != 1:
            raise FormatError(f"{path}: Video: expected one struct, got {len(content)}")
        steps = structs(content[0]["Frames"], "Skeleton", where=f"{path}: Frames")
        if len(steps) > MAX_FRAMES:
            raise FormatError(f"{path}: {len(steps)} frames; at most {MAX_FRAMES} are read")
        pixels, world = _skeletons(steps, where=str(path))
        # All joints in the corner is how the Kinect says that it saw nobody.
        rows = np.flatnonzero((pixels != 0).any(axis=(1, 2)))
        missing = (pixels[rows] == 0).all(axis=-1)
        colour = path.with_name(path.name.replace("_data.mat", "_color.mp4"))
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=split,
            action=_gestures(content[0].get("Labels", np.zeros((0, 0))), where=f"{path}: Labels"),
            media=colour if colour.is_file() else None,
            metric="pixels",
            joints_3d=np.where(missing[..., None], np.nan, world[rows]),
            problems=_advice(path, split),
            tracks=table(
                source=path.parent.name,
                size=SIZE,
                skeleton=KINECT20,
                frames=len(steps),
                frame=rows,
                keypoints=pixels[rows],
                joint_states=~missing,
            ),
        )


def _skeletons(steps: list[dict[str, Any]], *, where: str) -> tuple[DoubleArray, DoubleArray]:
    """(F, 20, 2) pixels and (F, 20, 3) metres, both zero where the Kinect saw nobody."""
    pixels, world = np.zeros((len(steps), 20, 2)), np.zeros((len(steps), 20, 3))
    for i, step in enumerate(steps):
        place = f"{where}: frame {i}"
        for skeleton in structs(step["Skeleton"], where=place)[:1]:
            # Some samples list the joints in another order, and say so.
            order = _order(skeleton.get("JointType", np.zeros((0, 0))))
            for name, found in (("PixelPosition", pixels), ("WorldPosition", world)):
                value = skeleton.get(name, np.zeros((0, 0)))
                if np.size(value):
                    shape = (20, found.shape[2])
                    found[i, order] = numbers(value, shape=shape, where=f"{place}: {name}")
    return pixels, world


def _order(joint_types: Any) -> list[int]:
    """Our place of each of the file's joints; the usual order where it does not name them."""
    usual = list(range(20))
    if not isinstance(joint_types, np.ndarray) or joint_types.dtype != object:
        return usual
    names = [_our_name(name) for name in entries(joint_types, where="JointType")]
    complete = sorted(names) == sorted(KINECT20.joints)
    return [KINECT20.index(name) for name in names] if complete else usual


def _our_name(name: Any) -> str:
    """``ShoulderLeft`` is ``left_shoulder``, ``HipCenter`` is ``hip_center``."""
    words = [word.lower() for word in re.findall("[A-Z][a-z]*", str(name))]
    if words and words[-1] in ("left", "right"):
        words = [words[-1], *words[:-1]]
    return "_".join(words)


def _gestures(value: Any, *, where: str) -> str:
    labels = structs(value, where=where) if np.size(value) else []
    return ", ".join(text(label.get("Name", ""), where=where) for label in labels)


def _advice(path: Path, split: Split) -> tuple[Problem, ...]:
    number = re.search(r"(\d+)$", path.parent.name)
    if number is None or int(number[1]) not in UNFIT.get(split, set()):
        return ()
    what = "the organisers advise against using this sample's skeletons"
    return (Problem(file=f"{path.parent.name}/{path.name}", where="", what=what),)
