"""A network made of two: a detector finds boxes, a pose network reads the joints in each.

Serves the protocols of :mod:`posetube.network` with other people's networks. All methods may be
called from several threads at a time. Importing this file does not import ONNX Runtime.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from posetube.errors import InputError
from posetube.network import TubeHeatmaps, check_clip, check_tubes
from posetube.records import take_rows
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, FloatArray, PoseTubes

from ..box_coding import clip_boxes
from ..packed_maps import packed_maps
from ..pose_nms import distinct_poses
from ..preprocess import check_images
from .foreign_detector import ForeignDetector
from .foreign_pose import ForeignPose

POSE_NMS = 0.6
"""A pose more similar to a surer one than this, in [0, 1], is dropped; as in the embedded model."""


class SeenPicture(NamedTuple):
    """What is kept of a frame."""

    image: ByteArray
    """(H, W, 3) RGB."""

    heatmaps: bool
    """Whether heatmaps are to be kept."""


class TopDownNetwork:
    """A detector and a pose network that look at single frames."""

    clip_length = 1
    """T: how many frames it looks at together."""

    def __init__(self, *, pose: ForeignPose, detector: ForeignDetector | None = None) -> None:
        """Without a detector it can be given boxes, and finds nobody by itself."""
        self.pose, self.detector = pose, detector

    @property
    def skeleton(self) -> Skeleton:
        """Names and order of the K joints."""
        return self.pose.skeleton

    def encode(
        self, images: ByteArray, *, embeddings: bool = False, heatmaps: bool = False
    ) -> list[SeenPicture]:
        """Check (B, H, W, 3) RGB bytes and keep them; nobody says what people look like.

        Raises:
            InputError: If the images are not of that shape and type.
        """
        check_images(images)
        return [SeenPicture(np.ascontiguousarray(image), heatmaps) for image in images]

    def detect_features(self, features: Sequence[SeenPicture], frames: Sequence[int]) -> PoseTubes:
        """Find everybody in one frame, by falling score, without doubles.

        Raises:
            InputError: If there is not one frame, or no detector.
        """
        check_clip(self.clip_length, features, frames)
        if self.detector is None:
            raise InputError(
                "a pose network alone finds nobody: give a detector= as well, or boxes="
            )
        [picture] = features
        boxes, scores = self.detector.find(picture.image)
        found = self._people(picture, frames, boxes=boxes, scores=scores)
        kept = distinct_poses(
            found.keypoints, found.boxes, sigmas=self.skeleton.sigmas, threshold=POSE_NMS
        )
        # joints come from the boxes as found; what is reported ends where the picture does
        height, width = picture.image.shape[:2]
        inside = replace(found, boxes=clip_boxes(found.boxes, height=height, width=width))
        rows = [field.name for field in fields(inside) if field.name != "frames"]
        return take_rows(inside, kept, columns=rows)

    def find_joints(
        self,
        features: Sequence[SeenPicture],
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
        boxes = tubes[:, 0].astype(np.float32)
        return self._people(features[0], frames, boxes=boxes, scores=scores.astype(np.float32))

    def heatmaps(self, features: Sequence[SeenPicture], tubes: FloatArray) -> TubeHeatmaps:
        """Draw the joints' heatmaps of people given by (N, 1, 4) boxes, pixels.

        Raises:
            InputError: If there is not one frame, or the boxes are not finite numbers.
        """
        check_clip(self.clip_length, features)
        check_tubes(self.clip_length, tubes)
        boxes = tubes[:, 0].astype(np.float32)
        return self._maps(self.pose.look(features[0].image, boxes), boxes)

    def _people(
        self, picture: SeenPicture, frames: Sequence[int], *, boxes: FloatArray, scores: FloatArray
    ) -> PoseTubes:
        seen = self.pose.look(picture.image, boxes)
        joints = self.pose.joints(seen, boxes)
        return PoseTubes(
            frames=np.asarray(frames, np.int64),
            boxes=boxes[:, None],
            keypoints=joints.positions[:, None],
            keypoint_scores=joints.scores[:, None],
            scores=scores,
            presence=np.ones((len(boxes), 1), np.float32),
            heatmaps=packed_maps(self._maps(seen, boxes)) if picture.heatmaps else None,
        )

    def _maps(self, seen: list[list[FloatArray]], boxes: FloatArray) -> TubeHeatmaps:
        maps = self.pose.maps(seen, boxes)
        return TubeHeatmaps(
            logits=maps.logits[:, None],
            regions=maps.regions[:, None],
            kind="heights" if self.pose.layout == "heatmaps" else "softmax",
        )
