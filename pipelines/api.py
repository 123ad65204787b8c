"""Offers the jobs as Python functions: ``posetube.track`` and ``posetube.stream``."""

from collections.abc import Iterator
from pathlib import Path

from posetube.errors import InputError
from posetube.file_names import readable
from posetube.structures import DetectedFrame, FramePoses, FrameState, VideoTracks

from ..datasets.video import VideoConfig, open_video
from ..datasets.video.inputs import Input, find_inputs
from ..tracker.config import LinkConfig
from ..tracker.presets import link_frames
from .loaded_model import LoadedModel, load_model
from .settings import DetectConfig, OverlayConfig, TrackConfig
from .storage.detections_store import as_frame_table
from .storage.existing_run import OnExisting
from .storage.run_directory import RunDirectory
from .storage.tracks_store import read_tracks
from .tracking.clip_window import detect_frames
from .tracking.detect_stage import no_frames
from .tracking.track_input import track_input


def track(
    source: str | Path,
    *,
    out: str | Path | None = None,
    model: str | LoadedModel = "tiny",
    device: str = "auto",
    video: VideoConfig | None = None,
    detect: DetectConfig | None = None,
    link: LinkConfig | None = None,
    overlay: OverlayConfig | None = None,
    on_existing: OnExisting = "resume",
) -> VideoTracks:
    """Find every person of a video, follow each, and say where each joint is in every frame.

    Args:
        source: A video, a folder of numbered pictures, a picture, or an address FFmpeg reads.
        out: Directory of the run, with everything that ``posetube track`` writes; a run that was
            stopped goes on. None: nothing is kept on disk.
        model: Name of a model, path of its weights, or one from :func:`.loaded_model.load_model`.
        device: ``auto``, or as PyTorch calls it; a loaded model stays where it is.
        video: Which frames: start, end, every n-th; None: all.
        detect: Whether linking may follow the camera and go by people's looks; None: both.
        link: How detections become tracks, the preset included; None: the defaults.
        overlay: Draw the result over the video, like this; None: do not. Needs ``out``.
        on_existing: What to do where ``out`` holds a run already.

    Returns:
        Everybody in the video. ``frames.states`` says which frames are corrupt or missing.

    Raises:
        MediaError: If the video cannot be read or is refused.
        InputError: If an argument is wrong, or ``out`` holds another run.
        WeightsError: If the model is missing or refused.

    Examples:
        >>> tracks = track("clip.mp4")                      # doctest: +SKIP
        >>> for person in tracks:                           # doctest: +SKIP
        ...     print(person.track_id, len(person), person.boxes[0])
    """
    item = _one_input(source)
    loaded = model if isinstance(model, LoadedModel) else load_model(model, device=device)
    config = TrackConfig(
        video=video or VideoConfig(),
        detect=detect or DetectConfig(),
        link=link or LinkConfig(),
        overlay=overlay,
    )
    if out is None:
        if overlay is not None:
            raise InputError("track: an overlay needs a place; give out= as well")
        return _track_in_memory(item, loaded, config)
    track_input(item, RunDirectory(Path(out)), loaded, config=config, on_existing=on_existing)
    return read_tracks(Path(out))


def _track_in_memory(item: Input, loaded: LoadedModel, config: TrackConfig) -> VideoTracks:
    skeleton = loaded.network.skeleton
    seen: list[tuple[int, float, FrameState]] = []

    def noted(frames: Iterator[DetectedFrame]) -> Iterator[DetectedFrame]:
        for found in frames:
            seen.append((found.frame, found.time, found.state))
            yield found

    with open_video(item.source, config=config.video) as opened:
        batch = loaded.batch * config.video.every
        frames = detect_frames(opened, loaded.network, batch=batch, config=config.detect)
        poses = list(
            link_frames(noted(frames), config=config.link, skeleton=skeleton, size=opened.size)
        )
        if not seen:
            raise no_frames(opened)
        return VideoTracks.from_frames(
            poses,
            source=readable(item.name),
            size=opened.size,
            skeleton=skeleton,
            frames=as_frame_table(seen),
        )


def stream(
    source: str | Path,
    *,
    model: str | LoadedModel = "tiny",
    device: str = "auto",
    video: VideoConfig | None = None,
    detect: DetectConfig | None = None,
    link: LinkConfig | None = None,
) -> Iterator[FramePoses]:
    """Track a video or a camera, frame by frame; nothing is stored.

    Args:
        source: As for :func:`track`; ``camera:0`` for a camera.
        model: As for :func:`track`.
        device: As for :func:`track`.
        video: As for :func:`track`.
        detect: As for :func:`track`.
        link: As for :func:`track`.

    Yields:
        The people of every frame, in order, a few frames after it was decoded: whether somebody
        counts is only clear when they were seen a few times.

    Raises:
        MediaError: If the video cannot be read or is refused.
        InputError: If an argument is wrong.
        WeightsError: If the model is missing or refused.
    """
    item = _one_input(source)
    loaded = model if isinstance(model, LoadedModel) else load_model(model, device=device)
    network = loaded.network
    with open_video(item.source, config=video) as opened:
        frames = detect_frames(opened, network, config=detect or DetectConfig())
        yield from link_frames(
            frames, config=link or LinkConfig(), skeleton=network.skeleton, size=opened.size
        )


def _one_input(source: str | Path) -> Input:
    items = find_inputs([str(source)])
    if len(items) != 1:
        raise InputError(
            f"{source}: expected one video, got {len(items)} inputs; call it for each of them"
        )
    return items[0]
