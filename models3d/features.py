"""What the network keeps of a frame, and what its heads can pool from.

The network is cut where time begins: :class:`FrameFeatures` is computed once per frame, and
:class:`ClipFeatures` is put together from them for every clip that the frame is in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from posetube.errors import InputError

from .appearance import LookMap
from .crop_memory import CropMemory
from .preprocess import Geometry


class ScaledMaps(NamedTuple):
    """What the per-frame part says of frames in a further size of the network's input."""

    maps: Sequence[Tensor]
    """Each (frames, C, h, w)."""

    geometry: Geometry
    """Where the frames lie in that input."""


@dataclass(frozen=True, kw_only=True)
class FrameFeatures:
    """The per-frame part's result for one frame; callers keep it and hand it back."""

    maps: tuple[Tensor, ...]
    """Each (1, C, h, w)."""

    geometry: Geometry
    """Where the frame lies in the network's input."""

    looks: tuple[LookMap, ...] = ()
    """Maps for appearance vectors, each (1, C, h, w); empty if these were not asked for, or come
    from the keypoint head."""

    embeddings: bool = False
    """Whether appearance vectors were asked for."""

    heatmaps: bool = False
    """Whether heatmaps are to be kept."""

    masks: bool = False
    """Whether masks are to be drawn."""

    picture: Tensor | None = None
    """(1, 3, H, W) uint8 RGB, the displayed frame; None if no head pools from the picture."""

    further: tuple[ScaledMaps, ...] = ()
    """The frame's maps in each further size."""

    crops: CropMemory | None = None
    """The crops of this frame, which fills as clips are looked at; None if none are kept."""


class Pictures(NamedTuple):
    """The displayed frames of B clips."""

    images: Tensor
    """(B * T, 3, H, W) uint8 RGB."""

    geometry: Geometry
    """Where they lie in the network's input, which tubes are measured in."""


class JoinedFrames(NamedTuple):
    """The features of the frames of B clips, one clip after the other."""

    maps: list[Tensor]
    """Each (B * T, C, h, w)."""

    geometry: Geometry
    """Of all of them."""

    looks: list[LookMap]
    """Each map (B * T, C, h, w); empty unless all frames have them."""

    embeddings: bool
    """Whether appearance vectors were asked for, of all frames."""

    heatmaps: bool
    """Whether heatmaps are to be kept, of all frames."""

    masks: bool
    """Whether masks are to be drawn, of all frames."""

    pictures: Pictures | None
    """None unless a head asks for them."""

    further: list[ScaledMaps]
    """The maps in each further size."""

    crops: list[CropMemory]
    """Of each frame; empty if none are kept."""


def join_frames(features: Sequence[FrameFeatures]) -> JoinedFrames:
    """Put the frames of clips together.

    Raises:
        InputError: If the frames differ in size.
    """
    sizes = {feature.geometry.picture for feature in features}
    if len(sizes) > 1:
        raise InputError(f"the frames of a clip must have one size, got {sorted(sizes)}")
    geometry = features[0].geometry
    looks = list[LookMap]()
    if all(feature.looks for feature in features):
        for kind in zip(*(feature.looks for feature in features), strict=True):
            looks.append(kind[0]._replace(map=torch.cat([look.map for look in kind])))
    images = [feature.picture for feature in features if feature.picture is not None]
    further = [
        ScaledMaps(_joined(frame.maps for frame in size), size[0].geometry)
        for size in zip(*(feature.further for feature in features), strict=True)
    ]
    return JoinedFrames(
        maps=_joined(feature.maps for feature in features),
        geometry=geometry,
        looks=looks,
        embeddings=all(feature.embeddings for feature in features),
        heatmaps=all(feature.heatmaps for feature in features),
        masks=all(feature.masks for feature in features),
        pictures=Pictures(torch.cat(images), geometry) if images else None,
        further=further,
        crops=[feature.crops for feature in features if feature.crops is not None],
    )


def _joined(maps: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    # a single frame's maps are not copied
    return [kind[0] if len(kind) == 1 else torch.cat(kind) for kind in zip(*maps, strict=True)]


class ClipFeatures(NamedTuple):
    """Everything that a head can pool from, for B clips of T frames."""

    levels: Sequence[Tensor]
    """The pyramid: per level (B * T, C, h, w), finest first."""

    strides: Sequence[int]
    """Pixels of the network's input per cell of each level."""

    length: int
    """T."""

    pictures: Pictures | None = None
    """The frames themselves; None if no head asks for them (``wants_pictures``)."""

    proposal_responses: Sequence[Tensor] | None = None
    """What the proposal head says of every frame alone, where it says that once per frame."""

    crops: Sequence[CropMemory] = ()
    """Of each frame; empty if crops are not kept."""

    def known_boxes(self, boxes: Tensor) -> Tensor:
        """(B, N, T, 4) boxes, those in their place that a known crop shows about as well."""
        if not self.crops:
            return boxes
        by_frame = boxes.transpose(1, 2).flatten(0, 1)  # a row for each frame of each clip
        known = [memory.nearest(some) for memory, some in zip(self.crops, by_frame, strict=True)]
        return torch.unflatten(torch.stack(known), 0, (-1, self.length)).transpose(1, 2)
