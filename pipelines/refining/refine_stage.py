"""The third stage: refines the joints of a run's tracks, in the place of those that linking wrote.

The joints as linked stay beside the refined ones, so that other refiners can take their place at
any time, and none can give back the tracks as linked, byte for byte. Refiners go by all joints that
the detections have, also those that are too doubtful to be in a track.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from posetube.skeletons import skeleton
from posetube.structures import DetectedFrame, FramePoses

from ...tracker.refiners.refine import unrefined
from ..editing.edited_run import replay, with_moves
from ..storage.detections_store import read_frames
from ..storage.edit_journal import corrections_of
from ..storage.tracks_store import read_poses
from ..tracking.frame_people import PeopleByFrame
from ..tracking.link_people import presented
from ..tracking.stage_work import StageWork
from ..tracking.written_tracks import written_tracks
from .detected_rows import detected_rows
from .refined_frames import refined_frames
from .run_maps import run_maps


def refine_joints(work: StageWork) -> Mapping[str, Any]:
    """Refine the joints of a run's tracks, and write its tracks in both forms.

    Raises:
        Interrupted: If somebody asked to stop; the tracks stay as they were.
        FormatError: If a part of the detections, or the tracks, cannot be read.
        InputError: If a refiner needs the video or the network, and it is not the run's.
    """
    record, source = work.record, work.record.manifest.source
    config, joints = work.settings, skeleton(record.manifest.skeleton)
    record.begin(total=record.manifest.frames.done)
    with run_maps(work) as maps:
        frames = refined_frames(_linked(work), config=config.refine, skeleton=joints, maps=maps)
        shown: Iterator[FramePoses] = (
            presented(poses, config=config, skeleton=joints, size=source.size) for poses in frames
        )
        names: dict[int, str] = {}
        if steps := corrections_of(record.run):
            edited = replay(record.run, steps)
            shown, names = with_moves(shown, edited, joints=joints), edited.names
        refined = bool(config.refine.refiners)
        for _ in written_tracks(work, shown, refined=refined, names=names):
            pass
    return {}


def _linked(work: StageWork) -> Iterator[FramePoses]:
    """Every frame with its people as linked, and all joints of theirs that were detected."""
    record = work.record
    joints = len(skeleton(record.manifest.skeleton))
    tracks = PeopleByFrame(map(unrefined, read_poses(record.run.tracks)), joints=joints)
    for found in read_frames(record.run.detections, joints=joints):
        yield with_all_joints(tracks.at(found.frame, time=found.time), found)


def with_all_joints(poses: FramePoses, found: DetectedFrame) -> FramePoses:
    """The people of a frame with all joints of the detections that they are.

    People without one (interpolated) stay as they are.
    """
    rows = detected_rows(poses, found)
    detected = rows >= 0
    joints = poses.people.keypoints.copy()
    joints[detected] = found.people.keypoints[rows[detected]]
    return replace(poses, people=replace(poses.people, keypoints=joints))
