"""Learned refiners from their files, along the frames of a video."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from posetube.errors import InputError, WeightsError
from posetube.models3d.checkpoints.model_files import shipped_refiner
from posetube.models3d.checkpoints.weights_header import opened, read_info
from posetube.models3d.map_moving import cell_middles
from posetube.models3d.refiners import refine_maps as running
from posetube.models3d.refiners.evidence import read_joints
from posetube.models3d.refiners.learned import open_refiner
from posetube.models3d.refiners.learned_config import (
    BothWaysConfig,
    ConvLSTMConfig,
    LearnedConfig,
    MapWarperConfig,
    WeightedPoolConfig,
)
from posetube.models3d.refiners.pooling import MapPool
from posetube.models3d.refiners.refine_maps import (
    BothWaysRefiner,
    RunningRefiner,
    refine_both_ways,
    refine_in_windows,
    refine_maps,
    refine_running,
)
from posetube.models3d.refiners.refiner_files import build_refiner, load_refiner, save_refiner
from posetube.skeletons import COCO17, COCO19
from tests.models3d.refiners.test_refine_maps import frame

LSTM = ConvLSTMConfig(skeleton="coco17", hidden=4, kernels=(3,), channels=8)
WARPER = MapWarperConfig(skeleton="coco17", past=2, channels=8, blocks=1)
BOTH = BothWaysConfig(ahead=LSTM, back=LSTM)
POOL = WeightedPoolConfig(skeleton="coco17", past=2, future=1)


def scattered(config: LearnedConfig) -> Any:
    """With random weights everywhere."""
    torch.manual_seed(0)
    made = build_refiner(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.1)
    return made.eval()


def video(frames: int = 5) -> list[Any]:
    """Frames of two people with random evidence for 17 joints."""
    rng = np.random.default_rng(0)
    made = []
    for index in range(frames):
        one = frame(index, [3, 8] if index != 2 else [8], joints=17)
        one.evidence[:] = rng.uniform(0, 1, one.evidence.shape)
        made.append(one)
    return made


def refined(path: Path, frames: list[Any]) -> list[np.ndarray]:
    refiner = open_refiner(path, joints=COCO17)
    return [one.evidence for one in refine_maps(frames, refiner, max_gap=0.5)]


@pytest.mark.parametrize("config", [LSTM, WARPER, BOTH])
def test_an_untrained_refiner_changes_nothing(config: LearnedConfig, tmp_path: Path) -> None:
    save_refiner(build_refiner(config), tmp_path / "new.safetensors")

    for one, other in zip(refined(tmp_path / "new.safetensors", video()), video(), strict=True):
        np.testing.assert_array_equal(one, other.evidence)


def test_an_untrained_pool_is_the_plain_mean(tmp_path: Path) -> None:
    save_refiner(build_refiner(POOL), tmp_path / "pool.safetensors")

    expected = refine_in_windows(video(), MapPool(past=2, future=1), max_gap=0.5)
    for one, other in zip(refined(tmp_path / "pool.safetensors", video()), expected, strict=True):
        np.testing.assert_allclose(one, other.evidence, rtol=1e-5)


def test_weights_of_one_frame_choose_it() -> None:
    weights = np.zeros((17, 3), np.float32)
    weights[:, 1] = 1
    weights[4] = [1, 0, 0]
    pool = MapPool(past=1, future=1, weights=weights)

    first, second, *_ = refine_in_windows(video(), pool, max_gap=0.5)

    np.testing.assert_allclose(second.evidence[0, 3], video()[1].evidence[0, 3], rtol=1e-6)
    np.testing.assert_allclose(second.evidence[0, 4], video()[0].evidence[0, 4], rtol=1e-6)
    assert (first.evidence[0, 4] == 0).all()  # the frame before is not there


@pytest.mark.parametrize("config", [LSTM, WARPER, POOL, BOTH])
def test_a_file_gives_back_what_was_written(config: LearnedConfig, tmp_path: Path) -> None:
    made = scattered(config)
    save_refiner(made, tmp_path / "some.safetensors")

    again = load_refiner(tmp_path / "some.safetensors")

    assert again.config == config
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


@pytest.mark.parametrize("config", [LSTM, WARPER, POOL, BOTH])
def test_people_are_refined_alone(config: LearnedConfig, tmp_path: Path) -> None:
    save_refiner(scattered(config), tmp_path / "some.safetensors")
    frames = video()
    other = [one.evidence[0].copy() if 3 in one.poses.track_ids else None for one in frames]

    both = refined(tmp_path / "some.safetensors", frames)
    for one in frames:
        if len(one.poses) == 2:
            one.evidence[1] = 0.5
    alone = refined(tmp_path / "some.safetensors", frames)

    for one, two, before in zip(both, alone, other, strict=True):
        if before is not None:
            np.testing.assert_allclose(one[0], two[0], atol=1e-6)
            assert not np.array_equal(one[0], before)


def test_a_gap_and_a_cut_begin_anew(tmp_path: Path) -> None:
    save_refiner(scattered(LSTM), tmp_path / "some.safetensors")
    refiner = open_refiner(tmp_path / "some.safetensors", joints=COCO17)
    assert isinstance(refiner, RunningRefiner)
    frames = video()[3:]

    plain = list(refine_running(frames, refiner, max_gap=0.5))
    cut = list(refine_running(frames, refiner, max_gap=0.5, cuts=[4]))
    short = list(refine_running(frames, refiner, max_gap=0.01))
    alone = list(refine_running(frames[1:], refiner, max_gap=0.5))

    for found in (cut, short):
        np.testing.assert_array_equal(found[1].evidence, alone[0].evidence)
    assert not np.array_equal(plain[1].evidence, alone[0].evidence)


def both_ways(tmp_path: Path) -> BothWaysRefiner:
    save_refiner(scattered(BOTH), tmp_path / "both.safetensors")
    refiner = open_refiner(tmp_path / "both.safetensors", joints=COCO17)
    assert isinstance(refiner, BothWaysRefiner)
    return refiner


def test_both_ways_know_past_and_future_up_to_a_cut(tmp_path: Path) -> None:
    refiner, frames = both_ways(tmp_path), video()

    plain = list(refine_both_ways(frames, refiner, max_gap=0.5))
    cut = list(refine_both_ways(frames, refiner, max_gap=0.5, cuts=[3]))
    early = list(refine_both_ways(frames[:3], refiner, max_gap=0.5))
    late = list(refine_both_ways(frames[3:], refiner, max_gap=0.5))

    assert [one.poses.frame for one in plain] == [0, 1, 2, 3, 4]
    for found, alone in zip(cut, [*early, *late], strict=True):
        np.testing.assert_array_equal(found.evidence, alone.evidence)
    assert not np.array_equal(plain[0].evidence, early[0].evidence)
    assert not np.array_equal(plain[4].evidence, late[1].evidence)


def test_blocks_make_no_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refiner, frames = both_ways(tmp_path), video(frames=11)
    whole = list(refine_both_ways(frames, refiner, max_gap=0.5))
    monkeypatch.setattr(running, "BLOCK", 3)
    monkeypatch.setattr(running, "MARGIN", 7)

    found = list(refine_both_ways(frames, refiner, max_gap=0.5))

    assert [one.poses.frame for one in found] == list(range(11))
    for one, other in zip(found, whole, strict=True):
        # what lies more than a margin ahead hardly counts
        np.testing.assert_allclose(one.evidence, other.evidence, atol=1e-3)


def test_weights_that_joints_share_take_any_joints(tmp_path: Path) -> None:
    shared = replace(LSTM, shared=True, skeleton="coco19")
    made = scattered(BothWaysConfig(ahead=shared, back=shared))
    save_refiner(made, tmp_path / "some.safetensors")

    assert refined(tmp_path / "some.safetensors", video())[0].shape == (2, 17, 8, 8)


def test_the_refiners_that_ship_are_small_and_say_where_they_come_from() -> None:
    files = [shipped_refiner(name) for name in ("lstm", "pool")]

    assert isinstance(open_refiner(files[0], joints=COCO17), RunningRefiner)
    assert isinstance(open_refiner(files[1], joints=COCO19), MapPool)
    assert sum(file.stat().st_size for file in files) < 3e6
    for file in files:
        with opened(file, "numpy") as content:
            info = read_info(content.metadata(), file)
        assert (info.name, info.licence) == (file.stem, "Apache-2.0")
        assert info.data == ("14 drawn clips",)


def test_a_joint_that_vanishes_for_a_moment_is_remembered() -> None:
    refiner: Any = open_refiner(shipped_refiner("lstm"), joints=COCO17)
    boxes = np.array([[0, 0, 48, 64]], np.float32)
    away = cell_middles(boxes, (64, 48)) - np.array([20, 30], np.float32)
    seen = np.exp(-0.5 * np.square(away / 2).sum(-1))[:, None].repeat(17, 1)
    states: Any = [None]

    for evidence in (*[seen] * 5, np.full_like(seen, 1e-6)):
        states, found = refiner.step(states, evidence.astype(np.float32), boxes)

    places, _ = read_joints(found, boxes, calibration=None)
    np.testing.assert_allclose(places, np.full_like(places, [20, 30]), atol=3)


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    with pytest.raises(WeightsError, match="no such weights file"):
        load_refiner(path)
    save_file({"a": torch.zeros(1)}, path, metadata={"format": "posetube-1"})
    with pytest.raises(WeightsError, match="expected a file of a learned refiner"):
        load_refiner(path)
    header = {"format": "posetube-refiner-1", "config": '{"kind":"Other"}'}
    save_file({"a": torch.zeros(1)}, path, metadata=header)
    with pytest.raises(WeightsError, match="no refiner of this version of posetube"):
        load_refiner(path)
    broken = scattered(POOL)
    with torch.no_grad():
        broken.logits[0, 0] = torch.nan
    save_refiner(broken, path)
    with pytest.raises(WeightsError, match="weights that are not finite numbers"):
        load_refiner(path)
    save_refiner(scattered(POOL), path)
    with pytest.raises(InputError, match="both ways need the same joints and stride"):
        BothWaysConfig(ahead=LSTM, back=replace(LSTM, stride=2))
    with pytest.raises(InputError, match="refines the joints coco17, the people here have coco19"):
        open_refiner(path, joints=COCO19)
