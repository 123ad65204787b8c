"""The tables that ``posetube measure`` writes: by frame, by person, by event, by zone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from posetube.data_frames import Columns
from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray, VideoTracks

from ...tracker.measures.joint_angles import joint_angles
from ...tracker.measures.joint_places import body_centre
from ...tracker.measures.movement import distance, speeds
from ...tracker.measures.segment_lengths import body_height, segment_lengths
from ...tracker.measures.steps import step_times
from ...tracker.measures.zones import Crossing, Zone, crossings, zone_rows

GAP = 1.5
"""Times the usual time between frames from which two rows of a track are apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How large a pixel is; neither: measures stay in pixels."""

    metres_per_pixel: float | None = None
    heights: dict[int, float] = field(default_factory=dict)
    """Height of some people by track id, metres; what one of them gives holds for all."""

    def __post_init__(self) -> None:
        check_numbers(self, "metres_per_pixel", above=0, high=1000)
        if self.metres_per_pixel is not None and self.heights:
            raise InputError("a scale is given by metres per pixel or by heights, not by both")
        for track, height in self.heights.items():
            if not 0.2 <= height <= 3:
                raise InputError(
                    f"height of track {track}: expected 0.2 to 3 metres, got {height:g}"
                )

    def of(self, tracks: VideoTracks) -> float | None:
        """Metres per pixel; None: not known.

        Raises:
            InputError: If the height of a person in the picture cannot be measured.
        """
        if not self.heights:
            return self.metres_per_pixel
        found = [metres / body_height(tracks, track) for track, metres in self.heights.items()]
        return float(np.mean(found))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """What was measured, as columns by name."""

    unit: str
    """``px`` or ``m``: of lengths, places, distances; speeds are in units per second."""

    frames: Columns
    """A row per person and frame."""

    people: Columns
    """A row per person."""

    events: Columns
    """A row per step, and per entry into and exit from a zone, by time."""

    zones: Columns
    """A row per zone and frame: how many people are in it."""

    def tables(self) -> dict[str, Columns]:
        """The tables by name; zones only where there are any."""
        found = {"frames": self.frames, "people": self.people, "events": self.events}
        return found | ({"zones": self.zones} if len(self.zones["frame"]) else {})


def measured(
    tracks: VideoTracks, *, zones: Sequence[Zone] = (), scale: Scale | None = None
) -> Measures:
    """Measure people.

    Args:
        tracks: With times; rows without an id are passed over.
        zones: Parts of the picture, in pixels.
        scale: How large a pixel is; None: not known.

    Raises:
        InputError: If frames have no times, two zones share a name, or a scale cannot be made.
    """
    tracks = tracks.select(tracks.track_ids >= 0)
    if np.isnan(tracks.frames.times[tracks.frame]).any():
        raise InputError(f"{tracks.source}: frames have no times, which speeds need")
    if len({zone.name for zone in zones}) < len(zones):
        raise InputError("two zones have the same name")
    size = None if scale is None else scale.of(tracks)
    unit, factor = ("px", 1.0) if size is None else ("m", size)
    frames = _by_frame(tracks, zones, factor)
    steps = {track: step_times(tracks, track) for track in tracks.ids.tolist()}
    crossed = [one for zone in zones for one in crossings(tracks, zone)]
    return Measures(
        unit=unit,
        frames=frames,
        people=_by_person(tracks, frames, steps, factor, unit),
        events=_events(tracks, steps, crossed),
        zones=_by_zone(tracks, zones),
    )


def _by_frame(tracks: VideoTracks, zones: Sequence[Zone], factor: float) -> dict[str, np.ndarray]:
    centre = body_centre(tracks) * factor
    speed, longest = np.full(len(tracks.frame), np.nan), GAP * _usual_step(tracks.frames.times)
    for rows in _tracks(tracks):
        times = tracks.frames.times[tracks.frame[rows]]
        apart = np.diff(times, prepend=times[0]) > longest
        speed[rows] = speeds(times, centre[rows], apart=apart)
    lengths = {name: values * factor for name, values in segment_lengths(tracks).items()}
    within = {f"in_{zone.name}": zone_rows(tracks, zone) for zone in zones}
    return {
        "frame": tracks.frame,
        "time": tracks.frames.times[tracks.frame],
        **_who(tracks, tracks.track_ids),
        "x": centre[:, 0],
        "y": centre[:, 1],
        "speed": speed,
        **joint_angles(tracks),
        **lengths,
        **within,
    }


def _tracks(tracks: VideoTracks) -> Iterator[np.ndarray]:
    """The rows of each track, by rising id."""
    return (np.flatnonzero(tracks.track_ids == track) for track in tracks.ids.tolist())


def _who(tracks: VideoTracks, ids: np.ndarray) -> dict[str, np.ndarray]:
    names = [tracks.track_names.get(track, "") for track in ids.tolist()]
    return {"track_id": ids} | ({"name": np.array(names)} if tracks.track_names else {})


def _by_person(
    tracks: VideoTracks,
    frames: Columns,
    steps: dict[int, DoubleArray],
    factor: float,
    unit: str,
) -> dict[str, np.ndarray]:
    rows_of = [*_tracks(tracks)]
    times = [tracks.frames.times[tracks.frame[rows]] for rows in rows_of]
    places = [np.stack([frames["x"][rows], frames["y"][rows]], axis=1) for rows in rows_of]
    pace = _usual_step(tracks.frames.times)
    columns: dict[str, list[float]] = {
        "first_time": [float(of[0]) for of in times],
        "last_time": [float(of[-1]) for of in times],
        # a frame is seen until the next one comes
        "time_seen": [len(of) * pace for of in times],
        "distance": [distance(*pair) for pair in zip(times, places, strict=True)],
        "mean_speed": [_mean(frames["speed"][rows]) for rows in rows_of],
        "top_speed": [_top(frames["speed"][rows]) for rows in rows_of],
        "steps": [len(steps[track]) for track in tracks.ids.tolist()],
        "mean_joint_score": [_mean(tracks.keypoint_scores[rows]) for rows in rows_of],
        "height": [_height(tracks, track, factor) for track in tracks.ids.tolist()],
    }
    found = {name: np.array(values) for name, values in columns.items()}
    units = np.full(len(tracks.ids), unit)
    return {**_who(tracks, tracks.ids), **found, "steps": found["steps"].astype(int), "unit": units}


def _usual_step(times: DoubleArray) -> float:
    """Seconds from one frame to the next of those that were looked at."""
    known = times[~np.isnan(times)]
    return float(np.median(np.diff(known))) if len(known) > 1 else 0.0


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _top(values: np.ndarray) -> float:
    """The speed that only a twentieth of the rows exceeds: single rows may be wrong."""
    known = values[~np.isnan(values)]
    return float(np.percentile(known, 95)) if len(known) else np.nan


def _height(tracks: VideoTracks, track: int, factor: float) -> float:
    try:
        return body_height(tracks, track) * factor
    except InputError:
        return np.nan


def _events(
    tracks: VideoTracks, steps: dict[int, DoubleArray], crossed: Sequence[Crossing]
) -> dict[str, np.ndarray]:
    rows = [(time, track, "step", "") for track, all_ in steps.items() for time in all_.tolist()]
    rows += [(c.time, c.track, "enter" if c.enters else "leave", c.zone) for c in crossed]
    rows.sort()
    columns = [[row[place] for row in rows] for place in range(4)]
    ids = np.array(columns[1], np.int64)
    return {
        "time": np.array(columns[0], np.float64),
        **_who(tracks, ids),
        "event": np.array(columns[2], str),
        "zone": np.array(columns[3], str),
    }


def _by_zone(tracks: VideoTracks, zones: Sequence[Zone]) -> dict[str, np.ndarray]:
    frames, count = tracks.frames.labeled_indices, len(tracks.frames)
    people = [
        np.bincount(tracks.frame[zone_rows(tracks, zone)], minlength=count)[frames]
        for zone in zones
    ]
    return {
        "frame": np.tile(frames, len(zones)),
        "time": np.tile(tracks.frames.times[frames], len(zones)),
        "zone": np.repeat(np.array([zone.name for zone in zones], str), len(frames)),
        "people": np.concatenate([*people, np.empty(0, np.int64)]),
    }
