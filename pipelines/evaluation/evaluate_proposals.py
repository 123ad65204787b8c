"""Measures how many of a data set's people a network's proposals cover."""

from pathlib import Path

import numpy as np

from posetube.boxes import from_xywh
from posetube.errors import InputError

from ...datasets.formats.coco_results import read_truth
from ...tracker.metrics.proposal_recall import COUNTS, covered, recalls
from ..training.picture_scores import read_labelled

Recalls = dict[str, dict[int, float | None]]


def evaluate_proposals(model: str, *, pictures: Path, truth: Path) -> Recalls:
    """Look at pictures and compare what is proposed with the people labelled there.

    Args:
        model: Name of a network, or a file of its weights.
        pictures: Folder with the pictures.
        truth: COCO's annotations of them; crowds do not count.

    Returns:
        See :func:`posetube.tracker.metrics.proposal_recall.recalls`.

    Raises:
        InputError: If there is no such folder.
        FormatError: If the truth is no file of COCO's.
        MediaError: If a picture is missing or cannot be read.
        WeightsError: If the network is missing or refused.
    """
    from ...models3d.checkpoints.model_files import weights_file
    from ...models3d.proposed_boxes import load_proposer, proposed_boxes

    if not pictures.is_dir():
        raise InputError(f"{pictures}: is no folder of pictures, which --proposals looks at")
    content = read_truth(truth)
    network = load_proposer(weights_file(model))
    people = {c["id"] for c in content["categories"] if c["name"] == "person"}
    best = []
    for image in content["images"]:
        boxes = [
            thing["bbox"]
            for thing in content["annotations"]
            if thing["image_id"] == image["id"]
            and thing["category_id"] in people
            and not thing.get("iscrowd")
        ]
        found = proposed_boxes(network, read_labelled(pictures / image["file_name"]))
        true = from_xywh(np.array(boxes, np.float32).reshape(-1, 4))
        best.append(covered(found, true))
    return recalls(best)


def recall_table(found: Recalls) -> str:
    """Lines for people: a row per number of proposals."""
    lines = ["proposals" + "".join(f"{name.replace('_', ' '):>16}" for name in found)]
    for count in COUNTS:
        cells = (values[count] for values in found.values())
        lines.append(
            f"{count:>9}" + "".join(f"{'-' if c is None else format(c, '.1f'):>16}" for c in cells)
        )
    return "\n".join(lines)
