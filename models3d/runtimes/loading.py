"""Opens a weights file and the graphs beside it as a network that ONNX Runtime runs."""

from pathlib import Path

import numpy as np

from posetube.errors import WeightsError
from posetube.network import Quality
from posetube.structures import FloatArray

from ..checkpoints.refusal import refused
from ..checkpoints.weights_header import opened, read_header
from ..configs.people_heads import CropKeypointHeadConfig
from ..configs.proposal_heads import DenseProposalConfig
from ..quality import adjusted
from .channel_slots import arrange_channels
from .graph_files import GraphName, graph_file, open_graph
from .onnx_network import OnnxNetwork

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
        with refused(weights, "its weights cannot be read"):
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
    if (quality, flip) != ("normal", False):
        config = adjusted(config, quality=quality, flip=flip)
    proposals, head = config.proposals, config.keypoint_head
    if not isinstance(proposals, DenseProposalConfig) or not isinstance(
        head, CropKeypointHeadConfig
    ):
        raise WeightsError(f"{weights}: there are no graphs of such networks; use --runtime torch")
    joints: GraphName = "joints_mirrored" if head.mirror else "joints"
    own = {name: one for name, one in tensors.items() if not name.startswith(CROPS)}
    crops = {name[len(CROPS) :]: one for name, one in tensors.items() if name.startswith(CROPS)}
    slotted = {CROPS + name: one for name, one in arrange_channels(crops).weights.items()}
    parts: dict[GraphName, dict[str, FloatArray]] = {"people": own, joints: slotted}
    people, read = (
        open_graph(graph_file(weights, name), part, sha256=info.sha256 or "", profile=profile)
        for name, part in parts.items()
    )
    return OnnxNetwork(config, people=people, joints=read, info=info)
