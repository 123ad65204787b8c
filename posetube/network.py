"""What a job asks of a network, in NumPy terms: any class with these members will do.

The project's own networks (:class:`posetube.models3d.TubeRCNN`) have them. A job never looks inside
what :meth:`Network.encode` returns; it keeps it and hands it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, FloatArray, PoseTubes

Quality = Literal["fast", "normal", "best"]
"""How much time a network takes for accuracy (:mod:`posetube.models3d.quality`)."""

Runtime = Literal["auto", "torch", "onnx"]
"""What runs a network: PyTorch or ONNX Runtime; ``auto`` leaves it to the device and the model."""

Precision = Literal["auto", "float32", "bfloat16"]
"""Number type of a large network's convolutions; ``auto`` leaves it to the device and the network.
"""

DetectorFamily = Literal["rtmdet", "yolox"]
"""Whose conventions somebody else's detector follows; the two want different numbers for pixels."""

MapKind = Literal["heights", "softmax"]
"""What the logarithms of a heatmap are: ``heights`` of Gaussians, about 1 at a clear peak; or, by
``softmax``, probabilities of the cells, each map's up to a constant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TubeHeatmaps:
    """A map per joint for each box of N tubes: how likely the joint is in each cell."""

    logits: FloatArray
    """(N, T, K, h, w) logarithms of what ``kind`` says."""

    regions: FloatArray
    """(N, T, 4) x1 y1 x2 y2 that each box's maps cover, pixels of the displayed frame. The middle
    of cell (row, column) is x1 + (column + 0.5) / w * (x2 - x1), y1 + (row + 0.5) / h * (y2 - y1).
    """

    kind: MapKind
    """What the maps are."""

    calibration: tuple[float, float] | None = None
    """Slope and offset that turn the logarithm of a map's peak into a joint's score, as
    :class:`posetube.models3d.joint_peaks.DecodeConfig` has them; None: nobody measured them."""

    def __post_init__(self) -> None:
        if self.logits.ndim != 5 or self.regions.shape != (*self.logits.shape[:2], 4):
            raise InputError(
                "TubeHeatmaps: expected logits (N, T, K, h, w) and regions (N, T, 4), got "
                f"{self.logits.shape} and {self.regions.shape}"
            )


class Network(Protocol):
    """Finds the people of a clip."""

    @property
    def clip_length(self) -> int:
        """T, the number of frames that it looks at together."""

    @property
    def skeleton(self) -> Skeleton:
        """The joints that it finds."""

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> Sequence[Any]:
        """Look at each of (B, H, W, 3) RGB images alone; on request also at appearances.

        With ``embeddings``, everybody who is found in these frames later has a vector of
        appearance (:attr:`posetube.structures.PoseTubes.embeddings`), whichever method found them.

        Returns:
            B records, one per image. A clip is put together from the records of its frames, so
            that a frame which several clips share is looked at once.
        """

    def detect_features(self, features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        """Find the people of a clip.

        Args:
            features: What :meth:`encode` returned for each of the clip's T frames.
            frames: T indices of these frames in their video, not decreasing.
        """


class BoxNetwork(Network, Protocol):
    """A network that can also be given boxes from outside."""

    def find_joints(
        self,
        features: Sequence[Any],
        frames: Sequence[int],
        *,
        tubes: FloatArray,
        scores: FloatArray,
    ) -> PoseTubes:
        """Read the joints of given people, without searching for any.

        Args:
            features: What :meth:`encode` returned for each of a clip's T frames.
            frames: T indices of these frames in their video, not decreasing.
            tubes: (N, T, 4) finite boxes, pixels of the displayed frame.
            scores: (N,) how sure the boxes are, in [0, 1].
        """


class HeatmapNetwork(Network, Protocol):
    """A network that can also draw the joints' heatmaps."""

    def encode(
        self, images: ByteArray, *, embeddings: bool = False, heatmaps: bool = False
    ) -> Sequence[Any]:
        """As :meth:`Network.encode`.

        With ``heatmaps``, what is found in a clip later has those of its centre frame
        (:attr:`posetube.structures.PoseTubes.heatmaps`).
        """

    def heatmaps(self, features: Sequence[Any], tubes: FloatArray) -> TubeHeatmaps:
        """Draw the joints' heatmaps of given people, without searching for any.

        Args:
            features: What :meth:`encode` returned for each of a clip's T frames.
            tubes: (N, T, 4) finite boxes, pixels of the displayed frame.
        """


def check_clip(length: int, features: Sequence[Any], indices: Sequence[int] | None = None) -> None:
    """Refuse clips that a network of T frames cannot look at.

    Raises:
        InputError: If there are not ``length`` frames, or not as many indices.
    """
    if len(features) != length or (indices is not None and len(indices) != length):
        listed = "" if indices is None else f" with {len(indices)} indices"
        raise InputError(
            f"this network looks at clips of {length} frames, got {len(features)} frames{listed}"
        )


def check_tubes(length: int, tubes: FloatArray) -> None:
    """Refuse boxes that do not fit a clip of T frames.

    Raises:
        InputError: If they are not finite numbers (N, ``length``, 4).
    """
    if tubes.ndim != 3 or tubes.shape[1:] != (length, 4):
        raise InputError(f"tubes: expected (N, {length}, 4), got {tubes.shape}")
    if not np.isfinite(tubes).all():
        raise InputError("tubes: expected finite boxes, got NaN or infinity; fill gaps before")
