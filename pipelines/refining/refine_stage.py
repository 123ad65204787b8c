"""The stage that refines the joints of a run's tracks, in the place of those that linking wrote.

The joints as linked stay beside the refined ones, so that other refiners can take their place at
any time, and none can give back the tracks as linked, byte for byte. Refiners go by all joints that
the detections have, also those that are too doubtful to be in a track.

Where people corrected tracks, everybody is refined once as linked, and that is kept; then only the
tracks that the corrections changed are refined again.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from posetube.skeletons import skeleton
from posetube.structures import BoolArray, DetectedFrame, FramePoses

from ...tracker.refiners.refine import unrefined
from ..editing.edited_run import EditedRun, replay, with_identities, with_moves, with_rows
from ..settings import refine_settings
from ..storage.detections_store import read_frames
from ..storage.edit_journal import corrections_of
from ..storage.part_check import frames_of_run
from ..storage.tracks_store import TracksWriter, read_poses, refined_by
from ..tracking.frame_people import frames_looked_at
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
    record, run = work.record, work.record.run
    record.begin(total=record.manifest.frames.done)
    names: dict[int, str] = {}
    if record.manifest.finished("edit"):
        edited, kept = replay(run, corrections_of(run)), _keep_linked(work)
        corrected = _corrected(work, edited, kept)
        joints = skeleton(record.manifest.skeleton)
        shown, names = with_moves(corrected, edited, joints=joints), edited.names
    else:
        shown = _refined(work, _frames(work, map(unrefined, read_poses(run.tracks))))
    for _ in written_tracks(work, shown, refined=_settings(work), names=names):
        pass
    return {}


def _settings(work: StageWork) -> dict[str, Any] | None:
    """By what joints are refined; None where they stay as linked."""
    config = work.settings.refine
    return refine_settings(config) if config.refiners else None


def _keep_linked(work: StageWork) -> Path:
    """The file of everybody as linked and refined, made anew if it was refined in another way."""
    record, run, settings = work.record, work.record.run, _settings(work)
    kept, source = work.files[run.linked.name], record.manifest.source
    if settings is None or refined_by(run.linked, settings):
        shutil.copyfile(run.linked, kept)
        return kept
    joints = skeleton(record.manifest.skeleton)
    with TracksWriter(
        kept,
        source=source.name,
        size=source.size,
        joints=joints,
        refined=settings,
        masks=record.manifest.settings.detect.masks,
    ) as rows:
        for poses in _refined(work, _frames(work, map(unrefined, read_poses(run.linked)))):
            rows.write(poses)
            record.interrupt.check()
    return kept


def _corrected(work: StageWork, edited: EditedRun, kept: Path) -> Iterator[FramePoses]:
    """Every frame with its people as corrected and refined."""
    linked = with_identities(_frames(work, map(unrefined, read_poses(kept))), edited)
    if _settings(work) is None:
        yield from linked
        return
    touched = edited.touched[edited.people.kept]
    refined = with_identities(_frames(work, read_poses(kept)), edited)
    changed = (poses[touched[rows]] for poses, rows in with_rows(linked))
    anew = _refined(work, changed)
    for (poses, rows), some in zip(with_rows(refined), anew, strict=True):
        yield _placed(poses, touched[rows], some)


def _placed(poses: FramePoses, rows: BoolArray, anew: FramePoses) -> FramePoses:
    """The people of a frame, some of them with joints that were refined anew."""
    if not rows.any():
        return poses
    assert poses.keypoints_raw is not None
    raw = poses.keypoints_raw.copy()
    joints, scores = poses.people.keypoints.copy(), poses.people.keypoint_scores.copy()
    joints[rows], scores[rows] = anew.people.keypoints, anew.people.keypoint_scores
    raw[rows] = anew.keypoints_raw
    people = replace(poses.people, keypoints=joints, keypoint_scores=scores)
    return replace(poses, people=people, keypoints_raw=raw)


def _frames(work: StageWork, tracks: Iterator[FramePoses]) -> Iterator[FramePoses]:
    """All frames of a run, with their people from a stream that leaves out empty ones."""
    manifest = work.record.manifest
    table, joints = frames_of_run(work.record.run, manifest), skeleton(manifest.skeleton)
    return frames_looked_at(tracks, table=table, joints=len(joints))


def _refined(work: StageWork, linked: Iterable[FramePoses]) -> Iterator[FramePoses]:
    """Linked frames with refined joints, of which those that are there are shown."""
    record, config = work.record, work.settings
    joints, size = skeleton(record.manifest.skeleton), record.manifest.source.size
    found = read_frames(record.run.detections, joints=len(joints))
    whole = (with_all_joints(poses, here) for poses, here in zip(linked, found, strict=True))
    with run_maps(work) as maps:
        for poses in refined_frames(whole, config=config.refine, skeleton=joints, maps=maps):
            yield presented(poses, config=config, skeleton=joints, size=size)


def with_all_joints(poses: FramePoses, found: DetectedFrame) -> FramePoses:
    """The people of a frame with all joints of the detections that they are.

    People without one (interpolated) stay as they are.
    """
    if not len(poses):
        return poses
    rows = detected_rows(poses, found)
    detected = rows >= 0
    joints = poses.people.keypoints.copy()
    joints[detected] = found.people.keypoints[rows[detected]]
    return replace(poses, people=replace(poses.people, keypoints=joints))
