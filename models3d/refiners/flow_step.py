"""How the picture moved from one frame to the next: optical flow in both directions."""

from dataclasses import dataclass

import numpy as np

from posetube.structures import BoolArray, FloatArray

from ..map_moving import move_maps

AGREEMENT = (0.01, 0.5)
"""There and back again must lead to where one began: the squared distance may be this share of both
ways' squared lengths, plus this many squared pixels of the flow.

Source: Sundaram, Brox and Keutzer, ECCV 2010.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowStep:
    """Dense optical flow between two pictures, on a grid of h * w cells over the picture."""

    forward: FloatArray
    """(h, w, 2) x y: how far what is in each cell of the earlier picture moves, pixels of the
    displayed frame."""

    backward: FloatArray
    """(h, w, 2) the same from the later picture to the earlier."""

    size: tuple[int, int]
    """(H, W) of the displayed frame, pixels."""

    def follow(self, places: FloatArray, *, backward: bool) -> tuple[FloatArray, BoolArray]:
        """Follow places into the other picture.

        Args:
            places: (P, 2) x y, pixels of the displayed frame.
            backward: Whether they lie in the later picture.

        Returns:
            (P, 2) where they lie there; (P,) whether the way back leads to where it began.
        """
        there, back = (self.forward, self.backward)[:: -1 if backward else 1]
        way = self._at(there, places)
        arrived = places + way
        home = self._at(back, arrived)
        cell = self.size[1] / self.forward.shape[1]
        share, least = AGREEMENT
        gap, out, homeward = (np.square(x / cell).sum(-1) for x in (way + home, way, home))
        height, width = self.size
        inside = (arrived >= 0).all(-1) & (arrived <= [width, height]).all(-1)
        return arrived, inside & (gap <= share * (out + homeward) + least)

    def _at(self, flow: FloatArray, places: FloatArray) -> FloatArray:
        """(P, 2) the flow at places; outside the picture that of its edge."""
        rows, columns = flow.shape[:2]
        height, width = self.size
        half = np.array([width / columns, height / rows]) / 2
        within = places.clip(half, np.array([width, height]) - half)
        whole = np.array([[0, 0, width, height]], places.dtype)
        found = move_maps(
            flow.transpose(2, 0, 1)[None],
            source=whole,
            target=whole,
            places=within[None, None].astype(places.dtype),
        )
        along: FloatArray = found[0, :, 0].T
        return along
