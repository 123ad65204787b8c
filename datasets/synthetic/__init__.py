"""Videos and pictures of invented people with exact truth, drawn without a 3D engine.

:func:`generate` makes clips (:func:`labelled_clip` gives a few of their frames as a clip to train
on); :func:`picture` and :func:`paste_people` make single pictures. The clip of ``posetube demo`` is
in :mod:`.demo`, data sets made of clips in :mod:`.layouts`.
"""

from .clip import SyntheticClip
from .direct import generate
from .flow import Flow
from .picture import PictureConfig, paste_people, picture
from .render import People, SyntheticFrame
from .scene_config import SceneConfig
from .truth import labelled_clip

__all__ = [
    "Flow",
    "People",
    "PictureConfig",
    "SceneConfig",
    "SyntheticClip",
    "SyntheticFrame",
    "generate",
    "labelled_clip",
    "paste_people",
    "picture",
]
