"""From packets to frames in the order of display, with a place for each that was lost.

A decoder that meets damage says nothing of the frames it drops. Packets carry the times of the
frames that they hold, so the times that were sent and the times that came back tell which frames
are missing, and where: no index behind the damage shifts.

Not here: seconds, colours, orientation (:mod:`.`).
"""

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # generic for type checkers only

Key = tuple[int, int]
"""When a frame is shown: stretch of continuous time, time stamp in units of the stream."""

PATIENCE = 8
"""Frames that wait for an earlier one that is overdue; after damage some come late."""

JUMP = 0.5
"""Seconds by which time stamps must fall back to begin a new stretch (joined recordings)."""

RECENT = 32
"""Packets after which damage counts as past."""

MAX_FAILURES = 50
"""Errors of the container in a row after which the file counts as ended."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One frame of the video in order of display, decoded or not."""

    key: Key | None
    """None where the container has no time for it."""

    picture: VideoFrame | None
    """None where nothing could be decoded."""

    damaged: bool
    """Whether decoder or container report damage."""


class FrameOrder:
    """Keeps account of the frames that packets promise until the decoder delivers them.

    Some containers number packets but do not time frames (AVI, bare streams). There frames are
    taken in the order of their delivery (``trusted`` is False), and an error of the decoder stands
    for one lost frame.
    """

    def __init__(self, stream: VideoStream, *, trusted: bool) -> None:
        self.trusted = trusted
        self.packets = 0
        """Packets so far that hold a frame or repeat one."""
        self.hidden = 0
        """Those of them that are not to be shown, as the container says."""
        self.leading = 0
        """Frames before the first keyframe, which nothing can decode."""
        self._hides = stream.codec_context.name in ("vp8", "libvpx")
        self._paired = stream.codec_context.name == "h264"
        self._interlaced = False
        self._jump = JUMP / float(stream.time_base or 1)
        self._stretch = 0
        self._last: VideoPacket | None = None
        self._first_keyframe: Key | None = None
        self._due: list[Key] = []
        self._open: Counter[Key] = Counter()
        self._held: dict[Key, list[VideoFrame]] = {}
        self._damaged: set[Key] = set()
        self._given_up: deque[Key] = deque(maxlen=256)
        self._shown = False
        self._trouble = -RECENT - 1

    @property
    def troubled(self) -> bool:
        """Whether damage was met a short while ago."""
        return self.packets - self._trouble <= RECENT

    def shows(self, packet: VideoPacket) -> bool:
        """Whether the packet has a frame that is to be shown and a time for it."""
        if packet.pts is None or packet.is_discard or not packet.size:
            return False
        # VP8 sends frames that are only references; FFmpeg returns nothing for them
        return not self._hides or bool(memoryview(packet)[0] & 0x10)

    def falls_back(self, packet: VideoPacket, last: VideoPacket | None) -> bool:
        """Whether time stamps begin anew with this packet, after ``last``."""
        before, now = None if last is None else _stamp(last), _stamp(packet)
        return before is not None and now is not None and now < before - self._jump

    def passed(self, packets: list[VideoPacket]) -> int:
        """Note packets that the decoder never gets; returns the number of their frames."""
        frames = sum(self.shows(p) for p in packets)
        self._shown = True
        self.packets += len(packets)
        self.hidden += len(packets) - frames
        return frames

    def sent(self, packet: VideoPacket) -> None:
        """Note a packet that goes to the decoder."""
        if _stamp(packet) is None and not packet.size:
            return  # the end of the stream
        self._stretch += self.falls_back(packet, self._last)
        self._last = packet if _stamp(packet) is not None else self._last
        self.packets += 1
        if not self.shows(packet):
            self.hidden += packet.pts is not None
            return
        key = (self._stretch, int(packet.pts or 0))
        heappush(self._due, key)
        self._open[key] += 1
        if packet.is_keyframe and self._first_keyframe is None:
            self._first_keyframe = key
        if packet.is_corrupt:
            self._damaged.add(key)
            self._trouble = self.packets

    def failed(self) -> Iterator[Slot]:
        """Note an error of the decoder."""
        self._trouble = self.packets
        if not self.trusted:
            yield Slot(heappop(self._due) if self._due else None, None, True)

    def came(self, frame: VideoFrame) -> Iterator[Slot]:
        """Note a frame from the decoder; what can be shown now follows."""
        if not self.trusted:
            key = heappop(self._due) if self._due else None
            yield self._slot(key, frame)
            return
        key = self._match(frame.pts)
        if key is not None:
            self._held.setdefault(key, []).append(frame)
            yield from self._release(PATIENCE)
        elif (self._stretch, frame.pts) not in self._given_up:
            yield from self._release(0)
            yield self._slot(None, frame)

    def end(self) -> Iterator[Slot]:
        """All that is left, once the decoder has nothing more."""
        if self.trusted:
            yield from self._release(0)
            while self._due:
                yield from self._give_up()

    def _match(self, pts: int | None) -> Key | None:
        if pts is None or not self._due:
            return None
        for stretch in range(self._due[0][0], self._stretch + 1):
            key = stretch, pts
            if self._open[key] > len(self._held.get(key, ())):
                return key
        return None

    def _release(self, patience: int) -> Iterator[Slot]:
        while self._held:
            key = self._due[0]
            if key in self._held:
                yield self._take(key)
            elif len(self._held) > patience:
                yield from self._give_up()
            else:
                return

    def _take(self, key: Key) -> Slot:
        self._close(key)
        frames = self._held[key]
        frame = frames.pop(0)
        if not frames:
            del self._held[key]
        return self._slot(key, frame)

    def _give_up(self) -> Iterator[Slot]:
        key = self._due[0]
        self._close(key)
        self._given_up.append(key)
        if self._paired and self._interlaced and not self.troubled:
            self.hidden += 1  # the second field of a frame, in a packet of its own
            return
        first = self._first_keyframe
        if not self._shown and (first is None or key < first):
            self.leading += 1
            return
        self._shown = True
        yield Slot(key, None, True)

    def _close(self, key: Key) -> None:
        heappop(self._due)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def _slot(self, key: Key | None, frame: VideoFrame) -> Slot:
        self._shown = True
        self._interlaced = bool(frame.interlaced_frame)
        damaged = frame.is_corrupt or key in self._damaged
        self._trouble = self.packets if damaged else self._trouble
        if key is not None:
            self._damaged.discard(key)
        return Slot(key, frame, damaged)


def decode(
    packets: Iterable[VideoPacket], stream: VideoStream, order: FrameOrder
) -> Generator[Slot, None, None]:
    """Every frame in order of display; goes on behind damage.

    Args:
        packets: Of this stream, from a keyframe on.
        stream: Whose decoder to use.
        order: Fresh account of the frames.
    """
    for packet in packets:
        order.sent(packet)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            yield from order.failed()
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame):
                yield from order.came(frame)
    yield from order.end()


def demux(
    container: InputContainer, stream: VideoStream, stopped: Callable[[Exception], None]
) -> Iterator[VideoPacket]:
    """The stream's packets; reads on behind damage in the container.

    Args:
        container: To read from.
        stream: Whose packets are wanted.
        stopped: Told the error, where the container could not be read to its end.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(stream):
                failures = 0
                yield packet
            return
        except (av.error.FFmpegError, IndexError) as error:  # PyAV: a stream that came later
            failures += 1
            if failures > MAX_FAILURES or isinstance(error, TimeoutError | ConnectionError):
                stopped(error)
                break
    flush: VideoPacket = Packet()  # type: ignore[assignment]
    flush.stream = stream
    yield flush


def _stamp(packet: VideoPacket) -> int | None:
    return packet.pts if packet.dts is None else packet.dts
