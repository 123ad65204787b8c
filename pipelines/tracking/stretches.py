"""Cuts a long video into stretches of parts, whose frames several processes look at.

A stretch is a :class:`.detect_stage.Gap` of the run: it begins and ends where parts do, and its
process writes these parts into the run's folder and nothing else. When all are there, the run is
done as one that goes on: it finds the parts, fills what is missing, and links all frames in one go.
So parts, ids and bytes are those of a run that nobody cut, whatever became of a stretch.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING

from posetube.structures import DetectedFrame

from ...datasets.video import Video, VideoConfig, open_video
from ..loaded_model import LoadedModel
from ..progress import Event, Listener
from ..storage.part_check import whole_parts
from ..watch import Watch
from . import detect_stage
from .detect_stage import Gap, gaps
from .track_input import OpenedRun, TrackTask, new_manifest, opened_detections

if TYPE_CHECKING:
    from .opened_boxes import BoxSource

STRETCH_PARTS = 32
"""Parts of a stretch at least: at its start, the frames of one part are looked at twice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StretchDone:
    """What one process found in its stretch, beside the parts that it wrote."""

    seconds: float = 0.0
    """Time that it took."""

    warnings: tuple[str, ...] = ()
    """What the user should know of its frames."""


def stretches_of(opened: OpenedRun, *, most: int) -> list[Gap]:
    """The stretches to look at side by side, in order; none for a video that is not worth cutting.

    Notes in the manifest that the run is begun, so that others can go on with it.

    Args:
        opened: The run.
        most: How many stretches at most.
    """
    record, video = opened.session.record, opened.detections.video
    expected = record.manifest.frames.expected
    if most < 2 or video.live or expected is None or record.manifest.finished("detect"):
        return []
    length = detect_stage.PART_FRAMES * video.config.every
    if expected * video.config.every < 2 * STRETCH_PARTS * length:
        return []
    kept = whole_parts(record.run, record.manifest)
    first = kept[0].first if 0 in kept else next((frame.index for frame in video), 0)
    border = first // length
    total = -(-(first - border * length + expected * video.config.every) // length)
    size = max(STRETCH_PARTS, -(-(total - len(kept)) // most))
    found = [
        stretch
        for gap in gaps(kept)
        for stretch in _cut(gap, total=total, size=size, border=border, length=length)
    ]
    if len(found) < 2:
        return []
    record.update(state="partial", error=None)
    return found


def _cut(gap: Gap, *, total: int, size: int, border: int, length: int) -> Iterator[Gap]:
    """A gap in pieces of so many parts; the last one is the longest, and ends where the gap does.

    Args:
        gap: The gap.
        total: How many parts the video should have; decides where no part is behind the gap.
        size: Parts per piece.
        border: In units of ``length``, where the first part of the video would begin.
        length: Indices of frames per part.
    """
    last = total if gap.end is None else gap.end
    number, first = gap.number, gap.first
    while last - number >= 2 * size:
        behind = number + size
        stop = (border + behind) * length
        yield Gap(number=number, first=first, end=behind, stop=stop)
        number, first = behind, stop
    yield Gap(number=number, first=first, end=gap.end, stop=gap.stop)


def fill_stretch(
    task: TrackTask,
    stretch: Gap,
    model: LoadedModel,
    *,
    boxes: "BoxSource | None",
    name: str,
    watch: Watch,
) -> StretchDone:
    """Write the parts of a stretch that are not there yet.

    Args:
        task: The video, and its run, begun by :func:`stretches_of`.
        stretch: Which parts.
        model: Finds people.
        boxes: Where to look for people; None: the network finds them.
        name: What the stretch is called.
        watch: Who is told how far it is, and may ask to stop.

    Raises:
        PoseTubeError: If it cannot be done; the class says why.
        Interrupted: If somebody asked to stop, after a part.
    """
    began, run, config = monotonic(), task.run, task.config
    with opened_detections(task, model, boxes=boxes) as found:
        manifest = run.read()
        if manifest.detections_key != new_manifest(task, found).detections_key:
            return StretchDone()  # no more the run that was cut: whoever finishes it says so
        kept = whole_parts(run, manifest, first=stretch.number, end=stretch.end)
        told = _progress(stretch, name=name, listener=watch.listener)
        with watch.interrupt.deferred():
            for gap in gaps(kept, within=stretch):
                wanted = found.frames_before(manifest.settings)
                start = start_before(task.item.source, gap, config=config.video, wanted=wanted)
                for number, frames in found.look(manifest.settings, gap, start=start):
                    found.write(run, manifest, number, list(told(frames)))
                    watch.interrupt.check()
        watch.listener(Event(event="end", run=name))
        return StretchDone(seconds=monotonic() - began, warnings=tuple(found.video.warnings))


def start_before(source: str, gap: Gap, *, config: VideoConfig, wanted: int) -> int:
    """Index of a border of parts to decode from, so that a gap has the frames before it.

    As :func:`.detect_stage.first_to_decode`, where the parts before the gap are not there yet.

    Args:
        source: The video.
        gap: Where to go on.
        config: Which of its frames are looked at.
        wanted: How many decoded frames before the gap are needed.
    """
    length = detect_stage.PART_FRAMES * config.every
    start = -(-gap.first // length) * length
    with open_video(source, config=config) as video:  # its warnings are those of other stretches
        while wanted > 0 and start > 0:
            end, start = min(start, gap.first), start - length
            wanted -= _decoded(video, start, end)
    return start


def _decoded(video: Video, first: int, end: int) -> int:
    before = takewhile(lambda frame: frame.index < end, video.frames(first=first))
    return sum(frame.state == "ok" for frame in before)


Frames = Iterable[DetectedFrame]


def _progress(stretch: Gap, *, name: str, listener: Listener) -> Callable[[Frames], Frames]:
    """Tells the listener of the frames that pass through; the count goes on from part to part."""
    total = None if stretch.stop is None else stretch.stop - stretch.first
    listener(Event(event="stage", run=name, stage="detect", done=0, total=total))
    done = 0

    def watched(frames: Frames) -> Frames:
        nonlocal done
        for frame in frames:
            done += 1
            listener(Event(event="progress", run=name, stage="detect", done=done, total=total))
            yield frame

    return watched
