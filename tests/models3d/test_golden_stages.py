"""Stages of the original program, in every case of the golden folder; training's are elsewhere."""

import json
import os
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.models3d.anchors import AnchorConfig, cell_anchors
from posetube.models3d.box_coding import areas, clip, decode
from posetube.models3d.box_head import BoxHeadConfig, BoxOutput, detect_people
from posetube.models3d.heatmaps import decode_resized
from posetube.models3d.inflate import fit, inflate_kernel
from posetube.models3d.preprocess import PreprocessConfig, prepare
from posetube.models3d.proposals import ProposalConfig, ProposalMaps, propose
from posetube.models3d.roi_align import PoolConfig, levels_of, pool_tubes
from posetube.models3d.tube_nms import tube_iou, tube_nms

SHARED = Path(__file__).parents[2].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
)
LEGACY: Literal["detect-and-track"] = "detect-and-track"
SIZES = (64.0, 128.0, 256.0, 512.0)
WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def settings(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def names(name: str, pattern: str) -> list[str]:
    """The arrays of a golden file whose names follow a pattern."""
    if not FOLDER.is_dir():
        return []
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return sorted(key for key in file.files if re.fullmatch(pattern, key))


def tubes(flat: Any) -> Tensor:
    """(N, 4T) to (N, T, 4)."""
    return torch.unflatten(torch.from_numpy(np.asarray(flat, np.float32)), 1, (-1, 4))


def agree(ours: Tensor, golden: Any, *, tolerance: float = 1e-5) -> None:
    """Compare to a fraction of the largest value."""
    assert tuple(ours.shape) == golden.shape
    largest = float(np.abs(golden).max()) if golden.size else 0.0
    np.testing.assert_allclose(ours.numpy(), golden, rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize("name", names("anchors", r"c4_T\d+|fpn_l\d"))
def test_golden_anchors(name: str) -> None:
    golden = arrays("anchors")[name]
    if name.startswith("fpn"):
        level = int(name[-1])
        config = AnchorConfig(sizes=((8.0 * 2**level,),), layout="detectron")
        ours = cell_anchors(config, level=0, stride=2**level)
    else:
        config = AnchorConfig(sizes=(SIZES,), layout="detectron")
        ours = cell_anchors(config, level=0, stride=16).repeat(1, golden.shape[1] // 4)

    assert ours.tolist() == golden.tolist()


def test_golden_anchors_of_other_sizes() -> None:
    custom = settings("anchors")["custom"]
    config = AnchorConfig(
        sizes=(tuple(custom["sizes"]),), ratios=tuple(custom["ratios"]), layout="detectron"
    )

    ours = cell_anchors(config, level=0, stride=custom["stride"]).repeat(1, custom["T"])

    assert ours.tolist() == arrays("anchors")[f"custom_T{custom['T']}"].tolist()


@pytest.mark.parametrize("name", names("boxes", r"dec_T\d+_boxes"))
def test_golden_decoded_boxes(name: str) -> None:
    golden, case = arrays("boxes"), name.removesuffix("_boxes")
    boxes = tubes(golden[name])
    deltas = torch.from_numpy(golden[f"{case}_deltas"])
    per_class = deltas.view(len(boxes), -1, boxes.shape[1], 4)

    one = decode(per_class[:, 0], boxes, convention=LEGACY)
    both = decode(per_class, boxes[:, None], weights=WEIGHTS, convention=LEGACY)

    agree(one.flatten(1), golden[f"{case}_out_rpn"])
    agree(both.flatten(1), golden[f"{case}_out_head"])
    length = case.removeprefix("dec_")
    clipped = clip(both, height=150, width=200, convention=LEGACY)
    agree(clipped.flatten(1), golden[f"clip_{length}_out_150x200"])


@pytest.mark.parametrize("name", names("boxes", r"lvl_T\d+_rois"))
def test_golden_pyramid_levels(name: str) -> None:
    golden = arrays("boxes")
    rois = tubes(golden[name])
    pool = PoolConfig(size=7, levels=4, level_rule="detectron")

    level = levels_of(rois, config=pool, finest=2) + 2

    assert level.tolist() == golden[name.replace("rois", "out")].tolist()


def test_golden_areas() -> None:
    golden = arrays("boxes")
    for name in names("boxes", r"area_T\d+"):
        rois = tubes(golden[name.replace("area", "enc") + "_ex"])
        if len(rois) == len(golden[name]):
            agree(areas(rois, "inclusive").mean(dim=1), golden[name])


@pytest.mark.parametrize("name", names("inflate", r"conv_k\d+_.*"))
def test_golden_inflated_kernels(name: str) -> None:
    golden = arrays("inflate")
    _, length, mode = name.split("_")
    modes: dict[str, Any] = {"center-only": "center", "mean-repeat": "mean", "repeat": "repeat"}

    ours = inflate_kernel(
        torch.from_numpy(golden["conv_src"]), int(length.removeprefix("k")), mode=modes[mode]
    )

    agree(ours, golden[name], tolerance=1e-7)


@pytest.mark.parametrize("name", names("inflate", r"(fc|bias|deconv)_(tile|notile).*"))
def test_golden_tiled_weights(name: str) -> None:
    golden = arrays("inflate")
    if name.endswith("target"):
        return
    source = torch.from_numpy(golden[name.split("_")[0] + "_src"])
    kept = golden.get("fc_notile_target")
    target = torch.from_numpy(kept) if "notile" in name else torch.zeros(golden[name].shape)

    agree(fit(source, target), golden[name], tolerance=1e-7)


def test_golden_heatmaps() -> None:
    golden = arrays("keypoint_decode")
    maps = torch.from_numpy(golden["maps"].astype(np.float32))
    rois = torch.from_numpy(golden["rois"])

    found = decode_resized(maps, rois)

    columns = [found.positions, found.logits[..., None], found.scores[..., None]]
    ours = torch.cat(columns, dim=-1).transpose(1, 2)
    assert (ours[:, :2] - torch.from_numpy(golden["xy_logit_prob"][:, :2])).abs().max() < 0.01
    agree(ours[:, 2:], golden["xy_logit_prob"][:, 2:], tolerance=1e-4)


def test_golden_heatmaps_of_tubes() -> None:
    golden = arrays("keypoint_decode")
    rois = tubes(golden["tube_rois"])
    length = rois.shape[1]
    maps = torch.from_numpy(golden["tube_maps"].astype(np.float32))
    maps = torch.unflatten(maps, 1, (length, -1)).flatten(0, 1)

    found = decode_resized(maps, rois.flatten(0, 1))

    columns = [found.positions, found.logits[..., None], found.scores[..., None]]
    ours = torch.unflatten(torch.cat(columns, dim=-1), 0, (-1, length))
    ours = ours.permute(0, 3, 1, 2).flatten(2)
    assert (ours[:, :2] - torch.from_numpy(golden["tube_out"][:, :2])).abs().max() < 0.01
    agree(ours[:, 2:], golden["tube_out"][:, 2:], tolerance=1e-4)


@pytest.mark.parametrize("name", names("nms", r"(tube_T\d+|box|tie_tube|tie_box)_keep_\d+"))
def test_golden_suppression(name: str) -> None:
    golden = arrays("nms")
    case, threshold = name.split("_keep_")
    found = golden[f"{case}_dets"]
    flat = "box" in case

    kept = tube_nms(
        tubes(found[:, :-1]),
        torch.from_numpy(found[:, -1]),
        threshold=int(threshold) / 100,
        convention=LEGACY,
        suppress="at" if flat else "above",
    )

    ours = kept.sort().values if flat else kept
    assert ours.tolist() == golden[name].tolist()


@pytest.mark.parametrize("name", names("nms", r"results_T\d+_out"))
def test_golden_detections(name: str) -> None:
    golden, case = arrays("nms"), name.removesuffix("_out")
    scores = torch.from_numpy(golden[f"{case}_scores"])
    boxes = torch.from_numpy(golden[f"{case}_boxes"])
    people = torch.unflatten(boxes, 1, (2, -1, 4))[:, 1]
    length = people.shape[1]
    head = BoxOutput(
        class_logits=scores.log()[:, None],
        deltas=torch.zeros(len(scores), length, 2, 4),
        presence_logits=None,
    )
    config = BoxHeadConfig(
        pool=PoolConfig(size=7),
        max_people=8,
        min_size=0,
        convention="inclusive",
        nms_suppresses="at" if length == 1 else "above",
        order="proposal" if length == 1 else "score",
    )

    # boxes that need no regression any more, moved to where no border cuts them
    found = detect_people(
        head, people + 1024, size=(4096, 4096), config=config, to_picture=lambda boxes: boxes
    )

    ours = torch.cat([found.boxes.flatten(1) - 1024, found.scores[:, None]], dim=1)
    agree(ours, golden[name])


@pytest.mark.parametrize("name", names("preprocess", r"in\d+"))
def test_golden_network_input(name: str) -> None:
    golden, case = arrays("preprocess"), name.replace("in", "")
    options = settings("preprocess")[f"case{case}"]
    config = PreprocessConfig(
        short_side=options["scale"],
        long_side=options["max_size"],
        mean=(102.9801, 115.9465, 122.7717),
        std=(1.0, 1.0, 1.0),
        channels="bgr",
        resize="floats",
        pad_multiple=32 if options["fpn_padding"] else 1,
    )

    pixels, geometry = prepare(np.ascontiguousarray(golden[name][..., ::-1]), config)

    agree(pixels.transpose(0, 1)[None], golden[f"out{case}"])
    assert geometry.scale[0] == pytest.approx(float(golden[f"scale{case}"][0]))


def as_maps(probabilities: Any, deltas: Any, *, length: int, config: AnchorConfig) -> ProposalMaps:
    """The original's outputs of one level, as our head would have said them."""
    _, count, rows, columns = probabilities.shape
    stride = 16 if count == 12 else round(config.sizes[0][0] / 8)
    windows = cell_anchors(config, level=0, stride=stride)
    y, x = torch.arange(rows) * float(stride), torch.arange(columns) * float(stride)
    corner = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).repeat(1, 1, 2)
    per_anchor = torch.from_numpy(deltas).view(1, count, length, 4, rows, columns)
    return ProposalMaps(
        objectness=torch.from_numpy(probabilities).logit().permute(0, 2, 3, 1).flatten(1),
        deltas=per_anchor.permute(0, 4, 5, 1, 2, 3).flatten(1, 3),
        anchors=(corner[:, :, None] + windows).reshape(-1, 4),
        counts=(count * rows * columns,),
    )


@pytest.mark.parametrize("name", names("proposals", r"(c4|fpn\d)_rois"))
def test_golden_proposals(name: str) -> None:
    golden, options, case = arrays("proposals"), settings("proposals"), name.removesuffix("_rois")
    flat = case != "c4"
    length = 1 if flat else int(golden["c4_T"])
    sizes = (8.0 * 2 ** int(case[-1]),) if flat else SIZES
    anchors = AnchorConfig(sizes=(sizes,), layout="detectron")
    config = ProposalConfig(
        anchors=anchors,
        before_nms=options["RPN_PRE_NMS_TOP_N"],
        after_nms=options["RPN_POST_NMS_TOP_N"],
        nms=options["RPN_NMS_THRESH"],
        min_size=options["RPN_MIN_SIZE"],
        convention=LEGACY,
        nms_suppresses="at" if flat else "above",
    )
    maps = as_maps(golden[f"{case}_probs"], golden[f"{case}_deltas"], length=length, config=anchors)
    height, width = (int(side) for side in golden["c4_im_info"][0][:2])

    [(rois, scores)] = propose(maps, size=(height, width), padded=(height, width), config=config)

    agree(rois.flatten(1), golden[name][:, 1:])
    agree(scores[:, None], golden[f"{case}_roi_probs"])


@pytest.mark.parametrize("name", names("roi_align", r"T\d+_feat"))
def test_golden_tube_features(name: str) -> None:
    golden, case = arrays("roi_align"), name.removesuffix("_feat")
    features, rois = torch.from_numpy(golden[name]), golden[f"{case}_rois"]
    length = features.shape[2]
    clips = [tubes(rois[rois[:, 0] == clip][:, 1:]) for clip in range(len(features))]
    order = np.argsort(rois[:, 0], kind="stable")
    for size in (7, 14):
        pooled = pool_tubes(
            [features.transpose(1, 2).flatten(0, 1)],
            clips,
            strides=(16,),
            config=PoolConfig(size=size),
        )
        ours = torch.unflatten(pooled, 0, (-1, length)).transpose(1, 2)
        agree(ours, golden[f"{case}_out{size}"][order])


def test_golden_pyramid_features() -> None:
    golden = arrays("roi_align")
    levels = [torch.from_numpy(golden[f"fpn_feat{level}"]) for level in (2, 3, 4, 5)]
    pool = PoolConfig(size=7, levels=4, level_rule="detectron")

    pooled = pool_tubes(
        levels, [tubes(golden["fpn_rois"][:, 1:])], strides=(4, 8, 16, 32), config=pool
    )

    agree(pooled, golden["fpn_out7"])


@pytest.mark.parametrize("name", names("tube_iou", r"T\d+_iou"))
def test_golden_tube_overlaps(name: str) -> None:
    golden, case = arrays("tube_iou"), name.removesuffix("_iou")

    ours = tube_iou(tubes(golden[f"{case}_a"]), tubes(golden[f"{case}_b"]), convention=LEGACY)

    agree(ours, golden[name])
