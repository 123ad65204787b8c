"""Finds which frame of the predictions is which of the truth's; refuses what cannot be compared.

What cannot be compared is refused with one line that names file, frame and person; nothing is
skipped in silence.

Source: the failures of poseval, each of which has a message here.
"""

from pathlib import PurePosixPath

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FrameTable, IntArray, VideoTracks

from ...datasets.annotated_video import AnnotatedVideo
from ...datasets.formats.annotation_rows import MAX_PEOPLE
from ...datasets.formats.posetrack18_writer import SEQUENCE_NAME
from ...datasets.people import MEMORY
from ...tracker.metrics.eval_sequence import EvalSequence
from ...tracker.metrics.protocols import Protocol

MAX_FRAME_NUMBER = 9_999
"""The largest number in a PoseTrack18 frame's name that poseval accepts."""


def match_frames(found: AnnotatedVideo, truth: AnnotatedVideo, *, by_position: bool) -> IntArray:
    """The truth's frame of each predicted frame, -1 where the truth has none.

    By the last part of their names; where the two sides name them differently, by their ids; by
    position where a side has neither.

    Args:
        found: Predictions.
        truth: Annotations.
        by_position: Ask for as many frames on both sides and compare nothing else.

    Raises:
        FormatError: If a frame of the truth is not among the predictions; names both sides.
    """
    theirs, ours = found.tracks.frames, truth.tracks.frames
    if by_position or not theirs.names or not ours.names:
        if len(theirs) != len(ours):
            raise FormatError(
                f"{found.where}: {len(theirs)} frames, but the truth {truth.where} has {len(ours)}"
            )
        return np.arange(len(ours))
    keys = _common_keys(theirs, ours)
    if keys is None:
        raise FormatError(_difference(found, truth))
    places = {key: index for index, key in enumerate(keys[1])}
    return np.array([places.get(key, -1) for key in keys[0]], np.int64)


def _common_keys(theirs: FrameTable, ours: FrameTable) -> tuple[list[object], list[object]] | None:
    """Names, or else ids, under which every frame of the truth is among the predictions."""
    # Names first: ids are counters in some files, and agree by chance.
    pairs: list[tuple[list[object], list[object]]] = [(_names(theirs), _names(ours))]
    if theirs.ids is not None and ours.ids is not None:
        pairs.append((theirs.ids.tolist(), ours.ids.tolist()))
    for found, truth in pairs:
        unique = len(set(found)) == len(found) and len(set(truth)) == len(truth)
        if unique and set(truth) <= set(found):
            return found, truth
    return None


def _names(frames: FrameTable) -> list[object]:
    return [name.rpartition("/")[2] for name in frames.names]


def _difference(found: AnnotatedVideo, truth: AnnotatedVideo) -> str:
    theirs, ours = _names(found.tracks.frames), _names(truth.tracks.frames)
    missing = [name for name in ours if name not in set(theirs)]
    what = f"has no frame {missing[0]}" if missing else "has two frames of one name"
    return (
        f"{found.where} {what}: its {len(theirs)} frames go from {theirs[0] if theirs else '-'} to "
        f"{theirs[-1] if theirs else '-'}, those of the truth {truth.where}, {len(ours)}, from "
        f"{ours[0]} to {ours[-1]}"
    )


def check_people(side: AnnotatedVideo, protocol: Protocol) -> None:
    """Refuse people that cannot be tracked or told apart.

    Raises:
        InputError: If the side is a list of pictures of several videos.
        FormatError: If somebody has no identity, one that is too large, or one that is there twice
            in a frame; if a frame has more people than any picture; if a joint is not there that
            the protocol does not estimate; or, for poseval, if the sequence is called what it does
            not accept.
    """
    tracks, rules = side.tracks, protocol.rules
    side.refuse_mixed()
    _refuse_results(side)
    _refuse_crowds(side)
    if protocol.by_position and side.flat_regions:
        raise FormatError(
            f"{side.where}: frame {side.flat_regions}: ignore_regions: expected a list of "
            "polygons, got a list of numbers"
        )
    missing = [joint for joint in rules.joints.joints if joint not in tracks.skeleton.joints]
    if missing and not rules.estimate_joints:
        raise FormatError(
            f"{side.where}: no joint {missing[0]!r}; {protocol.name} needs all of "
            f"{', '.join(rules.joints.joints)}"
        )
    _refuse(side, tracks.track_ids < 0, "has no track id")
    if rules.max_track_id is not None:
        over = tracks.track_ids > rules.max_track_id
        _refuse(side, over, f"has a track id over {rules.max_track_id}, the largest accepted")
    if rules.unique_ids:
        _refuse(side, _repeated(tracks), "has a track id that another one in the frame has")
    if protocol.scores_needed and side.dataset != MEMORY:
        unscored = ~np.isnan(tracks.keypoints[..., 0]) & np.isnan(tracks.keypoint_scores)
        _refuse(side, np.asarray(unscored.any(axis=1)), "has a joint without a score")
    if protocol.by_position and side.posetrack == "posetrack18":
        _check_names(side)


def _refuse_results(side: AnnotatedVideo) -> None:
    """COCO's results have pictures for frames, and nobody is followed in them."""
    if side.dataset == "alphapose" and (side.tracks.track_ids < 0).all():
        raise FormatError(
            f"{side.where}: a list, as COCO's results are, not a sequence of PoseTrack; results "
            "are compared with COCO's own truth by the protocol coco"
        )


def _refuse_crowds(side: AnnotatedVideo) -> None:
    """Files are checked when they are read, tracks in memory here."""
    crowds = np.bincount(side.tracks.frame, minlength=1)
    if crowds.max() > MAX_PEOPLE:
        row = side.tracks.rows_of(int(crowds.argmax())).start
        frame = describe_row(side.tracks, row).partition(",")[0]
        raise FormatError(
            f"{side.where}: {frame}: {crowds.max()} people, no frame may have more than "
            f"{MAX_PEOPLE}"
        )


def _repeated(tracks: VideoTracks) -> np.ndarray:
    order = np.lexsort((tracks.track_ids, tracks.frame))
    frame, ids = tracks.frame[order], tracks.track_ids[order]
    same = (np.diff(frame, prepend=-1) == 0) & (np.diff(ids, prepend=-1) == 0)
    repeated = np.zeros(len(order), np.bool_)
    repeated[order] = same
    return repeated


def _refuse(side: AnnotatedVideo, rows: np.ndarray, what: str) -> None:
    if rows.any():
        row = int(np.flatnonzero(rows)[0])
        track_id = int(side.tracks.track_ids[row])
        named = f" (track id {track_id})" if track_id >= 0 else ""
        raise FormatError(f"{side.where}: {describe_row(side.tracks, row)}{named} {what}")


def describe_row(tracks: VideoTracks, row: int) -> str:
    """``frame NAME, person 3`` of a row, people counted from 1 in the file's order."""
    frame = int(tracks.frame[row])
    name = tracks.frames.names[frame] if tracks.frames.names else str(frame)
    return f"frame {name}, person {row - tracks.rows_of(frame).start + 1}"


def _check_names(side: AnnotatedVideo) -> None:
    for name in side.tracks.frames.names:
        path = PurePosixPath(name)
        if not SEQUENCE_NAME.match(path.parent.name):
            raise FormatError(
                f"{side.where}: frame {name}: poseval wants a folder like 000123_mpii_test, "
                f"with mpii, bonn or mpiinew, got {path.parent.name!r}"
            )
        if not path.stem.isdigit() or int(path.stem) > MAX_FRAME_NUMBER:
            raise FormatError(
                f"{side.where}: frame {name}: poseval wants a number up to {MAX_FRAME_NUMBER} as "
                f"its name, got {path.stem!r}"
            )


def check_heads(scene: EvalSequence, truth: AnnotatedVideo) -> None:
    """Refuse true people without a head box, which distances are measured by.

    Raises:
        FormatError: If there is one in a frame with predictions.
    """
    unknown = np.isnan(scene.truth.sizes)
    if not unknown.any():
        return
    populated = np.repeat(np.diff(scene.found.starts) > 0, np.diff(scene.truth.starts))
    rows = scene.truth.rows[unknown & populated]
    if len(rows):
        raise FormatError(
            f"{truth.where}: {describe_row(truth.tracks, int(rows[0]))} has no head box, "
            "by which distances are measured (bbox_head, or x1 y1 x2 y2); the protocols coco and "
            "pixels need none"
        )
