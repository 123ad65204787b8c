"""A network made of two: a detector finds boxes, a pose network reads the joints in each.

Serves the protocols of :mod:`posetube.network` with other people's networks. All methods may be
called from several threads at a time. Importing this file does not import ONNX Runtime.
"""

from collections.abc import Sequence

import numpy as np

from posetube.errors import InputError
from posetube.network import TubeHeatmaps, check_clip, check_tubes
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, FloatArray, PoseTubes

from ..box_coding import clip_boxes
from ..pose_nms import distinct_poses
from ..preprocess import check_images
from .foreign_detector import ForeignDetector
from .foreign_pose import ForeignPose

POSE_NMS = 0.6
"""A pose more similar to a surer one than this, in [0, 1], is dropped; as in the embedded model."""


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

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> list[ByteArray]:
        """Check (B, H, W, 3) RGB bytes and keep them; nobody says what people look like.

        Raises:
            InputError: If the images are not of that shape and type.
        """
        check_images(images)
        return [np.ascontiguousarray(image) for image in images]

    def detect_features(self, features: Sequence[ByteArray], frames: Sequence[int]) -> PoseTubes:
        """Find everybody in one frame, by falling score, without doubles.

        Raises:
            InputError: If there is not one frame, or no detector.
        """
        check_clip(self.clip_length, features, frames)
        if self.detector is None:
            raise InputError(
                "a pose network alone finds nobody: give a detector= as well, or boxes="
            )
        image = features[0]
        boxes, scores = self.detector.find(image)
        found = self._people(image, frames, boxes=boxes, scores=scores)
        kept = distinct_poses(
            found.keypoints, found.boxes, sigmas=self.skeleton.sigmas, threshold=POSE_NMS
        )
        # joints come from the boxes as found; what is reported ends where the picture does
        inside = clip_boxes(found.boxes, height=image.shape[0], width=image.shape[1])
        return PoseTubes(
            frames=found.frames,
            boxes=inside[kept],
            keypoints=found.keypoints[kept],
            keypoint_scores=found.keypoint_scores[kept],
            scores=found.scores[kept],
            presence=found.presence[kept],
        )

    def find_joints(
        self,
        features: Sequence[ByteArray],
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

    def heatmaps(self, features: Sequence[ByteArray], tubes: FloatArray) -> TubeHeatmaps:
        """Draw the joints' heatmaps of people given by (N, 1, 4) boxes, pixels.

        Raises:
            InputError: If there is not one frame, or the boxes are not finite numbers.
        """
        check_clip(self.clip_length, features)
        check_tubes(self.clip_length, tubes)
        maps = self.pose.draw(features[0], tubes[:, 0].astype(np.float32))
        return TubeHeatmaps(
            logits=maps.logits[:, None],
            regions=maps.regions[:, None],
            kind="heights" if self.pose.layout == "heatmaps" else "softmax",
        )

    def _people(
        self, image: ByteArray, frames: Sequence[int], *, boxes: FloatArray, scores: FloatArray
    ) -> PoseTubes:
        joints = self.pose.find(image, boxes)
        return PoseTubes(
            frames=np.asarray(frames, np.int64),
            boxes=boxes[:, None],
            keypoints=joints.positions[:, None],
            keypoint_scores=joints.scores[:, None],
            scores=scores,
            presence=np.ones((len(boxes), 1), np.float32),
        )
