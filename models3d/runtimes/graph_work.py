"""Counts the operations of the convolutions that a network's graphs do, by running them once.

ONNX Runtime's own profile is read, because it knows the shapes after the graph was optimised.
Importing this file does not import ONNX Runtime.
"""

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import numpy as np

from posetube.structures import ByteArray

from ..preprocess import geometry_of, normalised_copies
from .loading import load_onnx_network


class GraphWork(NamedTuple):
    """Operations of convolutions; a multiplication and an addition are two."""

    people: float
    """Of the graph that finds people, in one picture."""

    joints: float
    """Of the graph that reads one person's joints."""


def graph_work(weights: Path, image: ByteArray, *, flip: bool = False) -> GraphWork:
    """Count the operations for a picture.

    Args:
        weights: A weights file of ours, with its graphs beside it.
        image: (H, W, 3) RGB; its size alone matters.
        flip: As for :func:`posetube.models3d.runtimes.loading.load_onnx_network`.
    """
    with TemporaryDirectory() as folder:
        profile = Path(folder) / "graph"
        network = load_onnx_network(weights, quality="normal", flip=flip, profile=profile)
        inputs = network.config.preprocess
        geometry = geometry_of((image.shape[0], image.shape[1]), inputs)
        [planes] = normalised_copies(image, [geometry], inputs)
        crop = np.array([0, 0, image.shape[1], image.shape[0]], np.float32)
        people, crops, joints = network.graphs
        people.run(None, {"planes": planes})
        [pixels] = crops.run(None, {"picture": image, "crop": crop})
        joints.run(None, {"pixels": pixels})
        return GraphWork(_convolutions(people), _convolutions(joints))


def _convolutions(session: Any) -> float:
    total = 0.0
    for event in msgspec.json.decode(Path(session.end_profiling()).read_bytes()):
        said = event.get("args", {})
        if said.get("op_name") in ("Conv", "FusedConv") and "output_type_shape" in said:
            (result,), (_, kernel, *_) = (
                [next(iter(one.values())) for one in said[key]]
                for key in ("output_type_shape", "input_type_shape")
            )
            total += 2 * math.prod(result) * math.prod(kernel[1:])
    return total
