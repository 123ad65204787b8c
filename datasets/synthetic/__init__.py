"""Videos and pictures of synthetic people with exact ground truth, rendered without a 3D engine.

:func:`generate` makes clips (:func:`labelled_clip` gives a few of their frames as a clip to train
on); :func:`picture` and :func:`paste_people` make single pictures. The clip of ``posetube demo`` is
in :mod:`.demo`, data sets made of clips are in :mod:`.layouts`.
"""

from .clip import SyntheticClip
from .clip_generator import generate
from .flow import Flow
from .ground_truth import labelled_clip
from .picture import PictureConfig, paste_people, picture
from .render import FrameTruth, SyntheticFrame
from .scene_config import SceneConfig

__all__ = [
    "Flow",
    "FrameTruth",
    "PictureConfig",
    "SceneConfig",
    "SyntheticClip",
    "SyntheticFrame",
    "generate",
    "labelled_clip",
    "paste_people",
    "picture",
]
