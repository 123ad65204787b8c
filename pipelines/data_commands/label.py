"""``posetube data label VIDEO... -o labels.tar``: labels for videos that nobody has labelled.

A network tracks the people, with the whole video known, and their joints are smoothed from past and
future: that is better than what it says of a single frame, and another network can learn from it.
Each label comes with how sure it is. Who was seen, but not followed, and whoever was filled in
between two sightings, is a region to ignore: neither a person nor background.

Not here: the archive (:mod:`posetube.datasets.training.picture_archive`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from posetube.boxes import iou
from posetube.errors import FormatError, PoseTubeError
from posetube.network import Precision
from posetube.structures import (
    Detections,
    DoubleArray,
    FloatArray,
    Frame,
    JointState,
    RowState,
    VideoTracks,
)

from ...datasets.training.augment_places import shrink
from ...datasets.training.labelled_clip import LabelledClip
from ...datasets.training.picture_archive import write_archive
from ...datasets.video import VideoConfig, open_video
from ...datasets.video.inputs import Input, find_inputs
from ...tracker.config import LinkConfig
from ..api.track import track
from ..failures import COMPLETE, MARKED_PROBLEMS
from ..loaded_model import LoadedModel, load_model
from ..storage.detections_store import read_frames
from ..storage.run_directory import RunDirectory
from .archive import check_archive
from .export import say

SAME = 0.5
"""Overlap from which on two boxes are of the same person."""


def label(
    *videos: str,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    model: str = "tiny",
    device: str = "auto",
    precision: Precision = "float32",
    every: int = 5,
    long_side: int = 512,
) -> int:
    """Label videos by tracking them, for `posetube train`.

    People are tracked with the whole video known, and their joints smoothed. `pictures.trust` says
    at training which labels are believed. The teacher's mistakes are learned, too: look at some of
    its overlays first.

    Videos that cannot be read are reported and left out, and what is damaged or missing in others
    is told; the exit code is then 3.

    Args:
        videos: Videos, folders of pictures, or patterns.
        out: The pictures, a file that ends in .tar; the labels go to a file NPZ beside it.
        model: Whose labels: name of a model, or a file of weights.
        device: auto, cpu, cuda ...
        precision: Number type of a large network's convolutions.
        every: Take every n-th frame; neighbours hardly differ.
        long_side: Larger pictures are reduced to this, pixels.
    """
    check_archive(out, every=every, long_side=long_side)
    loaded = load_model(model, device=device, precision=precision)
    job = _Labelling(model=loaded, every=every, long_side=long_side)
    write_archive(out, job.pictures(find_inputs(videos)))
    left = f"; left out: {job.left_out}" if job.left_out else ""
    say(f"{job.count} pictures, {job.people} people, {job.ignored} regions -> {out}{left}")
    return MARKED_PROBLEMS if job.left_out or job.damaged else COMPLETE


@dataclass(kw_only=True)
class _Labelling:
    """The labelled pictures of videos, and how many there have been."""

    model: LoadedModel
    every: int
    long_side: int
    count: int = 0
    people: int = 0
    ignored: int = 0
    left_out: int = 0
    damaged: bool = False
    """Whether frames of a video are damaged or missing, or its end."""

    def pictures(self, videos: Sequence[Input]) -> Iterator[tuple[str, LabelledClip]]:
        """A name for each picture, and the picture.

        Raises:
            FormatError: If there is none.
        """
        for video in videos:
            try:
                for clip in self._clips(video):
                    yield f"{self.count:06d}.webp", shrink(clip, long_side=self.long_side)
                    self.count, self.people = self.count + 1, self.people + len(clip.boxes)
                    self.ignored += len(clip.ignore)
            except PoseTubeError as error:
                self.left_out += 1
                say(str(error))
        if not self.count:
            raise FormatError(f"{', '.join(v.name for v in videos)}: no frame that can be read")

    def _clips(self, video: Input) -> Iterator[LabelledClip]:
        with TemporaryDirectory(prefix="posetube-label-") as folder:
            run = RunDirectory(Path(folder))
            config = LinkConfig(preset="offline")
            tracks = track(video.source, out=run.path, model=self.model, link=config, min_joint=0.0)
            seen = read_frames(run.detections, joints=len(tracks.skeleton))
            with open_video(video.source, config=VideoConfig(every=self.every)) as pictures:
                for picture in pictures:
                    found = next(each for each in seen if each.frame == picture.index)
                    self.damaged |= picture.state != "ok"
                    if picture.image is not None:
                        yield labelled(picture, tracks, seen=found.people)
                self.damaged |= pictures.cut_short
                for warning in pictures.warnings:
                    say(warning)


def labelled(picture: Frame, tracks: VideoTracks, *, seen: Detections) -> LabelledClip:
    """A frame with the people that were followed through it.

    Args:
        picture: Of the video.
        tracks: Everybody who was followed in it.
        seen: Everybody who was seen in the frame.
    """
    rows = np.arange(len(tracks.frame))[tracks.rows_of(picture.index)]
    if tracks.states is not None:
        filled = tracks.states[rows] == RowState.INTERPOLATED
    else:
        filled = np.zeros(len(rows), np.bool_)
    doubtful = tracks.boxes[rows[filled]]
    overlap = iou(seen.boxes, tracks.boxes[rows]).max(axis=1, initial=0.0)
    rest = np.concatenate([doubtful, seen.boxes[overlap < SAME]])
    sure = rows[~filled]
    points = tracks.keypoints[sure, None].astype(np.float32)
    known = np.isfinite(points).all(axis=-1)
    assert picture.image is not None
    return LabelledClip(
        images=picture.image[None],
        times=np.array([picture.time]),
        skeleton=tracks.skeleton,
        boxes=tracks.boxes[sure, None].astype(np.float32),
        keypoints=points,
        joint_states=np.where(known, JointState.VISIBLE, JointState.ABSENT).astype(np.uint8),
        keypoint_weights=np.where(known, _share(tracks.keypoint_scores[sure, None]), 0),
        ignore=rest[:, None].astype(np.float32),
        scores=_share(tracks.scores[sure]),
    )


def _share(scores: FloatArray | DoubleArray) -> FloatArray:
    """In [0, 1], 1 where nothing is known."""
    shares: FloatArray = np.clip(np.nan_to_num(scores, nan=1.0), 0, 1).astype(np.float32)
    return shares
