"""Computes optical flow between two pictures of a video."""

from typing import Any, Protocol

import cv2
import numpy as np

from posetube.heatmap_refining import FlowConfig
from posetube.structures import ByteArray, Frame

from .flow_step import FlowStep

LONG_SIDE = 320
"""Flow is computed on pictures of this longer side, pixels: heatmaps are coarse."""


class FlowSource(Protocol):
    """Says how the picture moved."""

    def between(self, earlier: Frame, later: Frame) -> FlowStep:
        """The flow between two frames that have pictures."""


class DisFlow:
    """Dense inverse search, by OpenCV.

    Source: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
    """

    def __init__(self) -> None:
        self._preset = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM

    def between(self, earlier: Frame, later: Frame) -> FlowStep:
        """The flow between two frames that have pictures."""
        assert earlier.image is not None
        assert later.image is not None
        size = (earlier.image.shape[0], earlier.image.shape[1])
        pictures = [
            small_grey(frame.image) for frame in (earlier, later) if frame.image is not None
        ]
        # an object each: it keeps pictures of the last call, and calls come from several threads
        method: Any = cv2.DISOpticalFlow.create(self._preset)
        scale = np.array(size[::-1]) / pictures[0].shape[::-1]
        forward, backward = (
            (method.calc(*pair, None) * scale).astype(np.float32)
            for pair in (pictures, pictures[::-1])
        )
        return FlowStep(forward=forward, backward=backward, size=size)


def small_grey(image: ByteArray) -> Any:
    """(h, w) grey picture of the size that flow is computed on."""
    height, width = image.shape[:2]
    share = min(1.0, LONG_SIDE / max(height, width))
    # dense inverse search needs a few patches of 8 pixels
    size = max(16, round(width * share)), max(16, round(height * share))
    return cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def flow_source(config: FlowConfig) -> FlowSource:
    """The source that the settings name."""
    return DisFlow()
