"""Computes optical flow between two pictures of a video, by the source that settings name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from posetube.errors import InputError
from posetube.heatmap_refining import FlowConfig
from posetube.structures import ByteArray, FloatArray, Frame

from .flow_files import FileFlow
from .flow_step import FlowStep

LONG_SIDE = 320
"""Flow is computed on pictures of this longer side, pixels: heatmaps are coarse."""

SHORTEST = 16
"""Least side of such a picture, pixels: dense inverse search needs a few patches."""


class FlowSource(Protocol):
    """Says how the picture moved."""

    def between(self, earlier: Frame, later: Frame) -> FlowStep:
        """The flow between two frames that have pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureFlow:
    """Flow that is computed on small pictures."""

    method: Callable[[Any, Any], FloatArray]
    """From two pictures to the (h, w, 2) flow from the first to the second, in their pixels."""

    prepare: Callable[[ByteArray], Any]
    """From a small RGB picture to what the method takes."""

    fitting: Callable[[int], int] = lambda side: max(SHORTEST, side)
    """The side, in pixels, that the method can take, near a side."""

    def between(self, earlier: Frame, later: Frame) -> FlowStep:
        """The flow between two frames that have pictures."""
        assert earlier.image is not None
        assert later.image is not None
        size = (earlier.image.shape[0], earlier.image.shape[1])
        share = min(1.0, LONG_SIDE / max(size))
        height, width = (self.fitting(round(side * share)) for side in size)
        first, second = (
            self.prepare(_resized(image, (width, height))) for image in (earlier.image, later.image)
        )
        scale = np.array([size[1] / width, size[0] / height], np.float32)
        return FlowStep(
            forward=self.method(first, second) * scale,
            backward=self.method(second, first) * scale,
            size=size,
        )


def flow_source(config: FlowConfig) -> FlowSource:
    """The source that the settings name.

    Raises:
        InputError: If it needs a file that is not named.
        FormatError: If there is no such folder.
        WeightsError: If weights are missing or refused.
    """
    if config.source == "dis":
        return PictureFlow(method=_dense_inverse_search, prepare=_grey)
    if config.source == "farneback":
        return PictureFlow(method=_polynomial_expansion, prepare=_grey)
    if config.source == "lucas-kanade":
        from .lucas_kanade import flow_between

        return PictureFlow(
            method=flow_between, prepare=lambda image: _grey(image) / np.float32(255)
        )
    if config.path is None:
        wanted = "a folder of files" if config.source == "files" else "a file of weights"
        raise InputError(f"the flow source {config.source} needs {wanted}: --refine.flow.path")
    if config.source == "files":
        return FileFlow(Path(config.path))
    from .raft_flow import RaftNetwork, fitting

    network = RaftNetwork(config.source, Path(config.path))
    return PictureFlow(method=network.flow_between, prepare=lambda image: image, fitting=fitting)


def _resized(image: ByteArray, size: tuple[int, int]) -> Any:
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _grey(image: ByteArray) -> Any:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _dense_inverse_search(earlier: Any, later: Any) -> FloatArray:
    """Source: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016."""
    # an object each: it keeps pictures of its last call, and calls come from several threads
    method: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: FloatArray = method.calc(earlier, later, None)
    return flow


def _polynomial_expansion(earlier: Any, later: Any) -> FloatArray:
    """With the original program's settings, on smaller pictures than its own.

    Source: Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003.
    """
    compute: Any = cv2.calcOpticalFlowFarneback
    found: FloatArray = compute(
        earlier,
        later,
        None,
        pyr_scale=0.5,
        levels=10,
        winsize=max(1, min(earlier.shape) // 5),
        iterations=10,
        poly_n=7,
        poly_sigma=1.5,
        flags=cv2.OPTFLOW_FARNEBACK_GAUSSIAN,
    )
    return found
