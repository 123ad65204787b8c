"""PoseTrack21's JSON: PoseTrack18's with ``person_id``, the identity in all sequences.

The identity within the sequence stands for it, which is right as long as sequences are not
compared. Every image has ignore regions, be they none, because the reference kit asks for them.

Not here: the rest of the format (:mod:`posetube.datasets.readers.posetrack18`).
"""

from pathlib import Path
from typing import Any

import msgspec

from posetube.structures import VideoTracks

from ..readers import posetrack18
from . import posetrack18_writer

read = posetrack18.read


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write tracks or annotations.

    Raises:
        InputError: If a row has no identity, or there are more than the format has.
    """
    path = Path(path)
    posetrack18_writer.write_tracks(path, tracks)
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    people = content.get("annotations", [])
    occupied = {person["image_id"] for person in people}
    for person in people:
        person["person_id"] = person["track_id"]
    for image in content["images"]:
        image |= {
            "has_labeled_person": image["id"] in occupied,
            "ignore_regions_x": image.get("ignore_regions_x", []),
            "ignore_regions_y": image.get("ignore_regions_y", []),
        }
    path.write_bytes(msgspec.json.encode(content))
