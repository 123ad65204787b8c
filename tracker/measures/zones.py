"""Who is in which zone of the picture, and when somebody enters or leaves one.

A person is where the feet are: at the middle of the box's lower edge.
"""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.structures import BoolArray, DoubleArray, Polygon, VideoTracks

from .joint_places import place_of

SETTLED = 0.2
"""Seconds that somebody must be inside or outside to count: boxes tremble at a border."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """A part of the picture."""

    name: str
    corners: Polygon
    """(P, 2) pixels."""

    def __post_init__(self) -> None:
        if len(self.corners) < 3 or not np.isfinite(self.corners).all():
            raise InputError(f"zone {self.name}: expected at least 3 corners, x and y of each")


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """Somebody enters or leaves a zone."""

    time: float
    """Seconds."""

    track: int
    zone: str
    enters: bool


def inside(zone: Zone, places: DoubleArray) -> BoolArray:
    """(N,) whether places, (N, 2) pixels, lie in a zone.

    They do where a ray to the right meets its border an odd number of times.
    """
    x, y = places[:, :1], places[:, 1:]
    one, other = zone.corners, np.roll(zone.corners, -1, axis=0)
    above = (one[:, 1] > y) != (other[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        meets = one[:, 0] + (y - one[:, 1]) / (other[:, 1] - one[:, 1]) * (other - one)[:, 0]
    odd: BoolArray = (above & (x < meets)).sum(axis=1) % 2 == 1
    return odd


def zone_rows(tracks: VideoTracks, zone: Zone) -> BoolArray:
    """(R,) whether each row's person is in the zone."""
    return inside(zone, place_of(tracks, "feet"))


def crossings(tracks: VideoTracks, zone: Zone) -> list[Crossing]:
    """Who enters and leaves a zone, by time.

    Whoever is first seen inside enters then; whoever is last seen inside does not leave.
    """
    within, found = zone_rows(tracks, zone), []
    for track in tracks.ids.tolist():
        rows = np.flatnonzero(tracks.track_ids == track)
        times = tracks.frames.times[tracks.frame[rows]]
        for time, enters in _changes(times, within[rows]):
            found.append(Crossing(time=time, track=track, zone=zone.name, enters=enters))
    return sorted(found, key=lambda crossing: (crossing.time, crossing.track))


def _changes(times: DoubleArray, within: BoolArray) -> list[tuple[float, bool]]:
    """When a state changed for good, and to which."""
    found: list[tuple[float, bool]] = []
    state, since = False, 0
    for row in range(len(times)):
        if within[row] == state:
            since = row + 1
        elif times[row] - times[since] >= SETTLED or len(times) == 1:
            state = bool(within[row])
            found.append((float(times[since]), state))
            since = row + 1
    return found
