"""RetinaNet's head: torchvision's answers, one choice over all levels, and what it can learn."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.large_networks import tame_norms
from posetube.errors import InputError, WeightsError
from posetube.models3d import load_network
from posetube.models3d.checkpoints.convert import Converted, convert_weights
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.proposal_heads import (
    AnchorConfig,
    ProposalConfig,
    RetinaHeadConfig,
)
from posetube.models3d.neck import FPNNeck
from posetube.models3d.presets import retinanet_r50
from posetube.models3d.proposals import ProposalHead, ProposalMaps
from posetube.models3d.retina_head import RetinaHead
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.losses import FocalConfig
from posetube.models3d.training.targets import MatchConfig, TubeTruth
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import Clip
from tests.models3d.training.test_overfit import WIDTH, learn, play, started

ANCHORS = AnchorConfig(sizes=((24.0, 34.0), (48.0, 68.0), (96.0, 136.0)))


def torchvision_state() -> tuple[Any, dict[str, torch.Tensor]]:
    """torchvision's RetinaNet with random weights that find some people."""
    detection: Any = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    network = detection.retinanet_resnet50_fpn(weights=None, weights_backbone=None).eval()
    state = network.state_dict()
    tame_norms(state)
    for name, tensor in state.items():
        if "_head.conv." in name and name.endswith("weight"):
            tensor *= 2
    # people alone are likely: torchvision lets all classes compete for the best thousand
    scores = state["head.classification_head.cls_logits.bias"].view(9, 91)
    scores[:, 1] = torch.linspace(-3.5, -1.5, 9)
    state["head.classification_head.cls_logits.weight"].view(9, 91, -1)[:, 1] *= 20
    state["head.regression_head.bbox_reg.weight"] *= 5
    return network, state


@pytest.mark.slow
@pytest.mark.parity
def test_torchvision_finds_the_same(tmp_path: Path) -> None:
    network, state = torchvision_state()
    torch.save(state, tmp_path / "retinanet.pth")
    converted = convert_weights(tmp_path / "retinanet.pth")
    config = retinanet_r50()
    assert_converted(converted)
    network.transform.min_size, network.transform.max_size = (96,), 160
    network.detections_per_img = 100_000
    image = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    sketch = replace(
        config,
        preprocess=replace(config.preprocess, short_side=96, long_side=160),
        keypoint_head=replace(config.keypoint_head, size=(64, 64)),  # nobody's joints are compared
        pose_nms=None,
    )
    model = TubeRCNN(sketch, info=converted.model.info).eval()
    model.load_state_dict(converted.model.state_dict())

    with torch.inference_mode():
        [theirs] = network([torch.from_numpy(image).permute(2, 0, 1) / 255])
    ours = model.detect(Clip(frames=np.array([0]), times=np.array([0.0]), images=image[None]))

    people = theirs["labels"] == 1
    count = min(int(people.sum()), 300)
    assert count > 5
    assert len(ours) == count
    np.testing.assert_allclose(ours.scores, theirs["scores"][people][:count], atol=1e-5)
    np.testing.assert_allclose(ours.boxes[:, 0], theirs["boxes"][people][:count], atol=1e-2)

    # earlier versions counted the rectifiers, too
    earlier = {
        name.replace(f"conv.{place}.0.", f"conv.{2 * place}."): tensor
        for name, tensor in state.items()
        for place in [int(name.split(".")[3]) if "_head.conv." in name else 0]
    }
    assert earlier.keys() != state.keys()
    torch.save(earlier, tmp_path / "earlier.pth")
    of_earlier = convert_weights(tmp_path / "earlier.pth")
    assert_converted(of_earlier)
    now, then = converted.model.state_dict(), of_earlier.model.state_dict()
    assert then.keys() == now.keys()
    assert all(torch.equal(then[name], now[name]) for name in now)


def assert_converted(converted: Converted) -> None:
    """Every weight has its place, and nothing that counts is left over."""
    assert converted.model.config == retinanet_r50()
    assert converted.fresh == ()
    assert all("num_batches_tracked" in name for name in converted.unused)


@pytest.mark.slow
def test_its_weights_know_no_joints(tmp_path: Path) -> None:
    _, state = torchvision_state()
    torch.save(state, tmp_path / "retinanet.pth")

    with pytest.raises(WeightsError, match="these weights know no joints; leave the joint set out"):
        convert_weights(tmp_path / "retinanet.pth", skeleton="coco17")


def test_a_new_head_finds_everything_rare() -> None:
    torch.manual_seed(0)
    head = RetinaHead(RetinaHeadConfig(anchors=ANCHORS, depth=2), channels=8, strides=(8, 16, 32))
    levels = [torch.randn(1, 8, 12 // 2**step, 16 // 2**step) for step in range(3)]

    maps = head.maps(levels, length=1, padded=(96, 128))

    assert maps.counts == (12 * 16 * 6, 6 * 8 * 6, 3 * 4 * 6)
    torch.testing.assert_close(
        maps.objectness.sigmoid(), torch.full_like(maps.objectness, 0.01), atol=1e-3, rtol=0
    )


def test_people_are_chosen_over_all_levels() -> None:
    settings: dict[str, Any] = {"anchors": ANCHORS, "nms": 0.5}
    one_stage = RetinaHead(RetinaHeadConfig(**settings), channels=8, strides=(8, 16, 32))
    two_stages = ProposalHead(ProposalConfig(**settings), channels=8, strides=(8, 16, 32))
    # the same person at two levels, somebody else, and an anchor that is unsure
    boxes = [[10.0, 10, 40, 70], [11.0, 10, 41, 70], [60.0, 10, 90, 70], [5.0, 5, 95, 25]]
    maps = ProposalMaps(
        objectness=torch.tensor([0.9, 0.8, 0.7, 0.04]).logit()[None],
        deltas=torch.zeros(1, 4, 1, 4),
        anchors=torch.tensor(boxes),
        counts=(1, 2, 1),
    )

    found = one_stage.choose(maps, size=(96, 128), padded=(96, 128))
    proposed = two_stages.choose(maps, size=(96, 128), padded=(96, 128))

    [(tubes, scores)] = found.per_clip()
    assert tubes[:, 0].tolist() == [boxes[0], boxes[2]]
    assert scores.tolist() == pytest.approx([0.9, 0.7])
    assert int(proposed.taken.sum()) == 4


def test_towers_have_no_time_kernels() -> None:
    with pytest.raises(InputError, match="towers have no time kernels, got time 3 and output_time"):
        RetinaHeadConfig(anchors=ANCHORS, time=3)


def test_a_pyramid_of_fewer_stages_goes_on_by_convolutions() -> None:
    torch.manual_seed(0)
    strides, widths = (4, 8, 16, 32), (8, 16, 24, 32)
    whole = FPNNeck(FPNConfig(channels=5), channels=widths, strides=strides)
    retina = FPNNeck(
        FPNConfig(channels=5, stages=3, further="convolutions"), channels=widths, strides=strides
    )
    maps = [torch.randn(1, c, 64 // s, 64 // s) for c, s in zip(widths, strides, strict=True)]

    levels = retina.smooth(retina.merge(maps), 1)

    assert whole.strides == (4, 8, 16, 32, 64)
    assert retina.strides == (8, 16, 32, 64, 128)
    assert [level.shape[-1] for level in levels] == [8, 4, 2, 1, 1]
    first, second = retina.further
    torch.testing.assert_close(levels[3], first(levels[2]))
    torch.testing.assert_close(levels[4], second(levels[3].relu()))


@pytest.mark.slow
def test_it_learns_who_is_there_by_focal_loss_alone() -> None:
    trained = load_network("tiny")
    config = replace(
        trained.config,
        skeleton="coco17",
        preprocess=replace(trained.config.preprocess, long_side=WIDTH),
        proposals=RetinaHeadConfig(anchors=ANCHORS, depth=1),
        keypoint_head=replace(trained.config.keypoint_head, skeleton="coco17", added=0),
        decode=replace(trained.config.decode, rescore=0.0, score_power=1.0),
        pose_nms=None,
    )
    model = started(config, trained)
    model.keypoint_head.requires_grad_(False)
    images, truth = play()
    middle = slice(1, 2)  # the frame with all three
    people = TubeTruth(
        boxes=truth.boxes[:, middle],
        present=truth.present[:, middle],
        keypoints=truth.keypoints[:, middle],
        keypoint_weights=truth.keypoint_weights[:, middle],
        ignore=truth.ignore[:, middle],
    )
    losses = LossConfig(focal=FocalConfig(), anchors=MatchConfig(positive=0.5, negative=0.4))

    found = learn(model, images[middle], people, losses=losses, steps=80)

    sure = found.scores > 0.5
    assert sure.sum() == 3
    order, wanted = found.boxes[sure, 0], people.boxes[:, 0].numpy()
    order = order[order[:, 0].argsort()]
    np.testing.assert_allclose(order, wanted[wanted[:, 0].argsort()], atol=4)
