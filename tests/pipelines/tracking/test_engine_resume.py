"""A run that was stopped and resumed is byte for byte that of one go, whoever did the work."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.video.inputs import find_inputs
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import DetectConfig, TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import detect_stage
from posetube.pipelines.tracking.track_input import TrackTask, track_input
from posetube.pipelines.watch import Watch
from posetube.structures import ByteArray, FloatArray, PoseTubes
from tests.pipelines.conftest import SquareFinder, colours_of

ModelMaker = Callable[..., LoadedModel]
ClipMaker = Callable[..., Path]


class SquareReader(SquareFinder):
    """Also reads the joints of boxes: they lie where the box is."""

    def find_joints(
        self,
        features: Sequence[ByteArray],
        frames: Sequence[int],
        *,
        tubes: FloatArray,
        scores: FloatArray,
    ) -> PoseTubes:
        n = len(tubes)
        return PoseTubes(
            frames=np.array(frames, np.int64),
            boxes=tubes,
            keypoints=np.repeat(tubes[..., None, :2], 17, axis=2),
            keypoint_scores=np.full((n, 1, 17), 0.8, np.float32),
            scores=scores,
            presence=np.ones((n, 1), np.float32),
            embeddings=colours_of(features, tubes) if self.embeddings else None,
        )


@pytest.mark.slow
@pytest.mark.parametrize(("every", "frames"), [(1, 1), (3, 1), (5, 1), (2, 2)])
def test_a_resumed_run_is_that_of_one_go(
    every: int,
    frames: int,
    make_clip: ClipMaker,
    make_model: ModelMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)
    clip = make_clip(frames=19, pan=2)
    model = replace(make_model(), network=SquareReader())

    def go(name: str, *, stop_after: int, workers: int) -> bool:
        stop = Interrupt()

        def stopping(event: Event) -> None:
            stop.requested = event.event == "progress" and (event.done or 0) >= stop_after

        detect = DetectConfig(detector_every=every, workers=workers)
        config = TrackConfig(detect=detect, overlay=None)
        config = replace(config, video=replace(config.video, every=frames))
        try:
            item, run = find_inputs([str(clip)])[0], RunDirectory(tmp_path / name)
            watch = Watch(listener=stopping, interrupt=stop)
            track_input(TrackTask(item=item, run=run, config=config), model, watch=watch)
        except Interrupted:
            return False
        return True

    assert go("whole", stop_after=100, workers=1)
    assert go("others", stop_after=100, workers=3)
    for end in (1, 5, 9, 13):
        go("stopped", stop_after=end, workers=1 + end % 3)
    assert go("stopped", stop_after=100, workers=2)

    for name in ("others", "stopped"):
        for file in sorted((tmp_path / "whole" / "detections").iterdir()):
            theirs = tmp_path / name / "detections" / file.name
            assert theirs.read_bytes() == file.read_bytes(), f"{name}: {file.name}"
        ours, whole = (tmp_path / run / "tracks.parquet" for run in (name, "whole"))
        assert ours.read_bytes() == whole.read_bytes()
