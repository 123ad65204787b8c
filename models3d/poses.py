"""From a clip's people, as the heads leave them, to the people that are reported.

The last step of every network: scores, calibration, the order of people, and suppression by joints.
NumPy, on the host, so that every runtime shares it. Importing this file does not import torch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from posetube.skeletons import skeleton
from posetube.structures import BytesArray, FloatArray, PoseTubes

from .box_coding import clip_boxes
from .configs.networks import TubeRCNNConfig
from .joint_peaks import calibrated
from .pose_nms import distinct_poses


class ClipPeople(NamedTuple):
    """N people of a clip of T frames."""

    boxes: FloatArray
    """(N, T, 4) pixels of the displayed frame."""

    scores: FloatArray
    """(N,) of the boxes, in [0, 1]."""

    presence: FloatArray
    """(N, T) in [0, 1]."""

    positions: FloatArray
    """(N, T, K, 2) of the joints, pixels of the displayed frame."""

    peaks: FloatArray
    """(N, T, K) heights of their heatmaps' peaks, logarithms."""

    joint_scores: FloatArray
    """(N, T, K) as the decoding rule says, in [0, 1]."""

    embeddings: FloatArray | None = None
    """(N, T, D) vectors of appearance; None where they were not asked for."""

    heatmaps: BytesArray | None = None
    """(N, T) as :class:`PoseTubes` has them."""

    masks: BytesArray | None = None
    """(N, T) as :class:`PoseTubes` has them."""


def given_people(found: ClipPeople, frames: Sequence[int], *, config: TubeRCNNConfig) -> PoseTubes:
    """People whose boxes came from outside, all of them and in their order."""
    return PoseTubes(frames=np.asarray(frames, np.int64), **_reported(found, config))


def found_people(
    found: ClipPeople, frames: Sequence[int], *, picture: tuple[int, int], config: TubeRCNNConfig
) -> PoseTubes:
    """People whom the network found, by falling score, without doubles.

    Args:
        found: From the heads.
        frames: T indices of the frames in their video.
        picture: (H, W) of the displayed frame, pixels.
        config: The network's.
    """
    columns = _reported(found, config)
    if config.box_head is None:
        # joints come from the boxes as proposed; what is reported ends where the picture does
        columns["boxes"] = clip_boxes(found.boxes, height=picture[0], width=picture[1])
    order = np.argsort(-columns["scores"], kind="stable")
    ranking = config.decode.ranking
    if config.pose_nms is not None:
        order = order[
            distinct_poses(
                columns["keypoints"][order, :, :ranking],
                columns["boxes"][order],
                sigmas=skeleton(config.skeleton).sigmas[:ranking],
                threshold=config.pose_nms,
            )
        ]
    columns = {name: column[order] for name, column in columns.items()}
    return PoseTubes(frames=np.asarray(frames, np.int64), **columns)


def _reported(found: ClipPeople, config: TubeRCNNConfig) -> dict[str, Any]:
    """The columns of :class:`PoseTubes`."""
    decode = config.decode
    # from the joints' scores as they are: these rank people better than the probabilities do
    ranking = found.joint_scores[..., : decode.ranking].mean((1, 2))
    scores = found.scores * ranking**decode.rescore
    return {
        "boxes": found.boxes,
        "keypoints": found.positions,
        "keypoint_scores": calibrated(found.peaks, found.joint_scores, decode),
        "scores": scores**decode.score_power,
        "presence": found.presence,
        **{
            name: column
            for name in ("embeddings", "heatmaps", "masks")
            if (column := getattr(found, name)) is not None
        },
    }
