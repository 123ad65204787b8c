"""Lets libraries that crash without memory take theirs before the work begins.

The linear algebra that NumPy and OpenCV bring along takes buffers when it is first used. It ends
the process, or breaks its memory, where it gets none. Everything else says so, and the run ends
with one line and can go on. SciPy's is not here, for few runs load it:
:mod:`posetube.tracker.assignment` looks first whether there is room.
"""

import cv2
import numpy as np

from posetube.shortage import require_memory

HEADROOM = 1 << 29
"""Bytes that must be left: the buffers below take less than half, threads and a frame the rest."""


def claim_native_memory() -> None:
    """Use each library once; what it takes it keeps.

    Raises:
        ResourceError: If there is too little memory for them.
    """
    require_memory(HEADROOM)
    some = np.eye(64)
    np.linalg.svd(some @ some)
    cv2.SVDecomp(some)
