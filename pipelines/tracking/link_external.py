"""Links somebody else's detections: a file of them becomes a run, without video or network.

Any file that ``posetube data convert`` reads will do: results of COCO, PoseTrack 2017 and 2018 with
or without track ids, MOTChallenge, mmpose, AlphaPose, CSV, Parquet and more. What comes out is a
run like any other, so that ``posetube link`` can link it again with other settings.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posetube import skeletons
from posetube.boxes import or_around, with_area
from posetube.errors import FormatError, InputError
from posetube.file_names import readable
from posetube.skeletons import COCO17, SKELETONS, Skeleton
from posetube.structures import DetectedFrame, FloatArray, VideoTracks

from ...datasets.annotated_video import Dataset
from ...datasets.formats.file_format import FileFormat
from ...datasets.people import one_video
from ...datasets.picture_names import numbered_names, one_series
from ...tracker.config import LinkConfig
from ...tracker.detection_filter import JOINTS_TO_BOX
from ...tracker.refiners.refine_config import RefineConfig
from ..assumed_times import needs_frame_rate, with_times
from ..opened_people import RUN, open_people_or_run
from ..settings import DetectConfig, TrackConfig
from ..storage.detections_store import write_part
from ..storage.existing_run import OnExisting, check_usable
from ..storage.fingerprint import fingerprint
from ..storage.manifest import (
    FrameCounts,
    Manifest,
    ModelRecord,
    SourceRecord,
    library_versions,
)
from ..storage.recorder import Recorder
from ..storage.run_directory import RunDirectory
from ..watch import Watch
from .run_session import open_session, summary
from .stage_work import ComingFrames
from .stored_frames import stored_frames

PART = 4096
"""Frames per part of the detections."""


def link_file(
    path: Path,
    run: RunDirectory,
    *,
    config: LinkConfig,
    min_joint: float | None = None,
    frame_rate: float = 25.0,
    form: str | FileFormat | None = None,
    video: str | None = None,
    on_existing: OnExisting = "resume",
    watch: Watch | None = None,
) -> str:
    """Link the detections in a file.

    Args:
        path: The file; OpenPose's folder; a folder of files, where ``video`` names one.
        run: Where the result goes.
        config: How detections become tracks.
        min_joint: How sure a joint must be, in [0, 1]; None: all joints stay.
        frame_rate: Frames per second, for files that give no times.
        form: Name of the format, or one of the caller's own; None: recognised by name and
            content.
        video: Which of its videos; None: the only one.
        on_existing: What to do where the run is there already.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Returns:
        A line that says what came out.

    Raises:
        PoseTubeError: If the file cannot be read, or the run's directory cannot be used.
        Interrupted: If somebody asked to stop.
    """
    # Before the file is read, which may take minutes.
    if on_existing == "skip" and run.manifest.exists():
        return f"{path.name}: skipped, {run.path} is there"
    check_usable(run, on_existing)
    people = open_people_or_run(path, form=form)
    refuse_runs(people, where=path)
    name, read = people.name, one_video(people, where=path, video=video).tracks
    tracks, notes = detections_of(read, frame_rate=frame_rate)
    if not len(tracks.frames):
        raise FormatError(
            f"{path}: nothing in it, read as {name}; if it is of another format, say of which"
        )
    assumed = frame_rate if needs_frame_rate(read) else None
    settings = TrackConfig(
        detect=DetectConfig(masks=tracks.masks is not None),
        link=config,
        refine=RefineConfig(refiners=()),
        min_joint=min_joint,
        overlay=None,
    )
    fresh = _new_manifest(path, name, tracks, settings=settings, frame_rate=assumed)
    with open_session(run, fresh=fresh, on_existing=on_existing, watch=watch) as session:
        found = FileDetections(tracks)
        wanted = ["detect", "link", *session.after_linking()]
        return summary(run, session.run_stages(*wanted, detections=found, notes=notes))


@dataclass(frozen=True, slots=True)
class FileDetections:
    """The detections of somebody's file, already read."""

    tracks: VideoTracks

    def frames(self, record: Recorder) -> ComingFrames:
        """Write all parts; an earlier attempt's are the same, and are replaced."""
        frames, run = list(as_detected(self.tracks)), record.run
        record.begin(total=len(frames))
        starts = range(0, len(frames), PART)
        for number, start in enumerate(starts):
            write_part(
                run.detections,
                number,
                frames[start : start + PART],
                skeleton=self.tracks.skeleton,
                key=record.manifest.detections_key,
            )
        numbers, joints = range(len(starts)), len(self.tracks.skeleton)
        yield from stored_frames(record, numbers, joints=joints, total=len(frames))
        rows = len(self.tracks.frame)
        counts = FrameCounts(expected=len(frames), done=len(frames), detections=rows)
        return {"frames": counts}


def refuse_runs(people: Dataset, *, where: object) -> None:
    """Refuse a folder of runs: their tracks are no detections, and each is linked where it is.

    Raises:
        InputError: If it is one.
    """
    if people.name == RUN.name:
        name = people.videos()[0]
        raise InputError(f"{where}: a folder of runs; name one of them, such as {where}/{name}")


def detections_of(tracks: VideoTracks, *, frame_rate: float) -> tuple[VideoTracks, list[str]]:
    """Make somebody's table usable: times, boxes and scores for all, joints that we know.

    Args:
        tracks: As read.
        frame_rate: For frames that have no time.

    Returns:
        The table, and what was assumed, a line each.
    """
    notes = [] if len(tracks.frame) else ["there is nobody in the file"]
    pictures = [name for name in tracks.frames.names if name]
    if pictures and not one_series(numbered_names(pictures)):
        notes.append(
            "pictures whose names differ in more than a number are taken as frames of one video"
        )
    tracks, of_times = with_times(tracks, frame_rate=frame_rate)
    # Linking goes by boxes first; a person without one gets the extent of the joints.
    known = with_area(tracks.boxes)
    boxes = or_around(known, tracks.keypoints, scale=JOINTS_TO_BOX).astype(np.float32)
    scores, of_scores = scores_in_range(tracks.scores)
    tracks, of_joints = _known_joints(tracks)
    return (
        replace(
            tracks,
            scores=scores.astype(np.float32),
            boxes=boxes,
            size=tracks.size or _extent(boxes),
        ),
        notes + of_times + of_scores + of_joints,
    )


def scores_in_range(scores: FloatArray) -> tuple[FloatArray, list[str]]:
    """Scores up to 1 for everybody; a file whose scores are all 0 or -1 means that it has none."""
    # MOTChallenge writes -1, others 0, where a tracker gives no scores.
    unknown = np.isnan(scores) | (not (scores > 0).any())
    notes = ["people without a score are taken to be sure"] if unknown.any() else []
    scores = np.where(unknown, np.float32(1), scores)
    if scores.max(initial=0) > 1:
        notes.append(f"scores up to {scores.max():g} are divided by that")
        scores = scores / scores.max()
    return scores, notes


def _known_joints(tracks: VideoTracks) -> tuple[VideoTracks, list[str]]:
    """The table with a joint set that runs can name: its own, or COCO's, joint by joint."""
    own = tracks.skeleton
    # run.json names its joints by a known set, so that every later stage finds them.
    if SKELETONS.get(own.name) == own:
        return tracks, []
    points, scores = _as_coco(own, tracks.keypoints, tracks.keypoint_scores)
    kept = replace(
        tracks,
        skeleton=COCO17,
        keypoints=points,
        keypoint_scores=scores,
        keypoints_raw=None,
        joint_states=None,
    )
    if not len(own) or not np.isnan(points).all():
        return kept, []
    named = ", ".join(own.joints[:3]) + (" ..." if len(own) > 3 else "")
    return kept, [f"COCO has none of the joints {named}; people are linked by their boxes"]


def _as_coco(own: Skeleton, points: Any, scores: Any) -> tuple[Any, Any]:
    if not len(own):
        unknown = np.full((len(points), len(COCO17)), np.nan, np.float32)
        return np.stack([unknown, unknown], axis=-1), unknown
    return skeletons.apply(skeletons.convert(own, COCO17), points, scores)


def _extent(boxes: FloatArray) -> tuple[int, int]:
    """(H, W) that holds every box, for files that do not say how large the picture was."""
    if not len(boxes) or np.isnan(boxes).all():
        return 1, 1
    right, bottom = np.ceil(np.nanmax(boxes[:, 2:], axis=0)).astype(int)
    return max(int(bottom), 1), max(int(right), 1)


def as_detected(tracks: VideoTracks) -> Iterator[DetectedFrame]:
    """The people of each frame as a detector gives them; joints without a score are sure."""
    for poses in tracks.poses():
        scores = np.nan_to_num(poses.people.keypoint_scores, nan=1.0)
        people = replace(poses.people, keypoint_scores=scores)
        yield DetectedFrame(frame=poses.frame, time=poses.time, state="ok", people=people)


def _new_manifest(
    path: Path, form: str, tracks: VideoTracks, *, settings: TrackConfig, frame_rate: float | None
) -> Manifest:
    assert tracks.size is not None
    return Manifest(
        state="running",
        source=SourceRecord(
            name=readable(path.stem),
            path=readable(path.absolute()),
            kind="detections",
            fingerprint=fingerprint(str(path)),
            size=tracks.size,
            frame_rate=frame_rate,
        ),
        model=ModelRecord(name=f"external ({form})", sha256="", licence="unknown"),
        settings=settings,
        frames=FrameCounts(expected=len(tracks.frames)),
        device="none",
        versions=library_versions(),
        skeleton=tracks.skeleton.name,
    )
