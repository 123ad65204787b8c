"""Gives the frames of somebody's tracks times where their file has none."""

from dataclasses import replace

import numpy as np

from posetube.errors import InputError
from posetube.structures import VideoTracks


def needs_frame_rate(tracks: VideoTracks) -> bool:
    """Whether there is a person, or nothing at all, at a time that is not known."""
    times = tracks.frames.times
    return bool(np.isnan(times[tracks.frame]).any() or np.isnan(times).all())


def with_times(tracks: VideoTracks, *, frame_rate: float) -> tuple[VideoTracks, list[str]]:
    """The tracks with a time for every frame.

    Args:
        tracks: As read.
        frame_rate: Frames per second, assumed where times of people are not known. Tables that list
            people have no times for the frames without any: those lie evenly between the others.

    Returns:
        The tracks, and what was assumed, a line or none.

    Raises:
        InputError: If the frame rate is not positive.
    """
    if not 0 < frame_rate < np.inf:
        raise InputError(f"the frame rate must be positive, got {frame_rate}")
    times = tracks.frames.times
    every, known = np.arange(len(times)), np.flatnonzero(~np.isnan(times))
    if len(known) == len(times):
        return tracks, []
    notes = []
    if needs_frame_rate(tracks):
        times = every / frame_rate
        notes.append(f"there are no times; {frame_rate:g} frames per second are assumed")
    else:
        first, last = known[0], known[-1]
        step = (times[last] - times[first]) / (last - first) if last > first else 1 / frame_rate
        inside = np.interp(every, known, times[known])
        # Beyond the first and the last known time, frames go on at the mean rate.
        times = inside + step * (np.minimum(every - first, 0) + np.maximum(every - last, 0))
    return replace(tracks, frames=replace(tracks.frames, times=times)), notes
