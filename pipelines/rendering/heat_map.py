"""Where people have been so far, as a glow over the picture."""

import cv2
import numpy as np

from posetube.structures import ByteArray, FloatArray

COARSE = 4
"""Pixels of the picture per cell of the map."""

SPREAD = 0.03
"""Radius of a footprint, as a share of the picture's shorter side."""

STRONGEST = 0.65
"""How much of the picture the glow hides where most people have been."""


class HeatMap:
    """Collects where people stand, frame by frame."""

    def __init__(self, size: tuple[int, int]) -> None:
        """Begin with an empty map of (H, W) pixels."""
        self._seen: FloatArray = np.zeros([-(-side // COARSE) for side in size], np.float32)
        self._sigma = max(1.0, SPREAD * min(size) / COARSE)

    def add(self, boxes: FloatArray) -> None:
        """Note where people stand: the middles of their boxes' lower edges, (N, 4) pixels."""
        for left, _, right, bottom in boxes[np.isfinite(boxes).all(axis=1)].tolist():
            column, row = (int(side / COARSE) for side in ((left + right) / 2, bottom))
            if 0 <= row < self._seen.shape[0] and 0 <= column < self._seen.shape[1]:
                self._seen[row, column] += 1

    def draw(self, canvas: ByteArray) -> None:
        """Draw the map over a picture, (H, W, 3) RGB, in place."""
        glow = cv2.GaussianBlur(self._seen, (0, 0), self._sigma)
        if not glow.max() > 0:
            return
        height, width = canvas.shape[:2]
        # the root shows ways beside places where somebody stood for long
        level = cv2.resize(np.sqrt(glow / glow.max()), (width, height))
        colours = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO)
        share = (STRONGEST * np.minimum(1, 2 * level))[..., None]
        canvas[:] = (1 - share) * canvas + share * colours[..., ::-1]
