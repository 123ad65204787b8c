"""Writes a network's graphs for ONNX Runtime, made from its torch modules (``models export``).

The modules are traced as they are, so a graph computes what they compute. Its weights stay out of
it (:mod:`.graph_files`).
"""

import io
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.file_reading import sha256_of
from posetube.optional_library import optional_library
from posetube.skeletons import skeleton

from ..appearance import embed_joints
from ..configs.people_heads import CropKeypointHeadConfig
from ..crop_keypoint_head import CropKeypointHead
from ..dense_proposals import DenseProposalHead
from ..high_resolution import HighResolutionNetwork
from ..joint_peaks import LEAST
from ..preprocess import BYTES
from ..tube_rcnn import TubeRCNN
from .graph_files import CHECKSUM, INTERFACES, GraphName, graph_file
from .slotted_network import SlottedNetwork
from .window_crop import cut_normalised

OPSET = 17
"""Version of ONNX's operators."""


class PeopleGraph(nn.Module):
    """From the network's input to what its cells say."""

    def __init__(self, network: TubeRCNN) -> None:
        super().__init__()
        # the parts by their own names, which are those of the weights
        self.body, self.neck, self.proposals = network.body, network.neck, network.proposals
        self.parts = {"network": network}  # in a dictionary, so that it is no part of this module

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, h, w) to (N,) logits and (N, 4) boxes, pixels of the network's input."""
        network = self.parts["network"]
        features = network.clip_part(network.frame_part(planes), 1)
        found = network.proposals(features.levels, 1)
        return found.logits[0], found.tubes[0, :, 0]


class CropsGraph(nn.Module):
    """From a picture and a crop to the crop network's input."""

    def __init__(self, config: CropKeypointHeadConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, picture: Tensor, crop: Tensor) -> Tensor:
        """(H, W, 3) bytes and (4,) pixels of the picture to (1, 3, h, w)."""
        config = self.config
        return cut_normalised(picture, crop, config.size, mean=config.mean, std=config.std)


class JointsGraph(nn.Module):
    """From a crop to heatmaps and a vector of appearance.

    It computes what :class:`..crop_keypoint_head.CropKeypointHead` computes of a single frame.
    """

    def __init__(self, config: CropKeypointHeadConfig, network: HighResolutionNetwork) -> None:
        super().__init__()
        # under the name that its weights have
        self.keypoint_head = nn.ModuleDict({"network": SlottedNetwork(network)})
        self.config, self.flip = config, skeleton(config.skeleton).flip.tolist()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, h, w) to (K, h / 4, w / 4) heights and (D,)."""
        config = self.config
        network: Any = self.keypoint_head["network"]
        features = network.features(pixels)
        heatmaps = network.drawn(features)
        if config.mirror:
            mirrored = network(pixels.flip(3))[:, self.flip].flip(3)
            heatmaps = (heatmaps + mirrored) / 2
        own = config.joints - config.added
        embedding = embed_joints(features[0], heatmaps[:, :own], flip=self.flip[:own])
        return heatmaps[0].clamp(min=LEAST), embedding[0]


def export_graphs(network: TubeRCNN, weights: Path, folder: Path) -> list[Path]:
    """Write a network's graphs.

    Args:
        network: Loaded from the weights file.
        weights: That file; the graphs get its name and its checksum.
        folder: Where to write them.

    Returns:
        The files.

    Raises:
        InputError: If the network is not of the kind that graphs are made of.
        MissingExtraError: If the package onnx is not installed.
    """
    onnx = optional_library("onnx", purpose="posetube models export", install="onnx")
    _check(network)
    head = network.keypoint_head
    assert isinstance(head, CropKeypointHead)
    plain, mirrored = (
        JointsGraph(replace(head.config, mirror=mirror), head.network) for mirror in (False, True)
    )
    picture = torch.zeros(64, 96, 3, dtype=torch.uint8), torch.tensor([8.0, 8, 40, 56])
    crop = (torch.zeros(1, 3, *head.config.size),)
    modules: dict[GraphName, tuple[nn.Module, tuple[Tensor, ...]]] = {
        "people": (PeopleGraph(network), (torch.zeros(1, 3, 64, 96),)),
        "crops": (CropsGraph(head.config), picture),
        "joints": (plain, crop),
        "joints_mirrored": (mirrored, crop),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (module, inputs) in modules.items():
        graph = onnx.load_model_from_string(_traced(name, module.eval(), inputs))
        _leave_weights_out(graph, module, weights)
        onnx.helper.set_model_props(graph, {CHECKSUM: sha256_of(weights)})
        paths.append(graph_file(weights, name, folder=folder))
        paths[-1].write_bytes(graph.SerializeToString())
    return paths


def _check(network: TubeRCNN) -> None:
    """Refuse other kinds of networks.

    Raises:
        InputError: Says what kind is meant.
    """
    inputs, head = network.config.preprocess, network.keypoint_head
    bytes_in = inputs.resize in BYTES and inputs.pad_pixel is not None and inputs.channels == "rgb"
    ours = isinstance(network.proposals, DenseProposalHead) and isinstance(head, CropKeypointHead)
    alone = network.clip_length == 1 and network.box_head is None
    ours = ours and head.config.samples == 1
    if not (ours and bytes_in and alone and network.config.decode.rule == "parabola"):
        raise InputError(
            f"{network.info.name}: graphs are made of networks of single frames with dense "
            "proposals, a crop keypoint head, joints by parabola and grey padding, such as tiny; "
            "run it with torch"
        )


def _traced(name: GraphName, module: nn.Module, inputs: tuple[Tensor, ...]) -> bytes:
    """A module as ONNX, with its weights; heights and widths of pictures are free."""
    free: dict[GraphName, dict[str, dict[int, str]]] = {
        "people": {
            "planes": {2: "height", 3: "width"},
            "logits": {0: "cells"},
            "boxes": {0: "cells"},
        },
        "crops": {"picture": {0: "height", 1: "width"}},
    }
    content = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that become constants, which is the intention
        torch.onnx.export(
            module,
            inputs,
            content,  # type: ignore[arg-type]  # it also writes to a buffer
            input_names=list(INTERFACES[name][0]),
            output_names=list(INTERFACES[name][1]),
            dynamic_axes=free.get(name),
            opset_version=OPSET,
            do_constant_folding=False,  # it would copy weights; ONNX Runtime folds when it opens
            dynamo=False,
        )
    return content.getvalue()


def _leave_weights_out(graph: Any, module: nn.Module, weights: Path) -> None:
    """Keep names and shapes of a graph's weights, and say that the numbers lie elsewhere."""
    own = module.state_dict().keys()
    for tensor in graph.graph.initializer:
        if tensor.name in own:
            tensor.ClearField("raw_data")
            tensor.data_location = tensor.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", weights.name
    for node in graph.graph.node:  # where in the modules it comes from: a third of the file
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
