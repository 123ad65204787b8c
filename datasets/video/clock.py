"""Time stamps to seconds, and the places of frames that were lost together with their packets.

Where the container itself is damaged, packets vanish and with them the times of their frames. In a
stretch of even frame rate the hole that they leave tells how many they were.

Not here: lost frames whose packets are there (:mod:`.packets`).
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from av.video.stream import VideoStream

from .packets import FrameOrder, Slot

USUAL_RATE = 25.0
"""Frames per second where a container states none."""

EVEN = 4
"""Steps between frames that must agree before a hole in time is measured by them."""

LOOK = 8
"""Frames to look ahead for damage that would explain a hole; without it, a hole is a pause."""

MOST_LOST = 1000
"""Frames that one hole may stand for; a longer one is a pause."""


def usual_rate(stream: VideoStream) -> float:
    """Frames per second by the container, made plausible; for guesses only."""
    rate = float(stream.guessed_rate or stream.average_rate or USUAL_RATE)
    return rate if 0.1 <= rate <= 1000 else USUAL_RATE


class Clock:
    """Gives each frame, in order of display, its time in seconds; times never go back."""

    def __init__(self, stream: VideoStream, *, holes: bool, counted: bool = False) -> None:
        """Start before the first frame.

        Args:
            stream: Whose time stamps they are.
            holes: Whether packets can have vanished, so that holes are to be measured.
            counted: Whether the container only counts packets (AVI). What is made of the counts
                may be off by some frames; the first picture tells, as the ffmpeg command has it.
        """
        self.last = 0.0
        """Seconds of the latest frame."""
        self.longest = 0.0
        """Longest step between two frames so far, seconds."""
        self.restarts = 0
        """How often time stamps fell back."""
        self._holes = holes
        self._counted = counted
        self._base = float(stream.time_base or 1)
        self._interval = 1 / usual_rate(stream)
        self._stretch = 0
        self._offset = 0.0
        self._begun = False
        self._steps: deque[float] = deque(maxlen=EVEN)

    def timed(self, slots: Iterator[Slot], order: FrameOrder) -> Iterator[tuple[float, Slot]]:
        """Each frame with its time, and a lost frame for each that a hole stands for."""
        coming: deque[Slot] = deque()
        while slot := coming.popleft() if coming else next(slots, None):
            before = self.last
            time = self._seconds(slot)
            lost = self._lost(time - before)
            if lost and not _damage(slot, coming, slots, order):
                lost = 0
            for i in range(1, lost + 1):
                yield before + (time - before) * i / (lost + 1), Slot(None, None, True)
            if self._begun:
                self._steps.append((time - before) / (lost + 1))
                self.longest = max(self.longest, self._steps[-1])
            self.last, self._begun = time, True
            yield time, slot

    def _seconds(self, slot: Slot) -> float:
        following = self.last + self._interval if self._begun else 0.0
        if slot.key is None:
            return following
        stretch, stamp = slot.key
        if self._counted and slot.picture is not None and slot.picture.dts is not None:
            self._offset = (slot.picture.dts - stamp) * self._base
            self._counted = False
        if stretch != self._stretch:
            self._stretch, self._offset = stretch, following - stamp * self._base
            self.restarts += 1
        time = stamp * self._base + self._offset
        return max(time, self.last) if self._begun else time

    def _lost(self, gap: float) -> int:
        """How many frames fit into a gap; 0 where the rate before it was not even."""
        if not self._holes or len(self._steps) < EVEN:
            return 0
        step = sum(self._steps) / EVEN
        # Matroska rounds to milliseconds
        slack = max(0.1 * step, 0.0015)
        if step <= 0 or any(abs(s - step) > slack for s in self._steps):
            return 0
        steps = round(gap / step)
        even = abs(gap - steps * step) <= 0.25 * step + 0.001
        return steps - 1 if even and 1 < steps <= MOST_LOST else 0


def _damage(slot: Slot, coming: deque[Slot], slots: Iterator[Slot], order: FrameOrder) -> bool:
    """Whether there is damage near a frame; looks ahead, and puts what it saw into ``coming``."""
    if order.troubled or slot.damaged or any(other.damaged for other in coming):
        return True
    for other in islice(slots, LOOK - len(coming)):
        coming.append(other)
        if order.troubled or other.damaged:
            return True
    return False
