"""The second stage: from a run's detections to ``tracks.parquet`` and ``tracks.json``.

It starts from the first frame each time and depends on nothing but the detections and its settings,
so that a run that was stopped ends as one that was not. It takes them as they are found, or from
the parts where all were found before. Both files are written as streams.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from posetube.skeletons import skeleton
from posetube.structures import DetectedFrame

from ..storage.detections_store import read_frames
from .link_people import link_people
from .stage_work import StageWork
from .written_tracks import written_tracks


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
    linked = link_people(
        _frames(work), config=work.settings, skeleton=joints, size=source.size, warn=record.say
    )
    ids: set[int] = set()
    for poses in written_tracks(work, linked):
        ids.update(poses.track_ids.tolist())
    return {"tracks": len(ids)}


def _frames(work: StageWork) -> Iterator[DetectedFrame]:
    """Those that are still to be found, or all from the parts.

    Until the last is found, it is their stage that says how far the run is.
    """
    record = work.record
    if work.coming is not None:
        yield from work.coming
    record.begin(total=record.manifest.frames.done)
    if work.coming is None:
        joints = len(skeleton(record.manifest.skeleton))
        yield from read_frames(record.run.detections, joints=joints)
