"""Turns a labelled clip into the truth that the losses compare with.

Arrays of :mod:`posetube.datasets` in, tensors of :mod:`posetube.models3d` out, in the same pixels.
Not here: reading and varying clips (:mod:`posetube.datasets.training`), batches.
"""

import numpy as np
import torch

from posetube.skeletons import Skeleton
from posetube.structures import FloatArray

from ...datasets.training.labelled_clip import LabelledClip
from ...models3d.training.targets import TubeTruth


def truth_of_clip(clip: LabelledClip, *, skeleton: Skeleton) -> TubeTruth:
    """The people of a clip as tubes.

    Boxes end where the picture does. Who has no box in a frame, or none inside the picture, is
    absent from it; who is absent from all frames is left out. Hidden joints count like visible
    ones, each by its weight. Joints are the network's by name; those that the clip lacks weigh 0.

    Args:
        clip: Any number of people.
        skeleton: The network's joint set.

    Raises:
        InputError: If the clip's joint set shares no joint with the network's.
    """
    clip = clip.people(clip.present.any(axis=1))
    points, weights = clip.joints_of(skeleton)
    masks = None if clip.masks is None else clip.masks & clip.present[..., None, None]
    return TubeTruth(
        boxes=torch.from_numpy(np.where(clip.present[..., None], clip.boxes_inside, 0)),
        present=torch.from_numpy(clip.present),
        keypoints=torch.from_numpy(_finite(points)),
        keypoint_weights=torch.from_numpy(weights),
        ignore=torch.from_numpy(_finite(clip.ignore)),
        masks=None if masks is None else torch.from_numpy(masks),
    )


def _finite(values: FloatArray) -> FloatArray:
    """Zeros where nothing is known."""
    return np.nan_to_num(values, nan=0.0).astype(np.float32)
