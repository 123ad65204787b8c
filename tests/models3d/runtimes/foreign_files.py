"""Tiny ONNX files in the layouts of other people's networks, with outputs that a test chooses.

A detector's file gives the same boxes for every picture. A pose network's file finds the brightest
pixel of a crop, or gives the same places for every crop.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from posetube.structures import FloatArray

OPSET = [helper.make_opsetid("", 17)]


def constant_file(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    *,
    size: Sequence[int | str] = (64, 64),
    declared: bool = True,
) -> Path:
    """A file that takes a picture (1, 3, *size) and gives the same outputs for every picture.

    Without ``declared`` the outputs' dimensions are left open, as exports with suppression do.
    """
    nodes, weights, values = [], [], []
    for name, array in outputs.items():
        # the picture's sum times zero, so that the output depends on the input
        whole = array.astype(np.float32)
        weights.append(numpy_helper.from_array(whole, f"{name}.values"))
        nodes += [
            helper.make_node("ReduceSum", ["input"], [f"{name}.sum"], keepdims=0),
            helper.make_node("Mul", [f"{name}.sum", "zero"], [f"{name}.zero"]),
            helper.make_node("Add", [f"{name}.values", f"{name}.zero"], [f"{name}.added"]),
            helper.make_node("Cast", [f"{name}.added"], [name], to=_kind(array)),
        ]
        shape = list(array.shape) if declared else [f"{name}{axis}" for axis in range(array.ndim)]
        values.append(helper.make_tensor_value_info(name, _kind(array), shape))
    weights.append(numpy_helper.from_array(np.array(0, np.float32), "zero"))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, *size])
    return saved(path, nodes, picture, values, weights)


def simcc_file(path: Path, *, joints: int = 17, size: tuple[int, int] = (256, 192)) -> Path:
    """A SimCC file whose joints all lie where the crop is reddest: 2 steps per pixel."""
    nodes = [
        helper.make_node("Gather", ["input", "first"], ["red"], axis=1),  # (1, 1, H, W)
        helper.make_node("ReduceMax", ["red"], ["columns"], axes=[2], keepdims=0),
        helper.make_node("ReduceMax", ["red"], ["rows"], axes=[3], keepdims=0),
    ]
    for side, name in (("columns", "simcc_x"), ("rows", "simcc_y")):
        nodes += [
            helper.make_node("Mul", [side, "tenth"], [f"{side}.small"]),
            helper.make_node(
                "Resize",
                [f"{side}.small", "", "twice"],
                [f"{side}.fine"],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            ),
            helper.make_node("Expand", [f"{side}.fine", f"{side}.shape"], [name]),
        ]
    lengths = {"columns": 2 * size[1], "rows": 2 * size[0]}
    weights = [
        numpy_helper.from_array(np.array([0]), "first"),
        numpy_helper.from_array(np.array(0.1, np.float32), "tenth"),
        numpy_helper.from_array(np.array([1, 1, 2], np.float32), "twice"),
        *(
            numpy_helper.from_array(np.array([1, joints, length]), f"{side}.shape")
            for side, length in lengths.items()
        ),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", joints, length])
        for name, length in zip(("simcc_x", "simcc_y"), lengths.values(), strict=True)
    ]
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, *size])
    return saved(path, nodes, picture, values, weights)


def margins(
    places: FloatArray, *, size: tuple[int, int] = (256, 192), top: float = 0.8
) -> dict[str, np.ndarray]:
    """SimCC outputs of a file that gives (K, 2) places x y, pixels of the crop."""
    outputs = {}
    for axis, name, side in ((0, "simcc_x", size[1]), (1, "simcc_y", size[0])):
        steps = np.arange(2 * side) / 2
        away = np.abs(steps[None] - places[:, axis, None])
        outputs[name] = (top * np.exp(-((away / 3) ** 2)))[None].astype(np.float32)
    return outputs


def maps(
    places: FloatArray, *, size: tuple[int, int] = (256, 192), top: float = 0.8
) -> dict[str, np.ndarray]:
    """Heatmaps of a file that gives (K, 2) places x y, pixels of the crop; cell f is at 4 f."""
    row, column = np.indices((size[0] // 4, size[1] // 4)) * 4
    x, y = places[:, 0, None, None], places[:, 1, None, None]
    gaussian = top * np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * 8.0**2))
    return {"heatmaps": gaussian[None].astype(np.float32)}


def suppressed(
    boxes: FloatArray, scores: Sequence[float], labels: Sequence[int]
) -> dict[str, np.ndarray]:
    """mmdeploy's outputs, of (N, 4) boxes."""
    rows = np.concatenate([boxes, np.array(scores)[:, None]], 1)[None]
    return {"dets": rows.astype(np.float32), "labels": np.array(labels, np.int64)[None]}


def levels(
    boxes: FloatArray, scores: Sequence[float], *, side: int = 64, classes: int = 1
) -> dict[str, np.ndarray]:
    """RTMDet's outputs before suppression: each box in the cell of stride 8 that it begins in."""
    outputs: dict[str, np.ndarray] = {}
    for stride in (8, 16, 32):
        cells = side // stride
        outputs[f"cls_{stride}"] = np.full((1, classes, cells, cells), -9, np.float32)
        outputs[f"reg_{stride}"] = np.ones((1, 4, cells, cells), np.float32)
    for (x1, y1, x2, y2), score in zip(boxes, scores, strict=True):
        row, column = int((y1 + y2) // 16), int((x1 + x2) // 16)
        x, y = column * 8, row * 8
        outputs["cls_8"][0, 0, row, column] = np.log(score / (1 - score))
        outputs["reg_8"][0, :, row, column] = [x - x1, y - y1, x2 - x, y2 - y]
    return outputs


def yolox_cells(
    boxes: FloatArray,
    scores: Sequence[float],
    *,
    side: int = 64,
    classes: int = 1,
    decoded: bool = False,
) -> dict[str, np.ndarray]:
    """YOLOX's output before suppression: each box in the cell of stride 8 of its middle."""
    counts = [(side // stride) ** 2 for stride in (8, 16, 32)]
    rows = np.zeros((sum(counts), 5 + classes), np.float32)
    if decoded:
        rows[:, :2] = side / 2
    for box, score in zip(boxes, scores, strict=True):
        middle, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        column, row = (middle // 8).astype(int)
        place = row * (side // 8) + column
        at = (middle, size) if decoded else (middle / 8 - [column, row], np.log(size / 8))
        rows[place, :6] = [*at[0], *at[1], 0.5, 2 * score]
    return {"output": rows[None]}


def _kind(array: np.ndarray) -> int:
    return TensorProto.INT64 if array.dtype == np.int64 else TensorProto.FLOAT


def saved(path: Path, nodes: Any, picture: Any, values: Any, weights: Any) -> Path:
    """Write a graph of one input."""
    graph = helper.make_graph(nodes, "graph", [picture], values, weights)
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
