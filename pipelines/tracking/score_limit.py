"""Says so where the preset ``paper`` leaves nearly everybody out.

Its published score limit, 0.95, was made for a network whose scores are near 1. Other networks are
more modest, and whoever does not know the limit wonders where the tracks are.
"""

from collections.abc import Iterable, Iterator

from posetube.structures import DetectedFrame

from ...tracker.config import LinkConfig

FEW = 0.1
"""Share of the people whom other presets would use, below which the limit is worth a word."""

USUAL = LinkConfig().min_score
"""Score from which other presets use people."""


class LimitedPeople:
    """Counts the people of a video who reach the limit of ``paper``."""

    def __init__(self, config: LinkConfig) -> None:
        self._config = config
        self._people = self._used = 0
        self._surest = 0.0

    def counted(self, frames: Iterable[DetectedFrame]) -> Iterator[DetectedFrame]:
        """The frames as they come."""
        for frame in frames:
            scores = frame.people.scores
            self._people += int((scores >= USUAL).sum())
            self._used += int((scores >= self._config.paper.min_score).sum())
            self._surest = max(self._surest, float(scores.max(initial=0)))
            yield frame

    @property
    def note(self) -> str | None:
        """What to tell the user once the frames are through; None: nothing."""
        if self._config.preset != "paper" or self._used >= FEW * max(1, self._people):
            return None
        return (
            f"preset paper uses people from a score of {self._config.paper.min_score:g} on, as "
            f"published for its own network; {self._used} of {self._people} reach that here, the "
            f"surest has {self._surest:.2f}: lower --link.paper.min-score"
        )
