"""Videos and pictures of invented people with exact truth, drawn without a 3D engine.

:func:`generate` makes clips, :func:`picture` and :func:`paste_people` single pictures for
training, :func:`demo_scene` the clip of ``posetube demo``.
"""

from .clip import SceneConfig, SyntheticClip, generate
from .picture import PictureConfig, paste_people, picture
from .render import People, SyntheticFrame

__all__ = [
    "People",
    "PictureConfig",
    "SceneConfig",
    "SyntheticClip",
    "SyntheticFrame",
    "generate",
    "paste_people",
    "picture",
]
