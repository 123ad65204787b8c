"""Demuxes the packets of a container, skips those that are not needed, and decodes the rest."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from posetube.shortage import RESERVE, raise_shortage, require_memory

from .frame_order import FrameOrder, FrameSlot, RestartWatch, VideoPacket

MAX_FAILURES = 50
"""Consecutive errors of the container after which the file counts as ended."""

KEPT_GROUPS = 3
"""Groups of pictures, from keyframe to keyframe, that are kept while skipping."""

MAX_WAITING = 2000
"""Packets to keep while skipping; longer groups are decoded instead."""


def demux(
    container: InputContainer, stream: VideoStream, on_stop: Callable[[Exception], None]
) -> Iterator[VideoPacket]:
    """The stream's packets, then an empty one that flushes the decoder; goes on after damage.

    Args:
        container: To read from.
        stream: Whose packets to read.
        on_stop: Called with the error if the container cannot be read to its end.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(stream):
                failures = 0
                yield packet
            return
        # IndexError: PyAV does not know a stream that appears in the middle of a file.
        except (av.error.FFmpegError, IndexError) as error:
            raise_shortage(error)
            failures += 1
            if failures > MAX_FAILURES or isinstance(error, TimeoutError | ConnectionError):
                on_stop(error)
                break
    flush: VideoPacket = Packet()  # type: ignore[assignment]
    flush.stream = stream
    yield flush


def decode_packets(
    packets: Iterable[VideoPacket], order: FrameOrder
) -> Generator[FrameSlot, None, None]:
    """Every frame in display order; goes on after damage.

    Args:
        packets: Packets of one stream, from a keyframe on.
        order: Fresh record of the frames.
    """
    for packet in packets:
        order.sent(packet)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            require_memory(RESERVE)  # without memory, sound frames fail like damaged ones
            yield from order.failed()
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame):
                yield from order.received(frame)
    yield from order.flush()


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """What :func:`skip_packets` skipped, and what is left."""

    frames: int
    """Number of frames skipped."""

    duration: int
    """From the first of them to the first that is left, in units of the stream."""

    packets: Iterator[VideoPacket]
    """The packets to decode."""


def skip_packets(
    packets: Iterator[VideoPacket], order: FrameOrder, near: Callable[[VideoPacket, int], bool]
) -> Skipped:
    """Skip packets at the beginning that a later frame does not need, without decoding them.

    A container's own seeking is not used, because it does not tell how many frames it skips.

    Args:
        packets: From the beginning of the stream.
        order: Fresh record of the frames.
        near: Given a packet and the number of packets so far, whether the wanted frame may be next.
    """
    # Decoding starts more than one keyframe early: after an open group's keyframe come frames that
    # refer to the group before it.
    groups: deque[list[VideoPacket]] = deque()
    skipped = waiting = 0
    first: VideoPacket | None = None
    restarts = RestartWatch()
    for packet in packets:
        if packet.is_keyframe or not groups:
            groups.append([])
        groups[-1].append(packet)
        waiting += 1
        first = first or packet
        sound = _countable(packet, first, order) and not restarts.begins_anew(packet)
        if not sound or near(packet, order.packets + waiting):
            break
        if len(groups) > KEPT_GROUPS:
            dropped = groups.popleft()
            waiting -= len(dropped)
            skipped += order.skipped(dropped)
        elif waiting > MAX_WAITING:
            break
    begin = (order.stamp(first) if first else None) or 0
    times = (order.stamp(packet) for group in groups for packet in group)
    left = min((time for time in times if time is not None), default=begin)
    return Skipped(frames=skipped, duration=left - begin, packets=chain(*groups, packets))


def _countable(packet: VideoPacket, first: VideoPacket, order: FrameOrder) -> bool:
    """Whether the number of frames up to this packet is known without decoding."""
    begin, now = order.stamp(first), order.stamp(packet)
    if not order.timed or not first.is_keyframe or begin is None or now is None:
        return False
    return now >= begin and not packet.is_corrupt and not order.may_drop(packet)
