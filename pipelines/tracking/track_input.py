"""The main job: a video in, a run's directory with its tracked poses out.

Not here: several inputs (:mod:`.batch`), what a stage does (:mod:`.stages`), a video that several
processes share (:mod:`.stretches`).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posetube.errors import InputError
from posetube.file_names import readable

from ...datasets.video import Video, open_video
from ...datasets.video.inputs import Input
from ..loaded_model import LoadedModel
from ..refining.drawn_maps import heatmap_network
from ..settings import TrackConfig
from ..storage.existing_run import OnExisting
from ..storage.fingerprint import fingerprint
from ..storage.manifest import FrameCounts, Manifest, SourceRecord, library_versions
from ..storage.run_directory import RunDirectory
from ..watch import Watch
from .detect_stage import NoFramesError, VideoDetections
from .given_boxes import refuse_nothing_to_judge
from .run_session import RunSession, open_session

if TYPE_CHECKING:
    from .opened_boxes import BoxSource


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackTask:
    """An input to track."""

    item: Input
    run: RunDirectory
    """Where its result goes."""

    config: TrackConfig
    on_existing: OnExisting = "resume"
    """What to do where the run's directory is there already."""


def track_input(
    task: TrackTask,
    model: LoadedModel,
    *,
    boxes: "BoxSource | None" = None,
    watch: Watch | None = None,
) -> Manifest:
    """Track one input, or what an earlier run left of it.

    Args:
        task: The video, and where the result goes.
        model: Finds people.
        boxes: Where to look for people; None: the network finds them.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Returns:
        The manifest as it stands at the end.

    Raises:
        PoseTubeError: If it cannot be done; the class says why.
        Interrupted: If somebody asked to stop; the same call goes on.
    """
    with opened_run(task, model, boxes=boxes, watch=watch) as opened:
        return opened.finish()


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedRun:
    """A run that is locked and begun or taken up again, and the open video that it is made of."""

    session: RunSession
    fresh: Manifest
    """The manifest of a new run made like this one."""

    detections: VideoDetections
    """Where detections come from."""

    def finish(self, *, notes: Sequence[str] = (), spent: float = 0.0) -> Manifest:
        """Do what is not done yet; the manifest as it stands at the end.

        Args:
            notes: Warnings to keep in the manifest.
            spent: Seconds that other processes have looked at frames of the run.

        Raises:
            PoseTubeError: If it cannot be done; the class says why.
            Interrupted: If somebody asked to stop.
        """
        session, video, config = self.session, self.detections.video, self.fresh.settings
        if spent:
            session.record.credit("detect", spent)
        wanted, given = ["detect", "link", *session.after_linking()], self.detections.boxes
        told = [*notes, *(given.notes if given else [])]
        if not session.manifest.finished("detect"):
            told += _other_processor(session.manifest, self.fresh)
        if config.overlay and video.live:
            told.append("a live source cannot be read twice: no overlay")
        elif config.overlay:
            wanted.append("render")
        if config.report:
            wanted.append("report")
        model = self.detections.model
        return session.run_stages(
            *wanted, detections=self.detections, video=video, model=model, notes=told
        )


@contextmanager
def opened_run(
    task: TrackTask, model: LoadedModel, *, boxes: "BoxSource | None", watch: Watch | None
) -> Iterator[OpenedRun]:
    """Open an input and the run of it; arguments and errors are those of :func:`track_input`."""
    with ExitStack() as stack:
        run = task.run
        stack.enter_context(_nothing_for_nothing(run))
        found = stack.enter_context(opened_detections(task, model, boxes=boxes))
        video = found.video
        fresh = new_manifest(task, found)
        session = stack.enter_context(
            open_session(run, fresh=fresh, on_existing=task.on_existing, watch=watch)
        )
        begun = any(run.detections.glob("part-*"))
        if video.live and begun and not session.complete("detect"):
            raise InputError(
                f'{run.path}: a live source cannot be resumed; on_existing="overwrite" starts again'
            )
        yield OpenedRun(session=session, fresh=fresh, detections=found)


@contextmanager
def opened_detections(
    task: TrackTask, model: LoadedModel, *, boxes: "BoxSource | None"
) -> Iterator[VideoDetections]:
    """Open an input to look at its frames.

    Raises:
        PoseTubeError: If it cannot be read, or not with these settings.
    """
    config = model.completed(task.config)
    refuse_nothing_to_judge(config.detect, given=boxes is not None)
    if config.refine.of_heatmaps:  # now rather than after all frames
        heatmap_network(model, asked_by=config.refine.of_heatmaps[0])
    with open_video(task.item.source, config=config.video) as video:
        if video.live and config.refine.of_video:
            raise InputError(
                f"{video.source}: a live source cannot be read twice, as the refiner "
                f"{config.refine.of_video[0]} would have to; posetube.stream can refine it"
            )
        given = None if boxes is None else boxes.of(video, name=task.item.name)
        yield VideoDetections(video=video, model=model, boxes=given)


@contextmanager
def _nothing_for_nothing(run: RunDirectory) -> Iterator[None]:
    """Leave no failed run where there was no frame to look at: the next line may ask for others."""
    try:
        yield
    except NoFramesError:
        run.discard()
        raise


def new_manifest(task: TrackTask, found: VideoDetections) -> Manifest:
    """The manifest of a new run."""
    item, video, model, given = task.item, found.video, found.model, found.boxes
    config = model.completed(task.config)
    return Manifest(
        state="running",
        source=SourceRecord(
            name=readable(item.name),
            path=readable(_lasting(video.source)),
            kind=item.kind,
            fingerprint=fingerprint(item.source),
            pictures=tuple(map(readable, video.frame_names)) if config.video.as_one else (),
            size=video.size,
        ),
        model=model.record,
        detector=model.detector,
        settings=config,
        frames=FrameCounts(expected=expected_frames(video)),
        device=model.device.name,
        threads=model.device.threads,
        versions=library_versions(),
        skeleton=model.network.skeleton.name,
        boxes=None if given is None else given.record,
    )


def _other_processor(began: Manifest, now: Manifest) -> list[str]:
    """A warning where a run goes on with what computes a little differently."""
    before, after = ((one.device, one.threads) for one in (began, now))
    if before == after or (began.threads is None and began.device == now.device):
        return []
    first, second = (
        f"{device} ({threads} threads)" if threads else device
        for device, threads in (before, after)
    )
    return [
        f"began on {first}, goes on with {second}: the last digits of joints differ from those of "
        "a run that was not stopped"
    ]


def expected_frames(video: Video) -> int | None:
    """How many frames the asked stretch should have, where the source says; about, of a part."""
    config, frames = video.config, video.expected
    if config.start is not None or config.end is not None:
        if video.rate is None or (frames is None and config.end is None):
            return None
        begin, most = max(config.start or 0.0, 0.0), frames or math.inf
        end = math.inf if config.end is None else config.end
        frames = max(1, round(min(end * video.rate, most) - begin * video.rate))
    return None if frames is None else -(-frames // config.every)


def _lasting(source: str) -> str:
    """A path that is right from any folder; an address stays as it is."""
    path = Path(source)
    return str(path.resolve()) if path.exists() else source


def run_directories(items: Sequence[Input], out: Path | None, *, alone: bool) -> list[RunDirectory]:
    """Where each input's result goes.

    Args:
        items: The inputs.
        out: Their folder, or, for an input that is ``alone``, the run's; None: ``runs/``.
        alone: Whether one input was asked for.
    """
    if alone and out is not None:
        return [RunDirectory(out) for _ in items]
    return [RunDirectory((out or Path("runs")) / item.name) for item in items]
