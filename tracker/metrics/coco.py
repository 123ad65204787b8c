"""Computes COCO's average precision and recall for joints, boxes and masks, with pycocotools.

Pose similarity (OKS) takes the sigmas of any joint set of :mod:`posetube.skeletons`. Input that
pycocotools fails on or reads wrongly is repaired or refused first: no results at all, truth without
areas, sigmas that do not fit, ids of annotations. The areas of results are pycocotools' own: from
``bbox`` if the first result has one, otherwise from the extent of all joints.

Source: pycocotools 2.0.11 (``cocoeval.py``).
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.skeletons import (
    COCO17,
    CROWDPOSE14,
    POSETRACK21,
    SIGMAS,
    SKELETONS,
    Skeleton,
    side_of,
)
from posetube.structures import DoubleArray

Kind = Literal["keypoints", "bbox", "segm"]
"""The shapes that are compared."""

STATS: Mapping[Kind, tuple[str, ...]] = {
    "keypoints": (
        "ap", "ap50", "ap75", "ap_medium", "ap_large",
        "ar", "ar50", "ar75", "ar_medium", "ar_large",
    ),
    "bbox": (
        "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large",
        "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large",
    ),
    "segm": (
        "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large",
        "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large",
    ),
}  # fmt: skip
"""Names of pycocotools' numbers, in its order."""

HINTS = {
    "area": "; add that of the person's mask, or the width times the height of its bbox",
    "iscrowd": "; add 0, or 1 for a crowd",
    "num_keypoints": "; add the number of joints whose v is over 0",
}
"""Advice for fields that other programs often leave out."""

UNNAMED = {17: COCO17, 15: POSETRACK21, 14: CROWDPOSE14}
"""Joint sets by number of joints, for categories whose joints have unknown names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CocoResult:
    """COCO's numbers, as fractions; NaN where there is no truth of the size."""

    stats: Mapping[str, float]
    """By the names of :data:`STATS`."""

    categories: Mapping[str, float]
    """AP of each category."""

    precision: DoubleArray
    """(10, 101, categories) at each threshold and recall, all sizes; NaN without truth."""


def sigmas_of(joints: Sequence[str]) -> DoubleArray:
    """(K,) sigmas of joints, by their names or else by their number.

    Raises:
        InputError: If neither is known.
    """
    for known in SKELETONS.values():
        if known.joints == tuple(joints):
            return known.sigmas
    # A left knee is as hard to place as a right one: spreads are known without the side.
    bare = [joint if side_of(joint) == "middle" else joint.partition("_")[2] for joint in joints]
    if bare and set(bare) <= set(SIGMAS):
        return Skeleton(name="results", joints=tuple(joints)).sigmas
    if len(joints) in UNNAMED:
        return UNNAMED[len(joints)].sigmas
    raise InputError(f"no sigmas are known for the {len(joints)} joints {', '.join(joints)}")


def kind_of(results: Sequence[Mapping[str, Any]]) -> Kind:
    """Which shapes the results have: joints, or else masks, or else boxes."""
    # pycocotools, too, goes by the first result when it fills in areas.
    first = results[0] if results else {"keypoints": ()}
    if "keypoints" in first:
        return "keypoints"
    return "segm" if "segmentation" in first else "bbox"


def coco_metrics(
    truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    *,
    kind: Kind,
) -> CocoResult:
    """Compute average precision and recall.

    Args:
        truth: ``images``, ``annotations`` and ``categories`` as in COCO's files.
        results: ``image_id``, ``category_id``, ``score`` and the shape, as in COCO's result lists.
        kind: The shapes to compare.

    Raises:
        FormatError: If a field is missing or wrong in truth or results.
        InputError: If no sigmas are known for the joints.
    """
    _check(truth, results, kind)
    spread = _sigmas(truth) if kind == "keypoints" else None
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            evaluation = _evaluated(truth, results, kind, spread)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise FormatError(f"pycocotools cannot read an entry: {error!r}") from None
    return _result(evaluation, truth, kind)


def _evaluated(
    truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    kind: Kind,
    sigmas: DoubleArray | None,
) -> Any:
    """Pycocotools' evaluation, finished."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    own = COCO()
    own.dataset = {**truth, "annotations": _numbered(truth["annotations"])}
    own.createIndex()
    if results:
        theirs = own.loadRes([dict(result) for result in results])
    else:  # loadRes fails on an empty list
        theirs = COCO()
        theirs.dataset = {**truth, "annotations": []}
        theirs.createIndex()
    evaluation = COCOeval(own, theirs, kind)
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def _numbered(annotations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The annotations with ids from 1.

    A file's ids say nothing about a person. But pycocotools reads id 0 as "no match", and keeps
    only one of the annotations that share an id.
    """
    return [{**annotation, "id": number} for number, annotation in enumerate(annotations, start=1)]


def _sigmas(truth: Mapping[str, Any]) -> DoubleArray:
    named = (category.get("keypoints", ()) for category in truth["categories"])
    return sigmas_of(next((joints for joints in named if joints), ()))


def _result(evaluation: Any, truth: Mapping[str, Any], kind: Kind) -> CocoResult:
    # pycocotools writes -1 where there is nothing to measure.
    stats = np.where(evaluation.stats < 0, np.nan, evaluation.stats)
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    precision = np.where(precision < 0, np.nan, precision)
    names = {category["id"]: category.get("name", "") for category in truth["categories"]}
    by_category = {
        names[category]: float(np.nan if np.isnan(part).all() else np.nanmean(part))
        for category, part in zip(
            evaluation.params.catIds, np.moveaxis(precision, 2, 0), strict=True
        )
    }
    return CocoResult(
        stats=dict(zip(STATS[kind], stats.tolist(), strict=True)),
        categories=by_category,
        precision=precision,
    )


def _check(truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], kind: Kind) -> None:
    joints = {c["id"]: len(c.get("keypoints", ())) for c in truth["categories"]}
    if not joints:
        raise FormatError("truth: no categories")
    images = {image["id"] for image in truth["images"]}
    if len(images) < len(truth["images"]):
        raise FormatError("truth: two images have the same id")
    for number, annotation in enumerate(truth["annotations"]):
        _check_one(annotation, f"truth: annotations[{number}]", kind, joints, images, truth=True)
    for number, result in enumerate(results):
        _check_one(result, f"results[{number}]", kind, joints, images, truth=False)


def _check_one(
    entry: Mapping[str, Any],
    where: str,
    kind: Kind,
    joints: Mapping[int, int],
    images: set[int],
    *,
    truth: bool,
) -> None:
    shape = {"keypoints": "keypoints", "bbox": "bbox", "segm": "segmentation"}[kind]
    needed = ["image_id", "category_id", shape]
    needed += ["area", "iscrowd"] if truth else ["score"]
    # Without them pycocotools ends in a KeyError. It measures to the box where a true person's
    # joints are all unlabelled.
    needed += ["num_keypoints", "bbox"] if truth and kind == "keypoints" else []
    for name in needed:
        if entry.get(name) is None:
            raise FormatError(f"{where}: no {name}{HINTS.get(name, '')}")
    if entry["image_id"] not in images:
        raise FormatError(f"{where}: image {entry['image_id']!r} is not among the truth's images")
    if entry["category_id"] not in joints:
        raise FormatError(f"{where}: category {entry['category_id']} is not among the truth's")
    expected = 3 * joints[entry["category_id"]]
    if kind == "keypoints" and len(entry["keypoints"]) != expected:
        raise FormatError(
            f"{where}: expected {expected} numbers in keypoints, got {len(entry['keypoints'])}"
        )
