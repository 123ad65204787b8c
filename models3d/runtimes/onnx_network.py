"""A network run by ONNX Runtime: the graphs, and what comes before and after them.

Serves the protocols of :mod:`posetube.network` for networks of single frames with dense proposals
and a crop keypoint head. Resizing, suppression, decoding and scores are those of the torch network.
All methods may be called from several threads at a time; each computes in the thread that calls it.
Importing this file does not import ONNX Runtime.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from posetube.network import TubeHeatmaps, check_clip, check_tubes
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import ByteArray, Clip, FloatArray, PoseTubes

from ..configs.networks import TubeRCNNConfig
from ..configs.people_heads import CropKeypointHeadConfig
from ..configs.proposal_heads import DenseProposalConfig
from ..crop_geometry import crop_boxes, crop_window, map_regions
from ..detection_scales import ScaledTubes, choose_over_scales
from ..joint_peaks import decode_parabola
from ..model_info import ModelInfo
from ..packed_maps import packed_maps
from ..poses import ClipPeople, found_people, given_people
from ..preprocess import Geometry, check_images, geometries_of, normalised_copies

TOGETHER = 4
"""People whose joints are read from their maps in one go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPicture:
    """A frame that is to be looked at; the graphs wait until somebody asks."""

    image: ByteArray
    """(H, W, 3) RGB."""

    geometries: Sequence[Geometry]
    """Where it lies in the network's input, and in inputs of further sizes."""

    embeddings: bool
    """Whether appearance vectors are wanted."""

    heatmaps: bool = False
    """Whether heatmaps are to be kept."""

    @property
    def geometry(self) -> Geometry:
        """Of the first input, in which people are measured."""
        return self.geometries[0]


class Graphs(NamedTuple):
    """Opened graphs, see :data:`.graph_files.GRAPHS`."""

    people: Any
    """Session of the graph ``people``."""

    crops: Any
    """Session of the graph ``crops``."""

    joints: Any
    """Session of the graph ``joints``, or ``joints_mirrored`` if the head mirrors."""


class OnnxNetwork:
    """Graphs that find people and their joints in single frames."""

    clip_length = 1
    """T: how many frames it looks at together."""

    def __init__(self, config: TubeRCNNConfig, *, graphs: Graphs, info: ModelInfo) -> None:
        """Take opened graphs.

        Args:
            config: Of the network that the graphs were made of.
            graphs: These.
            info: What is known of the weights.
        """
        assert isinstance(config.proposals, DenseProposalConfig)
        assert isinstance(config.keypoint_head, CropKeypointHeadConfig)
        self.config, self.graphs, self.info = config, graphs, info
        self._proposals, self._head = config.proposals, config.keypoint_head

    @property
    def skeleton(self) -> Skeleton:
        """Names and order of the K joints."""
        return skeleton(self.config.skeleton)

    def detect(self, clip: Clip, *, embeddings: bool = False) -> PoseTubes:
        """Find everybody in a clip of one frame."""
        pictures = self.encode(clip.images, embeddings=embeddings)
        return self.detect_features(pictures, clip.frames.tolist())

    def encode(
        self, images: ByteArray, *, embeddings: bool = False, heatmaps: bool = False
    ) -> list[EncodedPicture]:
        """Check (B, H, W, 3) RGB bytes and keep them: the graphs see them later.

        Raises:
            InputError: If the images are not of that shape and type.
        """
        check_images(images)
        size, config = (images.shape[1], images.shape[2]), self.config
        geometries = geometries_of(size, config.preprocess, config.further_sides)
        return [
            EncodedPicture(
                image=np.ascontiguousarray(image),
                geometries=geometries,
                embeddings=embeddings,
                heatmaps=heatmaps,
            )
            for image in images
        ]

    def detect_features(
        self, features: Sequence[EncodedPicture], frames: Sequence[int]
    ) -> PoseTubes:
        """Find everybody in one frame; see :meth:`posetube.models3d.TubeRCNN.detect_features`.

        Raises:
            InputError: If there is not one frame.
        """
        check_clip(self.clip_length, features, frames)
        [picture] = features
        chosen = choose_over_scales(self.looks(picture), config=self._proposals)
        geometry = picture.geometry
        taken = chosen.taken[0]
        tubes = geometry.to_picture(chosen.tubes[0][taken])
        found = self._with_joints(picture, tubes, chosen.scores[0][taken])
        return found_people(found, frames, picture=geometry.picture, config=self.config)

    def find_joints(
        self,
        features: Sequence[EncodedPicture],
        frames: Sequence[int],
        *,
        tubes: FloatArray,
        scores: FloatArray,
    ) -> PoseTubes:
        """Read the joints of people given by (N, 1, 4) boxes, pixels, and (N,) scores in [0, 1].

        Raises:
            InputError: If there is not one frame, or the boxes are not finite numbers.
        """
        check_clip(self.clip_length, features, frames)
        check_tubes(self.clip_length, tubes)
        found = self._with_joints(features[0], tubes.astype(np.float32), scores.astype(np.float32))
        return given_people(found, frames, config=self.config)

    def heatmaps(self, features: Sequence[EncodedPicture], tubes: FloatArray) -> TubeHeatmaps:
        """Draw the joints' heatmaps of people given by (N, 1, 4) boxes, pixels.

        Raises:
            InputError: If there is not one frame, or the boxes are not finite numbers.
        """
        check_clip(self.clip_length, features)
        check_tubes(self.clip_length, tubes)
        maps, _, regions = self._draw(features[0], tubes.astype(np.float32)[:, 0])
        return self._heatmaps(maps, regions)

    def looks(self, picture: EncodedPicture) -> Iterator[ScaledTubes]:
        """What the detector says of a picture in each size, as far as it is asked."""
        copies = normalised_copies(picture.image, picture.geometries, self.config.preprocess)
        for planes, geometry in zip(copies, picture.geometries, strict=True):
            logits, boxes = self.graphs.people.run(["logits", "boxes"], {"planes": planes})
            yield ScaledTubes(logits[None], boxes[None, :, None], geometry)

    def _with_joints(
        self, picture: EncodedPicture, tubes: FloatArray, scores: FloatArray
    ) -> ClipPeople:
        # a few at a time, so that a crowd's maps are never all in memory
        starts = range(0, max(len(tubes), 1), TOGETHER)
        read = [self._read_joints(picture, tubes[start : start + TOGETHER, 0]) for start in starts]
        positions, peaks, joint_scores, looks, kept = map(np.concatenate, zip(*read, strict=True))
        return ClipPeople(
            boxes=tubes,
            scores=scores,
            presence=np.ones_like(tubes[..., 0]),
            positions=positions[:, None],
            peaks=peaks[:, None],
            joint_scores=joint_scores[:, None],
            embeddings=looks[:, None] if picture.embeddings else None,
            heatmaps=kept if picture.heatmaps else None,
        )

    def _read_joints(self, picture: EncodedPicture, boxes: FloatArray) -> tuple[Any, ...]:
        """Of (N, 4) boxes: joints as (N, K, 2) places, heights and scores; looks; kept heatmaps."""
        maps, looks, regions = self._draw(picture, boxes)
        kept = np.empty((len(boxes), 1), object)
        if picture.heatmaps:
            kept = packed_maps(self._heatmaps(maps, regions))
        return (*decode_parabola(maps, regions, logarithms=False), looks, kept)

    def _heatmaps(self, maps: FloatArray, regions: FloatArray) -> TubeHeatmaps:
        decode = self.config.decode
        return TubeHeatmaps(
            logits=np.log(maps)[:, None],
            regions=regions[:, None],
            kind=decode.map_kind,
            calibration=decode.calibration,
        )

    def _draw(
        self, picture: EncodedPicture, boxes: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of (N, 4) boxes: (N, K, h, w) maps, (N, D) looks, (N, 4) regions in the picture."""
        head, geometry = self._head, picture.geometry
        inside = crop_boxes(geometry.to_network(boxes), head)
        crops = geometry.to_picture(inside)
        maps, looks = (
            np.empty((len(crops), *out.shape), np.float32)
            for out in self.graphs.joints.get_outputs()
        )
        # one crop after the other: together they are no faster, and take more memory
        for row, crop in enumerate(crops):
            maps[row], looks[row] = self._read(picture.image, crop)
        return maps, looks, geometry.to_picture(map_regions(inside, head))

    def _read(self, image: ByteArray, crop: FloatArray) -> list[FloatArray]:
        left, top, right, bottom = crop_window(crop, (image.shape[0], image.shape[1]))
        window = np.ascontiguousarray(image[top:bottom, left:right])
        place = crop - np.array([left, top, left, top], np.float32)
        [pixels] = self.graphs.crops.run(["pixels"], {"picture": window, "crop": place})
        drawn: list[FloatArray] = self.graphs.joints.run(
            ["heights", "embedding"], {"pixels": pixels}
        )
        return drawn
