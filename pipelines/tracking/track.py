"""The main job: a video in, a run's directory with its tracked poses out.

One input goes through three stages, each a function over the run's directory that can be read
alone: :mod:`.detect`, :mod:`.link`, :mod:`.render`. A stage that an earlier run finished is not
done again.

Not here: several inputs (:mod:`.batch`).
"""

import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import msgspec

from posetube.errors import InputError, MediaError
from posetube.file_names import readable

from ...datasets.video import Video, VideoConfig, open_video
from ...datasets.video.inputs import Input
from ...tracker.config import LinkConfig
from ..failures import Interrupted, one_line
from ..interrupt import Interrupt
from ..loaded_model import LoadedModel
from ..progress import JsonLines, Listener
from ..storage.existing_run import OnExisting, check_same, earlier_run
from ..storage.fingerprint import fingerprint
from ..storage.recorder import Recorder
from ..storage.run_directory import FrameCounts, Manifest, RunDirectory, Settings, SourceRecord
from .clip_window import DetectConfig
from .detect import detect, kept_parts
from .link import link, link_settings
from .overlay import OverlayConfig
from .render import render

LIBRARIES = ("posetube", "torch", "torchvision", "av", "numpy", "pyarrow", "opencv-python-headless")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackConfig:
    """What the job does, input and model aside."""

    video: VideoConfig = field(default_factory=VideoConfig)
    """Which frames."""

    detect: DetectConfig = field(default_factory=DetectConfig)
    """What is told of each frame beside its people."""

    link: LinkConfig = field(default_factory=LinkConfig)
    """How detections become tracks."""

    overlay: OverlayConfig | None = field(default_factory=OverlayConfig)
    """What the overlay looks like; None: no overlay."""

    on_existing: OnExisting = "resume"
    """What to do where the run's directory is there already."""


def track_input(
    item: Input,
    run: RunDirectory,
    model: LoadedModel,
    *,
    config: TrackConfig,
    listeners: Sequence[Listener] = (),
    interrupt: Interrupt | None = None,
) -> Manifest:
    """Track one input, or what an earlier run left of it.

    Args:
        item: The video.
        run: Where the result goes.
        model: Finds people.
        config: What to do.
        listeners: Are told how far it is.
        interrupt: Whether somebody asked to stop.

    Returns:
        The manifest as it stands at the end.

    Raises:
        PoseTubeError: If it cannot be done; the class says why.
        Interrupted: If somebody asked to stop; the next run goes on.
    """
    with ExitStack() as stack:
        video = stack.enter_context(open_video(item.source, config=config.video))
        stack.enter_context(run.locked())
        manifest = _begin(item, run, model, video, config)
        events = JsonLines(stack.enter_context(run.events.open("a", encoding="utf-8")))
        record = Recorder(run, manifest, listeners=(*listeners, events), interrupt=interrupt)
        record.update(state="running", error=None)
        try:
            _stages(record, video, model, config)
        except (Interrupted, KeyboardInterrupt, BrokenPipeError):
            record.update(state="partial")
            record.end("interrupted")
            raise
        except Exception as error:
            run.clean()
            record.update(state="failed", error=one_line(error))
            record.end(one_line(error))
            raise
        record.update(state=record.manifest.final_state)
        record.end(summary(run, record.manifest))
        return record.manifest


def _begin(
    item: Input, run: RunDirectory, model: LoadedModel, video: Video, config: TrackConfig
) -> Manifest:
    """The manifest to start from: an earlier run's, or a new one."""
    fresh = Manifest(
        state="running",
        source=SourceRecord(
            name=readable(item.name),
            path=readable(_lasting(video.source)),
            kind=item.kind,
            fingerprint=fingerprint(item.source),
            size=video.size,
        ),
        model=model.record,
        settings=Settings(
            start=config.video.start,
            end=config.video.end,
            every=config.video.every,
            camera_motion=config.detect.camera_motion,
            appearance=config.detect.appearance,
            link=link_settings(config.link),
        ),
        frames=FrameCounts(expected=_expected(video)),
        device=model.device.name,
        versions=versions(),
        skeleton=model.network.skeleton.name,
    )
    earlier = earlier_run(run, config.on_existing)
    if earlier is None:
        return fresh
    check_same(run, earlier, fresh)
    if video.live and not earlier.finished("detect"):
        raise InputError(
            f"{run.path}: a live source cannot be taken up again; "
            "--on-existing overwrite starts anew"
        )
    return msgspec.structs.replace(earlier, device=fresh.device, versions=fresh.versions)


def _stages(record: Recorder, video: Video, model: LoadedModel, config: TrackConfig) -> None:
    if not record.manifest.finished("detect"):
        _detect(record, video, model, config.detect)
    frames = record.manifest.frames.done
    if not record.manifest.finished("link"):
        with record.stage("link", total=frames):
            link(record, config.link)
    if config.overlay and not record.manifest.finished("render"):
        if video.live:
            record.warn("a live source cannot be read twice: no overlay")
            return
        with record.stage("render", total=frames):
            render(record, video, config=config.overlay)


def _detect(record: Recorder, video: Video, model: LoadedModel, config: DetectConfig) -> None:
    kept = kept_parts(record.run.detections, clip_length=model.network.clip_length)
    with record.stage("detect", total=record.manifest.frames.expected, done=kept.states.total()):
        try:
            detect(record, video, model.network, kept=kept, batch=model.batch, config=config)
        except Interrupted:
            if not video.live:
                raise
            record.interrupt.requested = False  # that is how a recording ends
        record.warn(*video.warnings)
        record.update(frames=_all_frames(record.manifest.frames, video))


def _all_frames(frames: FrameCounts, video: Video) -> FrameCounts:
    """The counts of a video that was read to its end."""
    if not frames.done:
        raise MediaError(f"{video.source}: there is no frame in the stretch that was asked for")
    expected = frames.expected
    if expected is not None and not video.cut_short:
        expected = frames.done  # a container may count frames that are never shown
    return msgspec.structs.replace(frames, expected=expected, cut_short=video.cut_short)


def _expected(video: Video) -> int | None:
    """How many frames the asked stretch should have, where the source says."""
    config = video.config
    if video.expected is None or config.start is not None or config.end is not None:
        return None
    return -(-video.expected // config.every)


def _lasting(source: str) -> str:
    """A path that is right from any folder; an address stays as it is."""
    path = Path(source)
    return str(path.resolve()) if path.exists() else source


def versions() -> dict[str, str]:
    """Versions of what the result depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def summary(run: RunDirectory, manifest: Manifest) -> str:
    """One line that says what came out, and where it lies."""
    frames = manifest.frames
    spent = sum(stage.seconds for stage in manifest.stages.values())
    speed = f", {frames.done / spent:.1f} frames/s" if spent else ""
    lost = f", {frames.missing} missing" if frames.missing else ""
    result = run.overlay if manifest.finished("render") else run.tracks
    return (
        f"{manifest.source.name}: {manifest.tracks} tracks, {frames.done} frames "
        f"({frames.corrupt} corrupt{lost}){speed} -> {result}"
    )


def run_directories(items: Sequence[Input], out: Path | None, *, alone: bool) -> list[RunDirectory]:
    """Where each input's result goes.

    Args:
        items: The inputs.
        out: Their folder, or, for an input that is ``alone``, the run's; None: ``runs/``.
        alone: Whether one input was asked for.
    """
    if alone and out is not None:
        return [RunDirectory(out)]
    return [RunDirectory((out or Path("runs")) / item.name) for item in items]
