"""The first stage: from a video to ``detections/part-00000.parquet`` and on.

Each part covers a fixed stretch of frame indices. A run that is resumed keeps the parts that are
whole and fills the gaps, in the middle where one was lost, and behind the last. A part always
begins at the same frame, so the frames that are encoded together never belong to two parts, and
what a frame says relative to the previous one is recomputed from that frame: the numbers are those
of a run without the stop. Frames are passed on as they are found, so that linking fills the time
in which the network's threads are at work.

Not here: how a network is moved along the frames (:mod:`.clip_window`).
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby, takewhile

import msgspec

from posetube.errors import MediaError
from posetube.structures import DetectedFrame

from ...datasets.video import Video
from ..failures import Interrupted
from ..loaded_model import LoadedModel
from ..refining.kept_maps import keeping_maps
from ..settings import TrackConfig
from ..storage.detections_store import open_part, part_path, write_part
from ..storage.manifest import FrameCounts, Manifest
from ..storage.part_check import KeptPart, whole_parts
from ..storage.recorder import Recorder
from ..storage.run_directory import RunDirectory
from .clip_window import detect_video, frames_before
from .given_boxes import GivenBoxes
from .stage_work import ComingFrames
from .stored_frames import stored_frames

PART_FRAMES = 32
"""Frames per part: what a killed run loses at most, and what Ctrl-C waits for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A stretch of the video that no part holds."""

    number: int
    """Of the first part to write."""

    first: int
    """Index of the first frame."""

    end: int | None = None
    """Number of the part behind the gap; None: the gap reaches to the end of the video."""

    stop: int | None = None
    """Index of that part's first frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoDetections:
    """The detections of a video, as a network makes them."""

    video: Video
    """Open, with the stretch that was asked for."""

    model: LoadedModel
    """Finds people."""

    boxes: GivenBoxes | None = None
    """Where to look for people; None: the network finds them."""

    def frames(self, record: Recorder) -> ComingFrames:
        """Find the people of every frame that no part holds.

        Args:
            record: The run; its settings say what is kept of each frame.

        Yields:
            Every frame of the run in order, without heatmaps, those of whole parts too.

        Returns:
            The counts of frames, for the manifest.

        Raises:
            Interrupted: After a new part or a stored frame, if somebody asked to stop; a live
                source ends like that.
            MediaError: If the video cannot be read, or no frame is in the stretch.
        """
        kept = whole_parts(record.run, record.manifest)
        record.update(frames=total_counts(record.manifest.frames, kept.values()))
        try:
            yield from self._fill(record, kept)
        except Interrupted:
            if not self.video.live:
                raise
            record.interrupt.requested = False  # that is how a recording ends
        record.warn(*self.video.warnings)
        return {"frames": _all_frames(record.manifest.frames, self.video)}

    def _fill(self, record: Recorder, kept: dict[int, KeptPart]) -> Iterator[DetectedFrame]:
        number, joints = 0, len(self.model.network.skeleton)
        for gap in gaps(kept):
            if stored := range(number, gap.number):
                total = sum(kept[one].states.total() for one in stored)
                yield from stored_frames(record, stored, joints=joints, total=total)
            frames = record.manifest.frames
            record.begin(total=frames.expected, done=frames.done)
            number = yield from self._fill_gap(record, kept, gap)
            if gap.end is not None and number != gap.end:
                # These parts were cut at other frames than today's: those behind do not fit.
                for later in [n for n in kept if n >= number]:
                    part_path(record.run.detections, later).unlink()
                    del kept[later]
                record.update(frames=total_counts(record.manifest.frames, kept.values()))
                [rest] = gaps(kept)
                yield from self._fill_gap(record, kept, rest)
                break

    def _fill_gap(
        self, record: Recorder, kept: dict[int, KeptPart], gap: Gap
    ) -> Generator[DetectedFrame, None, int]:
        """Write the parts of a gap, and return the number of the one behind them."""
        manifest, behind = record.manifest, gap.number
        # Decoding starts early: the first new frames depend on some that parts hold already.
        start = first_to_decode(kept, gap, wanted=self.frames_before(manifest.settings))
        for number, stretch in self.look(manifest.settings, gap, start=start):
            part = []
            for count, frame in enumerate(stretch, start=record.manifest.frames.done + 1):
                record.progress(count)
                part.append(frame)
                yield _without_heatmaps(frame)
            kept[number], behind = self.write(record.run, manifest, number, part), number + 1
            record.update(frames=_added(record.manifest.frames, kept[number]))
            record.interrupt.check()
        return behind

    def frames_before(self, config: TrackConfig) -> int:
        """How many frames before a gap decide what is said of its first one."""
        return frames_before(self.model.network, config.detect)

    def look(
        self, config: TrackConfig, gap: Gap, *, start: int
    ) -> Iterator[tuple[int, Iterator[DetectedFrame]]]:
        """Find the people of a gap's frames.

        Args:
            config: The run's settings.
            gap: Which frames.
            start: Index of the frame to decode from, see :func:`first_to_decode`.

        Yields:
            Number of each part, and its frames, which are found as they are asked for.
        """
        names = config.refine.of_heatmaps
        model = keeping_maps(self.model, asked_by=names[0]) if names else self.model
        found = detect_video(self.video, model, first=start, config=config.detect, boxes=self.boxes)
        wanted = (frame for frame in found if frame.frame >= gap.first)
        inside = takewhile(lambda frame: gap.stop is None or frame.frame < gap.stop, wanted)
        stretches = _stretches(inside, PART_FRAMES * config.video.every)
        return enumerate(stretches, start=gap.number)

    def write(
        self, run: RunDirectory, manifest: Manifest, number: int, frames: Sequence[DetectedFrame]
    ) -> KeptPart:
        """Write a part of a run, and say what the disk holds of it."""
        path = write_part(
            run.detections,
            number,
            frames,
            skeleton=self.model.network.skeleton,
            key=manifest.detections_key,
        )
        # Read back from the disk: what counts is what a later linking will find there.
        return KeptPart.of(open_part(path))


ALL_FRAMES = Gap(number=0, first=0)


def gaps(kept: Mapping[int, KeptPart], within: Gap = ALL_FRAMES) -> Iterator[Gap]:
    """The stretches between the parts, in order, and the one behind the last.

    Args:
        kept: By number, the parts that are whole. Parts that are added meanwhile count.
        within: The stretch to look at, which holds all of these parts.
    """
    number, first = within.number, within.first
    for behind in sorted(kept):
        if behind != number:
            yield Gap(number=number, first=first, end=behind, stop=kept[behind].first)
        number, first = behind + 1, kept[behind].last + 1
    if number != within.end:
        yield Gap(number=number, first=first, end=within.end, stop=within.stop)


def first_to_decode(kept: Mapping[int, KeptPart], gap: Gap, *, wanted: int) -> int:
    """Index to decode from, so that the first frame of a gap has the frames before it.

    Args:
        kept: By number, the parts that are whole, those before the gap among them.
        gap: Where to go on.
        wanted: How many decoded frames before the gap are needed: the clip before the first new
            one reaches T // 2 + 1 of them back.
    """
    start, number = gap.first, gap.number - 1
    while wanted > 0 and number >= 0:
        start, wanted = kept[number].first, wanted - kept[number].states["ok"]
        number -= 1
    return start


def total_counts(frames: FrameCounts, kept: Iterable[KeptPart]) -> FrameCounts:
    """The counts with the frames of these parts."""
    none = msgspec.structs.replace(frames, done=0, corrupt=0, missing=0, detections=0)
    return reduce(_added, kept, none)


def _added(frames: FrameCounts, part: KeptPart) -> FrameCounts:
    return msgspec.structs.replace(
        frames,
        done=frames.done + part.states.total(),
        corrupt=frames.corrupt + part.states["corrupt"],
        missing=frames.missing + part.states["missing"],
        detections=(frames.detections or 0) + part.rows,
    )


def _stretches(frames: Iterable[DetectedFrame], length: int) -> Iterator[Iterator[DetectedFrame]]:
    # Cut at fixed indices, so that a resumed run has the parts of one that never stopped.
    for _, stretch in groupby(frames, key=lambda frame: frame.frame // length):
        yield stretch


def _without_heatmaps(frame: DetectedFrame) -> DetectedFrame:
    """As linking takes it: what is large stays on the disk."""
    if frame.people.heatmaps is None:
        return frame
    return replace(frame, people=replace(frame.people, heatmaps=None))


def _all_frames(frames: FrameCounts, video: Video) -> FrameCounts:
    """The counts of a video that was read to its end."""
    if not frames.done:
        raise no_frames(video)
    expected = frames.expected
    if expected is not None and not video.cut_short:
        expected = frames.done  # a container may count frames that are never shown
    return msgspec.structs.replace(frames, expected=expected, cut_short=video.cut_short)


class NoFramesError(MediaError):
    """There is nothing to look at."""


def no_frames(video: Video) -> NoFramesError:
    """What to say of a video of which no frame was asked for."""
    last = video.begin if video.last is None else video.last
    return NoFramesError(
        f"{video.source}: there is no frame in the stretch that was asked for; start and end count "
        f"from the first frame, and the last one is {last - video.begin:.3f} s after it (the file "
        f"calls these times {video.begin:.3f} s and {last:.3f} s)"
    )
