"""A frame's people with their heatmaps: what goes through a chain of refiners."""

from dataclasses import dataclass, replace

import numpy as np

from posetube.structures import FloatArray, FramePoses

from .evidence import read_joints
from .flow_step import FlowStep


@dataclass(frozen=True, kw_only=True, slots=True)
class MappedFrame:
    """A frame's N people, linked, and their heatmaps."""

    poses: FramePoses
    """The people."""

    evidence: FloatArray
    """(N, K, h, w) in [0, 1]; empty maps, h = w = 0, where there was no picture."""

    regions: FloatArray
    """(N, 4) pixels, the boxes that the maps cover."""

    calibration: tuple[float, float] | None = None
    """As :class:`posetube.network.TubeHeatmaps` has it."""

    flow: FlowStep | None = None
    """How the picture moved since the frame before; None: not known, or nobody asked."""

    @property
    def seen(self) -> bool:
        """Whether there was a picture."""
        return bool(self.evidence.shape[-1])

    def with_joints(self) -> FramePoses:
        """The people with the joints that the evidence says; without a picture as they are."""
        if not self.seen or not len(self.poses):
            return self.poses
        positions, scores = read_joints(self.evidence, self.regions, calibration=self.calibration)
        people = replace(
            self.poses.people,
            keypoints=positions.astype(np.float32),
            keypoint_scores=scores.astype(np.float32),
        )
        return replace(self.poses, people=people)


def without_picture(poses: FramePoses) -> MappedFrame:
    """A frame of which nothing was drawn."""
    count, joints = poses.people.keypoint_scores.shape
    return MappedFrame(
        poses=poses,
        evidence=np.zeros((count, joints, 0, 0), np.float32),
        regions=poses.people.boxes,
    )
