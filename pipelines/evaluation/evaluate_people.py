"""Measures how near the joints of people are: PCK, PCKh, PDJ, PCP and accuracy in pixels.

These data sets have one labelled person, and a tracker may find several: every true person is
compared with the prediction whose box fits best in that frame. Where nobody is found, all joints
are missed. Of a data set that tells training from test, the test part counts.

Source: the papers' own programs, see :mod:`posetube.tracker.metrics.pck`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from posetube import boxes, skeletons
from posetube.errors import FormatError, InputError
from posetube.records import join_records
from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, DoubleArray

from ...datasets.formats.joint_sets import losses
from ...datasets.people import PeopleSource
from ...tracker.metrics.eval_sequence import HEAD_SIZE
from ...tracker.metrics.joint_pairing import assign
from ...tracker.metrics.pck import (
    Accuracy,
    box_sizes,
    pck,
    pixel_curve,
    shares,
    torso_sizes,
)
from ...tracker.metrics.pcp import pcp
from ...tracker.metrics.report import EvalReport, Values, percent
from .evaluate_config import EvaluateConfig, Normalizer, PckConfig
from .evaluation_pairs import VideoPair, pair_videos, shown
from .frame_matching import describe_row, match_frames


@dataclass(frozen=True, kw_only=True)
class PeopleProtocol:
    """One way to measure the joints of known people."""

    name: str
    """What is printed with every number."""

    torso: tuple[str, str] = ("left_shoulder", "right_hip")
    """The joints whose distance is the torso's size."""

    normalizer: Normalizer = "box"
    """What errors are divided by where nobody says."""

    threshold: float = 0.2
    """Up to which share of that they are right where nobody says."""

    uncounted: tuple[str, ...] = ()
    """Joints that are left out."""

    counts: str
    """What counts, for the user."""


PCK = (
    "PCK with a named size (`--pck.normalizer box`, `torso`, `head`) and rule (`--pck.rule "
    "lstm-pm`, `mmpose`)"
)

PEOPLE_PROTOCOLS: tuple[PeopleProtocol, ...] = (
    PeopleProtocol(name="pck-penn", torso=("right_shoulder", "left_hip"), counts=PCK),
    PeopleProtocol(name="pck-jhmdb", counts=PCK),
    PeopleProtocol(
        name="pckh",
        normalizer="head",
        threshold=0.5,
        uncounted=("pelvis", "thorax"),
        counts="PCK at half of the head's size, 0.6 of the head box's diagonal, without pelvis and "
        "thorax, as MPII does",
    ),
    PeopleProtocol(
        name="pdj",
        normalizer="torso",
        counts="share of joints within a fifth of the torso, left shoulder to right hip, as FLIC "
        "and LSP do (PDJ)",
    ),
    PeopleProtocol(
        name="pcp",
        threshold=0.5,
        counts="share of limbs both of whose ends are within half of the limb's length (PCP, "
        "strict); `pcp_loose` by the mean of both",
    ),
    PeopleProtocol(
        name="pixels",
        counts="share of joints within 0 to 20 pixels; BBC Pose with `--pck.scale 0.5`, FLIC with "
        "`--pck.normalizer torso`",
    ),
)
"""Every protocol of this kind."""

THRESHOLDS = (0.05, 0.1, 0.2, 0.5)
PIXELS = tuple(range(21))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """N true people of a sequence and their predictions; K joints."""

    name: str
    frames: int
    skeleton: Skeleton
    truth: DoubleArray
    found: DoubleArray
    labeled: BoolArray
    boxes: DoubleArray
    heads: DoubleArray
    where: tuple[str, ...]
    notes: tuple[str, ...]


def evaluate_people(
    predictions: PeopleSource, truth: PeopleSource, config: EvaluateConfig
) -> EvalReport:
    """Compare people one by one.

    Raises:
        InputError: If an input is not there, or the protocol is none of :data:`PEOPLE_PROTOCOLS`.
        FormatError: If a file is broken, or a size that errors are divided by is not known.
    """
    rules = next((rules for rules in PEOPLE_PROTOCOLS if rules.name == config.protocol), None)
    if rules is None:
        names = ", ".join(rules.name for rules in PEOPLE_PROTOCOLS)
        raise InputError(f"no protocol {config.protocol!r} for people; there are {names}")
    pairs = pair_videos(
        predictions,
        truth,
        dataset=config.dataset,
        split=config.split,
        skip_missing=config.skip_missing,
    )
    parts = [_counted(part, rules) for part in _compare(pairs)]
    skeletons_seen = {part.skeleton.name for part in parts}
    if len(skeletons_seen) > 1:
        raise FormatError(f"{shown(truth)}: its sequences have different joints: {skeletons_seen}")
    return _report(parts, rules, config.pck or PckConfig(), per_sequence=True)


def _counted(part: _Compared, rules: PeopleProtocol) -> _Compared:
    left_out = [joint in rules.uncounted for joint in part.skeleton.joints]
    return replace(part, labeled=part.labeled & ~np.array(left_out))


def _report(
    parts: list[_Compared], rules: PeopleProtocol, config: PckConfig, *, per_sequence: bool
) -> EvalReport:
    measure = {"pixels": _pixels, "pcp": _pcp}.get(rules.name, _pck)
    metrics, note = measure(parts, rules, config)
    return EvalReport(
        protocol=rules.name,
        frames=sum(part.frames for part in parts),
        sequences=len(parts),
        metrics=metrics,
        per_sequence={
            part.name: _report([part], rules, config, per_sequence=False) for part in parts
        }
        if per_sequence
        else {},
        notes=(note, *dict.fromkeys(line for part in parts for line in part.notes)),
    )


def _pck(
    parts: list[_Compared], rules: PeopleProtocol, config: PckConfig
) -> tuple[dict[str, Values], str]:
    people = join_records(parts, columns=("truth", "found", "labeled"))
    normalizer, threshold = config.normalizer or rules.normalizer, _threshold(rules, config)
    sizes = np.concatenate([_sizes(part, rules, normalizer) for part in parts])
    metrics: dict[str, Values] = {}
    for limit in (threshold, *(t for t in THRESHOLDS if t != threshold)):
        accuracy = pck(
            people.truth,
            people.found,
            sizes=sizes,
            labeled=people.labeled,
            threshold=limit,
            rule=config.rule,
        )
        name = "pck" if limit == threshold else f"pck@{limit:g}"
        metrics[name] = _values(accuracy, people.labeled, people.skeleton)
    note = f"pck is PCK@{threshold:g} of the {normalizer}, rule {config.rule}"
    return metrics, note


def _threshold(rules: PeopleProtocol, config: PckConfig) -> float:
    return rules.threshold if config.threshold is None else config.threshold


def _pcp(
    parts: list[_Compared], rules: PeopleProtocol, config: PckConfig
) -> tuple[dict[str, Values], str]:
    people = join_records(parts, columns=("truth", "found", "labeled"))
    threshold, joints = _threshold(rules, config), people.skeleton.joints
    limbs = pcp(
        people.truth, people.found, joints=joints, labeled=people.labeled, threshold=threshold
    )
    if not limbs:
        raise FormatError(f"the joints {', '.join(joints)} are the ends of no limb")
    labeled = np.stack([limb.labeled for limb in limbs.values()], axis=1)
    metrics = {}
    for name, rule in (("pcp", "strict"), ("pcp_loose", "loose")):
        right = np.stack([getattr(limb, rule) for limb in limbs.values()], axis=1)
        accuracy = shares(right & labeled, labeled, micro=True)
        metrics[name] = percent(np.append(accuracy.joints, accuracy.total), [*limbs])
    return metrics, f"pcp is PCP@{threshold:g} of each limb, both of whose ends count"


def _pixels(
    parts: list[_Compared], rules: PeopleProtocol, config: PckConfig
) -> tuple[dict[str, Values], str]:
    people = join_records(parts, columns=("truth", "found", "labeled"))
    scale = np.full(len(people.truth), config.scale)
    note = f"lengths times {config.scale:g}"
    if config.normalizer is not None:
        sizes = np.concatenate([_sizes(part, rules, config.normalizer) for part in parts])
        # of whoever has no size no joint is right, as by PCK
        scale *= np.divide(100, sizes, out=np.full_like(sizes, np.nan), where=sizes > 0)
        note += f", as if the {config.normalizer} were 100 pixels long"
    curve = pixel_curve(
        people.truth, people.found, labeled=people.labeled, thresholds=PIXELS, scale=scale
    )
    metrics = {
        f"within_{limit}px": _values(accuracy, people.labeled, people.skeleton)
        for limit, accuracy in zip(PIXELS, curve, strict=True)
    }
    return metrics, note


def _values(accuracy: Accuracy, labeled: BoolArray, skeleton: Skeleton) -> Values:
    """As percent; a joint that is never labelled is undefined by every rule."""
    joints = np.where(labeled.any(axis=0), accuracy.joints, np.nan)
    return percent(np.append(joints, accuracy.total), skeleton.joints)


def _sizes(part: _Compared, rules: PeopleProtocol, normalizer: Normalizer) -> DoubleArray:
    if normalizer == "torso":
        first, second = (part.skeleton.index(joint) for joint in rules.torso)
        sizes = torso_sizes(part.truth, part.found, (first, second))
    elif normalizer == "box":
        sizes = box_sizes(part.boxes)
    else:
        sizes = HEAD_SIZE * np.linalg.norm(part.heads[:, 2:] - part.heads[:, :2], axis=1)
    unknown = np.isnan(sizes) & part.labeled.any(axis=1)
    if unknown.any():
        raise FormatError(
            f"{part.where[int(np.flatnonzero(unknown)[0])]} has no {normalizer}, which errors are "
            "divided by; choose another PckConfig.normalizer"
        )
    return sizes


def _compare(pairs: Iterable[VideoPair]) -> Iterator[_Compared]:
    for theirs, ours in pairs:
        true, predicted = ours.read(), theirs.read()
        frame_of = match_frames(predicted, true, by_position=False)
        tracks, found = true.tracks, predicted.tracks
        plan = skeletons.convert(found.skeleton, tracks.skeleton)
        points, _ = skeletons.apply(
            plan, found.keypoints.astype(np.float64), found.keypoint_scores.astype(np.float64)
        )
        own = tracks.keypoints.astype(np.float64)
        # Whom nobody found has no joint right, rather than no say.
        chosen = np.full_like(own, np.nan)
        own_boxes = np.nan_to_num(boxes.or_around(tracks.boxes.astype(np.float64), own))
        their_boxes = np.nan_to_num(boxes.or_around(found.boxes.astype(np.float64), points))
        for index in np.flatnonzero(frame_of >= 0):
            here, there = tracks.rows_of(int(frame_of[index])), found.rows_of(int(index))
            fit = boxes.iou(own_boxes[here], their_boxes[there])
            rows, columns = assign(fit, maximize=True)
            chosen[here.start + rows] = points[there.start + columns]
        heads = tracks.head_boxes
        yield _Compared(
            name=ours.name,
            frames=len(np.unique(tracks.frame)),
            skeleton=tracks.skeleton,
            truth=own,
            found=chosen,
            labeled=np.asarray(~np.isnan(own).any(axis=-1)),
            boxes=tracks.boxes.astype(np.float64),
            heads=np.full((len(own), 4), np.nan) if heads is None else heads,
            where=tuple(f"{true.where}: {describe_row(tracks, row)}" for row in range(len(own))),
            notes=tuple(f"predictions: {line}" for line in losses(replace(plan, dropped=()))),
        )
