"""How well a network finds people in unusual poses: boxes and joints against LSP-extended's labels.

Each small photograph shows one labelled person; those with the torso and six joints inside the
picture count. A joint is right within 0.3 of the torso (left shoulder to right hip); people who are
not found have none right. Every second photograph also counts for itself, so that what was chosen
on one half can be told on the other.

    python -m benchmarks.lsp_joints ../shared/samples/lsp_extended --record lsp_extended
"""

import argparse
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from benchmarks.compare_models import SURE, count_joints, detect_people, labelled_people
from benchmarks.recording import RESULTS, write_record
from posetube.network import Quality
from posetube.pipelines.loaded_model import load_model
from posetube.structures import IntArray


def percentages(table: IntArray) -> dict[str, float]:
    """Of (N, 3) people found, joints known and joints right: percent found and percent right."""
    found, known, right = table.sum(axis=0).tolist()
    return {
        "found_percent": round(100 * found / len(table), 1),
        "joints_percent": round(100 * right / known, 1),
    }


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("root", type=Path, help="folder of LSP-extended")
    parser.add_argument("--model", default="tiny", help="name of a model, or a file of weights")
    parser.add_argument("--quality", choices=get_args(Quality), default="normal")
    parser.add_argument("--sure", type=float, nargs="+", default=[SURE, 0.1], help="least scores")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    network: Any = load_model(options.model, device="cpu", quality=options.quality).network
    people = labelled_people("lspet", options.root)
    started = time.process_time()
    seen = detect_people(network, (picture for picture, _ in people))
    seconds = time.process_time() - started
    numbers: dict[str, Any] = {}
    for sure in options.sure:
        table = np.array(
            [
                count_joints(joints, found, sure=sure)
                for (_, joints), found in zip(people, seen, strict=True)
            ]
        )
        halves = [percentages(table[half::2]) for half in (0, 1)]
        numbers[f"from score {sure}"] = {**percentages(table), "halves": halves}
        print(f"{len(people)} people, score {sure}:", numbers[f"from score {sure}"])
    if options.record:
        record = {
            **numbers,
            "processor_seconds": round(seconds, 1),
            "people": len(people),
            "model": network.info.name,
            "sha256": network.info.sha256,
            "quality": options.quality,
        }
        write_record(RESULTS / f"lsp_joints_{options.record}.json", record)


if __name__ == "__main__":
    main()
