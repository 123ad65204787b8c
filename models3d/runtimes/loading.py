"""Opens a weights file and the graphs beside it as a network that ONNX Runtime runs."""

from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import WeightsError
from posetube.freed_memory import return_freed_memory
from posetube.network import Quality
from posetube.structures import FloatArray

from ..checkpoints.refusal import refused
from ..checkpoints.weights_header import opened, read_header
from ..configs.people_heads import CropKeypointHeadConfig
from ..configs.proposal_heads import DenseProposalConfig
from ..quality import adjusted
from .channel_slots import arrange_channels
from .graph_files import GraphName, graph_file, open_graph
from .onnx_network import Graphs, OnnxNetwork

CROPS = "keypoint_head.network."
"""What the names of the crop network's tensors begin with."""


def load_onnx_network(
    weights: Path, *, quality: Quality = "normal", flip: bool = False, profile: Path | None = None
) -> OnnxNetwork:
    """Open a network.

    Args:
        weights: A weights file of ours, with its graphs beside it.
        quality: Speed against accuracy, as :func:`posetube.models3d.quality.adjusted` has it.
        flip: Look at each person also mirrored, whatever the quality.
        profile: Where ONNX Runtime writes profiles of the graphs' runs; None: nowhere.

    Raises:
        InputError: If the network has no choice of quality.
        WeightsError: If the weights or a graph are missing or refused.
    """
    with opened(weights, "numpy") as file:
        config, info = read_header(file, weights)
        if (quality, flip) != ("normal", False):
            config = adjusted(config, quality=quality, flip=flip)
        proposals, head = config.proposals, config.keypoint_head
        if not isinstance(proposals, DenseProposalConfig) or not isinstance(
            head, CropKeypointHeadConfig
        ):
            raise WeightsError(
                f"{weights}: there are no graphs of such networks; use --runtime torch, in Python "
                'runtime="torch"'
            )

        def graph(name: GraphName, tensors: dict[str, FloatArray]) -> Any:
            path, sha256 = graph_file(weights, name), info.sha256 or ""
            return open_graph(path, tensors, name=name, sha256=sha256, profile=profile)

        # one after the other, so that not all weights are in memory twice
        with refused(weights, "its weights cannot be read"):
            tensors = _tensors(file, crops=False)
        people = graph("people", tensors)
        with refused(weights, "its weights cannot be read"):
            tensors = arrange_channels(_tensors(file, crops=True)).weights
        tensors = {CROPS + name: tensor for name, tensor in tensors.items()}
        joints = graph("joints_mirrored" if head.mirror else "joints", tensors)
        crops = graph("crops", {})
    del tensors
    return_freed_memory()  # reading, arranging and packing weights took four times their size
    graphs = Graphs(people=people, crops=crops, joints=joints)
    return OnnxNetwork(config, graphs=graphs, info=info)


def _tensors(file: Any, *, crops: bool) -> dict[str, FloatArray]:
    """Those of the crop network, by their names in it, or all others."""
    return {
        name.removeprefix(CROPS): file.get_tensor(name).astype(np.float32)
        for name in file.keys()  # noqa: SIM118
        if name.startswith(CROPS) == crops
    }
