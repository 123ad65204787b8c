"""The crop keypoint head: joints from the picture under a person's box, not from a feature level.

Every box is enlarged to a crop of fixed shape, cut from the displayed frame at its full resolution
and given to the high-resolution network.

Source: crops and their shape are those of PP-TinyPose (PaddleDetection); see
:mod:`.high_resolution`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision import ops

from posetube.skeletons import skeleton

from .appearance import embed_joints
from .configs.people_heads import CropKeypointHeadConfig
from .crop_geometry import crop_boxes, map_regions
from .crop_memory import CropMemory
from .crop_sampling import cut_crops
from .features import ClipFeatures
from .high_resolution import HighResolutionNetwork
from .joint_peaks import LEAST
from .map_moving import move_maps
from .roi_align import tube_rois
from .slots import constants


class Crops(NamedTuple):
    """What the head looks at, for M boxes."""

    pixels: Tensor
    """(M, 3, H, W) normalised; without those that are known."""

    boxes: Tensor
    """(M, 4) the boxes that were cropped around, pixels of the network's input."""

    memories: Sequence[CropMemory] = ()
    """M, of the frames that the crops are from; empty if none are remembered."""

    known: Sequence[tuple[Tensor, ...] | None] = ()
    """M, what the network said of a crop before; None if it has not seen it."""


class CropKeypointHead(nn.Module):
    """Crops of the displayed frames through the high-resolution network."""

    wants_pictures = True
    """See :class:`posetube.models3d.keypoint_head.KeypointHead`."""

    def __init__(self, config: CropKeypointHeadConfig, *, channels: int = 0) -> None:
        """It looks at pictures, so the levels' channels do not matter."""
        super().__init__()
        self.config = config
        self.network = HighResolutionNetwork(
            joints=config.joints - config.added,
            added=config.added,
            time=config.time,
            time_padding=config.time_padding,
        )

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Crops:
        """Crops for every clip's (R, T, 4) tubes."""
        assert features.pictures is not None, "frames were encoded without their pictures"
        images, geometry = features.pictures
        rois = tube_rois([geometry.to_picture(self.crop_boxes(tube)) for tube in tubes])
        boxes = torch.cat([tube.flatten(0, 1) for tube in tubes])
        if not features.crops:
            return Crops(self._cut(images, rois), boxes)
        memories = [features.crops[frame] for frame in rois[:, 0].int().tolist()]
        known = [memory.recall(box) for memory, box in zip(memories, boxes, strict=True)]
        unknown = [place for place, said in enumerate(known) if said is None]
        return Crops(self._cut(images, rois[unknown]), boxes, memories, known)

    def _cut(self, images: Tensor, rois: Tensor) -> Tensor:
        """(M, 3, H, W) normalised pixels of (M, 5) regions, each an image's number and corners."""
        if self.config.samples == 1:
            return self.normalised(cut_crops(images, rois, self.config.size))
        pixels = ops.roi_align(
            images.float(),
            rois,
            output_size=self.config.size,
            sampling_ratio=self.config.samples or -1,
            aligned=True,
        )
        return self.normalised(pixels)

    def normalised(self, pixels: Tensor) -> Tensor:
        """(M, 3, H, W) pixels of 0 to 255, as the network expects them, channels last in memory."""
        mean: Tensor = constants(self.config.mean, pixels)[:, None, None]
        std: Tensor = constants(self.config.std, pixels)[:, None, None]
        # In torch's other layout this network takes 15 to 25 % longer.
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)

    @property
    def remembers(self) -> bool:
        """Whether what it looks at in a frame for one clip is kept for the next."""
        return not self.config.mirror

    def crop_boxes(self, boxes: Tensor) -> Tensor:
        """(..., 4) boxes, enlarged and brought to the crop's shape around the same middle."""
        crops: Tensor = crop_boxes(boxes, self.config)
        return crops

    def regions(self, tubes: Tensor) -> Tensor:
        """The boxes that the heatmaps of (..., 4) boxes cover, in the same pixels."""
        covered: Tensor = map_regions(self.crop_boxes(tubes), self.config)
        return covered

    def forward(self, pooled: Crops, length: int) -> Tensor:
        """R * T crops to the logarithms of (R * T, K, H / 4, W / 4) heatmaps."""
        return _logits(self.heatmaps(pooled, length))

    def draw_and_embed(self, pooled: Crops, length: int) -> tuple[Tensor, Tensor]:
        """What calling the head gives, and (R * T, D) vectors of appearance.

        These come from the stem's map: later ones tell joints apart rather than people.
        """
        heatmaps, stem = self._read_crops(pooled, length)
        # added joints tell nothing new of how somebody looks: they lie among those of the head
        own = self.config.joints - self.config.added
        flip = skeleton(self.config.skeleton).flip[:own].tolist()
        return _logits(heatmaps), embed_joints(stem, heatmaps[:, :own], flip=flip)

    def heatmaps(self, pooled: Crops, length: int) -> Tensor:
        """R * T crops to (R * T, K, H / 4, W / 4) heatmaps, about 1 at a clear peak."""
        return self._read_crops(pooled, length)[0]

    def _read_crops(self, pooled: Crops, length: int) -> tuple[Tensor, Tensor]:
        """Heatmaps, and the map of the stem."""
        regions = self.regions(pooled.boxes)
        stem, last_maps = self._said(pooled)
        maps = self.draw(last_maps, regions, length)
        if not self.config.mirror:
            return maps, stem
        swapped = list(skeleton(self.config.skeleton).flip)
        other = self.network.features(pooled.pixels.flip(3))
        responses = self.network.responses(self.network.last_maps(other))
        mirrored = [response[:, swapped].flip(3) for response in responses]
        return (maps + self._sum_moved(mirrored, regions, length)) / 2, stem

    def _said(self, pooled: Crops) -> tuple[Tensor, Tensor]:
        """The stem's and the last maps of all crops; new ones are remembered."""
        features = self.network.features(pooled.pixels)
        fresh = features[0], self.network.last_maps(features)
        if not pooled.memories:
            return fresh
        news, said = zip(*fresh, strict=True), list[tuple[Tensor, ...]]()
        for box, memory, known in zip(pooled.boxes, pooled.memories, pooled.known, strict=True):
            if known is None:
                known = next(news)
                memory.remember(box, known)
            said.append(known)
        stems, last_maps = (torch.stack(kind) for kind in zip(*said, strict=True))
        return stems, last_maps

    def draw(self, last_maps: Tensor, regions: Tensor, length: int) -> Tensor:
        """Heatmaps of crops of which only the last maps are left.

        Args:
            last_maps: (R * T, C, h, w) from :meth:`HighResolutionNetwork.last_maps`.
            regions: (R * T, 4) what each of them covers, in any pixels.
            length: T.

        Returns:
            (R * T, K, h, w).
        """
        return self._sum_moved(self.network.responses(last_maps), regions, length)

    def _sum_moved(self, responses: Sequence[Tensor], regions: Tensor, length: int) -> Tensor:
        """Add the responses of a time kernel's steps, each brought to the cells it speaks about.

        The crops of a person's frames lie under different boxes, so a response is first moved from
        the cells of its own frame to those of the other frame.
        """
        middle = len(responses) // 2
        total, place = responses[middle], torch.arange(len(regions), device=regions.device)
        frame = place % length
        for step, response in enumerate(responses):
            if step == middle:
                continue
            wanted = frame + step - middle
            source = place - frame + wanted.clamp(0, length - 1)
            moved = move_maps(response[source], source=regions[source], target=regions)
            if self.config.time_padding == "zero":
                inside = (wanted >= 0) & (wanted < length)
                moved = moved * inside[:, None, None, None]
            total = total + moved
        return total


def _logits(heatmaps: Tensor) -> Tensor:
    return heatmaps.clamp(min=LEAST).log()
