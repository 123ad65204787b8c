"""The tracks that may still go on, as arrays with one entry per track."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from posetube.structures import BoolArray, Detections, DoubleArray, IntArray, check_shapes

from .motion import Motion, joined


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTracks:
    """N tracks, by rising birth."""

    births: IntArray
    """(N,) which birth, counted from 0, each track began with."""

    ids: IntArray
    """(N,) track id, from 1; 0 as long as the track is not confirmed."""

    first_frames: IntArray
    """(N,) index of the frame in which each was first seen."""

    last_seen: DoubleArray
    """(N,) time at which each was last seen, seconds."""

    hits: IntArray
    """(N,) in how many frames each has been seen."""

    ages: IntArray
    """(N,) how many frames there have been since the first sighting, that one included."""

    motion: Motion
    """Where the N people are and where they are going."""

    def __post_init__(self) -> None:
        n = (len(self.motion),)
        check_shapes(self, births=n, ids=n, first_frames=n, last_seen=n, hits=n, ages=n)

    def __len__(self) -> int:
        return len(self.births)

    def __getitem__(self, rows: Any) -> "LiveTracks":
        """Some of the tracks: a boolean mask, an index array or a slice."""
        return LiveTracks(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @classmethod
    def born(cls, people: Detections, *, first_birth: int, frame: int, time: float) -> "LiveTracks":
        """One new track for each of N people."""
        n = len(people)
        return cls(
            births=first_birth + np.arange(n),
            ids=np.zeros(n, np.int64),
            first_frames=np.full(n, frame, np.int64),
            last_seen=np.full(n, time),
            hits=np.ones(n, np.int64),
            ages=np.ones(n, np.int64),
            motion=Motion.start(people),
        )

    @property
    def tentative(self) -> BoolArray:
        """(N,) which tracks are not confirmed."""
        return np.asarray(self.ids == 0)

    def advanced(self, seconds: float) -> "LiveTracks":
        """The tracks as they should be one frame and some seconds later."""
        return replace(self, ages=self.ages + 1, motion=self.motion.predict(seconds))

    def seen(self, rows: IntArray, people: Detections, *, time: float) -> "LiveTracks":
        """The tracks after some of them (``rows``) were seen as ``people``, in that order."""
        last_seen, hits = self.last_seen.copy(), self.hits.copy()
        last_seen[rows] = time
        hits[rows] += 1
        motion = self.motion.replaced(rows, self.motion[rows].correct(people))
        return replace(self, last_seen=last_seen, hits=hits, motion=motion)

    def with_ids(self, rows: IntArray, ids: IntArray) -> "LiveTracks":
        """The tracks after some of them were confirmed."""
        new = self.ids.copy()
        new[rows] = ids
        return replace(self, ids=new)

    def and_also(self, others: "LiveTracks") -> "LiveTracks":
        """These tracks and others, born later."""
        both = {
            f.name: np.concatenate([getattr(self, f.name), getattr(others, f.name)])
            for f in fields(self)
            if f.name != "motion"
        }
        return LiveTracks(**both, motion=joined(self.motion, others.motion))

    def state(self) -> dict[str, Any]:
        """Everything as arrays; :meth:`restore` takes them back."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "motion"}
        return arrays | {f.name: getattr(self.motion, f.name) for f in fields(Motion)}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> "LiveTracks":
        """The tracks that :meth:`state` described."""
        motion = Motion(**{f.name: state[f.name] for f in fields(Motion)})
        own = {f.name: state[f.name] for f in fields(cls) if f.name != "motion"}
        return cls(**own, motion=motion)
