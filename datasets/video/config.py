"""The configuration of reading a video: which frames to read, and limits."""

from dataclasses import dataclass, field

from posetube.errors import InputError
from posetube.quantities import Seconds
from posetube.setting_checks import check_numbers

ROUNDING = 1e-6
"""Containers and floating-point numbers round times by up to this, seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoConfig:
    """Which frames of a video to read, and limits.

    Two configurations are equal if they select the same frames; limits are not compared.
    """

    start: Seconds | None = None
    """Where to begin, seconds after the first frame of the video; None: at the first frame."""

    end: Seconds | None = None
    """Where to stop, seconds after the first frame; frames at this time and later are left out."""

    every: int = 1
    """Read only frames whose index is a multiple of this, 1 or more."""

    as_one: bool = False
    """Whether the pictures of a folder, whatever their names, are frames of one video."""

    max_pixels: int = field(default=1 << 25, compare=False)
    """Largest frame to accept, pixels; the default, 33.5 million, just holds 8K (7680 x 4320)."""

    ahead: int = field(default=4, compare=False)
    """Number of frames to decode ahead in a thread; 0: decode without a thread."""

    timeout: Seconds = field(default=20.0, compare=False)
    """Time that an address may take to answer, seconds, above 0."""

    def __post_init__(self) -> None:
        check_numbers(self, "start", low=0)
        check_numbers(self, "end", above=0)
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InputError(
                f"VideoConfig.end must be after VideoConfig.start ({self.start} s), "
                f"got {self.end} s"
            )
        check_numbers(self, "every", "max_pixels", low=1)
        check_numbers(self, "ahead", low=0)
        check_numbers(self, "timeout", above=0)

    def reached(self, elapsed: float) -> bool:
        """Whether ``start`` is reached this many seconds after the first frame."""
        return self.start is None or elapsed >= self.start - ROUNDING

    def over(self, elapsed: float) -> bool:
        """Whether ``end`` is reached this many seconds after the first frame."""
        return self.end is not None and elapsed >= self.end - ROUNDING
