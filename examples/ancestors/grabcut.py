"""GrabCut: a rough mask finds its edge in the picture.

The sure inside and outside of a mask tell which colours are the person's and which the scene's; the
pixels between go to whom their colours fit, with few borders. Mask R-CNN's masks have 28 x 28
cells, so their edges are rough. Here masks of drawn people are made rough in the same way.

Source: Rother, Kolmogorov & Blake, "GrabCut", 2004; its use on the masks of Mask R-CNN is in the
spirit of Wu, 2019, of which only a summary could be had. OpenCV does the work.
"""

import cv2
import numpy as np
import numpy.typing as npt

from posetube.datasets.synthetic.demo import demo_clip

CELLS = 28
"""Per side of a rough mask."""

SURE, UNSURE = 0.9, 0.1
"""Softness from which a pixel is surely the person's, and below which surely not."""

Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]
Soft = npt.NDArray[np.float32]


def rough(mask: Mask, margin: int = 8) -> tuple[Soft, tuple[int, int, int, int]]:
    """What a network of few cells would say of a mask, in its padded box: x1, y1, x2, y2."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y1, x1 = max(rows[0] - margin, 0), max(columns[0] - margin, 0)
    y2, x2 = rows[-1] + margin + 1, columns[-1] + margin + 1
    own = mask[y1:y2, x1:x2].astype(np.float32)
    few = cv2.resize(own, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    size = (own.shape[1], own.shape[0])
    soft: Soft = cv2.resize(few, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return soft, (int(x1), int(y1), int(x1) + size[0], int(y1) + size[1])


def refined(picture: Picture, soft: Soft, rounds: int = 3) -> Mask:
    """The mask whose edge follows the picture's colours.

    Args:
        picture: (H, W, 3) RGB, the padded box.
        soft: (H, W) in [0, 1].
        rounds: How often colours and pixels are chosen in turn.
    """
    guess = np.where(soft >= 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess[soft >= SURE], guess[soft < UNSURE] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)  # its first colours are drawn at random
    models = np.zeros((2, 1, 65))
    cv2.grabCut(picture, guess, (0, 0, 1, 1), models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD))


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def overlaps(frames: int = 5) -> list[tuple[float, float]]:
    """Of everybody in some frames of the demo: overlap with the truth before and after."""
    found = []
    for frame in demo_clip().frames():
        if frame.index % 25:
            continue
        if frame.index >= 25 * frames:
            break
        for mask in frame.masks:
            if mask.sum() < 500:  # nearly hidden
                continue
            soft, (x1, y1, x2, y2) = rough(mask)
            true = mask[y1:y2, x1:x2]
            picture = np.ascontiguousarray(frame.image[y1:y2, x1:x2])
            found.append((overlap(soft >= 0.5, true), overlap(refined(picture, soft), true)))
    return found


def main() -> None:
    """Measure drawn people."""
    before, after = np.mean(overlaps(), axis=0)
    print(f"overlap with the true masks: {before:.3f} rough, {after:.3f} refined")


if __name__ == "__main__":
    main()
