"""Refiners of heatmaps in runs, in memory and in streams: what is kept, what is asked again."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import posetube
from posetube.errors import InputError
from posetube.models3d.map_moving import cell_middles
from posetube.models3d.packed_maps import packed_maps
from posetube.models3d.refiners.evidence import evidence_of, read_joints
from posetube.models3d.refiners.learned_config import ConvLSTMConfig
from posetube.models3d.refiners.refiner_files import build_refiner, save_refiner
from posetube.network import TubeHeatmaps
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.refining import refine_command, run_maps
from posetube.pipelines.tracking import track_command
from posetube.records import take_rows
from posetube.structures import ByteArray, FloatArray, PoseTubes, VideoTracks
from posetube.tracker.config import LinkConfig
from tests.pipelines.conftest import SQUARE, ClipMaker, SquareFinder, picture

ModelMaker = Callable[..., LoadedModel]

STEPS = np.linspace(0.2, 0.8, 17)


class MapFinder(SquareFinder):
    """Draws maps in a square's box; in every second place of it, a cell too far right."""

    keeps = False
    asked = 0
    """How many people's maps were drawn after they were found."""

    def encode(
        self, images: ByteArray, *, embeddings: bool = False, heatmaps: bool = False
    ) -> list[ByteArray]:
        self.keeps = heatmaps
        return super().encode(images, embeddings=embeddings)

    def heatmaps(self, features: Sequence[ByteArray], tubes: FloatArray) -> TubeHeatmaps:
        self.asked += len(tubes)
        return self._drawn(tubes)

    def _drawn(self, tubes: FloatArray) -> TubeHeatmaps:
        boxes = tubes.reshape(-1, 4)
        size = boxes[:, None, 2:] - boxes[:, None, :2]
        joints = boxes[:, None, :2] + size * np.stack([STEPS, STEPS**2], axis=-1)
        joints[..., 0] += (boxes[:, :1] // 2 % 2) * size[..., 0] / 16
        away = cell_middles(boxes, (16, 16))[:, None] - joints[:, :, None, None]
        cells = away / size[:, :, None, None] * 16
        maps = -0.5 * np.square(cells / 2).sum(-1).astype(np.float32)
        return TubeHeatmaps(
            logits=maps.reshape(*tubes.shape[:2], 17, 16, 16), regions=tubes, kind="heights"
        )

    def detect_features(self, features: Sequence[ByteArray], frames: Sequence[int]) -> PoseTubes:
        found = super().detect_features(features, frames)
        drawn = self._drawn(found.boxes)
        places, scores = read_joints(
            evidence_of(drawn).reshape(-1, 17, 16, 16),
            drawn.regions.reshape(-1, 4),
            calibration=None,
        )
        return replace(
            found,
            keypoints=places.reshape(found.keypoints.shape).astype(np.float32),
            keypoint_scores=scores.reshape(found.keypoint_scores.shape),
            heatmaps=packed_maps(drawn) if self.keeps else None,
        )


@pytest.fixture(params=[1, 3], ids=["single frames", "clips"])
def model(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, make_model: ModelMaker
) -> LoadedModel:
    made = make_model(finder=MapFinder, clip_length=request.param)
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: made)
    monkeypatch.setattr(run_maps, "load_model", lambda *_, **__: made)
    return made


@pytest.fixture
def line(make_clip: ClipMaker, tmp_path: Path) -> list[str]:
    return ["track", str(make_clip(frames=9)), "-o", str(tmp_path / "run"), "--no-overlay"]


def jitter(tracks: VideoTracks) -> float:
    return float(np.abs(np.diff(tracks[1].keypoints[:, :, 0], n=2, axis=0)).mean())


@pytest.mark.slow
def test_a_run_is_refined_by_its_own_maps_at_once_or_later(
    line: list[str], model: LoadedModel
) -> None:
    run = line[3]
    assert main([*line, "--refine", "still,kalman"]) == 0
    at_once = (Path(run) / "tracks.parquet").read_bytes()
    assert main([*line, "--refine", "none"]) == 0
    linked = posetube.load(run)

    assert main(["refine", run, "--refine", "still"]) == 0
    steady = posetube.load(run)
    assert main(["refine", run, "--refine", "still,kalman"]) == 0

    assert (Path(run) / "tracks.parquet").read_bytes() == at_once
    assert jitter(steady) < 0.5 * jitter(linked)
    assert steady.keypoints_raw is not None
    np.testing.assert_array_equal(steady.keypoints_raw[..., :2], linked.keypoints)


@pytest.mark.slow
def test_heatmaps_are_kept_where_a_refiner_needs_them_and_only_there(
    line: list[str], model: LoadedModel
) -> None:
    part = Path(line[3]) / "detections" / "part-00000.parquet"
    assert main([*line, "--refine", "kalman"]) == 0
    plain = part.read_bytes()
    shutil.rmtree(line[3])

    assert main([*line, "--refine", "still"]) == 0

    assert isinstance(model.network, MapFinder)
    assert model.network.asked == 0
    keeping, tracks = part.read_bytes(), (Path(line[3]) / "tracks.parquet").read_bytes()
    shutil.rmtree(part.parent)
    assert main([*line, "--refine", "still"]) == 0
    assert (part.read_bytes(), (Path(line[3]) / "tracks.parquet").read_bytes()) == (keeping, tracks)
    shutil.rmtree(line[3])
    assert main([*line, "--refine", "none"]) == 0
    assert "heatmaps" not in pq.read_schema(pa.BufferReader(plain)).names
    assert "heatmaps" in pq.read_schema(pa.BufferReader(keeping)).names
    assert part.read_bytes()[:-200] == plain[:-200]


def test_the_network_is_asked_again_for_people_who_were_filled_in(
    line: list[str], model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = model.network
    assert isinstance(finder, MapFinder)
    found = finder.detect_features

    def missed(features: Sequence[ByteArray], frames: Sequence[int]) -> PoseTubes:
        people = found(features, frames)
        columns = [field.name for field in fields(people) if field.name != "frames"]
        return take_rows(people, [], columns=columns) if 4 in frames[:1] else people

    monkeypatch.setattr(finder, "detect_features", missed)

    assert main([*line, "--preset", "offline", "--refine", "still"]) == 0

    stored = posetube.load(line[3])
    assert stored.states is not None
    assert finder.asked == stored.states.sum() > 0
    in_memory = posetube.track(
        line[1], model=model, link=LinkConfig(preset="offline"), refine="still"
    )
    np.testing.assert_array_equal(stored.keypoints, in_memory.keypoints)


def test_maps_alone_give_the_joints_of_the_search(line: list[str], model: LoadedModel) -> None:
    assert main([*line, "--refine", "none"]) == 0
    linked = posetube.load(line[3])

    own = ["--refine.still.past", "0", "--refine.still.future", "0"]
    assert main(["refine", line[3], "--refine", "still", *own]) == 0

    np.testing.assert_allclose(posetube.load(line[3]).keypoints, linked.keypoints, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("chain", ["still", "flow", "still,one-euro", "flow-vote", "lstm"])
def test_memory_and_streams_give_what_a_run_gives(
    line: list[str], model: LoadedModel, chain: str
) -> None:
    assert main([*line, "--refine", chain]) == 0
    stored = posetube.load(line[3])

    found = posetube.track(line[1], model=model, refine=chain)
    streamed = list(posetube.stream(line[1], model=model, refine=chain))

    np.testing.assert_array_equal(found.keypoints, stored.keypoints)
    everybody = np.concatenate([poses.people.keypoints for poses in streamed])
    np.testing.assert_array_equal(everybody, stored.keypoints)


def test_pictures_that_come_once_are_kept_until_they_are_linked(model: LoadedModel) -> None:
    images = [picture(step) for step in range(9)]
    live: dict[str, Any] = {"times": [step / 25 for step in range(9)], "model": model}

    plain = posetube.track(images, refine="none", **live)
    steady = posetube.track(images, refine="still", **live)
    streamed = list(posetube.stream(images, refine="still", **live))

    assert jitter(steady) < 0.5 * jitter(plain)
    everybody = np.concatenate([poses.people.keypoints for poses in streamed])
    np.testing.assert_array_equal(everybody, steady.keypoints)
    with pytest.raises(InputError, match="the preset offline links when the source has ended"):
        posetube.track(images, refine="still", link=LinkConfig(preset="offline"), **live)


def test_tracks_from_anywhere_are_refined_with_their_video(
    line: list[str], model: LoadedModel
) -> None:
    linked = posetube.track(line[1], model=model, refine="none")

    steady = posetube.refine(linked, "still", pictures=line[1], model=model)

    expected = posetube.track(line[1], model=model, refine="still")
    # what a search keeps is a little coarser than what is drawn anew
    np.testing.assert_allclose(steady.keypoints, expected.keypoints, atol=0.05)
    with pytest.raises(InputError, match="still works on heatmaps; give the video as pictures="):
        posetube.refine(linked, "still,kalman")
    with pytest.raises(InputError, match="flow-vote works on the optical flow; give the video"):
        posetube.refine(linked, "flow-vote")


def test_another_video_is_refused(
    line: list[str], model: LoadedModel, make_clip: ClipMaker
) -> None:
    linked = posetube.track(line[1], model=model, refine="none")
    later = replace(linked, frames=replace(linked.frames, times=2 * linked.frames.times))
    smaller = replace(linked, size=(linked.size[0] // 2, linked.size[1])) if linked.size else linked

    def refine(tracks: VideoTracks, pictures: Any) -> VideoTracks:
        return posetube.refine(tracks, "still", pictures=pictures, model=model)

    with pytest.raises(InputError, match=r"has people in pictures of \d+ x \d+, .*clip.mp4 has "):
        refine(smaller, line[1])
    with pytest.raises(InputError, match="has people in frame 8, counted from 0; .* has 5 frames"):
        refine(linked, str(make_clip(frames=5, name="short.mp4")))
    with pytest.raises(InputError, match="they belong to another video, or to some of its frames"):
        refine(later, line[1])


def test_linking_again_asks_the_video_again(line: list[str], model: LoadedModel) -> None:
    assert main([*line, "--refine", "still"]) == 0
    before = (Path(line[3]) / "tracks.parquet").read_bytes()

    assert main(["link", line[3]]) == 0

    assert (Path(line[3]) / "tracks.parquet").read_bytes() == before


def test_a_run_of_a_file_says_that_it_has_no_pictures(
    line: list[str], model: LoadedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line, "--refine", "none"]) == 0
    found, run = str(tmp_path / "found.csv"), str(tmp_path / "linked")
    posetube.export(posetube.load(line[3]), found, to="csv")
    assert main(["link", found, "-o", run]) == 0

    assert main(["refine", run, "--refine", "still"]) == InputError.exit_code

    said = capsys.readouterr().err
    assert "found.csv, which has no pictures for the refiner still; `posetube track VIDEO" in said


def test_a_network_without_heatmaps_is_refused_before_the_video_is_looked_at(
    line: list[str],
    make_model: ModelMaker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = make_model()
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: made)

    assert main([*line, "--refine", "still"]) == InputError.exit_code

    assert "the refiner still works on heatmaps, which squares does not" in capsys.readouterr().err
    assert not Path(line[3]).exists()


def test_video_and_network_must_be_those_of_the_run(
    line: list[str],
    make_model: ModelMaker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made, other = (make_model(finder=MapFinder, sha256=digit * 64) for digit in "01")
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: made)
    monkeypatch.setattr(refine_command, "as_loaded", lambda *_, **__: other)
    run = line[3]
    assert main([*line, "--refine", "none"]) == 0
    linked = (Path(run) / "tracks.parquet").read_bytes()

    assert main(["refine", run, "--refine", "still"]) == InputError.exit_code
    assert "and there is no model of that name; `posetube refine RUN --model" in (
        capsys.readouterr().err
    )
    assert main(["refine", run, "--refine", "still", "--model", "x"]) == InputError.exit_code
    said = capsys.readouterr().err
    assert "was made with squares (000000000000), not with squares (1111" in said
    assert "--model FILE), or track the video again" in said
    monkeypatch.setattr(run_maps, "load_model", lambda *_, **__: made)
    Path(line[1]).write_bytes(b"another")
    assert main(["refine", run, "--refine", "still"]) != 0
    assert (Path(run) / "tracks.parquet").read_bytes() == linked


def test_heatmaps_come_first_in_a_chain(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line, "--refine", "kalman,still"]) == InputError.exit_code

    assert "the refiner still works on heatmaps, kalman on what is read" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trained_refiner_comes_from_its_file(
    line: list[str], model: LoadedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ConvLSTMConfig(skeleton="coco17", hidden=4, kernels=(3,), channels=8)
    save_refiner(build_refiner(config), tmp_path / "new.safetensors")
    assert main([*line, "--refine", "none"]) == 0
    linked = posetube.load(line[3])

    weights = ["--refine.learned.weights", str(tmp_path / "new.safetensors")]
    assert main(["refine", line[3], "--refine", "learned", *weights]) == 0

    np.testing.assert_allclose(posetube.load(line[3]).keypoints, linked.keypoints, atol=1e-3)
    assert main(["refine", line[3], "--refine", "learned"]) == InputError.exit_code
    assert "learned needs the file of a trained one" in capsys.readouterr().err


def test_overlapping_clips_are_averaged(
    line: list[str], make_model: ModelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_model(finder=MapFinder, clip_length=3)
    monkeypatch.setattr(MapFinder, "heatmaps", shaking_heatmaps(MapFinder.heatmaps))
    linked = posetube.track(line[1], model=made, refine="none")

    alone = posetube.refine(linked, "still", pictures=line[1], model=made)
    together = posetube.refine(linked, "tubes", pictures=line[1], model=made)
    chained = posetube.refine(linked, "tubes,still", pictures=line[1], model=made)

    # in every clip its last frame is drawn two cells too low; of the three clips one says so
    lower = together[1].keypoints[:-1, :, 1] - linked[1].keypoints[:-1, :, 1]
    assert np.median(lower[2:-2]) == pytest.approx(SHIFT / 3, rel=0.35)
    assert not np.array_equal(chained.keypoints, alone.keypoints)
    assert len(together.frame) == len(linked.frame)


SHIFT = 2 * SQUARE / 16
"""Two cells, pixels."""


def shaking_heatmaps(draw: Callable[..., TubeHeatmaps]) -> Callable[..., TubeHeatmaps]:
    """Maps whose last frame of the clip lies two cells too low."""

    def drawn(self: MapFinder, features: Sequence[ByteArray], tubes: FloatArray) -> TubeHeatmaps:
        found = draw(self, features, tubes)
        logits = found.logits.copy()
        logits[:, -1] = np.roll(logits[:, -1], 2, axis=-2)
        return replace(found, logits=logits)

    return drawn


def test_single_frames_have_no_clips_to_average(
    line: list[str], make_model: ModelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_model(finder=MapFinder)
    linked = posetube.track(line[1], model=made, refine="none")

    with pytest.raises(InputError, match="squares looks at single frames: take still"):
        posetube.refine(linked, "tubes", pictures=line[1], model=made)
    with pytest.raises(InputError, match="tubes asks the network for its heatmaps: put it first"):
        posetube.refine(linked, "still,tubes", pictures=line[1], model=made)
