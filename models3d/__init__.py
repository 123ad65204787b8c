"""Networks, losses and weights. Knows nothing of files other than weights.

>>> from posetube.models3d import load_network
>>> model = load_network("tiny")                     # doctest: +SKIP
>>> tubes = model.detect(clip)                       # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoints.loading import load_network
    from .configs.networks import TubeRCNNConfig
    from .features import FrameFeatures
    from .model_info import ModelInfo
    from .tube_rcnn import TubeRCNN

__all__ = ["FrameFeatures", "ModelInfo", "TubeRCNN", "TubeRCNNConfig", "load_network"]


def __getattr__(name: str) -> Any:
    """Import torch only when a network is asked for."""
    if name in __all__:
        module = {
            "load_network": ".checkpoints.loading",
            "FrameFeatures": ".features",
            "ModelInfo": ".model_info",
            "TubeRCNNConfig": ".configs.networks",
        }
        return getattr(import_module(module.get(name, ".tube_rcnn"), __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
