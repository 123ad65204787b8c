"""Writes down what a benchmark measured, and where: all records say so in the same lines."""

import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posetube.pipelines.storage.manifest import library_versions

RESULTS = Path(__file__).parent / "results"


def write_record(path: Path, numbers: Mapping[str, Any]) -> None:
    """Write numbers with the command, the machine and the versions that gave them.

    Of paths in the command only the last name is kept: where files lie on one machine tells nobody
    else anything.

    Args:
        path: The file; its folder is made if need be.
        numbers: What was measured; ``machine`` or ``versions`` among them take the place of ours.
    """
    program, *words = sys.argv
    words = [Path(word).name if Path(word).is_absolute() else word for word in words]
    where = {
        "command": " ".join([f"python -m benchmarks.{Path(program).stem}", *words]),
        "machine": platform.platform(),
        "versions": library_versions(),
    }
    added = {name: what for name, what in where.items() if name not in numbers}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**numbers, **added}, indent=2) + "\n", encoding="utf-8")
