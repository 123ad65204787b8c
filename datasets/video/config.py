"""Which frames of a video are read, and how what is wrong with them is reported.

Not here: reading (:mod:`.`).
"""

import math
from dataclasses import dataclass, field

from posetube.errors import InputError
from posetube.quantities import Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoConfig:
    """Which frames of a video to read, and what to refuse.

    Two of them are equal if they give the same frames of a video that neither refuses.
    """

    start: Seconds | None = None
    """Skip frames before this presentation time, seconds; None: from the first."""

    end: Seconds | None = None
    """Stop at this presentation time, seconds; frames at it and later are left out."""

    every: int = 1
    """Only frames whose index is a multiple of this, 1 or more."""

    max_pixels: int = field(default=1 << 25, compare=False)
    """Largest frame to accept, pixels (by default 33.5 million: 8K, 7680 x 4320, and a little)."""

    ahead: int = field(default=8, compare=False)
    """Frames to decode ahead in a thread, 0 or more; 0: none, and no thread."""

    timeout: Seconds = field(default=20.0, compare=False)
    """How long an address may take to answer, seconds, above 0."""

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"VideoConfig.{name} must be finite, got {value}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InputError(
                f"VideoConfig.end must be after start ({self.start} s), got {self.end} s"
            )
        for name, least in (("every", 1), ("max_pixels", 1), ("ahead", 0)):
            if getattr(self, name) < least:
                raise InputError(
                    f"VideoConfig.{name} must be {least} or more, got {getattr(self, name)}"
                )
        if not 0 < self.timeout < math.inf:
            raise InputError(f"VideoConfig.timeout must be above 0 s, got {self.timeout}")

    def reached(self, time: float) -> bool:
        """Whether the wanted stretch has begun at this time, seconds."""
        return self.start is None or time >= self.start

    def over(self, time: float) -> bool:
        """Whether the wanted stretch is over at this time, seconds."""
        return self.end is not None and time >= self.end


class FrameNotes:
    """Warnings of one video: a line for each run of frames with the same trouble."""

    MOST = 200
    """Lines to keep; what comes later is only counted."""

    def __init__(self, label: str) -> None:
        self.lines: list[str] = []
        """One line each: file, frame, time, trouble."""
        self._label = label
        self._run: tuple[str, int, int, float] | None = None
        self._left_out = 0

    def add(self, trouble: str) -> None:
        """Note something about the video as a whole."""
        self._run = None
        self._append(f"{self._label}: {trouble}")

    def add_frame(self, index: int, time: float, trouble: str) -> None:
        """Note something about one frame; a run of frames becomes one line."""
        if self._run and self._run[0] == trouble and self._run[2] == index - 1 and self.lines:
            _, first, _, since = self._run
            if not self._left_out:
                self.lines[-1] = (
                    f"{self._label}: frames {first} to {index} ({since:.3f} s to {time:.3f} s): "
                    f"{trouble}"
                )
        else:
            first, since = index, time
            self._append(f"{self._label}: frame {index} ({time:.3f} s): {trouble}")
        self._run = (trouble, first, index, since)

    def _append(self, line: str) -> None:
        if len(self.lines) < self.MOST:
            self.lines.append(line)
            return
        self._left_out += 1
        self.lines[self.MOST - 1] = f"{self._label}: {self._left_out + 1} more warnings"
