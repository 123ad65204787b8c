"""One video stream as frames: a file, an address or a camera.

Puts together the container (:mod:`.policy`), the order of frames (:mod:`.packets`),
seconds (:mod:`.clock`), and pictures as they are displayed (:mod:`.screen`).

Not here: pictures and their folders (:mod:`.frame_folder`), decoding ahead (:mod:`.ahead`).
"""

import os
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path

from av.video.stream import VideoStream

from posetube.errors import MediaError
from posetube.structures import Frame, FrameState

from .clock import Clock, usual_rate
from .config import FrameNotes, VideoConfig
from .packets import FrameOrder, Slot, VideoPacket, decode, demux
from .picture import scaled
from .policy import (
    choose_stream,
    is_camera,
    is_url,
    open_container,
    plain,
    shown,
)
from .screen import Screen
from .skip import skip

UNTIMED = frozenset({"avi", "h261", "h263", "h264", "hevc", "m4v", "mpegvideo", "obu", "vc1"})
"""Containers that know no presentation times; their frames are taken as they come."""

COUNTED = frozenset({"avi"})
"""Those of them that count packets, of which FFmpeg makes times."""

TIMED_BY_HEADER = ("matroska", "mov", "flv")
"""Containers whose header states a duration that does not depend on how much of them is there."""

INDEXED = frozenset({"mov"})
"""Containers with a table of all packets (not in fragments), so that none can vanish."""

IN_USE = 4
"""Pictures that somebody may hold besides those decoded ahead, before new memory is needed."""

THREADED_PIXELS = 1 << 27
"""Pixels of all frames that threads decode at once: a small file can declare frames of 8K."""

REORDER = 32
"""Frames by which coding order and order of display differ at most."""


class VideoFile:
    """A video stream, opened and its first frame decoded; see :class:`..Source`."""

    def __init__(self, source: str, config: VideoConfig) -> None:
        self._source = source
        self._config = config
        self._notes = FrameNotes(_short(source))
        self._fresh: _Reading | None = _Reading(source, config)
        stream = self._fresh.stream
        self.expected: int | None = stream.frames or None
        self.rate: float | None = float(stream.average_rate) if stream.average_rate else None
        self.live = is_camera(source) or (is_url(source) and not self._fresh.finite)
        self.cut_short = False
        try:
            self.size = self._fresh.peek_size()
        except BaseException:
            self._fresh.close()
            raise
        ratio = stream.sample_aspect_ratio
        self.pixel_aspect = float(ratio) if ratio else 1.0

    @property
    def warnings(self) -> list[str]:
        """One line for each trouble met so far."""
        return self._notes.lines

    def close(self) -> None:
        """Close the container that waits for its first reading, if there is one."""
        if self._fresh is not None:
            self._fresh.close()
            self._fresh = None

    def read(self, first: int) -> Generator[Frame, None, None]:
        """Frames from index ``first`` on that the configuration wants, in order of display.

        Threads decode faster, but what they make of damage depends on their number. Where damage is
        met, one thread reads on, so that every machine and every resumed run sees the same.
        """
        following: int | None = first
        parallel = True
        while following is not None:
            reading = self._reading_from(following, parallel)
            try:
                following = yield from self._frames(reading, following)
            finally:
                reading.close()
            parallel = False

    def _reading_from(self, first: int, parallel: bool) -> "_Reading":
        """The container, at its beginning or short of frame ``first`` and of the start."""
        reading, self._fresh = self._fresh, None
        if self.live:
            if reading is None:
                raise MediaError(f"{shown(self._source)}: a live source cannot be read twice")
            return reading
        if first == 0 and self._config.start is None and parallel:
            return reading or _Reading(self._source, self._config)
        if reading is not None:
            reading.close()
        reading = _Reading(self._source, self._config, parallel=parallel)
        if reading.skip_to(first, self._config.start):
            return reading
        reading.close()
        return _Reading(self._source, self._config, parallel=parallel)

    def _frames(self, reading: "_Reading", first: int) -> Generator[Frame, None, int | None]:
        """The frames from ``first`` on; returns where one thread is to read on, if it is."""
        config, clock, order = self._config, reading.clock, reading.order
        frames = clock.timed(reading.slots, order)
        for index, (time, slot) in enumerate(frames, start=reading.passed):
            if reading.parallel and not self.live and (slot.damaged or order.troubled):
                return max(index, first)
            if config.over(time):
                return None
            if index >= first and config.reached(time) and index % config.every == 0:
                yield self._frame(reading, index, time, slot)
        self._note_end(reading, clock)
        return None

    def _frame(self, reading: "_Reading", index: int, time: float, slot: Slot) -> Frame:
        image = None if slot.picture is None else reading.screen.show(slot.picture)
        damaged = slot.damaged or image is None
        if damaged:
            what = "could not be decoded" if image is None else "is damaged"
            self._notes.add_frame(index, time, what)
        if image is not None and image.shape[:2] != self.size:
            was = f"{image.shape[1]} x {image.shape[0]}"
            self._notes.add_frame(index, time, f"scaled to the first frame's size from {was}")
            image = scaled(image, self.size)
        state: FrameState = "corrupt" if damaged else "ok"
        return Frame(index=index, time=time, image=image, state=state)

    def _note_end(self, reading: "_Reading", clock: Clock) -> None:
        """Compare what came with what the container promised."""
        order = reading.order
        if order.leading:
            self._notes.add(f"{order.leading} frames before the first keyframe left out")
        if clock.restarts:
            self._notes.add(f"time starts anew {clock.restarts} times; frames are timed as one")
        if self.expected is not None:
            self.expected = reading.stream.frames - order.hidden
        trouble = reading.shortfall(clock)
        self.cut_short = trouble is not None
        if trouble:
            self._notes.add(trouble)


class _Reading:
    """One pass through an opened container."""

    def __init__(self, source: str, config: VideoConfig, *, parallel: bool = True) -> None:
        self.parallel = parallel
        self._source = source
        self._container = open_container(
            source, max_pixels=config.max_pixels, timeout=config.timeout
        )
        try:
            self.stream = choose_stream(self._container, source, max_pixels=config.max_pixels)
        except MediaError:
            self._container.close()
            raise
        # Slices in parallel, PyAV's default, would conceal damage without a report
        self.stream.thread_type = "AUTO" if parallel else "NONE"
        self.stream.thread_count = _threads(self.stream) if parallel else 1
        self.stream.codec_context.options = {"max_pixels": str(config.max_pixels)}
        self._format = self._container.format.name.partition(",")[0]
        timed = self._format not in UNTIMED or not self.stream.codec_context.has_b_frames
        self.order = FrameOrder(self.stream, trusted=timed)
        self._indexed = self._format in INDEXED and self.stream.frames > 0
        self.clock = Clock(self.stream, holes=not self._indexed, counted=self._format in COUNTED)
        self.screen = Screen(kept=config.ahead + IN_USE)
        self.passed = 0
        self._stopped: Exception | None = None
        self._packets: Iterator[VideoPacket] = demux(self._container, self.stream, self._stop)
        self.slots: Iterator[Slot] = decode(self._packets, self.stream, self.order)

    @property
    def finite(self) -> bool:
        """Whether the source states how long it is."""
        return self._container.duration is not None

    def peek_size(self) -> tuple[int, int]:
        """H, W of the first frame that can be decoded."""
        seen: list[Slot] = []
        for slot in self.slots:
            seen.append(slot)
            image = None if slot.picture is None else self.screen.show(slot.picture)
            if image is not None:
                self.slots = chain(seen, self.slots)
                return image.shape[0], image.shape[1]
        raise MediaError(f"{shown(self._source)}: not one of its frames can be decoded")

    def skip_to(self, first: int, start: float | None) -> bool:
        """Pass over what lies before frame ``first`` and before ``start`` seconds.

        Returns:
            Whether the indices that follow are those of a full reading. Where packets may have
            been lost, time must have passed as evenly as frames; otherwise this reading is spent.
        """
        base = float(self.stream.time_base or 1)

        def near(packet: VideoPacket, count: int) -> bool:
            in_time = start is None or (packet.pts is not None and packet.pts * base >= start)
            return in_time and count >= first - REORDER

        skipped = skip(self._packets, self.order, near)
        self.passed = skipped.frames
        self.slots = decode(skipped.packets, self.stream, self.order)
        steps = skipped.duration * base * usual_rate(self.stream)
        return not self.passed or self._indexed or abs(steps - self.passed) < 0.5

    def shortfall(self, clock: Clock) -> str | None:
        """What is missing at the end of the video, in words; None: nothing."""
        if self._stopped is not None:
            return f"reading stopped at {clock.last:.3f} s: {plain(self._stopped)}"
        promised = self.stream.frames
        if promised:
            there = self.order.packets
            return (
                f"cut short: {there} of {promised} frames are there" if there < promised else None
            )
        length = self._promised_end()
        slack = max(4 / usual_rate(self.stream), 2 * clock.longest)
        if length is not None and clock.last < length - slack:
            return f"cut short: it ends at {clock.last:.3f} s of {length:.3f} s"
        return None

    def _promised_end(self) -> float | None:
        """When the video ends by its header, seconds; None where no header says so."""
        stream = self.stream
        if self._format not in TIMED_BY_HEADER:
            return None
        if stream.duration is not None and stream.time_base is not None:
            return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
        if tag := stream.metadata.get("DURATION"):
            return _clock_time(tag)
        alone = len(self._container.streams) == 1
        duration = self._container.duration
        return duration / 1e6 if alone and duration is not None else None

    def _stop(self, error: Exception) -> None:
        self._stopped = error

    def close(self) -> None:
        self._container.close()


def _threads(stream: VideoStream) -> int:
    """How many decode; 0, as many as there are cores, unless the frames are large."""
    most = THREADED_PIXELS // max(1, stream.width * stream.height)
    return 0 if most > (os.cpu_count() or 1) else max(1, most)


def _clock_time(tag: str) -> float | None:
    """Seconds of ``00:00:01.600000000``."""
    try:
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _short(source: str) -> str:
    return shown(source) if is_url(source) or is_camera(source) else Path(source).name
