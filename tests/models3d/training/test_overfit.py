"""A network over time learns one clip by heart: who is there when, and where each joint is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.models3d import load_network
from posetube.models3d.inflate import inflate
from posetube.models3d.preprocess import prepare
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.over_time import over_time
from posetube.models3d.training.sampling import SampleConfig, TorchDraw
from posetube.models3d.training.targets import MatchConfig, TubeTruth
from posetube.models3d.training.tube_losses import tube_losses
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip

HEIGHT, WIDTH, LENGTH = 96, 192, 3
PEOPLE = (
    ((None, 10), (22, 12), (36, 14)),
    ((66, 30), (90, 32), (114, 34)),
    ((150, 20), (138, 22), (None, 24)),
)
"""By person and frame, the left and top of the body; no left where the person is absent: one who
enters, one who crosses, one who leaves."""

BODY = np.array([36, 60])
"""Width and height, pixels."""

STEPS, RATE = 100, 1.2e-3


def play() -> tuple[ByteArray, TubeTruth]:
    """The clip: three people, each with joints of its own colours on grey ground."""
    generator = np.random.default_rng(0)
    images = np.full((LENGTH, HEIGHT, WIDTH, 3), 90, np.uint8)
    boxes = np.zeros((3, LENGTH, 4), np.float32)
    joints = np.zeros((3, LENGTH, 17, 2), np.float32)
    present = np.zeros((3, LENGTH), bool)
    for person, path in enumerate(PEOPLE):
        places = generator.uniform(0.1, 0.9, (17, 2)) * BODY
        colours = generator.integers(0, 256, (17, 3))
        for frame, (left, top) in enumerate(path):
            if left is None:
                continue
            corner = np.array([left, top])
            body = np.s_[frame, top : top + BODY[1], left : left + BODY[0]]
            images[body] = 130 + 40 * person
            for (x, y), colour in zip(corner + places, colours, strict=True):
                images[frame, int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = colour
            boxes[person, frame] = [*corner, *(corner + BODY)]
            joints[person, frame] = corner + places
            present[person, frame] = True
    truth = TubeTruth(
        boxes=torch.from_numpy(boxes),
        present=torch.from_numpy(present),
        keypoints=torch.from_numpy(joints),
        keypoint_weights=torch.ones(3, LENGTH, 17),
        ignore=torch.zeros(0, LENGTH, 4),
    )
    return images, truth


def network() -> TubeRCNN:
    """The embedded model, looking at clips, with a smaller keypoint head so that it learns soon."""
    flat = load_network("tiny")
    config = over_time(flat.config, length=LENGTH)
    head = config.keypoint_head
    model = TubeRCNN(
        replace(
            config,
            body=replace(flat.config.body, frozen_stages=3),
            preprocess=replace(config.preprocess, short_side=HEIGHT, long_side=WIDTH),
            keypoint_head=replace(head, depth=2, pool=replace(head.pool, size=14)),
            decode=replace(config.decode, rescore=0.0),
        )
    )
    fresh = model.state_dict()
    model.load_state_dict({**fresh, **inflate(flat.state_dict(), fresh)})
    return model


LOSSES = LossConfig(
    # a tube that goes over to somebody else in one of three frames is nobody: 2 / 3 is not enough
    rois=MatchConfig(positive=0.7, negative=0.7, keep_best=False),
    roi_sample=SampleConfig(size=48, positive_share=0.5),
    presence=3.0,
    keypoints=2.0,
)


def learn(model: TubeRCNN, pixels: Tensor, truth: TubeTruth, *, seed: int = 0) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE)
    draw = TorchDraw(generator=torch.Generator().manual_seed(seed))
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 5) * (1 - step / STEPS)
        losses = tube_losses(model, pixels, [truth], config=LOSSES, draw=draw)
        optimiser.zero_grad()
        torch.autograd.backward(list(losses.values()))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 8)
        optimiser.step()


@pytest.mark.slow
def test_one_clip_is_learned_by_heart() -> None:
    images, truth = play()
    torch.manual_seed(0)
    model = network()
    pixels, _ = prepare(images, model.config.preprocess)

    learn(model.train(), pixels, truth)

    steps = np.arange(LENGTH)
    tubes = model.eval().detect(Clip(frames=steps, times=steps / 25, images=images))
    sure = tubes.scores > 0.5
    assert sure.sum() == 3
    wanted = truth.present.numpy()
    for person in range(3):
        there = wanted[person]
        distance = np.abs(tubes.boxes[sure][:, there] - truth.boxes.numpy()[person, there]).mean(
            axis=(1, 2)
        )
        nearest = int(distance.argmin())
        assert distance[nearest] < 5
        assert ((tubes.presence[sure][nearest] > 0.5) == there).all()
        offset = tubes.keypoints[sure][nearest, there] - truth.keypoints.numpy()[person, there]
        assert np.linalg.norm(offset, axis=-1).mean() < 2
