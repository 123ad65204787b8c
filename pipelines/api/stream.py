"""``posetube.stream``: tracks a video, a camera or pictures frame by frame, and stores nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from posetube.network import Precision, Quality, Runtime
from posetube.structures import FramePoses

from ...datasets.video import VideoConfig
from ...tracker.config import LinkConfig
from ...tracker.refiners.refine_config import RefineConfig
from ..loaded_model import LoadedModel, as_loaded
from ..refining.video_maps import detected_with_maps
from ..settings import DetectConfig, TrackConfig, with_words
from ..tracking.link_people import refined_people
from .open_source import VideoSource, open_source
from .refine import as_chain


def stream(
    source: VideoSource,
    *,
    times: Iterable[float] | None = None,
    model: str | LoadedModel = "tiny",
    detector: str | Path | None = None,
    pose: str | Path | None = None,
    device: str = "auto",
    video: VideoConfig | None = None,
    detect: DetectConfig | None = None,
    quality: Quality | None = None,
    runtime: Runtime | None = None,
    precision: Precision | None = None,
    link: LinkConfig | None = None,
    refine: str | RefineConfig | None = None,
    min_joint: float | None = None,
) -> Iterator[FramePoses]:
    """Track a video or a camera, frame by frame; nothing is stored.

    Args:
        source: As for :func:`posetube.track`; ``camera:0`` for a camera.
        times: As for :func:`posetube.track`.
        model: As for :func:`posetube.track`.
        detector: As for :func:`posetube.track`.
        pose: As for :func:`posetube.track`.
        device: As for :func:`posetube.track`.
        video: As for :func:`posetube.track`.
        detect: As for :func:`posetube.track`.
        quality: As for :func:`posetube.track`.
        runtime: As for :func:`posetube.track`.
        precision: As for :func:`posetube.track`.
        link: As for :func:`posetube.track`. With the preset ``offline`` nothing comes before the
            last frame.
        refine: As for :func:`posetube.track`; None: ``"running-kalman"``, which needs no future
            frames. Others hold each frame back for seconds, ``"still"`` for one frame.
        min_joint: As for :func:`posetube.track`.

    Yields:
        The people of every frame, in order, a few frames after it was decoded: whether somebody
        counts is only clear when they were seen a few times.

    Raises:
        MediaError: If the video cannot be read or is refused.
        InputError: If an argument is wrong.
        WeightsError: If the model is missing or refused.

    Examples:
        >>> for poses in stream("camera:0"):                          # doctest: +SKIP
        ...     print(poses.time, poses.track_ids, poses.people.boxes)
    """
    asked = with_words(
        detect or DetectConfig(), quality=quality, runtime=runtime, precision=precision
    )
    loaded = as_loaded(model, device=device, detect=asked, detector=detector, pose=pose)
    settings = loaded.completed(
        TrackConfig(
            detect=asked,
            link=link or LinkConfig(),
            refine=as_chain(refine, default="running-kalman"),
            min_joint=min_joint,
        )
    )
    with open_source(source, times=times, config=video) as opened:
        frames, maps = detected_with_maps(opened, loaded, config=settings)
        skeleton = loaded.network.skeleton
        yield from refined_people(
            frames, config=settings, skeleton=skeleton, size=opened.size, maps=maps
        )
