"""Which RoIs the heads are trained on."""

from dataclasses import replace

import torch
from torch import Tensor

from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.rois import choose_rois, own_tubes
from posetube.models3d.training.sampling import TorchDraw
from posetube.models3d.training.targets import TubeTruth, fill_absent

LEFT, RIGHT = [0.0, 0, 40, 80], [100.0, 0, 140, 80]
FAR = torch.tensor([[[200.0, 0, 205, 5], [200.0, 0, 205, 5]]])


def two_people() -> TubeTruth:
    """One on the left in both frames, one who crosses to the right; a joint in their middle."""
    boxes = torch.tensor([[LEFT, LEFT], [LEFT, RIGHT]])
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    return TubeTruth(
        boxes=boxes,
        present=torch.ones(2, 2, dtype=torch.bool),
        keypoints=middle[:, :, None],
        keypoint_weights=torch.ones(2, 2, 1),
        ignore=torch.zeros(0, 2, 4),
    )


def draw() -> TorchDraw:
    return TorchDraw(generator=torch.Generator().manual_seed(0))


def posed(truth: TubeTruth, config: LossConfig, proposed: Tensor = FAR) -> list[int]:
    """Who the keypoint head is trained on."""
    _, rois = choose_rois(proposed, truth, config=config, draw=draw())
    assert (rois.labels == 1).all()
    return sorted(rois.person.tolist())


def test_the_people_themselves_are_among_the_rois() -> None:
    truth = two_people()

    rois, _ = choose_rois(FAR, truth, config=LossConfig(), draw=draw())

    assert rois.labels.tolist() == [1, 1, 0]
    assert rois.person[:2].tolist() == [0, 1]
    assert torch.equal(rois.tubes[:2], truth.boxes)


def test_absent_frames_take_the_box_of_the_nearest_frame() -> None:
    boxes = torch.arange(5.0)[None, :, None].expand(1, 5, 4)
    present = torch.tensor([[False, True, False, False, True]])

    assert fill_absent(boxes, present)[0, :, 0].tolist() == [1, 1, 1, 4, 4]


def test_as_published_absent_frames_take_the_origin() -> None:
    truth = two_people()
    truth.present[1, 0] = False

    assert own_tubes(truth)[1].tolist() == [RIGHT, RIGHT]
    assert own_tubes(truth, absent="origin")[1].tolist() == [[0.0] * 4, RIGHT]


def test_somebody_who_is_nowhere_has_no_tube() -> None:
    truth = two_people()
    truth.present[0] = False

    assert len(own_tubes(truth)) == 1


def test_people_without_a_known_joint_teach_the_keypoint_head_nothing() -> None:
    truth = two_people()
    truth.keypoint_weights[0] = 0

    assert posed(truth, LossConfig()) == [1]


def test_a_joint_counts_in_its_own_frame_and_as_published_in_the_first() -> None:
    truth = two_people()
    truth.keypoint_weights[1, 0] = 0  # known in the second frame only, far from the first box

    assert posed(truth, LossConfig()) == [0, 1]
    assert posed(truth, LossConfig(keypoint_choice="published")) == [0]


def test_as_published_people_need_not_be_drawn_for_the_box_head() -> None:
    config = LossConfig()
    one = replace(config, roi_sample=replace(config.roi_sample, size=1, positive_share=1.0))

    assert len(posed(two_people(), one)) == 1
    assert posed(two_people(), replace(one, keypoint_choice="published")) == [0, 1]


def test_no_more_people_than_wanted_are_posed() -> None:
    assert len(posed(two_people(), LossConfig(keypoint_rois=1))) == 1
