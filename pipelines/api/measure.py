"""``posetube.measure``: angles, lengths, speeds, steps and zones of tracks."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...datasets.people import PeopleSource
from ...tracker.measures.zones import Zone
from ..measuring.measured_tables import Measures, Scale, measured
from .load import load


def measure(
    source: PeopleSource,
    *,
    zones: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    metres_per_pixel: float | None = None,
    heights: Mapping[int, float] | None = None,
    video: str | None = None,
) -> Measures:
    """Measure people in pixels, or in metres where a scale is given.

    Args:
        source: Tracks in memory, or what :func:`posetube.load` takes.
        zones: Parts of the picture by name: the corners, x and y in pixels.
        metres_per_pixel: How large a pixel is.
        heights: In place of it, the height of people by track id, metres.
        video: Which of several videos; None: the only one.

    Returns:
        Tables as columns: ``frames``, ``people``, ``events``, ``zones``.

    Raises:
        InputError: If frames have no times, or a zone or the scale cannot be used.

    Examples:
        >>> bent = measure("runs/clip").frames["left_knee_angle"]           # doctest: +SKIP
    """
    parts = [Zone(name=name, corners=np.asarray(c, float)) for name, c in (zones or {}).items()]
    scale = Scale(metres_per_pixel=metres_per_pixel, heights=dict(heights or {}))
    return measured(load(source, video=video), zones=parts, scale=scale)
