"""Targets, sampling and losses of the original program, in every case of the golden folder."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.models3d.anchors import anchor_grid
from posetube.models3d.box_coding import BoxConvention, clip_boxes
from posetube.models3d.configs.proposal_heads import AnchorConfig
from posetube.models3d.training.heatmap_targets import HeatmapTarget, heatmap_target
from posetube.models3d.training.loss_config import detect_and_track_losses
from posetube.models3d.training.losses import box_loss, class_loss, keypoint_loss
from posetube.models3d.training.rois import Rois, choose_rois, own_tubes
from posetube.models3d.training.sampling import SampleConfig, sample
from posetube.models3d.training.targets import (
    POSITIVE,
    UNUSED,
    TubeMatches,
    TubeTruth,
    box_target,
    match,
)
from posetube.models3d.tube_nms import tube_iou

SHARED = Path(__file__).parents[3].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
)
LEGACY: BoxConvention = "detect-and-track"
PUBLISHED = detect_and_track_losses()


class LegacyDraw:
    """The original's generator."""

    def __init__(self, seed: int) -> None:
        self._state = np.random.RandomState(seed)

    def distinct(self, pool: int, count: int) -> Tensor:
        return torch.from_numpy(self._state.choice(pool, size=count, replace=False))

    def repeated(self, pool: int, count: int) -> Tensor:
        return torch.from_numpy(self._state.randint(pool, size=count))


def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def settings(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def tubes(flat: Any) -> Tensor:
    """(N, 4T) to (N, T, 4)."""
    return torch.from_numpy(np.asarray(flat, np.float32).reshape(len(flat), -1, 4))


def people(boxes: Tensor, present: Any) -> TubeTruth:
    """Truth without joints."""
    n, t, _ = boxes.shape
    return TubeTruth(
        boxes=boxes,
        present=torch.from_numpy(np.asarray(present, bool)),
        keypoints=torch.zeros(n, t, 1, 2),
        keypoint_weights=torch.zeros(n, t, 1),
        ignore=torch.zeros(0, t, 4),
    )


def cases(name: str, suffix: str) -> list[str]:
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        return []
    with np.load(path, allow_pickle=False) as file:
        return sorted(key.removesuffix(suffix) for key in file.files if key.endswith(suffix))


def levels(golden: dict[str, Any], case: str, kind: str) -> list[Any]:
    """A kind of array of every pyramid level, each (channels, side, side); one without pyramid."""
    pattern = re.compile(rf"{case}_{kind}(_fpn\d)?")
    return [golden[name][0] for name in sorted(filter(pattern.fullmatch, golden))]


def per_anchor(golden: dict[str, Any], case: str, kind: str, length: int = 1) -> Tensor:
    """(A, T, numbers) in the order of the anchors: level, row, column, anchor."""
    anchors = [len(level) for level in levels(golden, case, "labels")]
    parts = [
        np.moveaxis(level.reshape(count, length, -1, *level.shape[1:]), (0, 1, 2), (2, 3, 4))
        for level, count in zip(levels(golden, case, kind), anchors, strict=True)
    ]
    flat = [part.reshape(-1, *part.shape[3:]) for part in parts]
    return torch.from_numpy(np.concatenate(flat))


def field(golden: dict[str, Any], case: str) -> Tensor:
    """(A, 4) every anchor, before those that leave the picture are dropped."""
    sides = [level.shape[1] for level in levels(golden, case, "labels")]
    strides = [16] if len(sides) == 1 else [4, 8, 16, 32, 64]
    sizes = (
        ((64.0, 128.0, 256.0, 512.0),) if len(sides) == 1 else tuple((8.0 * s,) for s in strides)
    )
    config = AnchorConfig(sizes=sizes, layout="detectron")
    shapes = [(side, side) for side in sides]
    return torch.cat(anchor_grid(config, shapes=shapes, strides=strides, padded=(0, 0)))


def smooth_l1(difference: Tensor, beta: float) -> Tensor:
    size = difference.abs()
    return torch.where(size < beta, size**2 / (2 * beta), size - beta / 2)


def weighted_loss(
    said: Tensor, wanted: Tensor, inside: Tensor, outside: Tensor, *, beta: float
) -> Tensor:
    """The original's loss of boxes, summed, from its two arrays of weights."""
    return (outside * smooth_l1(inside * (said - wanted), beta)).sum()


@pytest.mark.skipif(not (FOLDER / "anchors.npz").is_file(), reason="anchors.npz is absent")
def test_golden_field_of_anchors() -> None:
    golden = arrays("anchors")
    for name in (name for name in golden if re.fullmatch(r"field_T\d+", name)):
        side = int(golden[f"{name}_size"])
        labels = {"one_labels": np.zeros((1, 12, side, side))}

        ours = field(labels, "one")[:, None].expand(-1, golden[name].shape[1] // 4, -1)

        np.testing.assert_array_equal(ours.flatten(1), golden[name])


def labelled(golden: dict[str, Any], case: str) -> tuple[Tensor, Tensor, TubeTruth, TubeMatches]:
    """A case's anchors in the picture, their places in the field, the people, the matches."""
    height, width = (int(side) for side in golden[f"{case}_im_hw"])
    everywhere = field(golden, case)
    whole = clip_boxes(everywhere, height=height, width=width, convention=LEGACY) == everywhere
    places = torch.nonzero(whole.all(dim=1))[:, 0]
    truth = people(tubes(golden[f"{case}_gt"]), golden[f"{case}_visible"])
    anchors = everywhere[places, None].expand(-1, truth.boxes.shape[1], -1)
    config = settings("rpn_targets")
    thresholds = replace(
        PUBLISHED.anchors,
        positive=config["RPN_POSITIVE_OVERLAP"],
        negative=config["RPN_NEGATIVE_OVERLAP"],
    )
    return anchors, places, truth, match(anchors, truth, config=thresholds, convention=LEGACY)


def sampled(case: str, found: TubeMatches) -> Tensor:
    config = settings("rpn_targets")
    share = config["RPN_FG_FRACTION"]
    size = config["RPN_BATCH_SIZE_PER_IM"][case]
    return sample(
        found,
        config=SampleConfig(size=size, positive_share=share, published=True),
        draw=LegacyDraw(config["seeds"][case]),
    )


@pytest.mark.parametrize("case", cases("rpn_targets", "_fg_before"))
def test_golden_anchor_labels(case: str) -> None:
    golden = arrays("rpn_targets")

    anchors, places, truth, found = labelled(golden, case)
    used = sampled(case, found)

    np.testing.assert_array_equal(places, golden[f"{case}_inside"])
    np.testing.assert_allclose(found.overlap, golden[f"{case}_max"], atol=1e-5)
    np.testing.assert_array_equal(found.person, golden[f"{case}_argmax"])
    overlap = tube_iou(anchors, truth.boxes, convention=LEGACY)
    np.testing.assert_allclose(overlap.amax(dim=0), golden[f"{case}_gt_best"], atol=1e-5)
    np.testing.assert_array_equal(places[found.labels == POSITIVE], golden[f"{case}_fg_before"])
    np.testing.assert_array_equal(places[found.background], golden[f"{case}_bg_pool"])
    labels = per_anchor(golden, case, "labels")[:, 0, 0]
    ours = torch.full_like(labels, UNUSED)
    ours[places] = used.to(ours.dtype)
    np.testing.assert_array_equal(ours, labels)


@pytest.mark.parametrize("case", cases("rpn_targets", "_fg_before"))
def test_golden_anchor_boxes(case: str) -> None:
    golden = arrays("rpn_targets")
    anchors, places, truth, found = labelled(golden, case)
    length = truth.boxes.shape[1]
    used = sampled(case, found)
    chosen = torch.nonzero(used == POSITIVE)[:, 0]

    target = box_target(anchors[chosen], found.person[chosen], truth, convention=LEGACY)

    wanted, inside, outside = (
        per_anchor(golden, case, kind, length) for kind in ("targets", "inside_w", "outside_w")
    )
    mine = places[chosen]
    counted = target.counts[..., None].expand_as(target.deltas)
    np.testing.assert_allclose(target.deltas[counted], wanted[mine][counted], atol=1e-4, rtol=1e-4)
    np.testing.assert_array_equal(counted.float(), inside[mine])
    assert inside.sum() == counted.sum()
    present = per_anchor(golden, case, "vis_labels", length)[mine, :, 0]
    np.testing.assert_array_equal(target.counts, present == 1)
    said = wanted + torch.randn(wanted.shape, generator=torch.Generator().manual_seed(0)) / 4
    theirs = weighted_loss(said, wanted, inside, outside, beta=1 / 9) / length
    ours = box_loss(said[mine], target, count=int((used != UNUSED).sum())).mean
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def posed_people(golden: dict[str, Any], case: str) -> TubeTruth:
    boxes = tubes(golden[f"{case}_gt_boxes"])
    # double, as the original's: a joint exactly on the far side of a pixel hangs on the last digit
    joints = torch.from_numpy(golden[f"{case}_gt_keypoints"].astype(np.float64))
    joints = torch.unflatten(joints, 2, (boxes.shape[1], -1)).permute(0, 2, 3, 1)  # (N, T, K, 3)
    present = boxes.any(dim=2)
    return TubeTruth(
        boxes=boxes,
        present=present,
        keypoints=joints[..., :2],
        keypoint_weights=(joints[..., 2] > 0).float(),
        ignore=torch.zeros(0, boxes.shape[1], 4),
    )


def chosen_rois(golden: dict[str, Any], case: str) -> tuple[TubeTruth, Rois, Rois]:
    """What the heads of a case are trained on, in pixels of the picture."""
    config, truth = settings("roi_sampling"), posed_people(golden, case)
    proposed = tubes(golden[f"{case}_rois"][:, 1:]) / float(golden[f"{case}_scale"])
    size, share = config["BATCH_SIZE_PER_IM"], config["FG_FRACTION"]
    losses = replace(
        PUBLISHED,
        rois=replace(PUBLISHED.rois, positive=config["FG_THRESH"], negative=config["BG_THRESH_HI"]),
        roi_sample=SampleConfig(size=size, positive_share=share),
        keypoint_rois=int(size * share),
    )
    draw = LegacyDraw(int(golden[f"{case}_seed"]))
    rois, posed = choose_rois(proposed, truth, config=losses, draw=draw, convention=LEGACY)
    return truth, rois, posed


def order_of(golden_rois: Any, scale: Any, found: Tensor) -> Any:
    """For each of our tubes, the row of the golden RoIs (network pixels) that it is."""
    distance = (tubes(golden_rois[:, 1:])[None] - found[:, None] * float(scale)).abs().amax((2, 3))
    order = distance.argmin(dim=1)
    assert distance.amin(dim=1).max() < 1e-3
    assert sorted(order.tolist()) == list(range(len(golden_rois)))
    return order.numpy()


@pytest.mark.parametrize("case", cases("roi_sampling", "_out_rois"))
def test_golden_roi_matches(case: str) -> None:
    golden, truth = arrays("roi_sampling"), posed_people(arrays("roi_sampling"), case)
    proposed = tubes(golden[f"{case}_rois"][:, 1:]) / float(golden[f"{case}_scale"])

    candidates = torch.cat([own_tubes(truth, absent="origin"), proposed])
    found = match(candidates, truth, config=PUBLISHED.rois, convention=LEGACY)

    np.testing.assert_allclose(candidates.flatten(1), golden[f"{case}_all_boxes"], atol=1e-3)
    np.testing.assert_allclose(found.overlap, golden[f"{case}_max_overlaps"], atol=1e-5)
    touches = found.overlap > 0
    np.testing.assert_array_equal(touches, golden[f"{case}_max_classes"] == 1)
    person = torch.where(touches, found.person, -1)
    np.testing.assert_array_equal(person, golden[f"{case}_box_to_gt_ind_map"])


@pytest.mark.parametrize("case", cases("roi_sampling", "_out_rois"))
def test_golden_rois_of_the_box_head(case: str) -> None:
    golden, weights = arrays("roi_sampling"), tuple(settings("roi_sampling")["BBOX_REG_WEIGHTS"])

    truth, rois, _ = chosen_rois(golden, case)
    target = box_target(
        rois.people.tubes,
        rois.people.person,
        truth,
        weights=weights,
        convention=LEGACY,
        absent=PUBLISHED.absent_boxes,
    )

    order = order_of(golden[f"{case}_out_rois"], golden[f"{case}_scale"], rois.tubes)
    np.testing.assert_array_equal(rois.labels, golden[f"{case}_out_labels_int32"][order])
    # class-major: the second half is the person's
    wanted, inside, outside = (
        tubes(golden[f"{case}_out_bbox_{kind}"][order]).chunk(2, dim=1)[1]
        for kind in ("targets", "inside_weights", "outside_weights")
    )
    mine = rois.labels == POSITIVE
    np.testing.assert_allclose(target.deltas, wanted[mine], rtol=1e-4, atol=1e-4)
    assert (inside[mine] == 1).all()
    assert (inside[~mine] == 0).all()
    assert target.counts.all()
    said = wanted + torch.randn(wanted.shape, generator=torch.Generator().manual_seed(0))
    theirs = weighted_loss(said, wanted, inside, outside, beta=1.0)
    ours = box_loss(said[mine], target, count=len(rois.labels), beta=PUBLISHED.box_beta).mean
    np.testing.assert_allclose(ours, theirs / len(wanted) / wanted.shape[1], rtol=1e-3)


@pytest.mark.parametrize("case", cases("roi_sampling", "_out_keypoint_rois"))
def test_golden_rois_of_the_keypoint_head(case: str) -> None:
    golden, side = arrays("roi_sampling"), settings("roi_sampling")["HEATMAP_SIZE"]

    truth, _, posed = chosen_rois(golden, case)
    target = heatmap_target(
        truth.keypoints[posed.person],
        truth.known_joints[posed.person],
        posed.tubes,
        side=side,
        spread=PUBLISHED.spread,
        convention=LEGACY,
    )

    order = order_of(golden[f"{case}_out_keypoint_rois"], golden[f"{case}_scale"], posed.tubes)
    shape = (len(order), -1)
    weights = golden[f"{case}_out_keypoint_weights"].reshape(shape)[order]
    np.testing.assert_array_equal(target.weights.flatten(1), weights)
    labels = golden[f"{case}_out_keypoint_locations_int32"].reshape(shape)[order]
    np.testing.assert_array_equal(cells(target).flatten(1).numpy() * weights, labels * weights)


def cells(target: HeatmapTarget) -> Tensor:
    """(R, T, K) the one cell of each joint, row by row."""
    return target.rows.argmax(dim=-1) * target.rows.shape[-1] + target.columns.argmax(dim=-1)


def test_golden_joints_become_the_cells_of_the_original() -> None:
    golden = arrays("keypoint_encode")
    joints = torch.from_numpy(golden["keypoints"].astype(np.float32))

    target = heatmap_target(
        joints[:, None, :2].transpose(2, 3),
        (joints[:, None, 2] > 0).float(),
        torch.from_numpy(golden["rois"])[:, None],
        side=56,
        spread=PUBLISHED.spread,
        convention=LEGACY,
    )

    weights = target.weights[:, 0]
    np.testing.assert_array_equal(weights, golden["weights"])
    np.testing.assert_array_equal(cells(target)[:, 0] * weights, golden["labels"])


def test_golden_losses_and_gradients() -> None:
    golden = arrays("losses")
    logits = torch.from_numpy(golden["kps_logits"]).requires_grad_()
    rows, cells = logits.shape
    side = int(np.sqrt(cells))
    labels = torch.from_numpy(golden["kps_labels"][:, 0].astype(np.int64))
    hot = torch.nn.functional.one_hot
    target = HeatmapTarget(
        rows=hot(labels // side, side).float()[None, None],
        columns=hot(labels % side, side).float()[None, None],
        weights=torch.from_numpy(golden["kps_weights"][:, 0])[None, None],
    )
    loss = keypoint_loss(logits.view(1, 1, rows, side, side), target).mean
    (gradient,) = torch.autograd.grad(loss, logits)
    np.testing.assert_allclose(loss.detach(), golden["kps_loss"], rtol=1e-5)
    np.testing.assert_allclose(gradient, golden["kps_grad"], atol=1e-6)

    scores = torch.from_numpy(golden["cls_logits"]).requires_grad_()
    loss = class_loss(scores, torch.from_numpy(golden["cls_labels"].astype(np.int64))).mean
    (gradient,) = torch.autograd.grad(loss, scores)
    np.testing.assert_allclose(loss.detach(), golden["cls_loss"], rtol=1e-5)
    np.testing.assert_allclose(gradient, golden["cls_grad"], atol=1e-6)
