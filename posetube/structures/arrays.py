"""Array types that records and functions everywhere annotate."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

BytesArray = npt.NDArray[np.object_]
"""Of bytes."""

Polygon = DoubleArray
"""(P, 2) corners, x y, pixels."""
