"""The complete crop networks of three papers: sizes, order in time, learning."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.checkpoints.convert import convert_weights
from posetube.models3d.checkpoints.model_files import weights_file
from posetube.models3d.configs.recurrent_heads import (
    FlowingConvNetHeadConfig,
    PoseMachineHeadConfig,
    UniPoseHeadConfig,
)
from posetube.models3d.features import ClipFeatures, Pictures
from posetube.models3d.flowing_convnet import FlowingConvNetHead
from posetube.models3d.joint_peaks import decode_parabola
from posetube.models3d.pose_machine import PoseMachineHead
from posetube.models3d.preprocess import Geometry
from posetube.models3d.presets import pose_machine, unipose_lstm
from posetube.models3d.recurrent_crop_head import RecurrentCropHead
from posetube.models3d.training.crop_losses import gaussian_maps
from posetube.models3d.training.over_time import over_time
from posetube.models3d.unipose import UniPoseHead

JOINTS = 16


def machine(*, side: int = 64, channels: int = 8) -> PoseMachineHead:
    torch.manual_seed(0)
    config = PoseMachineHeadConfig(skeleton="mpii16", side=side, channels=channels)
    return PoseMachineHead(config).eval()


def unipose(*, feedback: bool = True, channels: int = 8, readout: int = 8) -> UniPoseHead:
    torch.manual_seed(0)
    config = UniPoseHeadConfig(
        skeleton="mpii16",
        side=64,
        blocks=(1, 1, 1, 1),
        channels=channels,
        readout=readout,
        feedback=feedback,
    )
    return UniPoseHead(config).eval()


def louder(head: RecurrentCropHead) -> RecurrentCropHead:
    """The head with weights that let every input be seen in the output."""
    torch.manual_seed(1)
    for module in head.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return head


HEADS = pytest.mark.parametrize("make", [machine, unipose])


def crops(frames: int = 3, *, side: int = 64) -> Tensor:
    torch.manual_seed(2)
    return torch.rand(2, frames, 3, side, side) - 0.5


def count(head: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in head.parameters())


def test_the_pose_machine_has_the_sizes_of_the_paper() -> None:
    # the paper's 14 joints, with all layers at full size
    with torch.device("meta"):
        head = PoseMachineHead(PoseMachineHeadConfig(skeleton="lsp14"))
        drawn = head.draw(torch.empty(1, 2, 3, 368, 368))

    assert head.config.joints == 14
    assert drawn.shape == (1, 2, 15, 46, 46)
    millions = [round(count(part) / 1e6, 2) for part in (head.first, head.features, head.readout)]
    assert millions == [4.39, 2.79, 4.73]
    assert count(head) / 1e6 == pytest.approx(12.1, abs=0.05)
    bias = head.lstm.from_input.bias
    assert bias is not None
    assert head.lstm.hidden == 48


def test_unipose_has_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        head = UniPoseHead(UniPoseHeadConfig(skeleton="mpii16"))
        low, high = head.body(torch.empty(1, 3, 368, 368))
        wide = head.waterfall(high)
        drawn = head.draw(torch.empty(1, 2, 3, 368, 368))

    assert low.shape == (1, 256, 92, 92)
    assert high.shape == (1, 2048, 23, 23)
    assert wide.shape == (1, 256, 23, 23)
    assert drawn.shape == (1, 2, JOINTS + 1, 46, 46)
    # of torchvision's ResNet-101, without its classes
    assert count(head.body) == 44_549_160 - (2048 * 1000 + 1000)
    last: Any = head.body.stages[3]
    dilations = [block.conv2.dilation[0] for block in last]
    assert dilations == [2, 4, 8]


def test_the_flowing_convnet_has_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        head = FlowingConvNetHead(FlowingConvNetHeadConfig(skeleton="mpii16"))
        drawn = head.draw(torch.empty(1, 2, 3, 256, 256))

    assert drawn.shape == (1, 2, JOINTS, 64, 64)
    early = [(5, 3, 128), (5, 128, 128), (5, 128, 128)]
    late = [(9, 128, 256), (9, 256, 512), (1, 512, 256), (1, 256, 256)]
    fusion = [(7, 384, 64), (13, 64, 64), (13, 64, 128), (1, 128, 256), (1, 256, JOINTS)]
    for part, layers in ((head.early, early), (head.late, late), (head.fusion, fusion)):
        assert count(part) == sum(k * k * i * o + o for k, i, o in layers)


def test_the_fusion_sees_both_maps_and_further_than_the_layers_before_it() -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"skeleton": "mpii16", "side": 256, "channels": 2}
    head = FlowingConvNetHead(FlowingConvNetHeadConfig(**sizes)).eval()
    plain = FlowingConvNetHead(FlowingConvNetHeadConfig(**sizes, fusion=False)).eval()
    plain.load_state_dict(head.state_dict())
    middle: dict[str, Tensor] = {}
    for name, one in (("fused", head), ("first", plain)):
        louder(one)
        crop = crops(1, side=256)[:1].requires_grad_()
        (slope,) = torch.autograd.grad(one.draw(crop)[0, 0, :, 32, 32].sum(), crop)
        middle[name] = torch.nonzero(slope[0, 0, 0])

    # reaches in cells: 2 x 4 of the late layers, then 3 + 6 + 6 more of the fusion
    first, fused = (
        (middle[name].amax(0) - middle[name].amin(0)).max().item() for name in ("first", "fused")
    )
    assert fused - first == pytest.approx(4 * 2 * 15, abs=8)
    with torch.inference_mode():
        whole = head.draw(crops(1, side=256))
        for inputs in (slice(0, 2), slice(2, 6)):
            cut = FlowingConvNetHead(head.config).eval()
            cut.load_state_dict(head.state_dict())
            next(cut.fusion.parameters())[:, inputs] = 0
            assert not torch.allclose(cut.draw(crops(1, side=256)), whole)


@HEADS
def test_a_frame_does_not_know_the_future_and_knows_the_past(make: Any) -> None:
    head, plain = louder(make()), crops()
    later, earlier = plain.clone(), plain.clone()
    later[:, 2], earlier[:, 0] = 0, 0

    with torch.inference_mode():
        drawn, other, third = (head.draw(some) for some in (plain, later, earlier))

    torch.testing.assert_close(drawn[:, :2], other[:, :2])
    assert not torch.allclose(drawn[:, 2], third[:, 2])


def test_the_maps_of_the_frame_before_are_used() -> None:
    for head, inputs in ((machine(), slice(2, 2 + JOINTS + 1)), (unipose(), slice(17, 34))):
        louder(head)
        with torch.inference_mode():
            head.lstm.from_hidden.weight.zero_()
            # without the hidden map and the cell, the maps are the only way to the next frame
            drawn = head.draw(crops())
            head.lstm.from_input.weight[:, inputs] = 0
            cut = head.draw(crops())
        assert not torch.allclose(drawn[:, 1], cut[:, 1])
    assert unipose(feedback=False).lstm.from_input.in_channels == JOINTS + 1


@HEADS
def test_gradients_go_through_time(make: Any) -> None:
    head: Any = louder(make())
    seen = crops().requires_grad_()

    head.draw(seen)[:, -1].sum().backward()

    assert seen.grad is not None
    assert (seen.grad.flatten(2).abs().sum(2) > 0).all()


@HEADS
def test_crops_and_maps_cover_a_square_around_the_box(make: Any) -> None:
    head = make()
    boxes = torch.tensor([[[100.0, 50, 140, 150]]])
    geometry = Geometry(picture=(200, 240), resized=(200, 240), padded=(200, 240), scale=(1, 1))
    image = torch.zeros(1, 3, 200, 240, dtype=torch.uint8)
    image[:, :, 95:105, 115:125] = 255
    features = ClipFeatures(levels=(), strides=(), length=1, pictures=Pictures(image, geometry))

    pooled = head.pool(features, [boxes])

    assert head.regions(boxes).tolist() == [[[45, 25, 195, 175]]]
    assert pooled.shape == (1, 3, 64, 64)
    assert pooled[0, 0, 32, 32] == pytest.approx(127 / 256)
    assert pooled[0, 0, 5, 5] == -0.5
    assert head(pooled, 1).shape == (1, JOINTS, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "steps"),
    [(partial(machine, channels=16), 150), (partial(unipose, channels=16, readout=32), 70)],
)
def test_a_clip_is_learned_by_heart(make: Any, steps: int) -> None:
    head: Any = louder(make()).train()
    for module in head.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    torch.manual_seed(3)
    places = torch.rand(1, JOINTS, 2) * 40 + 12 + torch.arange(2)[:, None, None] * 3.0
    region = torch.tensor([[0.0, 0, 64, 64]]).expand(2, -1)
    target, _ = gaussian_maps(places, torch.ones(2, JOINTS), region, shape=(8, 8), spread=1.0)
    images = torch.rand(2, 3, 64, 64) - 0.5
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = (head.heatmaps(images, 2) - target).square().sum((2, 3)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # of one clip, running means of batches know little: as in training
    with torch.no_grad():
        found = decode_parabola(head(images, 2), region)
    away = torch.linalg.vector_norm(found.positions - places, dim=-1)
    assert (away < 0.1 * 64).all()  # PCK@0.1 of 100


@pytest.mark.parametrize("preset", [pose_machine, unipose_lstm])
def test_presets_look_at_clips_and_stay_so(preset: Any) -> None:
    config = preset()

    assert config.clip_length == 5
    assert config.decode.map_kind == "heights"
    assert over_time(config, length=5).keypoint_head == config.keypoint_head


@pytest.mark.slow
def test_the_embedded_models_people_get_their_joints_from_it() -> None:
    done = convert_weights(weights_file("tiny"), into=pose_machine(clip_length=3))
    images = np.full((3, 120, 160, 3), 90, np.uint8)

    kept = done.model.encode(images)
    boxes = np.array([[[40, 20, 90, 110]] * 3], np.float32)
    found = done.model.find_joints(kept, [0, 1, 2], tubes=boxes, scores=np.ones(1, np.float32))

    assert found.keypoints.shape == (1, 3, 19, 2)
    assert all(name.startswith("keypoint_head.") for name in done.fresh)


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(InputError, match=r"side must be a multiple of 8 pixels, got 100"):
        PoseMachineHeadConfig(skeleton="mpii16", side=100)
    with pytest.raises(InputError, match=r"UniPoseHeadConfig.margin must be in \[0.1, 10\]"):
        UniPoseHeadConfig(skeleton="mpii16", margin=0)
