"""``posetube.track``: tracks a video, as a run on disk or in memory alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from posetube.errors import InputError
from posetube.file_names import readable
from posetube.network import Precision, Quality, Runtime
from posetube.structures import DetectedFrame, FrameState, VideoTracks

from ...datasets.people import PeopleSource
from ...datasets.video import Video, VideoConfig
from ...tracker.config import LinkConfig
from ...tracker.refiners.refine_config import RefineConfig
from ..loaded_model import LoadedModel, as_loaded
from ..progress import Event, Listener, listening, told
from ..refining.video_maps import detected_with_maps
from ..settings import DetectConfig, OverlayConfig, TrackConfig, with_words
from ..storage.detections_store import as_frame_table
from ..storage.existing_run import OnExisting, check_usable
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_tracks
from ..tracking.detect_stage import no_frames
from ..tracking.given_boxes import refuse_nothing_to_judge
from ..tracking.link_people import refined_people
from ..tracking.opened_boxes import BoxSource, open_boxes
from ..tracking.track_input import TrackTask, expected_frames, track_input
from ..watch import Watch
from .open_source import VideoSource, one_input, open_source
from .refine import as_chain


def track(
    source: VideoSource,
    *,
    times: Iterable[float] | None = None,
    out: str | Path | None = None,
    model: str | LoadedModel = "tiny",
    detector: str | Path | None = None,
    pose: str | Path | None = None,
    device: str = "auto",
    video: VideoConfig | None = None,
    detect: DetectConfig | None = None,
    quality: Quality | None = None,
    runtime: Runtime | None = None,
    precision: Precision | None = None,
    boxes: PeopleSource | None = None,
    link: LinkConfig | None = None,
    refine: str | RefineConfig | None = None,
    min_joint: float | None = None,
    overlay: OverlayConfig | None = None,
    report: bool = False,
    on_existing: OnExisting = "resume",
    progress: bool = False,
) -> VideoTracks:
    """Find every person of a video, follow each, and say where each joint is in every frame.

    Args:
        source: A video, a folder of numbered pictures, a picture, or an address FFmpeg reads. Or
            pictures in memory, (H, W, 3) RGB uint8, with their ``times``; or pairs (picture,
            time); or the frames of an open video (:func:`posetube.open_video`).
        times: Presentation time of each picture in memory, seconds, rising.
        out: Directory of the run, with everything that ``posetube track`` writes; a run that was
            stopped goes on. None: nothing is kept on disk. Not for pictures in memory.
        model: Name of a model, path of its weights, or one from :func:`posetube.load_model`, which
            keeps the quality that it was loaded with.
        detector: Path of somebody else's detector, an ONNX file (RTMDet, YOLOX); goes with
            ``pose``.
        pose: Path of somebody else's pose network, an ONNX file (SimCC, heatmaps), in place of
            ``model``; without a detector, ``boxes`` must say where people are.
        device: ``auto``, or as PyTorch calls it; a loaded model stays where it is.
        video: Which frames: start, end, every n-th; None: all.
        detect: How well to look, and whether linking may follow the camera and go by people's
            looks; None: ``normal``, and both.
        quality: Speed against accuracy, ``fast``, ``normal`` or ``best``; None: as ``detect`` or
            the loaded model says.
        runtime: What runs the network, ``auto``, ``torch`` or ``onnx``; None: as ``detect`` or the
            loaded model says.
        precision: Number type of a large network's convolutions, ``auto``, ``float32`` or
            ``bfloat16``; None: as ``detect`` or the loaded model says.
        boxes: Where to look for people, in place of the network's own search: tracks, or whatever
            holds people (:func:`posetube.load`). Frames are matched by index, pictures by name.
            The boxes' scores count, their ids do not.
        link: How detections become tracks, the preset included; None: the defaults.
        refine: What makes joints better and steadier: names of refiners separated by commas,
            ``"none"``, or a configuration; None: the default, ``"kalman"``. ``"still,kalman"``
            averages heatmaps first.
        min_joint: Joints less sure than this, in [0, 1], or outside the picture are absent (NaN);
            0 keeps them all. None: the model's own threshold.
        overlay: Draw the result over the video, like this; None: do not. Needs ``out``.
        report: Make a page that shows the result, ``report.html``. Needs ``out``.
        on_existing: What to do where ``out`` holds a run already.
        progress: Show a bar on a terminal and in a notebook, elsewhere a line every 30 s.

    Returns:
        Everybody in the video. ``frames.states`` says which frames are corrupt or missing.

    Raises:
        MediaError: If the video cannot be read or is refused.
        InputError: If an argument is wrong, ``out`` holds another run, the boxes are those of
            another video, or the model has no choice of quality or precision.
        WeightsError: If the model is missing or refused.

    Examples:
        >>> tracks = track("clip.mp4")                      # doctest: +SKIP
        >>> for person in tracks:                           # doctest: +SKIP
        ...     print(person.track_id, len(person), person.boxes[0])
    """
    config = TrackConfig(
        video=video or VideoConfig(),
        detect=with_words(
            detect or DetectConfig(), quality=quality, runtime=runtime, precision=precision
        ),
        link=link or LinkConfig(),
        refine=as_chain(refine),
        min_joint=min_joint,
        overlay=overlay,
        report=report,
    )
    given = None if boxes is None else open_boxes(boxes)
    with listening(progress) as listener:
        if out is None:
            if overlay is not None or report:
                raise InputError("track: an overlay or report needs a place; give out= as well")
            with open_source(source, times=times, config=config.video) as opened:
                loaded = as_loaded(
                    model, device=device, detect=config.detect, detector=detector, pose=pose
                )
                return _track_in_memory(
                    opened, loaded, config=config, boxes=given, listener=listener
                )
        if not isinstance(source, (str, Path)):
            raise InputError("track: pictures in memory become no run on disk; leave out= away")
        item, run = one_input(source), RunDirectory(Path(out))
        check_usable(run, on_existing)  # before a network is loaded
        track_input(
            TrackTask(item=item, run=run, config=config, on_existing=on_existing),
            as_loaded(model, device=device, detect=config.detect, detector=detector, pose=pose),
            boxes=given,
            watch=Watch(listener=listener),
        )
    return read_tracks(Path(out))


def _track_in_memory(
    video: Video,
    model: LoadedModel,
    *,
    config: TrackConfig,
    boxes: BoxSource | None,
    listener: Listener,
) -> VideoTracks:
    skeleton, config = model.network.skeleton, model.completed(config)
    refuse_nothing_to_judge(config.detect, given=boxes is not None)
    given = None if boxes is None else boxes.of(video, name=video.name)
    seen: list[tuple[int, float, FrameState]] = []
    name, total = readable(video.name), expected_frames(video)

    def noted(frames: Iterator[DetectedFrame]) -> Iterator[DetectedFrame]:
        for found in frames:
            seen.append((found.frame, found.time, found.state))
            yield found

    found, maps = detected_with_maps(video, model, config=config, boxes=given)
    linked = refined_people(
        told(noted(found), listener, run=name, stage="track", total=total),
        config=config,
        skeleton=skeleton,
        size=video.size,
        maps=maps,
    )
    tracks = [poses.without_appearance() for poses in linked]
    listener(Event(event="end", run=name))
    if not seen:
        raise no_frames(video)
    return VideoTracks.from_frames(
        tracks, source=name, size=video.size, skeleton=skeleton, frames=as_frame_table(seen)
    )
