"""Sources of optical flow on a picture that moves in a known way."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import raft_small

from posetube.errors import FormatError, InputError, WeightsError
from posetube.heatmap_refining import FlowConfig, FlowKind
from posetube.models3d.refiners.flow_files import read_flo
from posetube.models3d.refiners.flow_sources import flow_source
from posetube.structures import Frame

SHIFT = (6, -4)
"""How far the picture moves, x y pixels."""


def moved(step: int) -> Frame:
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (50, 60, 3))
    whole = np.kron(coarse, np.ones((8, 8, 1)))
    for axis in (0, 1):  # soft edges
        whole = np.mean([np.roll(whole, k, axis) for k in range(8)], axis=0)
    x, y = 60 - step * SHIFT[0], 60 - step * SHIFT[1]
    return Frame(index=step, time=0.0, image=whole[y : y + 240, x : x + 320].astype(np.uint8))


@pytest.mark.parametrize("kind", ["dis", "farneback", "lucas-kanade"])
def test_flow_says_where_things_went_and_came_from(kind: FlowKind) -> None:
    step = flow_source(FlowConfig(source=kind)).between(moved(0), moved(1))

    inside = (slice(30, -30), slice(30, -30))
    for flow, true in ((step.forward, SHIFT), (step.backward, (-6, 4))):
        assert np.median(np.linalg.norm(flow[inside] - true, axis=-1)) < 0.3
    places = np.array([[100, 100], [200, 150]], np.float32)
    there, sure = step.follow(places, backward=False)
    np.testing.assert_allclose(there - places, [SHIFT] * 2, atol=0.6)
    assert sure.all()


def write_flo(path: Path, flow: np.ndarray) -> None:
    head = np.array([202021.25], "<f4").tobytes() + np.array(flow.shape[1::-1], "<i4").tobytes()
    path.write_bytes(head + flow.astype("<f4").tobytes())


def test_flow_of_another_program_is_read_at_any_scale(tmp_path: Path) -> None:
    half = np.broadcast_to(np.array([3.0, -2.0]), (120, 160, 2))
    write_flo(tmp_path / "000000.flo", half)
    write_flo(tmp_path / "000000.back.flo", -half)
    np.savez(tmp_path / "000001.npz", forward=half, backward=-half)
    source = flow_source(FlowConfig(source="files", path=str(tmp_path)))

    for index in (0, 1):
        step = source.between(moved(index), moved(index + 1))
        assert step.forward[0, 0].tolist() == [6, -4]
        assert step.backward[9, 9].tolist() == [-6, 4]


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    source = flow_source(FlowConfig(source="files", path=str(tmp_path)))
    with pytest.raises(FormatError, match=r"000000\.flo: no such file, nor one ending in \.npz"):
        source.between(moved(0), moved(1))
    (tmp_path / "000000.flo").write_bytes(b"PIEHxx")
    with pytest.raises(FormatError, match=r"not a \.flo file, or damaged"):
        read_flo(tmp_path / "000000.flo")
    np.savez(tmp_path / "000000.npz", forward=np.zeros(3), backward=np.zeros(3))
    with pytest.raises(FormatError, match=r"expected arrays \(h, w, 2\), got \(3,\)"):
        source.between(moved(0), moved(1))
    np.savez(tmp_path / "000000.npz", forward=np.zeros(3))
    with pytest.raises(FormatError, match="expected arrays forward and backward"):
        source.between(moved(0), moved(1))
    with pytest.raises(FormatError, match="nowhere: no such folder of optical flow"):
        flow_source(FlowConfig(source="files", path="nowhere"))
    with pytest.raises(InputError, match="files needs a folder of files: --refine.flow.path"):
        flow_source(FlowConfig(source="files"))
    with pytest.raises(InputError, match="FlowConfig.source must be one of dis, farneback, "):
        FlowConfig(source="guess")  # type: ignore[arg-type]


@pytest.mark.slow
def test_raft_takes_weights_of_torchvision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(raft_small(weights=None).state_dict(), tmp_path / "raft.pth")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    config = FlowConfig(source="raft-small", path=str(tmp_path / "raft.pth"))

    step = flow_source(config).between(moved(0), moved(1))

    assert step.forward.shape == step.backward.shape == (240, 320, 2)
    assert np.isfinite(step.forward).all()
    with pytest.raises(WeightsError, match=r"other\.pth: no weights of torchvision's raft-small"):
        flow_source(FlowConfig(source="raft-small", path=str(tmp_path / "other.pth")))
    for content in (b"none", b".", b"\x80\x02.", b"PK\x03\x04", b""):
        (tmp_path / "damaged.pth").write_bytes(content)
        with pytest.raises(WeightsError, match=r"damaged\.pth: (not a sound file|refused)"):
            flow_source(FlowConfig(source="raft-small", path=str(tmp_path / "damaged.pth")))
    with pytest.raises(WeightsError, match=r"gone\.pth: no such weights file"):
        flow_source(FlowConfig(source="raft-large", path=str(tmp_path / "gone.pth")))
    with pytest.raises(InputError, match="raft-large needs a file of weights: --refine.flow.path"):
        flow_source(FlowConfig(source="raft-large"))
