"""What a job asks of a network, in NumPy terms: any class with these members will do.

The project's own networks (:class:`posetube.models3d.TubeRCNN`) have them. A job never looks inside
what :meth:`Network.encode` returns; it keeps it and hands it back.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, PoseTubes


class Network(Protocol):
    """Finds the people of a clip."""

    @property
    def clip_length(self) -> int:
        """T, the number of frames that it looks at together."""

    @property
    def skeleton(self) -> Skeleton:
        """The joints that it finds."""

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> Sequence[Any]:
        """Look at each of (B, H, W, 3) RGB images alone; on request also at appearances.

        Returns:
            B records, one per image. A clip is put together from the records of its frames, so
            that a frame which several clips share is looked at once.
        """

    def detect_features(self, features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        """Find the people of a clip.

        Args:
            features: What :meth:`encode` returned for each of the clip's T frames.
            frames: T indices of these frames in their video, not decreasing.
        """
