"""How well a network finds people in unusual poses: boxes and joints against LSP-extended's labels.

Each small photograph shows one labelled person; those with the torso and six joints inside the
picture count. A joint is right within 0.3 of the torso (left shoulder to right hip); people who are
not found have none right.

    python -m benchmarks.lsp_joints ../shared/samples/lsp_extended --record lsp_extended
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from benchmarks.compare_models import RESULTS, SURE, count_joints, detect_people, labelled_people
from posetube.network import Quality
from posetube.pipelines.loaded_model import load_model
from posetube.pipelines.storage.manifest import library_versions


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("root", type=Path, help="folder of LSP-extended")
    parser.add_argument("--model", default="tiny", help="name of a model, or a file of weights")
    parser.add_argument("--quality", choices=get_args(Quality), default="normal")
    parser.add_argument("--sure", type=float, default=SURE, help="least score of a person")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only every other picture")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    network: Any = load_model(options.model, device="cpu", quality=options.quality).network
    people = labelled_people("lspet", options.root)
    if options.half is not None:
        people = people[options.half :: 2]
    started = time.process_time()
    seen = detect_people(network, (picture for picture, _ in people))
    table = np.array(
        [
            count_joints(joints, found, sure=options.sure)
            for (_, joints), found in zip(people, seen, strict=True)
        ]
    )
    found, known, right = table.sum(axis=0).tolist()
    numbers = {
        "found_percent": round(100 * found / len(people), 1),
        "joints_percent": round(100 * right / known, 1),
        "processor_seconds": round(time.process_time() - started, 1),
    }
    print(f"{len(people)} people", numbers)
    if options.record:
        record = {
            **numbers,
            "people": len(people),
            "model": network.info.name,
            "sha256": network.info.sha256,
            "quality": options.quality,
            "sure": options.sure,
            "command": " ".join(["python", *sys.argv]),
            "machine": platform.platform(),
            "versions": library_versions(),
        }
        path = RESULTS / f"lsp_joints_{options.record}.json"
        path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
