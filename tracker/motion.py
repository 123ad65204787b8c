"""Predicts where each tracked person is: Kalman filters with constant velocity on box and joints.

A person is 2 + K points: the box's centre, half its width and height, and each joint relative to
the centre. Each point has a Kalman filter of its own (place and speed; x and y share a variance).
While a person is out of sight, the speeds fade: slowly for the centre, fast for size and limbs. So
people keep walking for a while but do not keep waving or growing.

Noise is given in sizes of the person and in seconds, so that the settings fit any picture size and
frame rate.

Not here: smoothing of finished tracks (:mod:`posetube.tracker.filters`).
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from posetube.keypoint_similarity import scale_of
from posetube.records import check_shapes, take_rows
from posetube.structures import BoolArray, Detections, DoubleArray

NOISE = 0.08
"""Standard deviation of an observed point, in sizes of the person."""

START_SPEED = 0.5
"""Standard deviation of a new person's speed, in sizes per second."""

RESTLESSNESS = 1.0
"""Standard deviation of the change of speed in one second, in sizes per second."""

CENTRE_FADE, LIMB_FADE = 2.0, 0.15
"""Seconds after which the speed of an unseen point has fallen to 1/e, about a third."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KalmanMotion:
    """State of the Kalman filters of N people, with P = 2 + K points each."""

    places: DoubleArray
    """(N, P, 2) centre, half size, joints relative to the centre, pixels; NaN if never seen."""

    speeds: DoubleArray
    """(N, P, 2) pixels per second."""

    spread: DoubleArray
    """(N, P, 3) variance of the place, covariance of place and speed, variance of the speed."""

    def __post_init__(self) -> None:
        n, p, _ = self.places.shape
        check_shapes(self, speeds=(n, p, 2), spread=(n, p, 3))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: Any) -> "KalmanMotion":
        """Some of the people: a boolean mask, an index array or a slice."""
        return take_rows(self, rows)

    @classmethod
    def start(cls, people: Detections) -> "KalmanMotion":
        """Start filters for people seen for the first time, at speed 0."""
        return cls._at_rest(_points(people), scale_of(people.boxes))

    @classmethod
    def _at_rest(cls, places: DoubleArray, sizes: DoubleArray) -> "KalmanMotion":
        spread = np.zeros((*places.shape[:2], 3))
        spread[..., 0] = np.square(NOISE * sizes)[:, None]
        spread[..., 2] = np.square(START_SPEED * sizes)[:, None]
        return cls(places=places, speeds=np.zeros(places.shape), spread=spread)

    @property
    def boxes(self) -> DoubleArray:
        """(N, 4) estimated box of each person, pixels."""
        centre, half = self.places[:, 0], np.maximum(self.places[:, 1], 0.5)
        return np.concatenate([centre - half, centre + half], axis=1)

    @property
    def sizes(self) -> DoubleArray:
        """(N,) square root of each box's area, pixels."""
        return scale_of(self.boxes)

    @property
    def joints(self) -> DoubleArray:
        """(N, K, 2) estimated joints, pixels; NaN where a joint has never been seen."""
        return np.asarray(self.places[:, :1] + self.places[:, 2:])

    @property
    def joint_variance(self) -> DoubleArray:
        """(N, K) variance of each joint's place, square pixels."""
        return np.asarray(self.spread[:, :1, 0] + self.spread[:, 2:, 0])

    @property
    def centre_deviation(self) -> DoubleArray:
        """(N,) standard deviation of each centre, pixels."""
        return np.asarray(np.sqrt(self.spread[:, 0, 0]))

    def predict(self, seconds: float, *, lost: BoolArray) -> "KalmanMotion":
        """Predict everybody's place some time later.

        Args:
            seconds: How much later, 0 or more.
            lost: (N,) who was not seen in the current frame; their speeds fade.
        """
        fade = np.full(self.places.shape[:2], LIMB_FADE)
        fade[:, 0] = CENTRE_FADE
        # A fading speed v exp(-t / fade) covers v fade (1 - exp(-t / fade)): "reach" is that time.
        keep = np.where(lost[:, None], np.exp(-seconds / fade), 1)
        reach = np.where(lost[:, None], fade * (1 - keep), seconds)
        # Unknown accelerations act as white noise, which makes the variance grow with time: the
        # standard model of nearly constant velocity, with "reach" in place of the time.
        jolt = np.square(RESTLESSNESS * self.sizes)[:, None] * seconds
        place, both, speed = (self.spread[..., part] for part in range(3))
        spread = np.stack(
            [
                place + 2 * reach * both + reach**2 * speed + jolt * reach**2 / 3,
                keep * (both + reach * speed) + jolt * reach / 2,
                keep**2 * speed + jolt,
            ],
            axis=-1,
        )
        return KalmanMotion(
            places=self.places + reach[..., None] * self.speeds,
            speeds=keep[..., None] * self.speeds,
            spread=spread,
        )

    def correct(self, people: Detections) -> "KalmanMotion":
        """Update the filters with new detections of the same N people."""
        seen, sizes = _points(people), scale_of(people.boxes)
        noise = np.square(NOISE * sizes)[:, None]
        prior = self.spread.copy()
        # A centre that is missed by more than expected has changed its speed (a turn, a camera that
        # pans): the prediction counts less, or the filter would lag until the track is lost.
        miss = np.square(seen[:, 0] - self.places[:, 0]).sum(axis=1)
        prior[:, 0] *= np.maximum(1, miss / (2 * (prior[:, 0, 0] + noise[:, 0])))[:, None]
        place, both, speed = (prior[..., part] for part in range(3))
        found, known = _known(seen), _known(self.places)
        # A joint that was not found has gain 0: its state stays as predicted.
        gain = prior[..., :2] / (place + noise)[..., None] * found[..., None]
        surprise = np.where((found & known)[..., None], seen - self.places, 0)
        shrink = 1 - gain[..., 0]
        spread = np.stack([place * shrink, both * shrink, speed - gain[..., 1] * both], axis=-1)
        places = self.places + gain[..., :1] * surprise
        speeds = self.speeds + gain[..., 1:] * surprise
        # A joint seen for the first time has no prediction to correct: its filter starts here.
        fresh = found & ~known
        if fresh.any():
            started = KalmanMotion._at_rest(seen, sizes)
            places[fresh], speeds[fresh] = seen[fresh], 0
            spread[fresh] = started.spread[fresh]
        return KalmanMotion(places=places, speeds=speeds, spread=spread)

    def corrected(self, rows: Any, people: Detections) -> "KalmanMotion":
        """Update some of the people, ``rows``, with the detections ``people``, in that order."""
        arrays = {f.name: getattr(self, f.name).copy() for f in fields(self)}
        new = self[rows].correct(people)
        for name, array in arrays.items():
            array[rows] = getattr(new, name)
        return KalmanMotion(**arrays)

    def carried(self, transform: DoubleArray) -> "KalmanMotion":
        """Move everybody along with the camera into the next frame.

        Args:
            transform: (2, 3) affine map from the current frame's pixels to the next one's.
        """
        turn, shift = transform[:, :2], transform[:, 2]
        zoom = np.sqrt(abs(np.linalg.det(turn)))
        places = self.places @ turn.T
        places[:, 0] += shift
        places[:, 1] = self.places[:, 1] * zoom  # boxes stay upright: no rotation, only zoom
        return KalmanMotion(
            places=places, speeds=self.speeds @ turn.T, spread=self.spread * zoom**2
        )


def _points(people: Detections) -> DoubleArray:
    boxes = people.boxes.astype(np.float64)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate(
        [centre[:, None], half[:, None], people.keypoints - centre[:, None]], axis=1
    )


def _known(points: DoubleArray) -> BoolArray:
    return np.asarray(~np.isnan(points[..., 0] + points[..., 1]))
