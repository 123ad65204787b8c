"""Pass over the beginning of a video by its packets alone, without decoding them.

Not here: decoding what is left (:mod:`.packets`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .packets import FrameOrder, VideoPacket

KEPT_RUNS = 3
"""Stretches from keyframe to keyframe that are kept while skipping."""

MAX_WAITING = 2000
"""Packets to keep while skipping; longer stretches are decoded instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """What :func:`skip` passed over, and what is left."""

    frames: int
    """Frames passed over."""

    duration: int
    """From the first of them to the first that is left, in units of the stream."""

    packets: Iterator[VideoPacket]
    """The packets to decode."""


def skip(
    packets: Iterator[VideoPacket], order: FrameOrder, near: Callable[[VideoPacket, int], bool]
) -> Skipped:
    """Pass over packets that a later frame does not need, without decoding them.

    Decoding starts two keyframes early: frames behind the nearer one may refer to what lies before
    it. Where frames cannot be counted by their packets alone, nothing more is passed over.

    Args:
        packets: From the beginning of the stream.
        order: Fresh account of the frames.
        near: Given a packet and the packets so far, whether the wanted frame may be next.
    """
    runs: deque[list[VideoPacket]] = deque()
    passed = waiting = 0
    first: VideoPacket | None = None
    last: VideoPacket | None = None
    for packet in packets:
        if packet.is_keyframe or not runs:
            runs.append([])
        runs[-1].append(packet)
        waiting += 1
        first = first or packet
        if not _countable(packet, first, last, order) or near(packet, order.packets + waiting):
            break
        last = packet
        if len(runs) > KEPT_RUNS:
            dropped = runs.popleft()
            waiting -= len(dropped)
            passed += order.passed(dropped)
        elif waiting > MAX_WAITING:
            break
    begin = (first.pts if first else None) or 0
    left = min((p.pts for run in runs for p in run if p.pts is not None), default=begin)
    return Skipped(frames=passed, duration=left - begin, packets=_chain(runs, packets))


def _countable(
    packet: VideoPacket, first: VideoPacket, last: VideoPacket | None, order: FrameOrder
) -> bool:
    """Whether the frames up to this packet are known without decoding."""
    if not order.trusted or not first.is_keyframe or packet.pts is None or first.pts is None:
        return False
    sound = packet.pts >= first.pts and not packet.is_corrupt
    return sound and not order.falls_back(packet, last)


def _chain(
    runs: Iterable[list[VideoPacket]], packets: Iterator[VideoPacket]
) -> Iterator[VideoPacket]:
    for run in runs:
        yield from run
    yield from packets
