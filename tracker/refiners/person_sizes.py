"""How large the people are whose joints are filtered: the unit of the filters' settings."""

from posetube.boxes import or_around, with_area
from posetube.keypoint_similarity import scale_of
from posetube.structures import DoubleArray, FloatArray


def person_sizes(boxes: FloatArray, joints: FloatArray) -> DoubleArray:
    """Size of each person: square root of the box's area, or of the joints' extent without one.

    Args:
        boxes: (N, 4), pixels; NaN where not known.
        joints: (N, K, 2), pixels; NaN where not known.

    Returns:
        (N,) pixels; NaN where neither has an area, as of one joint alone.
    """
    whole = with_area(or_around(with_area(boxes), joints))
    return scale_of(whole)
