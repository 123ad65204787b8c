"""A keypoint head that also sees what lies around a box."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from posetube.models3d.configs.people_heads import KeypointHeadConfig, PoolConfig
from posetube.models3d.features import ClipFeatures
from posetube.models3d.keypoint_head import KeypointHead
from tests.models3d.small_networks import small_anchor_rcnn


def test_an_enlarged_region_of_the_same_size_says_the_same_twice() -> None:
    same = replace(small_anchor_rcnn().keypoint_head, expansion=1.0)
    head = KeypointHead(same, channels=4)
    levels = [torch.rand(1, 4, 64 // side, 64 // side) for side in (1, 2, 4, 8)]
    features = ClipFeatures(levels=levels, strides=(4, 8, 16, 32), length=1)
    tubes = [torch.tensor([[[10.0, 20, 60, 90]]])]

    near, far = head.pool(features, tubes).chunk(2, dim=1)

    torch.testing.assert_close(near, far)


def test_look_alike_parts_are_told_apart_by_what_lies_around() -> None:
    """The same mark lies left or right of a bar, which only the enlarged region sees."""
    config = KeypointHeadConfig(
        pool=PoolConfig(size=7), joints=2, channels=16, depth=2, expansion=3.0
    )
    maps, left = torch.zeros(10, 1, 32, 32), torch.arange(10) % 2 == 0
    maps[:, :, 14:18, 14:18] += 1
    maps[left, :, 8:24, 22] += 1
    maps[~left, :, 8:24, 9] += 1
    tubes = [torch.tensor([[[48.0, 48, 80, 80]]])] * 10  # cells 12 to 20
    features = ClipFeatures(levels=[maps], strides=(4,), length=1)

    right = {
        expansion: _right_after_training(
            replace(config, expansion=expansion), features, tubes, left
        )
        for expansion in (None, 3.0)
    }

    assert right == {None: 0.5, 3.0: 1.0}


def _right_after_training(
    config: KeypointHeadConfig, features: ClipFeatures, tubes: list[Tensor], left: Tensor
) -> float:
    """The share of marks whose own joint's map is the higher one: the first joint is the left."""
    torch.manual_seed(0)
    head = KeypointHead(config, channels=1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)

    def scores() -> Tensor:
        found: Tensor = head(head.pool(features, tubes), 1)
        return found.amax(dim=(2, 3))

    for _ in range(60):
        optimizer.zero_grad()
        loss = functional.cross_entropy(scores(), (~left).long())
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return (scores().argmax(dim=1) == (~left).long()).float().mean().item()
