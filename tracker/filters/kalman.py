"""Smooths series with the Rauch-Tung-Striebel smoother, from past and future, against outliers.

The model is nearly constant velocity; a measurement's noise follows from its confidence. The
smoother is zero-phase: nothing lags.

The most probable paths are found directly, as the solution of one block tridiagonal linear system
per series, all of them at once. That gives the same numbers as a Kalman filter forward and the
smoother backward. A system holds only the frames where the value was seen: long waits in short
steps would cost it its digits. Only every second of these is solved for: how one between moves is
known from its neighbours. A value far from the path is likely a mistake of the detector rather than
a large error of the usual kind: errors are taken to have heavier tails than a normal distribution,
and the path is found again a few times with weights that follow from its distance to each value.

Source: Rauch, Tung and Striebel, 1965, for the model of Bar-Shalom et al., Estimation with
Applications to Tracking and Navigation, 2001 (white noise acceleration); Wahba, Spline Models for
Observational Data, 1990 (between two frames, its mean is a cubic); Lange, Little and Taylor,
Robust Statistical Modeling Using the t Distribution, 1989.
"""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import BoolArray, DoubleArray, IntArray

from .block_tridiagonal import solve_block_tridiagonal
from .checked import Floats, positive, series

DOUBT = 4
"""The noise grows with the inverse of a value's confidence to this power: chosen on sixteen drawn
clips, where joints that are hidden gained most from it, and 5 was worse."""

LEAST_CONFIDENCE = 0.2
"""Lower confidences count as this, six hundred times the noise: the path stays defined where
nothing is sure."""

LEAST_STEP = 1e-3
"""Shorter steps count as this, seconds: the system grows with their inverse cube, and its digits
run out. Only films of over 1000 frames per second notice."""

REWEIGHTINGS = 3
"""How often the weights are computed; more changes less than a thousandth of the noise."""

AT_ONCE = 16_000
"""Values that are smoothed together, in 5 MB: more at once leave a processor's cache, fewer take
more calls."""

LAST_DIGIT = float(np.finfo(np.float64).eps)
"""Information below this part of another vanishes when the two are added."""

EXTREME = 1e50
"""Settings from here on, and up to the inverse, are refused: their products overflow."""

STILL = 1e-30
"""Information that a speed is 0, so little that it only counts where no second value says how
fast."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KalmanConfig:
    """How strongly the smoother and the running filter smooth. Lengths are in sizes of the person.

    The defaults were chosen on drawn and filmed people who walk, jump and throw: more noise or less
    restlessness is steadier at rest, but cuts the corners of quick movements.
    """

    noise: float = 0.03
    """Standard deviation of a sure joint, in sizes of the person, above 0."""

    restlessness: float = 4.0
    """Standard deviation of the change of a joint's speed in one second, in sizes per second,
    above 0."""

    limb_restlessness: float = 3.0
    """The same of a joint as seen from the person's middle; ``running-kalman`` does not use it."""

    tail: float = 4.0
    """Degrees of freedom of the errors, above 0: the fewer, the less a far value pulls; from 1000
    on errors count as normally distributed."""

    by_score: bool | None = None
    """Whether a joint with a low score counts less. That is right where scores are probabilities of
    being right, as those of the embedded model are. The height of a softmax over a map is small
    for good joints too, and joints that all seem doubtful are smoothed beyond recognition. None:
    as is right for the model; joints from a file count by their scores."""

    def __post_init__(self) -> None:
        check_numbers(self, "noise", "restlessness", "limb_restlessness", "tail", above=0)


def kalman_smoother(
    times: Floats,
    values: Floats,
    *,
    confidence: Floats | None = None,
    noise: float = 2.0,
    restlessness: float = 100.0,
    tail: float = 4.0,
) -> DoubleArray:
    """Smooth finished series.

    Args:
        times: (F,) seconds, strictly rising.
        values: (F, ...), NaN where not seen.
        confidence: (F, ...) in [0, 1], broadcast against the values; a confidence of 0.5 makes the
            noise sixteen times as large. None: all 1.
        noise: Standard deviation of a sure value, in the unit of the values.
        restlessness: Standard deviation of the change of speed in one second, in units per second.
            Larger values follow faster movement, smaller ones are smoother.
        tail: Degrees of freedom of the errors; see :class:`KalmanConfig`.

    Returns:
        (F, ...), NaN where not seen.

    Raises:
        InputError: If noise, restlessness or tail is not positive, the shapes do not fit, or the
            settings are too extreme for the digits of a number.
    """
    times, values = series("kalman_smoother", times, values)
    _within_reach(noise=noise, restlessness=restlessness, tail=tail)
    flat = values.reshape(len(values), -1)
    sure = (_confidence(values, confidence).reshape(flat.shape) ** DOUBT / noise) ** 2
    smooth = np.full(flat.shape, np.nan)
    try:
        for some in _shares(~np.isnan(flat)):
            packed = _packed(times, flat[:, some], sure[:, some])
            path = _robust_path(packed, jolt=restlessness**2, tail=tail)
            smooth[:, some] = packed.unpack(path)
    except np.linalg.LinAlgError:
        raise InputError(
            f"kalman_smoother: restlessness {restlessness:g} is too small beside noise {noise:g} "
            "to compute with; choose a larger one"
        ) from None
    return smooth.reshape(values.shape)


def _within_reach(**settings: float) -> None:
    positive("kalman_smoother", **settings)
    for name, value in settings.items():
        too_large = value >= EXTREME and name != "tail"  # which is only part of a ratio
        if too_large or value <= 1 / EXTREME:
            raise InputError(f"kalman_smoother: {name} {value:g} is too extreme to compute with")


def _shares(seen: BoolArray) -> list[IntArray]:
    """Indices of the series that are ever seen, in shares that are smoothed together."""
    ever = np.flatnonzero(seen.any(axis=0))
    shares = -(-len(ever) * len(seen) // AT_ONCE)
    return [some for some in np.array_split(ever, max(1, shares)) if len(some)]


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """S series, each without the frames where it was not seen: N rows, N odd.

    Shorter series end in rows that tell nothing of them: an endless step away, with value 0.
    """

    seen: BoolArray
    """(S, F), each series in one frame at least."""

    filled: BoolArray
    """(S, N) which rows hold a frame: the first ones of each series."""

    middle: DoubleArray
    """(S,) mean of each series."""

    pace: DoubleArray
    """(N - 1, S) 1 / seconds of each step, 0 for endless ones."""

    values: DoubleArray
    """(N, S) less the middle: so no digits are lost far from 0."""

    sure: DoubleArray
    """(N, S) information of each value, 1 / variance."""

    def unpack(self, path: DoubleArray) -> DoubleArray:
        """(F, S) values of an (N, S) path, NaN where not seen."""
        whole = np.full(self.seen.shape, np.nan)
        whole[self.seen] = path.T[self.filled]
        return np.asarray((whole + self.middle[:, None]).T)


def _packed(times: DoubleArray, values: DoubleArray, sure: DoubleArray) -> _Packed:
    """Pack (F,) times, (F, S) values, NaN where not seen, and their (F, S) information."""
    seen = ~np.isnan(values.T)
    count = seen.sum(axis=1)
    filled = np.arange(count.max() | 1) < count[:, None]

    def rows(series: DoubleArray, rest: float) -> DoubleArray:
        packed = np.full(filled.shape, rest, np.float64)
        packed[filled] = series.T[seen]
        return np.ascontiguousarray(packed.T)

    step = np.diff(rows(np.broadcast_to(times[:, None], values.shape), 0), axis=0)
    middle = np.nanmean(values, axis=0)
    return _Packed(
        seen=seen,
        filled=filled,
        middle=middle,
        pace=np.where(filled.T[1:], 1 / np.maximum(step, LEAST_STEP), 0),
        values=rows(values - middle, 0),
        sure=rows(sure, 1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """What the model says of places and speeds, before anything is seen.

    Only every second row is solved for: the K knots, N = 2 K - 1. Places and speeds of the two
    around it tell the place of a row between but for a known variance.
    """

    knots: DoubleArray
    """(2, 2, K, S) information on place and speed of each knot."""

    coupling: DoubleArray
    """(2, 2, K - 1, S) information that each knot shares with the next."""

    before: DoubleArray
    """(2, K - 1, S) weights of place and speed of the knot before, in the place between."""

    after: DoubleArray
    """(2, K - 1, S) weights of those of the knot after."""

    spread: DoubleArray
    """(K - 1, S) variance of the place between, given the knots."""


def _motion(pace: DoubleArray, *, jolt: float) -> _Motion:
    """The motion over steps of the (N - 1, S) pace.

    A step of t seconds informs by J' Q^-1 J, J = (-1 -t 1 0; 0 -1 0 1), where the noise is Q =
    jolt (t^3/3 t^2/2; t^2/2 t). A place between two knots is, in the mean, on the cubic through
    them with their speeds; around it, it varies as a bridge does that both ends hold.
    """
    total = pace[::2] + pace[1::2]
    wait = np.divide(1, total, out=np.zeros(total.shape), where=total > 0)
    left, done = wait * pace[::2], wait * pace[1::2]  # parts of the way between the knots
    knots, coupling = _step_information(pace[::2] * done, jolt=jolt)
    return _Motion(
        knots=knots,
        coupling=coupling,
        before=np.stack([left**2 * (1 + 2 * done), wait * left]),
        after=np.stack([done**2 * (1 + 2 * left), -wait * done]),
        spread=jolt / 3 * wait**3,
    )


def _step_information(pace: DoubleArray, *, jolt: float) -> tuple[DoubleArray, DoubleArray]:
    """(2, 2, K, S) own and (2, 2, K - 1, S) shared information of knots, (K - 1, S) pace apart."""
    cubed, squared, plain = 12 * pace**3 / jolt, 6 * pace**2 / jolt, 4 * pace / jolt
    own = np.zeros((2, 2, len(pace) + 1, pace.shape[1]))
    own[1, 1] = STILL
    own[:, :, :-1] += [[cubed, squared], [squared, plain]]
    own[:, :, 1:] += [[cubed, -squared], [-squared, plain]]
    return own, np.array([[-cubed, squared], [-squared, plain / 2]])


def _robust_path(series: _Packed, *, jolt: float, tail: float) -> DoubleArray:
    """(N, S) most probable paths.

    Raises:
        numpy.linalg.LinAlgError: If what was seen is lost beside what the motion says.
    """
    motion = _motion(series.pace, jolt=jolt)
    most = np.where(series.filled.T, series.sure, 0).max(axis=0)
    if (most < LAST_DIGIT * motion.knots[0, 0].max(axis=0)).any():
        raise np.linalg.LinAlgError("what was seen is less than the last digit of the motion")
    path = _path(series.values, series.sure, motion)
    for _ in range(REWEIGHTINGS):
        distance = series.sure * (series.values - path) ** 2
        path = _path(series.values, series.sure * ((tail + 1) / (tail + distance)), motion)
    return path


def _path(values: DoubleArray, sure: DoubleArray, motion: _Motion) -> DoubleArray:
    """(N, S) most probable paths of (N, S) values with this information."""
    # a value between knots is a measurement of them, as sure as both its noise and the bridge allow
    told = sure[1::2] / (1 + sure[1::2] * motion.spread)
    knots = _knots(values, sure[::2], told, motion)
    path = np.empty(values.shape)
    path[::2] = knots[0]
    between = (motion.before * knots[:, :-1] + motion.after * knots[:, 1:]).sum(axis=0)
    path[1::2] = between + told * motion.spread * (values[1::2] - between)
    return path


def _knots(
    values: DoubleArray, own: DoubleArray, told: DoubleArray, motion: _Motion
) -> DoubleArray:
    """(2, K, S) places and speeds of knots.

    Args:
        values: (N, S) at knots and between.
        own: (K, S) information of the values at knots.
        told: (K - 1, S) information of those between.
        motion: What is known without them.
    """
    before, after = told * motion.before, told * motion.after
    information, right = motion.knots.copy(), np.zeros((2, *own.shape))
    information[0, 0] += own
    information[:, :, :-1] += before[:, None] * motion.before
    information[:, :, 1:] += after[:, None] * motion.after
    right[0] = own * values[::2]
    right[:, :-1] += before * values[1::2]
    right[:, 1:] += after * values[1::2]
    return solve_block_tridiagonal(
        information, motion.coupling + before[:, None] * motion.after, right
    )


def _confidence(values: DoubleArray, confidence: Floats | None) -> DoubleArray:
    if confidence is None:
        return np.ones(values.shape)
    try:
        sure = np.broadcast_to(confidence, values.shape)
    except ValueError:
        raise InputError(
            f"kalman_smoother: confidence of shape {np.shape(confidence)} does not fit values of "
            f"shape {values.shape}"
        ) from None
    return np.asarray(np.clip(np.nan_to_num(sure, nan=0.0), LEAST_CONFIDENCE, 1))
