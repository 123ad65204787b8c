"""Videos and pictures of invented people with exact truth, drawn without a 3D engine.

:func:`generate` makes clips; :func:`picture` and :func:`paste_people` make single pictures for
training. The clip of ``posetube demo`` is in :mod:`.demo`.
"""

from .clip import SyntheticClip
from .direct import generate
from .flow import Flow
from .picture import PictureConfig, paste_people, picture
from .render import People, SyntheticFrame
from .scene_config import SceneConfig

__all__ = [
    "Flow",
    "People",
    "PictureConfig",
    "SceneConfig",
    "SyntheticClip",
    "SyntheticFrame",
    "generate",
    "paste_people",
    "picture",
]
