"""Turns time stamps into seconds, and finds frames that were lost together with their packets.

Where the container itself is damaged, packets vanish, and the times of their frames with them. If
the frame rate before the gap is even, the length of the gap tells how many frames are lost. Lost
frames whose packets are there are found by :mod:`.frame_order`.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from av.video.stream import VideoStream

from .frame_order import FrameOrder, FrameSlot

DEFAULT_RATE = 25.0
"""Frames per second where a container states none."""

EVEN_STEPS = 4
"""Steps between frames that must agree before a gap in time is measured by them."""

LOOKAHEAD = 8
"""Frames to look ahead for damage that would explain a gap; without damage, a gap is a pause."""

MAX_LOST = 1000
"""Largest number of frames that a gap may stand for; a longer one is a pause."""


def usual_rate(stream: VideoStream) -> float:
    """Frames per second according to the container, made plausible; for estimates only."""
    rate = float(stream.guessed_rate or stream.average_rate or DEFAULT_RATE)
    return rate if 0.01 <= rate <= 10_000 else DEFAULT_RATE


class FrameClock:
    """Gives each frame, in display order, its time in seconds; times never go back."""

    def __init__(self, stream: VideoStream, *, gaps: bool) -> None:
        """Start before the first frame.

        Args:
            stream: Whose time stamps they are.
            gaps: Whether packets may have vanished, so that gaps must be measured.
        """
        self.last = 0.0
        """Seconds of the latest frame."""
        self.longest = 0.0
        """Longest step between two frames so far, seconds."""
        self.restarts = 0
        """How often time stamps jumped back."""
        self._gaps = gaps
        self._base = float(stream.time_base or 1)
        self._interval = 1 / usual_rate(stream)
        self._run = 0
        self._offset = 0.0
        self._begun = False
        self._steps: deque[float] = deque(maxlen=EVEN_STEPS)

    def timed(
        self, slots: Iterator[FrameSlot], order: FrameOrder
    ) -> Iterator[tuple[float, FrameSlot]]:
        """Each slot with its time in seconds, and an empty slot for each frame lost in a gap."""
        coming: deque[FrameSlot] = deque()
        while slot := coming.popleft() if coming else next(slots, None):
            before = self.last
            time = self._seconds(slot)
            lost = self._lost(time - before)
            # A long step alone is a pause of the recording; frames are lost where there is damage.
            if lost and not _damage_near(slot, coming, slots, order):
                lost = 0
            for i in range(1, lost + 1):
                yield before + (time - before) * i / (lost + 1), FrameSlot(None, None, True)
            if self._begun:
                self._steps.append((time - before) / (lost + 1))
                self.longest = max(self.longest, self._steps[-1])
            self.last, self._begun = time, True
            yield time, slot

    def _seconds(self, slot: FrameSlot) -> float:
        following = self.last + self._interval if self._begun else 0.0
        if slot.key is None:
            return following
        run, stamp = slot.key
        if run != self._run:
            # Joined recordings: the new one continues one frame after the old one.
            self._run, self._offset = run, following - stamp * self._base
            self.restarts += 1
        time = stamp * self._base + self._offset
        return max(time, self.last) if self._begun else time

    def _lost(self, gap: float) -> int:
        """Number of frames that fit into a gap; 0 if the frame rate before it was not even."""
        if not self._gaps or len(self._steps) < EVEN_STEPS:
            return 0
        step = sum(self._steps) / EVEN_STEPS
        # Matroska rounds times to milliseconds, so that even steps differ by up to one.
        slack = max(0.1 * step, 0.0015)
        if step <= 0 or any(abs(s - step) > slack for s in self._steps):
            return 0
        steps = round(gap / step)
        even = abs(gap - steps * step) <= 0.25 * step + 0.001
        return steps - 1 if even and 1 < steps <= MAX_LOST else 0


def _damage_near(
    slot: FrameSlot, coming: deque[FrameSlot], slots: Iterator[FrameSlot], order: FrameOrder
) -> bool:
    """Whether there is damage near a slot; looks ahead, and appends what it reads to ``coming``."""
    if order.near_damage or slot.damaged or any(other.damaged for other in coming):
        return True
    for other in islice(slots, LOOKAHEAD - len(coming)):
        coming.append(other)
        if order.near_damage or other.damaged:
            return True
    return False
