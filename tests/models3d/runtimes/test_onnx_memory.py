"""The embedded model in a process of its own, to see how much memory it takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

WEIGHTS = Path(__file__).parents[3] / "models3d" / "weights" / "tiny.safetensors"

PROGRAM = """
import json, re, sys
from pathlib import Path
import numpy as np
import onnxruntime
from posetube.models3d.runtimes.loading import load_onnx_network

def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

grown = {}
def note(name, work):
    before = own()
    kept = work()
    grown[name] = own() - before
    return kept

network = note("loaded", lambda: load_onnx_network(Path(sys.argv[1])))
[picture] = network.encode(np.random.default_rng(0).integers(0, 256, (1, 640, 640, 3), np.uint8))
boxes = np.array([[[100, 100, 300, 600]]], np.float32)
note("people", lambda: next(network.looks(picture)))
note("people again", lambda: [next(network.looks(picture)) for _ in range(3)] and None)
note("joints", lambda: network.heatmaps([picture], boxes) and None)
print(json.dumps(grown))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_runs_share_their_memory() -> None:
    words = [sys.executable, "-c", PROGRAM, str(WEIGHTS)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    grown = json.loads(done.stdout)

    assert 5 < grown["people"] < 25, grown  # MB
    assert grown["people again"] < 5 + 4.7, grown  # the input, whose place is kept from then on
    assert grown["joints"] < 3, grown  # it finds what the other graph took
    assert grown["loaded"] < 32, grown  # the weights are 10, as they are packed
