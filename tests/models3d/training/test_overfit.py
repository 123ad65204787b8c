"""A network over time learns one clip by heart: who is there when, and where each joint is."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from posetube.models3d import load_network
from posetube.models3d.configs.bodies import CSPBodyConfig
from posetube.models3d.configs.networks import TubeRCNNConfig
from posetube.models3d.configs.people_heads import CropKeypointHeadConfig, PoolConfig
from posetube.models3d.configs.proposal_heads import AnchorConfig
from posetube.models3d.features import Pictures
from posetube.models3d.inflate import inflate
from posetube.models3d.network_input import prepare
from posetube.models3d.training.crop_losses import CropConfig
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.loss_shares import means
from posetube.models3d.training.over_time import over_time
from posetube.models3d.training.sampling import SampleConfig, TorchDraw
from posetube.models3d.training.targets import MatchConfig, TubeTruth
from posetube.models3d.training.tube_losses import tube_losses
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip, PoseTubes
from tests.models3d.small_networks import small_anchor_rcnn

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

RATE = 1.2e-3
"""Learning rate, reached after five steps; it falls to 0 from there."""


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


def anchors_on_a_trained_body() -> TubeRCNN:
    """Anchors, a box head with presence and a small keypoint head, untrained, on tiny's body."""
    flat = small_anchor_rcnn()
    trained = load_network("tiny")
    sizes = ((24.0,), (48.0,), (96.0,))
    config = over_time(
        replace(
            flat,
            preprocess=replace(
                trained.config.preprocess,
                resize="floats",
                pad_pixel=None,
                short_side=HEIGHT,
                long_side=WIDTH,
            ),
            body=CSPBodyConfig(frozen_stages=3),
            neck=trained.config.neck,
            proposals=replace(flat.proposals, anchors=AnchorConfig(sizes=sizes)),
            box_head=replace(flat.box_head, pool=PoolConfig(size=7, levels=3), hidden=128),
            keypoint_head=replace(
                flat.keypoint_head, pool=PoolConfig(size=14, levels=3), channels=64
            ),
        ),
        length=LENGTH,
    )
    return started(config, trained)


def dense_and_crops(length: int) -> TubeRCNN:
    """The embedded model, with smaller crops so that it learns soon."""
    trained = load_network("tiny")
    config = replace(
        trained.config,
        skeleton="coco17",
        preprocess=replace(trained.config.preprocess, long_side=WIDTH),
        keypoint_head=CropKeypointHeadConfig(skeleton="coco17", size=(96, 64)),
        pose_nms=None,
    )
    return started(over_time(config, length=length) if length > 1 else config, trained)


def started(config: TubeRCNNConfig, trained: TubeRCNN) -> TubeRCNN:
    """A network whose weights are another's, where it has them."""
    torch.manual_seed(0)
    model = TubeRCNN(config)
    fresh = model.state_dict()
    model.load_state_dict({**fresh, **inflate(trained.state_dict(), fresh)})
    return model.train()


PUBLISHED_KIND = LossConfig(
    # a tube that goes over to somebody else in one of three frames is nobody: 2 / 3 is not enough
    rois=MatchConfig(positive=0.7, negative=0.7, keep_best=False),
    roi_sample=SampleConfig(size=48, positive_share=0.5),
    presence=3.0,
    keypoints=2.0,
)


def learn(
    model: TubeRCNN, images: ByteArray, truth: TubeTruth, *, losses: LossConfig, steps: int
) -> PoseTubes:
    """Train on one clip, and return what the network then finds in it."""
    trained = [p for p in model.parameters() if p.requires_grad]
    # unfused, the optimiser takes a fifth of every step
    optimiser = torch.optim.AdamW(trained, lr=RATE, fused=True)
    draw = TorchDraw(generator=torch.Generator().manual_seed(0))
    pixels, geometry = prepare(images, model.config.preprocess)
    pictures = Pictures(torch.from_numpy(images).permute(0, 3, 1, 2), geometry)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 5) * (1 - step / steps)
        found = means(
            tube_losses(model, pixels, [truth], pictures=pictures, config=losses, draws=[draw])
        )
        optimiser.zero_grad()
        torch.autograd.backward(list(found.values()))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 8)
        optimiser.step()
    times = np.arange(len(images))
    return model.eval().detect(Clip(frames=times, times=times / 25, images=images))


def learned(tubes: PoseTubes, truth: TubeTruth) -> list[int]:
    """Check that everybody is found, once, and return which tube is whose."""
    sure = np.flatnonzero(tubes.scores > 0.5)
    people = truth.present.any(dim=1).numpy()
    assert len(sure) == people.sum()
    owners = []
    for person in np.flatnonzero(people):
        there = truth.present[person].numpy()
        wanted = truth.boxes[person].numpy()
        distance = np.abs(tubes.boxes[sure][:, there] - wanted[there]).mean(axis=(1, 2))
        owners.append(int(sure[distance.argmin()]))
        assert distance.min() < 5
        offset = tubes.keypoints[owners[-1], there] - truth.keypoints[person].numpy()[there]
        assert np.linalg.norm(offset, axis=-1).mean() < 2
    return owners


@pytest.mark.slow
def test_the_published_kind_learns_one_clip_by_heart() -> None:
    images, truth = play()

    tubes = learn(anchors_on_a_trained_body(), images, truth, losses=PUBLISHED_KIND, steps=60)

    owners = learned(tubes, truth)
    assert ((tubes.presence[owners] > 0.5) == truth.present.numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 3])
def test_dense_proposals_and_crops_learn_one_clip_by_heart(length: int) -> None:
    images, truth = play()
    if length == 1:
        images = images[1:2]
        known = [f.name for f in fields(truth) if getattr(truth, f.name) is not None]
        truth = TubeTruth(**{name: getattr(truth, name)[:, 1:2] for name in known})

    by_heart = LossConfig(crops=CropConfig(shift=0, scale=0))
    tubes = learn(dense_and_crops(length), images, truth, losses=by_heart, steps=80)

    learned(tubes, truth)
