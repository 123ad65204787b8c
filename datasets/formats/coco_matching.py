"""Results that are a whole file in COCO's form, told in the terms of the truth: everything by name.

A list of results has numbers alone: its images, categories and joints are the truth's. A whole file
names them, and may number images and categories otherwise and have the joints in another order.

Not here: reading and checking (:mod:`posetube.datasets.formats.coco_results`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from posetube import skeletons
from posetube.skeletons import Conversion, Skeleton

from .joint_sets import losses

Entry = dict[str, Any]


def in_terms_of(
    truth: Entry, file: Entry, results: Sequence[Entry]
) -> tuple[list[Entry], list[str]]:
    """The results with the truth's ids of images and categories, and its joints.

    Args:
        truth: ``images``, ``annotations`` and ``categories``.
        file: What the results were in; ``images`` and ``categories`` where they are there.
        results: Its annotations.

    Returns:
        The results, and a line for each thing that the user should know.
    """
    images = _numbers(file, truth, "images", _picture)
    categories = _numbers(file, truth, "categories", _label)
    joints = {c["id"]: tuple(c.get("keypoints", ())) for c in file.get("categories", ())}
    wanted = {c["id"]: tuple(c.get("keypoints", ())) for c in truth["categories"]}
    plans: dict[Any, Conversion | None] = {}
    found = []
    for result in results:
        image, category = result.get("image_id"), result.get("category_id")
        number = categories.get(category, category)
        if category not in plans:
            plans[category] = _plan(joints.get(category, ()), wanted.get(number, ()))
        plan = plans[category]
        own = {"image_id": images.get(image, image), "category_id": number}
        if plan is not None and len(result.get("keypoints") or ()) == 3 * plan.weights.shape[1]:
            own["keypoints"] = _converted(plan, result["keypoints"])
        found.append({**result, **own})
    known = [replace(plan, dropped=()) for plan in plans.values() if plan is not None]
    return found, list(dict.fromkeys(line for plan in known for line in losses(plan)))


def _numbers(file: Entry, truth: Entry, name: str, key: Callable[[Entry], str]) -> dict[Any, Any]:
    """The truth's id of each id; empty unless each name stands for one part on either side."""
    parts, truths = file.get(name, []), truth[name]
    theirs = {key(part): part["id"] for part in parts}
    ours = {key(part): part["id"] for part in truths}
    clear = len(theirs) == len(parts) and len(ours) == len(truths)
    if not clear or "" in theirs or not theirs.keys() <= ours.keys():
        return {}
    return {number: ours[text] for text, number in theirs.items()}


def _picture(image: Entry) -> str:
    return PurePosixPath(str(image.get("file_name") or "")).name


def _label(category: Entry) -> str:
    return str(category.get("name") or "").lower()


def _plan(source: tuple[str, ...], target: tuple[str, ...]) -> Conversion | None:
    """How joints become the truth's; None where they are so already, or no name is the same."""
    if source == target or not set(source) & set(target) or len(set(source)) < len(source):
        return None
    return skeletons.convert(
        Skeleton(name="results", joints=source), Skeleton(name="truth", joints=target)
    )


def _converted(plan: Conversion, numbers: list[float]) -> list[float]:
    triples = np.array(numbers, np.float64).reshape(-1, 3)
    absent = (triples == 0).all(axis=1)
    points = np.where(absent[:, None], np.nan, triples[:, :2])
    points, scores = skeletons.apply(plan, points, triples[:, 2])
    unknown = np.isnan(points).any(axis=1, keepdims=True)
    found = np.where(unknown, 0.0, np.column_stack([points, scores]))
    return [float(number) for number in found.ravel()]
