"""Reads the frames of a video stream: of a file, an address or a camera.

The steps are: open the container (:mod:`.container`), decode its packets (:mod:`.decoder`) into
frames in display order (:mod:`.frame_order`), time them (:mod:`.timestamps`), and convert them to
RGB (:mod:`.rgb_conversion`).
"""

import os
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from posetube.errors import MediaError
from posetube.shortage import RESERVE, require_memory
from posetube.structures import Frame, FrameState

from .config import ROUNDING, VideoConfig
from .container import (
    choose_stream,
    ffmpeg_message,
    is_camera,
    is_url,
    open_container,
    without_password,
)
from .decoder import decode_packets, demux, skip_packets
from .file_end import lacks_end
from .frame_order import REORDER, FrameOrder, FrameSlot, VideoPacket
from .frame_warnings import FrameWarnings
from .opened_video import Video
from .picture import scaled
from .rgb_conversion import RgbConverter
from .timestamps import FrameClock, usual_rate

COUNTED = frozenset({"avi", "asf"})
"""Formats with decoding times only. FFmpeg invents presentation times, wrong ones at gaps."""

UNTIMED = COUNTED | {"h261", "h263", "h264", "hevc", "m4v", "mpegvideo", "obu", "vc1"}
"""Formats without presentation times; their frames are taken in the order of decoding."""

TIMED_BY_HEADER = ("matroska", "mov", "flv", "avi")
"""Formats whose header states the duration."""

INDEXED = frozenset({"mov", "avi"})
"""Formats with a table of all packets, unless it is lost or, in MP4, the file is fragmented."""

IN_USE = 4
"""Pictures that a consumer may hold, besides those decoded ahead, before new memory is needed."""

THREADED_PIXELS = 1 << 27
"""Pixels that all threads together may decode at once: a small file can declare frames of 8K."""

UNREAD = 4096
"""Bytes behind the last packet that are not yet suspicious: indices, tags."""


class StreamVideo(Video):
    """A video stream, opened and its first frame decoded."""

    def __init__(self, address: str, config: VideoConfig, *, form: str | None = None) -> None:
        remote = is_camera(address) or is_url(address)
        source = without_password(address) if remote else address
        path = Path(source.partition("?")[0].replace(":", "-") if remote else source)
        super().__init__(name=path.stem, source=source, config=config)
        self._address, self._form = address, form
        self._warnings = FrameWarnings(source if remote else path.name)
        self.warnings = self._warnings.lines
        self._fresh: _DecodingPass | None = self._open()
        stream = self._fresh.stream
        self.expected = self._fresh.displayed()
        self.rate = float(stream.average_rate) if stream.average_rate else None
        self.live = is_camera(address) or (is_url(address) and not self._fresh.finite)
        try:
            self.size, self.begin = self._fresh.peek()
        except BaseException:
            self._fresh.close()
            raise
        ratio = stream.sample_aspect_ratio
        self.pixel_aspect = float(ratio) if ratio else 1.0

    def close(self) -> None:
        """End all reading, and close the container that waits to be read, if there is one."""
        super().close()
        if self._fresh is not None:
            self._fresh.close()
            self._fresh = None

    def _read(self, first: int) -> Generator[Frame, None, None]:
        """Frames from index ``first`` on, in display order.

        Several threads decode faster, but how they conceal damage depends on their number. From
        the first damage on, one thread decodes, so that all machines and resumed runs agree.
        """
        following: int | None = first
        parallel = True
        while following is not None:
            decoding = self._pass_from(following, parallel)
            try:
                following = yield from self._frames(decoding, following)
            finally:
                decoding.close()
            parallel = False

    def _open(self, parallel: bool = True) -> "_DecodingPass":
        return _DecodingPass(self._address, self.config, form=self._form, parallel=parallel)

    def _pass_from(self, first: int, parallel: bool) -> "_DecodingPass":
        """A pass that begins at or before frame ``first`` and the configured start."""
        decoding, self._fresh = self._fresh, None
        if self.live:
            if decoding is None:
                raise MediaError(f"{self.source}: a live source cannot be read twice")
            return decoding
        if first == 0 and self.config.start is None and parallel:
            # What was decoded to find the size is not decoded again.
            return decoding or self._open()
        if decoding is not None:
            decoding.close()
        decoding = self._open(parallel)
        start = self.config.start
        if decoding.skip_to(first, None if start is None else self.begin + start):
            return decoding
        # The packets were skipped, but the index of the next frame is not certain: start over.
        decoding.close()
        return self._open(parallel)

    def _frames(self, decoding: "_DecodingPass", first: int) -> Generator[Frame, None, int | None]:
        """Frames from ``first`` on; returns the index from which one thread must decode, if any."""
        config, clock, order = self.config, decoding.clock, decoding.order
        frames = clock.timed(decoding.slots, order)
        index = decoding.skipped - 1
        for index, (time, slot) in enumerate(frames, start=decoding.skipped):
            if decoding.parallel and not self.live and (slot.damaged or order.near_damage):
                return max(index, first)
            self.last, elapsed = time, time - self.begin
            if config.over(elapsed):
                return None
            if index >= first and config.reached(elapsed) and index % config.every == 0:
                yield self._frame(decoding, index, time, slot)
        self._note_end(decoding, frames=index + 1)
        return None

    def _frame(self, decoding: "_DecodingPass", index: int, time: float, slot: FrameSlot) -> Frame:
        image = None if slot.picture is None else decoding.converter.convert(slot.picture)
        damaged = slot.damaged or image is None
        if damaged:
            problem = "could not be decoded" if image is None else "is damaged"
            self._warnings.add_frame(index, time, problem)
        if image is not None and image.shape[:2] != self.size:
            was = f"{image.shape[1]} x {image.shape[0]}"
            self._warnings.add_frame(index, time, f"scaled to the first frame's size from {was}")
            image = scaled(image, self.size)
        state: FrameState = "corrupt" if damaged else "ok"
        return Frame(index=index, time=time, image=image, state=state)

    def _note_end(self, decoding: "_DecodingPass", *, frames: int) -> None:
        """Note, at the end of the video, what differs from what its header states."""
        order, restarts = decoding.order, decoding.clock.restarts
        if order.leading:
            self._warnings.add(f"{order.leading} frames before the first keyframe are left out")
        if restarts:
            self._warnings.add(f"time starts over {restarts} times; frames are timed as one video")
        shortfall = decoding.shortfall()
        self.cut_short = shortfall is not None
        if shortfall:
            self._warnings.add(shortfall)
        elif self.expected is not None:
            self.expected = frames  # a header also counts what is never displayed


class _DecodingPass:
    """One pass through a container, from packets to timed frames."""

    def __init__(
        self, source: str, config: VideoConfig, *, form: str | None, parallel: bool
    ) -> None:
        self.parallel = parallel
        self._source = source
        self._container = open_container(
            source, max_pixels=config.max_pixels, timeout=config.timeout, form=form
        )
        try:
            self.stream = choose_stream(self._container, source, max_pixels=config.max_pixels)
        except MediaError:
            self._container.close()
            raise
        # Slice threads, PyAV's default, would conceal damage without reporting it.
        self.stream.thread_type = "AUTO" if parallel else "NONE"
        self.stream.thread_count = _threads(self.stream) if parallel else 1
        self.stream.codec_context.options = {"max_pixels": str(config.max_pixels)}
        self._format = self._container.format.name.partition(",")[0]
        # IVF's header has a duration in this place as often as a number of frames, and AVI's a
        # very large number if the recording was never finished.
        unsure = self._format == "ivf" or self.stream.frames >= 1 << 30
        self._promised = 0 if unsure else self.stream.frames
        indexed = self._format in INDEXED and self._promised > 0
        self._exact = self._format == "mov" and indexed
        # AVI's index may be lost; FFmpeg then lists what it saw so far.
        self._listed = (len(self.stream.index_entries) if indexed else 0) or self._promised
        # Without B-frames, display order is coding order, and packet counts serve as times.
        self.order = FrameOrder(
            self.stream,
            timed=self._format not in UNTIMED or not self.stream.codec_context.has_b_frames,
            counted=self._format in COUNTED,
            joined=not self._exact,
        )
        self.clock = FrameClock(self.stream, gaps=not self._exact)
        # FFmpeg changes what it says of the beginning while it reads.
        self._stated_end = _stated_end(self._container, self.stream, self._format)
        self.converter = RgbConverter(kept=config.ahead + IN_USE)
        self.skipped = 0
        self._stopped: Exception | None = None
        self._packets: Iterator[VideoPacket] = demux(self._container, self.stream, self._note_stop)
        self.slots: Iterator[FrameSlot] = decode_packets(self._packets, self.order)

    @property
    def finite(self) -> bool:
        """Whether the source states its duration, or at least the length of its file."""
        file = self._source.lower().startswith("http") and self._format != "hls"
        return self._container.duration is not None or (file and self._container.size > 0)

    def displayed(self) -> int | None:
        """Frames in the whole video according to the container."""
        index, size = self.stream.index_entries, self._container.size
        # AVI's header counts empty packets too, so its index is better where it reaches the end.
        if self._exact or (self._format == "avi" and index and index[-1].pos > 0.75 * size):
            return sum(entry.size > 0 and not entry.is_discard for entry in index)
        return self._promised or None

    def peek(self) -> tuple[tuple[int, int], float]:
        """H, W of the first frame that can be decoded, and the time of the first one, seconds."""
        seen: list[FrameSlot] = []
        for slot in self.slots:
            seen.append(slot)
            image = None if slot.picture is None else self.converter.convert(slot.picture)
            if image is not None:
                self.slots = chain(seen, self.slots)
                begin = seen[0].key[1] * float(self.stream.time_base or 1) if seen[0].key else 0.0
                return (image.shape[0], image.shape[1]), begin
        # Without memory no frame can be decoded either, and the file is not to blame.
        require_memory(RESERVE)
        raise MediaError(f"{without_password(self._source)}: none of its frames can be decoded")

    def skip_to(self, first: int, start: float | None) -> bool:
        """Skip what is before frame ``first`` and before the time ``start``, seconds.

        Returns:
            Whether the indices of the following frames are certain to be those of a full reading.
            If not, this pass is of no more use.
        """
        base = float(self.stream.time_base or 1)

        def near(packet: VideoPacket, count: int) -> bool:
            stamp = self.order.stamp(packet)
            in_time = start is None or (stamp is not None and stamp * base >= start - ROUNDING)
            # Frames are coded so many packets away from where they are displayed.
            return in_time and count >= first - REORDER

        skipped = skip_packets(self._packets, self.order, near)
        self.skipped = skipped.frames
        self.slots = decode_packets(skipped.packets, self.order)
        # Packets may be lost unless there is an index; then frames and time would not agree.
        steps = skipped.duration * base * usual_rate(self.stream)
        return not self.skipped or self._exact or abs(steps - self.skipped) < 0.5

    def shortfall(self) -> str | None:
        """What is missing at the end of the video, for the user; None: nothing."""
        last = self.clock.last
        if self._stopped is not None:
            return f"reading stopped at {last:.3f} s: {ffmpeg_message(self._stopped)}"
        there, promised = self.order.packets, self._listed
        file = not is_camera(self._source) and not is_url(self._source)
        lacks = file and lacks_end(Path(self._source), self._format)
        early = lacks or self._stops_early()
        if early and not self._exact:
            # AVI's index is lost. Its header counts empty packets too, as decoding times do.
            promised, there = self._promised, self._counted()
        if promised:
            return f"cut short: {there} of {promised} frames are there" * (there < promised) or None
        if not early:
            return None
        length = self._stated_end
        return f"cut short: it ends at {last:.3f} s" + (f" of {length:.3f} s" if length else "")

    def _counted(self) -> int:
        """Packets so far, in AVI with the empty ones between them."""
        packet = self.order.last_sent
        if self._format != "avi" or packet is None or packet.dts is None:
            return self.order.packets
        return packet.dts + 1

    def _stops_early(self) -> bool:
        """Whether time ends early and much of the file was not read, because damage hides it."""
        packet, size = self.order.last_sent, self._container.size
        if self._stated_end is None or packet is None or packet.pos is None:
            return False
        # A duration alone proves nothing: the last frame may last longer than any other. But if a
        # like share of the bytes was not read either, frames are missing.
        slack = max(4 / usual_rate(self.stream), 2 * self.clock.longest)
        lacking, unread = self._stated_end - self.clock.last, size - packet.pos - packet.size
        share = lacking / max(self._stated_end, lacking)
        return lacking > slack and unread > max(UNREAD, share * size / 2)

    def _note_stop(self, error: Exception) -> None:
        self._stopped = error

    def close(self) -> None:
        self._container.close()


def _stated_end(container: InputContainer, stream: VideoStream, form: str) -> float | None:
    """End of the video according to its header, seconds; None if it does not say."""
    if form not in TIMED_BY_HEADER:
        return None
    if tag := stream.metadata.get("DURATION"):
        return _tag_seconds(tag)
    if stream.duration is not None and stream.time_base is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    # With several streams the container's duration may be that of another one.
    alone, duration = len(container.streams) == 1, container.duration
    return duration / 1e6 if alone and duration is not None else None


def _threads(stream: VideoStream) -> int:
    """Number of threads that decode; 0 is as many as there are cores, fewer for large frames."""
    most = THREADED_PIXELS // max(1, stream.width * stream.height)
    return 0 if most > (os.cpu_count() or 1) else max(1, most)


def _tag_seconds(tag: str) -> float | None:
    """Seconds of a tag such as ``00:00:01.600000000``; None if it is not one."""
    try:
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
