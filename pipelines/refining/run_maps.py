"""Where the heatmaps of a run's people come from: its video and its network, opened again."""

from collections.abc import Iterator
from contextlib import contextmanager

from posetube.errors import InputError, WeightsError

from ...datasets.video import Video
from ...tracker.refiners.refine_config import RefinerName
from ..loaded_model import LoadedModel, load_model
from ..settings import TrackConfig
from ..storage.detections_store import read_frames
from ..storage.manifest import ModelRecord
from ..tracking.run_video import run_video
from ..tracking.stage_work import StageWork
from .drawn_maps import MapSource, heatmap_network


@contextmanager
def run_maps(work: StageWork) -> Iterator[MapSource | None]:
    """The video and the network of a run, if a refiner of the settings needs them.

    Raises:
        InputError: If the video or the network is not that of the run, or there is none.
        MediaError: If the video cannot be read.
    """
    names = work.settings.refine.of_video
    if not names:
        yield None
        return
    record = work.record
    if work.video is not None:
        yield _maps(work, work.video, asked_by=names[0])
        return
    with run_video(
        record.run,
        record.manifest,
        config=work.settings.video,
        needed=f"for the refiner {names[0]}",
    ) as video:
        yield _maps(work, video, asked_by=names[0])


def _maps(work: StageWork, video: Video, *, asked_by: RefinerName) -> MapSource:
    if not work.settings.refine.of_heatmaps:
        return MapSource(pictures=video.frames())
    model = _run_model(work, asked_by=asked_by)
    folder, joints = work.record.run.detections, len(model.network.skeleton)
    kept = read_frames(folder, joints=joints, heatmaps=True)
    return MapSource(pictures=video.frames(), model=model, kept=kept)


def _run_model(work: StageWork, *, asked_by: RefinerName) -> LoadedModel:
    """The network of a run, which is loaded already or named by the run."""
    record = work.record
    model = work.model or _named_model(record.manifest.model, work.settings)
    heatmap_network(model, asked_by=asked_by)
    if model.record.sha256 != record.manifest.model.sha256:
        raise InputError(
            f"{record.run.path} was made with {record.manifest.model}, not with {model.record}: "
            f"the refiner {asked_by} needs heatmaps of the same network; name the file of its "
            f"weights (posetube refine RUN --model FILE), or track the video again"
        )
    return model


def _named_model(known: ModelRecord, config: TrackConfig) -> LoadedModel:
    """The network that a run names."""
    detect = config.detect.on_any_device()
    try:
        return load_model(
            known.name,
            quality=detect.quality,
            flip=detect.flip,
            runtime=detect.runtime,
            precision=detect.precision,
        )
    except WeightsError:
        raise InputError(
            f"refiners of heatmaps need the network of the run, {known}, and there is no model of "
            "that name; `posetube refine RUN --model FILE` takes its weights"
        ) from None
