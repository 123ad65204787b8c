"""All boxes that a network proposes in a picture, before any head judges them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from posetube.structures import ByteArray, FloatArray

from .checkpoints.loading import load_network
from .configs.proposal_heads import DenseProposalConfig
from .features import join_frames
from .tube_rcnn import TubeRCNN

MOST = 1000
"""Boxes per picture, at most."""


def load_proposer(weights: Path) -> TubeRCNN:
    """A network that keeps up to :data:`MOST` proposals, also unsure ones.

    Raises:
        WeightsError: If the file is missing or refused.
    """
    network = load_network(weights)
    proposals = replace(network.config.proposals, before_nms=MOST, after_nms=MOST)
    if isinstance(proposals, DenseProposalConfig):
        proposals = replace(proposals, min_score=0)
    keeping = TubeRCNN(replace(network.config, proposals=proposals), info=network.info).eval()
    keeping.load_state_dict(network.state_dict())
    return keeping


@torch.inference_mode()
def proposed_boxes(network: TubeRCNN, image: ByteArray) -> FloatArray:
    """(R, 4) pixels of the picture, the surest first.

    Args:
        network: Of several frames, all of which show the picture.
        image: (H, W, 3) RGB.
    """
    length = network.clip_length
    joined = join_frames(network.encode(np.stack([image] * length)))
    features = network.clip_part([*joined.maps], length, joined.pictures)
    found = network.propose(features, joined.geometry, joined.further)
    boxes = joined.geometry.to_picture(found.tubes)[0, found.taken[0], length // 2]
    return np.asarray(boxes, np.float32)
