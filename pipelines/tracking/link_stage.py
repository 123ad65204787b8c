"""The second stage: from a run's detections to ``tracks.parquet`` and ``tracks.json``.

It starts from the first frame each time and depends on nothing but the parts and its settings, so
that a run that was stopped ends as one that was not. Both files are written as streams.
"""

from collections.abc import Mapping
from typing import Any

from posetube.skeletons import skeleton

from ...datasets.formats.posetrack18_writer import PoseTrack18Writer
from ..storage.detections_store import read_frames
from ..storage.tracks_store import TracksWriter
from .link_people import link_people
from .stage_work import StageWork


def link_detections(work: StageWork) -> Mapping[str, Any]:
    """Link all detections of a run, and write its tracks in both forms.

    Returns:
        The number of tracks, for the manifest.

    Raises:
        Interrupted: If somebody asked to stop.
        FormatError: If a part of the detections cannot be read.
    """
    record, source = work.record, work.record.manifest.source
    joints = skeleton(record.manifest.skeleton)
    table, posetrack = work.files["tracks.parquet"], work.files["tracks.json"]
    record.begin(total=record.manifest.frames.done)
    ids: set[int] = set()
    with (
        TracksWriter(table, source=source.name, size=source.size, joints=joints) as rows,
        PoseTrack18Writer(posetrack, skeleton=joints, name=source.name, size=source.size) as people,
    ):
        found = read_frames(record.run.detections, joints=len(joints))
        linked = link_people(
            found, config=work.settings, skeleton=joints, size=source.size, warn=record.say
        )
        for done, poses in enumerate(linked, start=1):
            rows.write(poses)
            people.add(poses)
            ids.update(poses.track_ids.tolist())
            record.progress(done)
            record.interrupt.check()
    return {"tracks": len(ids)}
