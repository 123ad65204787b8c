"""Measures videos by the pose tracking protocols, in several processes when asked.

Reads, measures and forgets one video at a time; memory holds what
:class:`~posetube.tracker.metrics.protocols.SequenceResult` keeps of it. Not here: boxes
(:mod:`.evaluate_boxes`), single people (:mod:`.evaluate_people`), pictures
(:mod:`.evaluate_pictures`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from posetube.skeletons import POSETRACK17SLOTS, convert
from posetube.structures import IntArray, VideoTracks

from ...datasets.annotated_video import AnnotatedVideo
from ...datasets.formats.joint_sets import losses, with_joints
from ...datasets.people import PeopleSource, holds_boxes_only
from ...tracker.metrics.eval_sequence import EvalSequence, pose_sequence
from ...tracker.metrics.mota import FrameJoints
from ...tracker.metrics.protocols import Protocol, SequenceResult, measure, protocol, summarize
from ...tracker.metrics.report import EvalReport
from ...tracker.metrics.upper_bounds import perfect_keypoints, perfect_tracking
from ..opened_people import open_people_or_run
from .evaluate_boxes import evaluate_boxes
from .evaluate_config import EvaluateConfig
from .evaluation_pairs import VideoPair, in_processes, pair_videos
from .frame_matching import check_heads, check_people, match_frames


def evaluate_tracks(
    predictions: PeopleSource, truth: PeopleSource, config: EvaluateConfig
) -> EvalReport:
    """Compare tracks with their truth, sequence by sequence; boxes, where the truth has no joints.

    Raises:
        InputError: If an input is not there, a sequence has no prediction, or there are boxes and
            the protocol knows none.
        FormatError: If a file is broken, or its people cannot be compared.
    """
    rules = protocol(config.protocol, strict=config.strict)
    # Opened once for both: a single file is read to see whether anybody in it has joints.
    truth = open_people_or_run(truth, form=config.dataset)
    if holds_boxes_only(truth):
        return evaluate_boxes(predictions, truth, config)
    pairs = pair_videos(predictions, truth, split=config.split, skip_missing=config.skip_missing)
    if rules.empty == "repeat":  # a sequence needs the one before
        return summarize(_chained(pairs, config), rules)
    return summarize(in_processes(partial(_measure, config=config), pairs, config.workers), rules)


def _chained(pairs: Sequence[VideoPair], config: EvaluateConfig) -> Iterator[SequenceResult]:
    carried = None
    for one in pairs:
        result = _measure(one, config=config, carried=carried)
        carried = result.carried
        yield result


def _measure(
    pair: VideoPair, *, config: EvaluateConfig, carried: FrameJoints | None = None
) -> SequenceResult:
    rules = protocol(config.protocol, strict=config.strict)
    sides = read_pair(pair, rules)
    identified = _identified(sides) if rules.reid else None
    if config.upper_bound in ("keypoints", "both"):
        found, truth = sides.found, sides.truth
        tracks = perfect_keypoints(found.tracks, truth.tracks, frame_of=sides.frame_of)
        sides = replace(sides, found=_with_tracks(found, tracks))
    scene = sides.scene()
    check_heads(scene, sides.truth)
    # After the joints: with both bounds, the perfect joints are tracked perfectly.
    perfect = perfect_tracking(scene) if config.upper_bound in ("tracking", "both") else None
    result = measure(
        scene,
        rules,
        tracked=perfect,
        identified=identified,
        carried=carried,
        events=config.events,
    )
    return replace(result, notes=sides.notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadPair:
    """Both sides of a video, checked, and which frame is which."""

    name: str
    """By which the report calls the video."""

    found: AnnotatedVideo
    """The predictions, with the joints that the protocol compares."""

    truth: AnnotatedVideo
    """What is there."""

    frame_of: IntArray
    """(F found,) the truth's frame of each predicted frame, -1 for none."""

    rules: Protocol
    """What counts."""

    notes: tuple[str, ...]
    """Which joints a side lacks."""

    def scene(self) -> EvalSequence:
        """What is measured."""
        return pose_sequence(
            self.truth.tracks,
            self.found.tracks,
            name=self.name,
            rules=self.rules.rules,
            frame_of=self.frame_of,
            without_pointless=(
                self._drops_pointless(self.truth),
                self._drops_pointless(self.found),
            ),
        )

    def _drops_pointless(self, side: AnnotatedVideo) -> bool:
        return self.rules.format_matters and side.posetrack == "posetrack17"


def read_pair(pair: VideoPair, rules: Protocol) -> ReadPair:
    """Read and check both sides of a video.

    Raises:
        FormatError: If a file is broken, or its people cannot be compared.
    """
    found, truth = (side.read() for side in pair)
    if rules.by_position:  # the tool knows no other order than that of the files
        found, truth = found.in_file_order(), truth.in_file_order()
    notes = _conversions(rules, predictions=found, truth=truth)
    found = _as_submitted(found, rules)
    for side in (found, truth):
        check_people(side, rules)
    frame_of = match_frames(found, truth, by_position=rules.by_position)
    return ReadPair(
        name=pair[1].name, found=found, truth=truth, frame_of=frame_of, rules=rules, notes=notes
    )


def _conversions(rules: Protocol, **sides: AnnotatedVideo) -> tuple[str, ...]:
    """Which joints a side lacks by name, so that they are estimated or unknown."""
    plans = {name: convert(s.tracks.skeleton, rules.rules.joints) for name, s in sides.items()}
    return tuple(
        f"{name}: {line}" for name, p in plans.items() for line in losses(replace(p, dropped=()))
    )


def _as_submitted(found: AnnotatedVideo, rules: Protocol) -> AnnotatedVideo:
    """Tracks that are in no file of PoseTrack's yet, with the joints that they would have there.

    They get those of a run's ``tracks.json``; PoseTrack's files stay as they are.
    """
    known = found.tracks.skeleton.joints
    if found.posetrack or set(known) >= set(rules.rules.joints.joints):
        return found
    return _with_tracks(found, with_joints(found.tracks, POSETRACK17SLOTS)[0])


def _with_tracks(video: AnnotatedVideo, tracks: VideoTracks) -> AnnotatedVideo:
    """The video with other people, of whom no more is known than that."""
    return AnnotatedVideo(
        name=video.name,
        dataset=video.dataset,
        tracks=tracks,
        where=video.where,
        mixed=video.mixed,
    )


def _identified(sides: ReadPair) -> EvalSequence | None:
    """The sequence with the ids of people; None where somebody has none."""
    named = []
    for side in (sides.found, sides.truth):
        if side.person_ids is None or (side.person_ids < 0).any():
            return None
        named.append(replace(side, tracks=replace(side.tracks, track_ids=side.person_ids)))
    return replace(sides, found=named[0], truth=named[1]).scene()
