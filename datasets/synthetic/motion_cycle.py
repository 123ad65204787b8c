"""Motion cycles: repeating motions whose joint angles are short Fourier series.

A :class:`MotionCycle` gives every joint angle as a mean and two harmonics of one phase, so that a
walk, a wave or a dance is a small table of numbers (:mod:`.motion_library`). The skeleton that the
angles bend is in :mod:`.rig`; where a person walks to is in :mod:`.actor`.
"""

from dataclasses import dataclass, replace

import numpy as np

from .rig import ANGLES, COLUMN
from .vector_math import Array

_LEFT = [place for name, place in COLUMN.items() if name.startswith("left_")]
_RIGHT = [place for name, place in COLUMN.items() if name.startswith("right_")]

_LIMITS = {"knee": (0.0, 2.4), "elbow": (0.0, 2.5), "shoulder_abduct": (-0.1, 3.0)}
"""Range of motion of the joints that random variation could bend the wrong way, radians."""

_LOOSENESS = np.array([0.3 if name.startswith("pelvis") else 1.0 for name in ANGLES])
"""(25,) how much random variation an angle takes; less for the pelvis, which tilts everything."""

Wave = tuple[float, ...]
"""Mean, then amplitude and phase of the first and of the second harmonic (cosines)."""


@dataclass(frozen=True, kw_only=True)
class MotionCycle:
    """A repeating motion."""

    waves: Array
    """(25, 5) a :data:`Wave` per joint angle, radians."""

    frequency: float
    """Repetitions per second."""

    stride: float = 0.0
    """Metres travelled per repetition; 0 stays on the spot."""

    bounce: float = 0.0
    """Height of the jump in each half of a repetition, metres."""

    def angles(self, phase: Array) -> Array:
        """Joint angles (T, 25) at phases (T,), radians."""
        mean, a, p, b, q = self.waves.T
        turn = phase[:, None]
        raw = mean + a * np.cos(turn + p) + b * np.cos(2 * turn + q)
        for column, name in enumerate(ANGLES):
            low, high = _LIMITS.get(name.partition("_")[2], (-np.inf, np.inf))
            np.clip(raw[:, column], low, high, out=raw[:, column])
        return np.asarray(raw)

    def varied(self, rng: np.random.Generator, *, spread: float) -> "MotionCycle":
        """The same motion as another person does it: angles differ by about ``spread`` radians."""
        waves = self.waves.copy()
        waves[:, 0] += rng.normal(0, spread, len(waves)) * _LOOSENESS
        waves[:, 1] *= rng.normal(1, min(spread, 0.3), len(waves))
        waves[:, 3] *= rng.normal(1, min(spread, 0.3), len(waves))
        return replace(self, waves=waves, frequency=self.frequency * rng.uniform(0.85, 1.15))

    def mirrored(self) -> "MotionCycle":
        """The same motion with left and right exchanged."""
        waves = self.waves.copy()
        waves[_LEFT + _RIGHT] = waves[_RIGHT + _LEFT]
        # Turns within the plane of symmetry (pitch) look the same in a mirror, others reverse.
        for turn in ("roll", "yaw"):
            for part in ("pelvis", "spine", "head"):
                waves[COLUMN[f"{part}_{turn}"], [0, 1, 3]] *= -1
        return replace(self, waves=waves)
