"""Stages of the original program, in every case of the golden folder; training's are elsewhere.

Clip lengths, counts, thresholds and sizes come from the arrays, their names and the JSON beside
them. What no file tells (the published network's anchor sizes, strides and box weights) is below.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.models3d.anchors import cell_anchors
from posetube.models3d.box_coding import areas, clip_boxes, decode_boxes
from posetube.models3d.box_head import BoxOutput, detect_people
from posetube.models3d.configs.people_heads import BoxHeadConfig, PoolConfig
from posetube.models3d.configs.proposal_heads import AnchorConfig, ProposalConfig
from posetube.models3d.heatmaps import decode_resized
from posetube.models3d.inflate import fit, inflate_kernel
from posetube.models3d.network_input import prepare
from posetube.models3d.preprocess import PreprocessConfig
from posetube.models3d.proposals import ProposalMaps, propose
from posetube.models3d.roi_align import levels_of, pool_tubes
from posetube.models3d.tube_choice import Proposals
from posetube.models3d.tube_nms import tube_iou, tube_nms

SHARED = Path(__file__).parents[2].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
)
LEGACY: Literal["detect-and-track"] = "detect-and-track"
SIZES = (64.0, 128.0, 256.0, 512.0)
STRIDE = 16
WEIGHTS = (10.0, 10.0, 5.0, 5.0)
MOST_PEOPLE = 8


def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def settings(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def names(name: str, pattern: str) -> list[str]:
    """The arrays of a golden file whose names follow a pattern."""
    if not (FOLDER / f"{name}.npz").is_file():
        return []
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return sorted(key for key in file.files if re.fullmatch(pattern, key))


STAGES = {
    "anchors": ("anchors", r"c4_T\d+|fpn_l\d"),
    "decoded boxes": ("boxes", r"dec_T\d+_boxes"),
    "pyramid levels": ("boxes", r"lvl_T\d+_rois"),
    "areas": ("boxes", r"area_T\d+"),
    "kernels": ("inflate", r"conv_k\d+_.*"),
    "tiled weights": ("inflate", r"(fc|bias|deconv)_(tile|notile)(?!_target).*"),
    "suppression": ("nms", r"(tube_T\d+|box|tie_tube|tie_box)_keep_\d+"),
    "detections": ("nms", r"results_T\d+_out"),
    "network input": ("preprocess", r"in\d+"),
    "proposals": ("proposals", r"(c4|fpn\d)_rois"),
    "tube features": ("roi_align", r"T\d+_feat"),
    "tube overlaps": ("tube_iou", r"T\d+_iou"),
}
"""Golden file and names of the arrays that are one case each."""


def cases(stage: str) -> pytest.MarkDecorator:
    """One test per case."""
    return pytest.mark.parametrize("name", names(*STAGES[stage]))


@pytest.mark.parametrize("stage", STAGES)
def test_golden_stages_are_there(stage: str) -> None:
    file, pattern = STAGES[stage]

    assert names(file, pattern), f"{FOLDER / file}.npz holds no array {pattern}"


def tubes(flat: Any) -> Tensor:
    """(N, 4T) to (N, T, 4)."""
    return torch.unflatten(torch.from_numpy(np.asarray(flat, np.float32)), 1, (-1, 4))


def agree(ours: Tensor, golden: Any, *, tolerance: float = 1e-5) -> None:
    """Compare to a fraction of the largest value."""
    assert tuple(ours.shape) == golden.shape
    largest = float(np.abs(golden).max(initial=0))
    np.testing.assert_allclose(ours.numpy(), golden, rtol=0, atol=tolerance * largest)


@cases("anchors")
def test_golden_anchors(name: str) -> None:
    golden = arrays("anchors")[name]
    if name.startswith("fpn"):
        level = int(name[-1])
        config = AnchorConfig(sizes=((8.0 * 2**level,),), layout="detectron")
        ours = cell_anchors(config, level=0, stride=2**level)
    else:
        config = AnchorConfig(sizes=(SIZES,), layout="detectron")
        ours = cell_anchors(config, level=0, stride=STRIDE).repeat(1, golden.shape[1] // 4)

    assert ours.tolist() == golden.tolist()


def test_golden_anchors_of_other_sizes() -> None:
    custom = settings("anchors")["custom"]
    config = AnchorConfig(
        sizes=(tuple(custom["sizes"]),), ratios=tuple(custom["ratios"]), layout="detectron"
    )

    ours = cell_anchors(config, level=0, stride=custom["stride"]).repeat(1, custom["T"])

    assert ours.tolist() == arrays("anchors")[f"custom_T{custom['T']}"].tolist()


@cases("decoded boxes")
def test_golden_decoded_boxes(name: str) -> None:
    golden, case = arrays("boxes"), name.removesuffix("_boxes")
    boxes = tubes(golden[name])
    deltas = torch.from_numpy(golden[f"{case}_deltas"])
    per_class = deltas.view(len(boxes), -1, boxes.shape[1], 4)

    one = decode_boxes(per_class[:, 0], boxes, convention=LEGACY)
    both = decode_boxes(per_class, boxes[:, None], weights=WEIGHTS, convention=LEGACY)

    agree(one.flatten(1), golden[f"{case}_out_rpn"])
    agree(both.flatten(1), golden[f"{case}_out_head"])
    [clipped] = names("boxes", case.replace("dec", "clip") + r"_out_\d+x\d+")
    height, width = (int(side) for side in clipped.rsplit("_", 1)[1].split("x"))
    inside = clip_boxes(both, height=height, width=width, convention=LEGACY)
    agree(inside.flatten(1), golden[clipped])


@cases("pyramid levels")
def test_golden_pyramid_levels(name: str) -> None:
    golden = arrays("boxes")
    rois = tubes(golden[name])
    pool = PoolConfig(size=7, levels=4, level_rule="detectron")

    level = levels_of(rois, config=pool, finest=2) + 2

    assert level.tolist() == golden[name.replace("rois", "out")].tolist()


@cases("areas")
def test_golden_areas(name: str) -> None:
    golden = arrays("boxes")
    rois = tubes(golden[name.replace("area", "enc") + "_ex"])

    agree(areas(rois, "inclusive").mean(dim=1), golden[name])


@cases("kernels")
def test_golden_inflated_kernels(name: str) -> None:
    golden = arrays("inflate")
    _, length, mode = name.split("_")
    modes: dict[str, Any] = {"center-only": "center", "mean-repeat": "mean", "repeat": "repeat"}

    ours = inflate_kernel(
        torch.from_numpy(golden["conv_src"]), int(length.removeprefix("k")), mode=modes[mode]
    )

    agree(ours, golden[name], tolerance=1e-7)


@cases("tiled weights")
def test_golden_tiled_weights(name: str) -> None:
    golden, kind = arrays("inflate"), name.split("_")[0]
    source = torch.from_numpy(golden[f"{kind}_src"])
    target = torch.zeros(golden[name].shape)
    if "notile" in name:
        target = torch.from_numpy(golden[f"{kind}_notile_target"])

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


@cases("suppression")
def test_golden_suppression(name: str) -> None:
    golden = arrays("nms")
    case, threshold = name.split("_keep_")
    found = golden[f"{case}_dets"]
    flat = "box" in case
    scores = torch.from_numpy(found[:, -1])

    kept = tube_nms(
        tubes(found[:, :-1])[None],
        scores[None],
        threshold=int(threshold) / 100,
        convention=LEGACY,
        suppress="at" if flat else "above",
    )[0]

    order = scores.argsort(descending=True, stable=True)
    ours = kept.nonzero()[:, 0] if flat else order[kept[order]]
    assert ours.tolist() == golden[name].tolist()


@cases("detections")
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
        max_people=MOST_PEOPLE,
        min_size=0,
        convention="inclusive",
        nms_suppresses="at" if length == 1 else "above",
        order="proposal" if length == 1 else "score",
    )

    # boxes that need no regression any more, moved to where no border cuts them
    proposals = Proposals(people[None] + 1024, scores[None, :, 1], torch.ones(1, len(people)) > 0)
    found = detect_people(
        head, proposals, size=(4096, 4096), config=config, to_picture=lambda boxes: boxes
    )

    [taken] = found.taken
    ours = torch.cat([found.boxes[0].flatten(1) - 1024, found.scores[0, :, None]], dim=1)[taken]
    agree(ours, golden[name])


@cases("network input")
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


def as_maps(probabilities: Any, deltas: Any, *, stride: int, config: AnchorConfig) -> ProposalMaps:
    """The original's outputs of one level, as our head would have said them."""
    _, count, rows, columns = probabilities.shape
    length = deltas.shape[1] // (4 * count)
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


def maps_of(case: str) -> ProposalMaps:
    """What the original's head said of one level: ``c4``, or ``fpn`` and its number."""
    golden = arrays("proposals")
    stride = STRIDE if case == "c4" else 2 ** int(case[3:])
    sizes = SIZES if case == "c4" else (8.0 * stride,)
    config = AnchorConfig(sizes=(sizes,), layout="detectron")
    probabilities, deltas = golden[f"{case}_probs"], golden[f"{case}_deltas"]
    return as_maps(probabilities, deltas, stride=stride, config=config)


def proposed(maps: ProposalMaps) -> tuple[Tensor, Tensor]:
    """Rois and scores, filtered with the golden file's settings."""
    options = settings("proposals")
    height, width, scale = (float(number) for number in arrays("proposals")["c4_im_info"][0])
    config = ProposalConfig(
        anchors=AnchorConfig(sizes=(SIZES,)),  # those of the maps count
        before_nms=options["RPN_PRE_NMS_TOP_N"],
        after_nms=options["RPN_POST_NMS_TOP_N"],
        nms=options["RPN_NMS_THRESH"],
        min_size=options["RPN_MIN_SIZE"] * scale,
        convention=LEGACY,
        nms_suppresses="at" if maps.deltas.shape[2] == 1 else "above",
    )
    size = (int(height), int(width))
    [(rois, scores)] = propose(maps, size=size, padded=size, config=config).per_clip()
    return rois.flatten(1), scores[:, None]


@cases("proposals")
def test_golden_proposals(name: str) -> None:
    golden, case = arrays("proposals"), name.removesuffix("_rois")

    rois, scores = proposed(maps_of(case))

    agree(rois, golden[name][:, 1:])
    agree(scores, golden[f"{case}_roi_probs"])


def test_golden_proposals_of_all_levels() -> None:
    golden = arrays("proposals")
    levels = [maps_of(name.removesuffix("_probs")) for name in names("proposals", r"fpn\d_probs")]
    together = ProposalMaps(
        objectness=torch.cat([level.objectness for level in levels], dim=1),
        deltas=torch.cat([level.deltas for level in levels], dim=1),
        anchors=torch.cat([level.anchors for level in levels]),
        counts=tuple(count for level in levels for count in level.counts),
    )

    rois, _ = proposed(together)

    agree(rois, golden["fpn_collected_rois"][:, 1:])
    pool = PoolConfig(size=7, levels=4, level_rule="detectron")
    level = levels_of(tubes(rois), config=pool, finest=2) + 2
    for name in names("proposals", r"fpn_level_rois_\d"):
        agree(rois[level == int(name[-1])], golden[name][:, 1:])
    assert level.argsort(stable=True).argsort().tolist() == golden["fpn_restore"].tolist()


@cases("tube features")
def test_golden_tube_features(name: str) -> None:
    golden, case = arrays("roi_align"), name.removesuffix("_feat")
    features, rois = torch.from_numpy(golden[name]), golden[f"{case}_rois"]
    length = features.shape[2]
    clips = [tubes(rois[rois[:, 0] == clip][:, 1:]) for clip in range(len(features))]
    order = np.argsort(rois[:, 0], kind="stable")
    outputs = names("roi_align", case + r"_out\d+")
    assert outputs
    for output in outputs:
        pooled = pool_tubes(
            [features.transpose(1, 2).flatten(0, 1)],
            clips,
            strides=(STRIDE,),
            config=PoolConfig(size=golden[output].shape[-1]),
        )
        ours = torch.unflatten(pooled, 0, (-1, length)).transpose(1, 2)
        agree(ours, golden[output][order])


def test_golden_pyramid_features() -> None:
    golden = arrays("roi_align")
    features = names("roi_align", r"fpn_feat\d")
    strides = [2 ** int(name[-1]) for name in features]
    rois = tubes(golden["fpn_rois"][:, 1:])
    [output] = names("roi_align", r"fpn_out\d+")
    size = golden[output].shape[-1]
    pool = PoolConfig(size=size, levels=len(features), level_rule="detectron")

    pooled = pool_tubes(
        [torch.from_numpy(golden[name]) for name in features], [rois], strides=strides, config=pool
    )

    agree(pooled, golden[output])
    finest = int(features[0][-1])
    level = levels_of(rois, config=pool, finest=finest)
    assert (level + finest).tolist() == golden["fpn_levels"].tolist()
    assert level.argsort(stable=True).argsort().tolist() == golden["fpn_restore"].tolist()


@cases("tube overlaps")
def test_golden_tube_overlaps(name: str) -> None:
    golden, case = arrays("tube_iou"), name.removesuffix("_iou")

    ours = tube_iou(tubes(golden[f"{case}_a"]), tubes(golden[f"{case}_b"]), convention=LEGACY)

    agree(ours, golden[name])
