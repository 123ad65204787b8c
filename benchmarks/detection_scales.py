"""What a second look at 320 pixels finds and costs: never, always, by the embedded model's rule.

Photographs of COCO as they are; the same people cut out so that they fill the picture (boxes of
labelled people from 70 pixels, enlarged by 1.1, 1.4 and 2); LSP-extended. Numbers are of all
photographs and of every second one, so that what was chosen on the first half can be told on the
other. The detector's processor time is that of the thread, the candidates taking turns.

    python -m benchmarks.detection_scales ../shared/samples/tiny_coco/train2017 \
        ../shared/samples/tiny_coco/annotations/person_keypoints_train2017.json \
        ../shared/samples/lsp_extended --record detection_scales
"""

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np
from pycocotools.coco import COCO

from benchmarks.coco_keypoints import FOUND, evaluate
from benchmarks.compare_models import count_joints, labelled_people
from benchmarks.recording import RESULTS, write_record
from posetube.boxes import from_xywh, iou, to_xywh
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.detection_scales import choose_over_scales
from posetube.models3d.runtimes.onnx_network import OnnxNetwork
from posetube.pipelines.loaded_model import load_model
from posetube.structures import ByteArray, Detections, FloatArray

LEAST, MARGINS = 70, (1.1, 1.4, 2.0)
SURE = (0.2, 0.1)
"""Scores from which on somebody counts as found."""

TURNS = 12


class Cut(NamedTuple):
    """Somebody who fills a picture."""

    picture: ByteArray
    box: FloatArray
    half: int


def candidates(network: OnnxNetwork) -> dict[str, OnnxNetwork]:
    """The network with other rules for the second look."""
    config = network.config
    assert isinstance(config.proposals, DenseProposalConfig)
    assert config.proposals.further is not None

    def twin(*, long_side: int = 640, **rule: Any) -> OnnxNetwork:
        proposals = replace(config.proposals, **rule)
        inputs = replace(config.preprocess, long_side=long_side)
        changed = replace(config, proposals=proposals, preprocess=inputs)
        return OnnxNetwork(changed, graphs=network.graphs, info=network.info)

    rule = config.proposals.further
    return {
        "640 alone": twin(further=None),
        "576 alone": twin(further=None, long_side=576),
        "640, always 320": twin(further=replace(rule, large=0.0)),
        "640, 320 by the rule": network,
    }


def look(network: OnnxNetwork, picture: ByteArray) -> Detections:
    """The people of one picture."""
    return network.detect_features(network.encode(picture[None]), [0]).at(0)


def photographs(folder: Path, truth: COCO, find: Callable[[ByteArray], Detections]) -> Any:
    """AP of the photographs, all and by half."""
    rows = []
    images = truth.dataset["images"]
    for image in images:
        people = find(read(folder / image["file_name"]))
        for box, score, joints in zip(
            to_xywh(people.boxes), people.scores, people.keypoints[:, :17], strict=True
        ):
            flat = np.column_stack([joints, np.ones(17)]).ravel().tolist()
            rows.append(
                {"image_id": image["id"], "category_id": 1, "bbox": box.tolist(),
                 "score": float(score), "keypoints": flat}
            )  # fmt: skip
    numbers = [image["id"] for image in images]
    halves = [evaluate(truth, rows, images=numbers[half::2]) for half in (0, 1)]
    return {**evaluate(truth, rows), "halves": halves}


def cuts(folder: Path, truth: COCO) -> Iterator[Cut]:
    """Labelled people, cut out of the photographs."""
    for place, image in enumerate(truth.dataset["images"]):
        whole = read(folder / image["file_name"])
        high, wide = whole.shape[:2]
        for label in truth.imgToAnns[image["id"]]:
            if label["iscrowd"] or label["num_keypoints"] < 5 or label["bbox"][3] < LEAST:
                continue
            box = from_xywh(np.array([label["bbox"]], np.float32))
            middle, side = (box[0, :2] + box[0, 2:]) / 2, box[0, 2:] - box[0, :2]
            for margin in MARGINS:
                x1, y1 = (middle - margin * side / 2).clip(0).astype(int)
                x2, y2 = (middle + margin * side / 2).clip(0, [wide, high]).astype(int)
                picture = np.ascontiguousarray(whole[y1:y2, x1:x2])
                yield Cut(picture, box - np.tile([x1, y1], 2).astype(np.float32), place % 2)


def found_in_cuts(people: list[Cut], find: Callable[[ByteArray], Detections]) -> Any:
    """Percent of the people who are found, all and by half."""
    seen = [(cut, find(cut.picture)) for cut in people]

    def percent(sure: float, halves: tuple[int, ...]) -> float:
        hits = [
            iou(cut.box, found.boxes)[0][found.scores >= sure].max(initial=0) >= FOUND
            for cut, found in seen
            if cut.half in halves
        ]
        return round(100 * float(np.mean(hits)), 1)

    return {
        f"from score {sure}": [percent(sure, which) for which in ((0, 1), (0,), (1,))]
        for sure in SURE
    }


def lsp(root: Path, find: Callable[[ByteArray], Detections]) -> Any:
    """Percent of people found and of joints placed right, all and by half."""
    people = labelled_people("lspet", root)
    seen = [find(read(path)) for path, _ in people]
    table: dict[str, Any] = {}
    for sure in SURE:
        counts = np.array(
            [count_joints(j, found, sure=sure) for (_, j), found in zip(people, seen, strict=True)]
        )
        table[f"from score {sure}"] = [
            [
                round(100 * float(part[:, 0].mean()), 1),
                round(100 * float(part[:, 2].sum() / part[:, 1].sum()), 1),
            ]
            for part in (counts, counts[0::2], counts[1::2])
        ]
    return table


def detector_times(networks: dict[str, OnnxNetwork], picture: ByteArray) -> dict[str, float]:
    """Processor time of the detector relative to the first candidate's, medians of turns."""
    spent: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(TURNS):
        for name, network in networks.items():
            [kept] = network.encode(picture[None])
            began = time.thread_time()
            choose_over_scales(network.looks(kept), config=network.config.proposals)  # type: ignore[arg-type]
            spent[name].append(time.thread_time() - began)
    medians = {name: median(times) for name, times in spent.items()}
    return {name: round(taken / medians["640 alone"], 2) for name, taken in medians.items()}


def read(path: Path) -> ByteArray:
    """An (H, W, 3) RGB picture."""
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path} is no picture"
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="folder of COCO's pictures")
    parser.add_argument("truth", type=Path, help="file of COCO keypoints")
    parser.add_argument("lsp", type=Path, help="folder of LSP-extended")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(options.truth)
    network = load_model("tiny", device="cpu", runtime="onnx").network
    assert isinstance(network, OnnxNetwork)
    networks, people = candidates(network), list(cuts(options.pictures, truth))
    street = people[0].picture
    table: dict[str, Any] = {"detector_time": {
        "somebody fills the picture": detector_times(networks, street),
        "nobody, 640 x 360": detector_times(networks, np.full((360, 640, 3), 90, np.uint8)),
    }}  # fmt: skip
    print(json.dumps(table))
    for name, one in networks.items():
        find = lambda picture, one=one: look(one, picture)  # noqa: E731
        table[name] = {
            "photographs": photographs(options.pictures, truth, find),
            "people_cut_out": found_in_cuts(people, find),
            "lsp_extended": lsp(options.lsp, find),
        }
        print(name, json.dumps(table[name]), flush=True)
    if options.record:
        record = {
            **table,
            "cuts": len(people),
            "sha256": network.info.sha256,
        }
        write_record(RESULTS / f"{options.record}.json", record)


if __name__ == "__main__":
    main()
