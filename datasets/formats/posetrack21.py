"""Writes PoseTrack21's JSON: PoseTrack18's with ``person_id``, the identity in all sequences.

The identity within the sequence stands for it, which is right as long as sequences are not
compared. Every image lists its ignore regions, even if it has none, because the reference kit asks
for them.

Not here: the rest of the format (:mod:`posetube.datasets.formats.posetrack18`).
"""

from pathlib import Path
from typing import Any

from posetube.structures import VideoTracks

from . import posetrack18, posetrack18_writer

read = posetrack18.read


class PoseTrack21Writer(posetrack18_writer.PoseTrack18Writer):
    """Writes one sequence, frame by frame."""

    def identity_fields(self, track_id: int) -> dict[str, Any]:
        """Who a person is, in the sequence and, as far as is known, in all."""
        return {"track_id": track_id, "person_id": track_id}

    def image_fields(self, *, people: int) -> dict[str, Any]:
        """What the reference kit asks of every image."""
        return {"has_labeled_person": people > 0, "ignore_regions_x": [], "ignore_regions_y": []}


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write tracks or annotations.

    Raises:
        InputError: If a row has no identity, or there are more than the format has.
    """
    posetrack18_writer.write_tracks(path, tracks, writer=PoseTrack21Writer)
