"""Keeps frames in display order, with a slot for each frame that is lost to damage.

A decoder that meets damage does not report the frames that it drops. But packets carry the time
stamps of their frames, so the time stamps that were sent to the decoder and those that came back
tell which frames are missing, and where. Indices after the damage therefore do not shift.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # generic for type checkers only

Key = tuple[int, int]
"""When a frame is displayed: number of the run of continuous time, time stamp in stream units."""

PATIENCE = 8
"""Decoded frames that wait for an earlier, overdue one; after damage some frames come late."""

JUMP = 0.5
"""Seconds by which time stamps must jump back to begin a new run (in joined recordings)."""

RECENT = 32
"""Packets after which damage is no longer recent."""


@dataclass(frozen=True, slots=True)
class FrameSlot:
    """One frame of the video in display order, decoded or not."""

    key: Key | None
    """When it is displayed; None where the container does not say."""

    picture: VideoFrame | None
    """None where nothing could be decoded."""

    damaged: bool
    """Whether decoder or container report damage."""


class FrameOrder:
    """Matches the frames that packets announce with those that the decoder delivers.

    Some containers count packets but have no presentation times (AVI, bare streams). Their frames
    are taken in the order of delivery, and each error of the decoder counts as one lost frame.
    """

    def __init__(self, stream: VideoStream, *, timed: bool) -> None:
        """Start before the first packet.

        Args:
            stream: Whose packets they are.
            timed: Whether the container has presentation times.
        """
        self.timed = timed
        self.packets = 0
        """Packets so far that hold a frame or repeat one."""
        self.hidden = 0
        """Those of them that are not displayed, according to the container."""
        self.leading = 0
        """Frames before the first keyframe, which cannot be decoded."""
        self._has_invisible_frames = stream.codec_context.name in ("vp8", "libvpx")
        self._has_field_packets = stream.codec_context.name == "h264"
        self._interlaced = False
        self._jump = JUMP / float(stream.time_base or 1)
        self._run = 0
        self._last: VideoPacket | None = None
        self._first_keyframe: Key | None = None
        self._due: list[Key] = []
        """Heap of the frames that were sent and have not been displayed."""
        self._open: Counter[Key] = Counter()
        """How many frames of each key are due; keys may repeat."""
        self._held: dict[Key, list[VideoFrame]] = {}
        """Decoded frames that wait for earlier ones."""
        self._damaged: set[Key] = set()
        self._given_up: deque[Key] = deque(maxlen=256)
        self._any_displayed = False
        self._last_damage = -RECENT - 1

    @property
    def near_damage(self) -> bool:
        """Whether damage occurred in recent packets."""
        return self.packets - self._last_damage <= RECENT

    def is_displayed(self, packet: VideoPacket) -> bool:
        """Whether the packet has a frame that is displayed, and a time for it."""
        if packet.pts is None or packet.is_discard or not packet.size:
            return False
        # VP8 has frames that serve as references only; FFmpeg returns nothing for them. The bit
        # that says so is in the first byte of the frame.
        return not self._has_invisible_frames or bool(memoryview(packet)[0] & 0x10)

    def jumps_back(self, packet: VideoPacket, last: VideoPacket | None) -> bool:
        """Whether time stamps start over with this packet, which follows ``last``."""
        before, now = None if last is None else _stamp(last), _stamp(packet)
        return before is not None and now is not None and now < before - self._jump

    def skipped(self, packets: list[VideoPacket]) -> int:
        """Note packets that are not sent to the decoder; returns the number of their frames."""
        frames = sum(self.is_displayed(packet) for packet in packets)
        self._any_displayed = True
        self.packets += len(packets)
        self.hidden += len(packets) - frames
        return frames

    def sent(self, packet: VideoPacket) -> None:
        """Note a packet that is sent to the decoder."""
        if _stamp(packet) is None and not packet.size:
            return  # the end of the stream
        self._run += self.jumps_back(packet, self._last)
        self._last = packet if _stamp(packet) is not None else self._last
        self.packets += 1
        if not self.is_displayed(packet):
            self.hidden += packet.pts is not None
            return
        key = (self._run, int(packet.pts or 0))
        heappush(self._due, key)
        self._open[key] += 1
        if packet.is_keyframe and self._first_keyframe is None:
            self._first_keyframe = key
        if packet.is_corrupt:
            self._damaged.add(key)
            self._last_damage = self.packets

    def failed(self) -> Iterator[FrameSlot]:
        """Note an error of the decoder; returns the slots that are ready now."""
        self._last_damage = self.packets
        if not self.timed:
            yield FrameSlot(heappop(self._due) if self._due else None, None, True)

    def received(self, frame: VideoFrame) -> Iterator[FrameSlot]:
        """Note a frame from the decoder; returns the slots that are ready now."""
        if not self.timed:
            key = heappop(self._due) if self._due else None
            yield self._filled_slot(key, frame)
            return
        key = self._match(frame.pts)
        if key is not None:
            self._held.setdefault(key, []).append(frame)
            yield from self._release(PATIENCE)
        elif (self._run, frame.pts) not in self._given_up:
            # No packet announced this frame, so its place is after everything that waits.
            yield from self._release(0)
            yield self._filled_slot(None, frame)

    def flush(self) -> Iterator[FrameSlot]:
        """All remaining slots, at the end of the stream."""
        if self.timed:
            yield from self._release(0)
            while self._due:
                yield from self._give_up()

    def _match(self, pts: int | None) -> Key | None:
        """The key of a decoded frame: the earliest run in which a frame of this time is due."""
        if pts is None or not self._due:
            return None
        for run in range(self._due[0][0], self._run + 1):
            key = run, pts
            if self._open[key] > len(self._held.get(key, ())):
                return key
        return None

    def _release(self, patience: int) -> Iterator[FrameSlot]:
        """Slots that can be displayed; gives up frames that more than ``patience`` others await."""
        while self._held:
            key = self._due[0]
            if key in self._held:
                yield self._take(key)
            elif len(self._held) > patience:
                yield from self._give_up()
            else:
                return

    def _take(self, key: Key) -> FrameSlot:
        self._close(key)
        frames = self._held[key]
        frame = frames.pop(0)
        if not frames:
            del self._held[key]
        return self._filled_slot(key, frame)

    def _give_up(self) -> Iterator[FrameSlot]:
        """Stop waiting for the earliest due frame; its slot is empty."""
        key = self._due[0]
        self._close(key)
        self._given_up.append(key)
        if self._has_field_packets and self._interlaced and not self.near_damage:
            # H.264 may send both fields of a frame in packets of their own; one frame comes back.
            self.hidden += 1
            return
        first = self._first_keyframe
        if not self._any_displayed and (first is None or key < first):
            self.leading += 1
            return
        self._any_displayed = True
        yield FrameSlot(key, None, True)

    def _close(self, key: Key) -> None:
        heappop(self._due)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def _filled_slot(self, key: Key | None, frame: VideoFrame) -> FrameSlot:
        self._any_displayed = True
        self._interlaced = bool(frame.interlaced_frame)
        damaged = frame.is_corrupt or key in self._damaged
        self._last_damage = self.packets if damaged else self._last_damage
        if key is not None:
            self._damaged.discard(key)
        return FrameSlot(key, frame, damaged)


def _stamp(packet: VideoPacket) -> int | None:
    """Decoding time, which never goes back within a recording; else presentation time."""
    return packet.pts if packet.dts is None else packet.dts
