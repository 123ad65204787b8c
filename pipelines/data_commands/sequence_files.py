"""Writes runs as the files of a data set's sequences: what PoseTrack's server wants.

Not here: checking them (:mod:`posetube.pipelines.evaluation.submission`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from posetube.atomic_files import replacing_folder
from posetube.errors import InputError
from posetube.structures import FrameTable, IntArray, VideoTracks

from ...datasets.annotated_video import Split
from ...datasets.formats.file_format import FileFormat
from ...datasets.people import PeopleSource
from ...tracker.thresholds import ThresholdConfig
from ..evaluation.evaluation_pairs import pair_videos
from ..evaluation.frame_matching import match_frames
from ..evaluation.submission import FORMS
from .export import write_whole


def write_sequences(
    predictions: PeopleSource,
    out: Path,
    *,
    like: PeopleSource,
    form: FileFormat,
    split: Split = "",
    thresholds: ThresholdConfig,
    say: Callable[[str], None] = lambda line: None,
) -> int:
    """Write a file for each sequence of a data set, with its frames and the predictions' people.

    Args:
        predictions: A folder of runs, or of what else holds people.
        out: Folder, new or empty; appears when all is written.
        like: The data set; its labels are not looked at.
        form: One of PoseTrack's formats.
        split: Which part of the data set; empty: the part that is evaluated.
        thresholds: How sure joints and people must be.
        say: Receives what the format and its joints lose, each line once.

    Returns:
        Number of sequences.

    Raises:
        InputError: If the format is none of PoseTrack's, a sequence has no prediction, or the
            folder is there and not empty.
        FormatError: If predictions lack a frame of the sequence.
    """
    if form.name not in FORMS:
        raise InputError(f"--like is for the formats {', '.join(FORMS)}, got {form.name}")
    said: dict[str, None] = {}
    pairs = pair_videos(predictions, like, split=split)
    with replacing_folder(out) as aside:
        for theirs, ours in pairs:
            found, wanted = theirs.read(), ours.read().in_file_order()
            frame_of = match_frames(found, wanted, by_position=False)
            tracks = _in_frames_of(found.tracks, wanted.tracks.frames, frame_of)
            write_whole(
                replace(tracks, source=ours.name),
                form,
                aside / f"{ours.name}{form.suffix}",
                thresholds=thresholds,
                say=lambda line: said.setdefault(line),
            )
    for line in said:
        say(line)
    return len(pairs)


def _in_frames_of(tracks: VideoTracks, wanted: FrameTable, frame_of: IntArray) -> VideoTracks:
    """The people in another video's frames, which are called as there."""
    place = np.zeros(len(wanted), np.int64)
    place[frame_of[frame_of >= 0]] = np.flatnonzero(frame_of >= 0)
    taken = tracks.take_frames(place)
    frames = replace(wanted, times=taken.frames.times, ignore_regions={})
    return replace(taken, frames=frames)
