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

REORDER = 32
"""Greatest difference between coding order and display order, packets: 16 frames of two fields."""

LARGEST_DROP = 19
"""Largest packet of MPEG-4 that only says that its frame repeats the one before, bytes."""

SMALLEST_PICTURE = 4
"""Smaller packets, of which the decoder complains, repeat the frame before too."""

DISPLAYED_BITS = {"vp8": (0x10, True), "libvpx": (0x10, True), "theora": (0x80, False)}
"""Codecs with packets that are not displayed: a bit of the first byte, its value if displayed."""

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


class RestartWatch:
    """Notices where time stamps begin anew, as they do where recordings were joined.

    Within a recording, frames are coded at most :data:`REORDER` packets away from where they are
    displayed, and nothing that is coded before a keyframe is displayed after it. A packet that
    breaks this rule begins a recording. The rule asks for no frame rate, so pauses do not matter.
    """

    def __init__(self) -> None:
        """Start before the first packet."""
        self._recent: deque[int] = deque(maxlen=REORDER + 1)

    def begins_anew(self, packet: VideoPacket) -> bool:
        """Whether time begins anew with this packet; call it with each packet in turn."""
        if packet.pts is None:
            return False
        # Two stamps, because a single one in front of a keyframe may merely be out of place.
        count = 2 if packet.is_keyframe else REORDER + 1
        recent = list(self._recent)[-count:]
        anew = len(recent) == count and packet.pts < min(recent)
        if anew:
            self._recent.clear()
        self._recent.append(packet.pts)
        return anew


class FrameOrder:
    """Matches the frames that packets announce with those that the decoder delivers.

    Some containers have no presentation times. Where they have decoding times (AVI, which counts
    packets, empty ones included) and display order is coding order, these serve instead. Where it
    is not, frames are taken in the order of delivery, each at the decoding time of the packet that
    made the decoder deliver it, and each error of the decoder is one lost frame.
    """

    def __init__(
        self, stream: VideoStream, *, timed: bool, counted: bool = False, joined: bool = True
    ) -> None:
        """Start before the first packet.

        Args:
            stream: Whose packets they are.
            timed: Whether packets tell when their frames are displayed.
            counted: Whether they do so by their decoding time.
            joined: Whether the container may hold joined recordings.
        """
        self.timed = timed
        self._counted = counted
        self._restarts = RestartWatch() if joined and not counted else None
        self.packets = 0
        """Packets so far that hold a frame or repeat one."""
        self.leading = 0
        """Frames before the first keyframe, which cannot be decoded."""
        self._displayed_bit = DISPLAYED_BITS.get(stream.codec_context.name, (0, False))
        self._has_field_packets = stream.codec_context.name == "h264"
        self._has_dropped_frames = stream.codec_context.name.startswith(("mpeg4", "msmpeg4"))
        self._delivers_in_order = stream.codec_context.name in ("mpeg1video", "mpeg2video", "mpeg4")
        self._interlaced = False
        self._run = 0
        self.last_sent: VideoPacket | None = None
        """The latest packet."""
        self._announced = False
        """Whether any packet told when its frame is displayed."""
        self._first_keyframe: Key | None = None
        self._due: list[Key] = []
        """Heap of the frames that were sent and have not been displayed."""
        self._open: Counter[Key] = Counter()
        """How many frames of each key are due; keys may repeat."""
        self._held: dict[Key, list[VideoFrame]] = {}
        """Decoded frames that wait for earlier ones."""
        self._delivered: deque[VideoFrame] = deque()
        """The same in the order of delivery, where that is sure to be the order of display."""
        self._damaged: set[Key] = set()
        self._dropped: set[Key] = set()
        """Frames that may repeat the one before, for which the decoder returns nothing."""
        self._given_up: deque[Key] = deque(maxlen=256)
        self._any_displayed = False
        self._last_damage = -RECENT - 1

    @property
    def near_damage(self) -> bool:
        """Whether damage occurred in recent packets."""
        return self.packets - self._last_damage <= RECENT

    def is_displayed(self, packet: VideoPacket) -> bool:
        """Whether the packet has a frame that is displayed, and a time for it."""
        if self.stamp(packet) is None or packet.is_discard or not packet.size:
            return False
        # VP8 has frames that serve as references only, joined Theora has headers in the middle;
        # FFmpeg returns nothing for them. A bit in the first byte says so.
        bit, displayed = self._displayed_bit
        return bool(memoryview(packet)[0] & bit) == displayed

    def stamp(self, thing: VideoPacket | VideoFrame) -> int | None:
        """When it is displayed, in units of the stream; None where the container does not say."""
        return thing.dts if self._counted else thing.pts

    def skipped(self, packets: list[VideoPacket]) -> int:
        """Note packets that are not sent to the decoder; returns the number of their frames."""
        self._any_displayed = True
        self.packets += len(packets)
        return sum(map(self.is_displayed, packets))

    def sent(self, packet: VideoPacket) -> None:
        """Note a packet that is sent to the decoder."""
        if packet.pts is None and packet.dts is None and not packet.size:
            return  # the end of the stream
        self._run += self._restarts is not None and self._restarts.begins_anew(packet)
        self.last_sent = packet
        self.packets += 1
        if not self.is_displayed(packet):
            return
        key = (self._run, int(self.stamp(packet) or 0))
        heappush(self._due, key)
        self._announced = True
        if self.may_drop(packet):
            self._dropped.add(key)
        self._open[key] += 1
        if packet.is_keyframe and self._first_keyframe is None:
            self._first_keyframe = key
        if packet.is_corrupt:
            self._damaged.add(key)
            self._last_damage = self.packets

    def may_drop(self, packet: VideoPacket) -> bool:
        """Whether the packet may only repeat the frame before."""
        return self._has_dropped_frames and packet.size <= LARGEST_DROP

    def failed(self) -> Iterator[FrameSlot]:
        """Note an error of the decoder; returns the slots that are ready now."""
        if self.last_sent is not None and self.last_sent.size < SMALLEST_PICTURE:
            return
        self._last_damage = self.packets
        if not self.timed:
            time = None if self.last_sent is None else self.last_sent.dts
            yield FrameSlot(None if time is None else (self._run, time), None, True)

    def received(self, frame: VideoFrame) -> Iterator[FrameSlot]:
        """Note a frame from the decoder; returns the slots that are ready now."""
        if not self.timed or not self._announced:
            yield self._filled_slot(None if frame.dts is None else (self._run, frame.dts), frame)
            return
        key = self._match(self.stamp(frame))
        if key is not None:
            self._held.setdefault(key, []).append(frame)
            if self._delivers_in_order:
                self._delivered.append(frame)
            yield from self._release(PATIENCE)
        elif (self._run, self.stamp(frame)) not in self._given_up:
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
        # Program streams tell few times, and FFmpeg guesses the others, even falling ones.
        frame = self._delivered.popleft() if self._delivers_in_order else frame
        return self._filled_slot(key, frame)

    def _give_up(self) -> Iterator[FrameSlot]:
        """Stop waiting for the earliest due frame; its slot is empty."""
        key = self._due[0]
        dropped = key in self._dropped
        self._close(key)
        self._given_up.append(key)
        if dropped and not self.near_damage:
            return
        if self._has_field_packets and self._interlaced and not self.near_damage:
            # H.264 may send both fields of a frame in packets of their own; one frame comes back.
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
            self._dropped.discard(key)

    def _filled_slot(self, key: Key | None, frame: VideoFrame) -> FrameSlot:
        self._any_displayed = True
        self._interlaced = bool(frame.interlaced_frame)
        damaged = frame.is_corrupt or key in self._damaged
        self._last_damage = self.packets if damaged else self._last_damage
        if key is not None:
            self._damaged.discard(key)
        return FrameSlot(key, frame, damaged)
