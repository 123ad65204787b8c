"""Opens a weights file and the graphs beside it as a network that ONNX Runtime runs."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from posetube.network import Quality

from ..checkpoints.weights_io import load_weights
from ..quality import adjusted
from .graph_files import GraphName, graph_file, open_graph
from .onnx_network import OnnxNetwork


def load_onnx_network(
    weights: Path, *, quality: Quality = "normal", flip: bool = False
) -> OnnxNetwork:
    """Open a network.

    Args:
        weights: A weights file of ours, with its graphs beside it.
        quality: Speed against accuracy, as :func:`posetube.models3d.quality.adjusted` has it.
        flip: Look at each person also mirrored, whatever the quality.

    Raises:
        WeightsError: If the weights or a graph are missing or refused.
    """
    network = load_weights(weights)
    config = adjusted(network.config, quality=quality, flip=flip)
    joints: GraphName = (
        "joints_mirrored" if getattr(config.keypoint_head, "mirror", False) else "joints"
    )
    tensors = {name: tensor.astype(np.float32) for name, tensor in load_file(weights).items()}
    head = {name for name in tensors if name.startswith("keypoint_head.")}
    parts = {"people": tensors.keys() - head, joints: head}
    sessions = {
        name: open_graph(
            graph_file(weights, name),
            {key: tensors[key] for key in own},
            sha256=network.info.sha256 or "",
        )
        for name, own in parts.items()
    }
    return OnnxNetwork(
        config, people=sessions["people"], joints=sessions[joints], info=network.info
    )
