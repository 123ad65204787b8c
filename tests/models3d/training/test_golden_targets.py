"""Targets, sampling and losses of the original program, in every case of the golden folder."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.models3d.anchors import AnchorConfig, anchor_grid
from posetube.models3d.box_coding import encode
from posetube.models3d.training.losses import class_loss, keypoint_loss
from posetube.models3d.training.sampling import SampleConfig, sample
from posetube.models3d.training.targets import (
    POSITIVE,
    HeatmapTarget,
    MatchConfig,
    TubeTruth,
    heatmap_target,
    match,
)

SHARED = Path(__file__).parents[3].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
)
SIDE = 56


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


def people(boxes: Tensor, present: Any, joints: int = 17) -> TubeTruth:
    n, t, _ = boxes.shape
    return TubeTruth(
        boxes=boxes,
        present=torch.from_numpy(np.asarray(present, bool)),
        keypoints=torch.zeros(n, t, joints, 2),
        keypoint_weights=torch.zeros(n, t, joints),
        ignore=torch.zeros(0, t, 4),
    )


def cases(name: str, suffix: str) -> list[str]:
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        return []
    with np.load(path, allow_pickle=False) as file:
        return sorted(key.removesuffix(suffix) for key in file.files if key.endswith(suffix))


def field(case: str, side: int) -> Tensor:
    """(A, 4) every anchor, before those that leave the picture are dropped."""
    if not case.startswith("FPN"):
        config = AnchorConfig(sizes=((64, 128, 256, 512),), layout="detectron")
        grids = anchor_grid(config, shapes=[(side, side)], strides=[16], padded=(0, 0))
        return grids[0]
    config = AnchorConfig(sizes=((32,), (64,), (128,), (256,), (512,)), layout="detectron")
    strides = [4, 8, 16, 32, 64]
    shapes = [(n, n) for n in (40, 20, 10, 5, 3)]
    return torch.cat(anchor_grid(config, shapes=shapes, strides=strides, padded=(0, 0)))


@pytest.mark.parametrize("case", cases("rpn_targets", "_fg_before"))
def test_golden_anchor_labels(case: str) -> None:
    golden, config = arrays("rpn_targets"), settings("rpn_targets")
    inside = torch.from_numpy(golden[f"{case}_inside"].astype(np.int64))
    truth = people(tubes(golden[f"{case}_gt"]), golden[f"{case}_visible"])
    anchors = field(case, golden[f"{case}_labels"].shape[2] if case != "FPN" else 40)[inside]
    length = truth.boxes.shape[1]
    found = match(
        anchors[:, None].expand(-1, length, -1),
        truth,
        config=MatchConfig(
            positive=config["RPN_POSITIVE_OVERLAP"],
            negative=config["RPN_NEGATIVE_OVERLAP"],
            average="all",
            convention="inclusive",
        ),
    )

    np.testing.assert_allclose(found.overlap, golden[f"{case}_max"], atol=1e-5)
    np.testing.assert_array_equal(found.person, golden[f"{case}_argmax"])
    positive = inside[found.labels == POSITIVE]
    np.testing.assert_array_equal(positive, golden[f"{case}_fg_before"])
    np.testing.assert_array_equal(inside[found.background], golden[f"{case}_bg_pool"])

    used = sample(
        found,
        config=SampleConfig(size=config["RPN_BATCH_SIZE_PER_IM"][case], published=True),
        draw=LegacyDraw(config["seeds"][case]),
    )
    labels = torch.full((len(field(case, _side(golden, case))),), -1)
    labels[inside] = used
    np.testing.assert_array_equal(labels, _flat_labels(golden, case))


def _side(golden: dict[str, Any], case: str) -> int:
    return 40 if case == "FPN" else int(golden[f"{case}_labels"].shape[2])


def _flat_labels(golden: dict[str, Any], case: str) -> Any:
    """Labels in the order of the anchors: level, row, column, anchor."""
    names = [f"{case}_labels"]
    if case == "FPN":
        names = [f"{case}_labels_fpn{level}" for level in range(2, 7)]
    return np.concatenate([golden[name][0].transpose(1, 2, 0).ravel() for name in names])


@pytest.mark.parametrize("case", cases("roi_sampling", "_out_rois"))
def test_golden_roi_labels_and_box_targets(case: str) -> None:
    golden, config = arrays("roi_sampling"), settings("roi_sampling")
    candidates = tubes(golden[f"{case}_all_boxes"])
    boxes = tubes(golden[f"{case}_gt_boxes"])
    truth = people(boxes, np.ones(boxes.shape[:2], bool))
    found = match(
        candidates,
        truth,
        config=MatchConfig(
            positive=config["FG_THRESH"],
            negative=config["BG_THRESH_HI"],
            keep_best=False,
            average="all",
            convention="inclusive",
        ),
    )
    np.testing.assert_allclose(found.overlap, golden[f"{case}_max_overlaps"], atol=1e-5)

    used = sample(
        found,
        config=SampleConfig(size=config["BATCH_SIZE_PER_IM"], positive_share=config["FG_FRACTION"]),
        draw=LegacyDraw(int(golden[f"{case}_seed"])),
    )
    order = _rows_of(golden[f"{case}_out_rois"][:, 1:], candidates, golden[f"{case}_scale"])
    np.testing.assert_array_equal(np.sort(order), torch.nonzero(used >= 0)[:, 0])
    np.testing.assert_array_equal(used[order], golden[f"{case}_out_labels_int32"])

    people_rows = order[golden[f"{case}_out_labels_int32"] == 1]
    deltas = encode(
        boxes[found.person[people_rows]],
        candidates[people_rows],
        weights=tuple(config["BBOX_REG_WEIGHTS"]),
        convention="inclusive",
    )
    wanted = golden[f"{case}_out_bbox_targets"][golden[f"{case}_out_labels_int32"] == 1]
    wanted = wanted[:, wanted.shape[1] // 2 :].reshape(deltas.shape)
    np.testing.assert_allclose(deltas, wanted, rtol=1e-4, atol=1e-4)


def _rows_of(rois: Any, candidates: Tensor, scale: Any) -> Any:
    """Which candidate each RoI in network pixels is."""
    flat = candidates.flatten(1).numpy() * np.float32(scale)
    distance = np.abs(rois[:, None] - flat[None]).max(axis=2)
    assert distance.min(axis=1).max() < 1e-3
    return distance.argmin(axis=1)


def test_golden_joints_become_the_cells_of_the_original() -> None:
    golden = arrays("keypoint_encode")
    joints = torch.from_numpy(golden["keypoints"].astype(np.float32))
    rois = torch.from_numpy(golden["rois"])
    inclusive = rois + torch.tensor([0.0, 0, 1, 1])
    on_the_edge = joints[:, :2] == rois[:, 2:, None]
    # The original puts a joint on the last pixel into the last cell, however large a cell is.
    corner = inclusive[:, 2:, None] - 1e-4
    places = torch.where(on_the_edge, corner, joints[:, :2]).transpose(1, 2)

    target = heatmap_target(
        places[:, None],
        (joints[:, 2] > 0).float()[:, None],
        inclusive[:, None],
        side=SIDE,
        spread=None,
    )

    weights = target.weights[:, 0]
    np.testing.assert_array_equal(weights, golden["weights"])
    cell = target.rows.argmax(dim=-1) * SIDE + target.columns.argmax(dim=-1)
    np.testing.assert_array_equal(cell[:, 0] * weights, golden["labels"])


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
    loss = keypoint_loss(logits.view(1, 1, rows, side, side), target)
    (gradient,) = torch.autograd.grad(loss, logits)
    np.testing.assert_allclose(loss.detach(), golden["kps_loss"], rtol=1e-5)
    np.testing.assert_allclose(gradient, golden["kps_grad"], atol=1e-6)

    scores = torch.from_numpy(golden["cls_logits"]).requires_grad_()
    loss = class_loss(scores, torch.from_numpy(golden["cls_labels"].astype(np.int64)))
    (gradient,) = torch.autograd.grad(loss, scores)
    np.testing.assert_allclose(loss.detach(), golden["cls_loss"], rtol=1e-5)
    np.testing.assert_allclose(gradient, golden["cls_grad"], atol=1e-6)
