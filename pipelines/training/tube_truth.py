"""What labelled clips and pictures say of their people, as the truth that the losses are told.

Arrays of :mod:`posetube.datasets` in, tensors of :mod:`posetube.models3d` out, in the same pixels.
Not here: reading and varying clips (:mod:`posetube.datasets.training`), batches.
"""

from typing import TYPE_CHECKING

import numpy as np

from posetube import boxes as box
from posetube.skeletons import Skeleton
from posetube.structures import FloatArray

from ...datasets.training.labelled_clip import LabelledClip
from ...datasets.training.training_pictures import LabelledPicture

if TYPE_CHECKING:
    from ...models3d.training.targets import TubeTruth


def truth_of_clip(clip: LabelledClip, *, skeleton: Skeleton) -> "TubeTruth":
    """The people of a clip as tubes.

    Boxes end where the picture does. Who has no box in a frame, or none inside the picture, is
    absent from it; who is absent from all of them is left out. Hidden joints count like visible
    ones; joints are the network's by name, and nothing is said of those that the clip lacks.

    Args:
        clip: Any number of people.
        skeleton: The network's joint set.

    Raises:
        InputError: If the clip's joint set shares no joint with the network's.
    """
    import torch

    from ...models3d.training.targets import TubeTruth

    boxes = box.clip(clip.boxes, height=clip.size[0], width=clip.size[1])
    present = box.area(boxes) > 0
    somewhere = present.any(axis=1)
    points, weights = (values[somewhere] for values in clip.joints_of(skeleton))
    boxes = np.where(present[..., None], boxes, 0)[somewhere]
    ignore = np.zeros((0, len(clip), 4), np.float32) if clip.ignore is None else clip.ignore
    return TubeTruth(
        boxes=torch.from_numpy(boxes),
        present=torch.from_numpy(present[somewhere]),
        keypoints=torch.from_numpy(_finite(points)),
        keypoint_weights=torch.from_numpy(weights),
        ignore=torch.from_numpy(_finite(ignore)),
    )


def truth_of_picture(picture: LabelledPicture) -> "TubeTruth":
    """The people of a picture as tubes of one frame, its joints those of the network."""
    import torch

    from ...models3d.training.targets import TubeTruth

    return TubeTruth(
        boxes=torch.from_numpy(picture.boxes)[:, None],
        present=torch.from_numpy(box.area(picture.boxes) > 0)[:, None],
        keypoints=torch.from_numpy(picture.keypoints)[:, None],
        keypoint_weights=torch.from_numpy(picture.keypoint_weights)[:, None],
        ignore=torch.from_numpy(picture.ignore)[:, None],
    )


def _finite(values: FloatArray) -> FloatArray:
    """Zeros where nothing is known."""
    return np.nan_to_num(values, nan=0.0).astype(np.float32)
