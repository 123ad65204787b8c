"""Holds the tracks that may still continue, as arrays with one entry per track."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from posetube.records import check_shapes, join_columns, join_records, take_rows
from posetube.structures import (
    BoolArray,
    Detections,
    DoubleArray,
    FloatArray,
    IntArray,
)

from .motion import KalmanMotion

NEW_SCORE = 0.1
"""Least weight of the newest score in the running mean."""

NEW_LOOK = 0.1
"""Weight of the newest embedding in the running mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveTracks:
    """N tracks, oldest first."""

    births: IntArray
    """(N,) running number of each track, from 0; known before the track has an id."""

    ids: IntArray
    """(N,) track id, from 1; 0 until the track is confirmed."""

    first_frames: IntArray
    """(N,) index of the frame in which each person was first seen."""

    last_seen: DoubleArray
    """(N,) time at which each person was last seen, seconds."""

    hits: IntArray
    """(N,) in how many frames each person was seen."""

    ages: IntArray
    """(N,) number of frames since the first sighting, which counts too."""

    missed: IntArray
    """(N,) number of frames since the last sighting."""

    tubes: IntArray
    """(N,) the network's tube that each person was last seen on, -1 for none."""

    looks: FloatArray
    """(N, D) running mean of the embeddings, each scaled to length 1; NaN where none was given.
    D is 0 until some frame has embeddings."""

    certainty: DoubleArray
    """(N,) running mean of each person's detection scores, in [0, 1]."""

    motion: KalmanMotion
    """Where the N people are, and how they move."""

    def __post_init__(self) -> None:
        n = (len(self.motion),)
        check_shapes(
            self,
            births=n,
            ids=n,
            first_frames=n,
            last_seen=n,
            hits=n,
            ages=n,
            missed=n,
            tubes=n,
        )

    def __len__(self) -> int:
        return len(self.births)

    def __getitem__(self, rows: Any) -> "ActiveTracks":
        """Some of the tracks: a boolean mask, an index array or a slice."""
        return take_rows(self, rows)

    @classmethod
    def born(
        cls, people: Detections, *, tubes: IntArray, first_birth: int, frame: int, time: float
    ) -> "ActiveTracks":
        """Start one track for each of N people."""
        n = len(people)
        return cls(
            births=first_birth + np.arange(n),
            ids=np.zeros(n, np.int64),
            first_frames=np.full(n, frame, np.int64),
            last_seen=np.full(n, time),
            hits=np.ones(n, np.int64),
            ages=np.ones(n, np.int64),
            missed=np.zeros(n, np.int64),
            tubes=tubes,
            looks=_looks(people),
            certainty=people.scores.astype(np.float64),
            motion=KalmanMotion.start(people),
        )

    @property
    def tentative(self) -> BoolArray:
        """(N,) which tracks are not confirmed yet."""
        return np.asarray(self.ids == 0)

    def advanced(self, seconds: float, *, camera: DoubleArray | None) -> "ActiveTracks":
        """Predict the tracks for the next frame.

        Args:
            seconds: Time since the current frame, 0 or more.
            camera: (2, 3) affine map from the current frame's pixels to the next one's; None: the
                camera did not move.
        """
        motion = self.motion.predict(seconds, lost=self.missed > 0)
        # Predicted in the pixels of the last frame; the camera carries that into the next one.
        motion = motion if camera is None else motion.carried(camera)
        return replace(self, ages=self.ages + 1, missed=self.missed + 1, motion=motion)

    def seen(
        self, rows: IntArray, people: Detections, *, tubes: IntArray, time: float
    ) -> "ActiveTracks":
        """Update the tracks ``rows`` with the detections ``people``, in that order."""
        columns = {
            name: getattr(self, name).copy() for name in ("last_seen", "hits", "missed", "tubes")
        }
        columns["last_seen"][rows] = time
        columns["hits"][rows] += 1
        columns["missed"][rows] = 0
        columns["tubes"][rows] = tubes
        certainty = self.certainty.copy()
        # A plain mean while there are few scores, then one that forgets.
        newest = np.maximum(NEW_SCORE, 1 / columns["hits"][rows])
        certainty[rows] += newest * (people.scores - certainty[rows])
        motion = self.motion.corrected(rows, people)
        new = _looks(people)
        looks = _padded(self.looks, max(self.looks.shape[1], new.shape[1]))
        looks[rows] = _blended(looks[rows], new)
        return replace(self, **columns, certainty=certainty, looks=looks, motion=motion)

    def with_ids(self, rows: IntArray, ids: IntArray) -> "ActiveTracks":
        """Confirm some of the tracks."""
        if not len(rows):
            return self
        new = self.ids.copy()
        new[rows] = ids
        return replace(self, ids=new)

    def and_also(self, others: "ActiveTracks") -> "ActiveTracks":
        """These tracks, then others that started later."""
        width = max(self.looks.shape[1], others.looks.shape[1])
        both = [replace(group, looks=_padded(group.looks, width)) for group in (self, others)]
        columns = [f.name for f in fields(self) if f.name != "motion"]
        motion = join_records([group.motion for group in both])
        return ActiveTracks(**join_columns(both, columns), motion=motion)


def _looks(people: Detections) -> FloatArray:
    """(N, D) embeddings of length 1; D is 0 where there are none."""
    if people.embeddings is None:
        return np.zeros((len(people), 0), np.float32)
    # Zeros say that nothing is known of how somebody looks; over their length they become NaN.
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = np.linalg.norm(people.embeddings, axis=1, keepdims=True)
        return np.asarray(people.embeddings / lengths, np.float32)


def _blended(old: FloatArray, new: FloatArray) -> FloatArray:
    if not new.shape[1]:
        return old
    mixed = np.where(np.isnan(new), old, np.where(np.isnan(old), new, old + NEW_LOOK * (new - old)))
    return np.asarray(mixed, np.float32)


def _padded(looks: FloatArray, width: int) -> FloatArray:
    missing = np.full((len(looks), width - looks.shape[1]), np.nan, np.float32)
    return np.concatenate([looks, missing], axis=1)
