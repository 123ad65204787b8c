"""The original's whole networks, every stored stage, in every case of the golden folder.

What a case's network looks like follows from its settings and the shapes of its weights alone.
"""

import json
import os
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posetube.models3d.box_coding import LARGEST_LOG_SCALE, clip_boxes, decode_boxes
from posetube.models3d.checkpoints.convert_detectron import from_detectron
from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig
from posetube.models3d.features import ClipFeatures
from posetube.models3d.inflate import Inflation, inflate
from posetube.models3d.network_input import prepare
from posetube.models3d.preprocess import Geometry
from posetube.models3d.presets import detect_and_track_r18, detect_and_track_r101
from posetube.models3d.proposals import ProposalMaps, propose
from posetube.models3d.roi_align import CANONICAL_SIZE, CANONICAL_STRIDE_LOG2, levels_of
from posetube.models3d.tube_rcnn import Found, TubeRCNN
from posetube.skeletons import SKELETONS, Skeleton

SHARED = Path(__file__).parents[2].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "network"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not FOLDER.is_dir(),
        reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
    ),
]
CASES = sorted(path.stem for path in FOLDER.glob("*.npz"))
STORED = {
    case: sorted(set(np.load(FOLDER / f"{case}.npz", allow_pickle=False).files)) for case in CASES
}
INPUTS = {"frames", "im_scale", "keyps_gap"}
"""Arrays that are no output of a stage."""

TOLERANCE = 1e-4
NAMELESS = "nameless"
CLOSE_CALL = 1e-4
"""A joint whose two highest pixels are nearer than this, in logits, may be off by a pixel."""

INFLATIONS: dict[str, Inflation] = {
    "center-only": "center",
    "mean-repeat": "mean",
    "repeat": "repeat",
}
FIXED = {
    "BBOX_XFORM_CLIP": LARGEST_LOG_SCALE,
    "FPN_ROI_MIN_LEVEL": 2,
    "FPN_RPN_MIN_LEVEL": 2,
    "FPN_RPN_MAX_LEVEL": 6,
    "NUM_CLASSES": 2,
    "ROI_CANONICAL_LEVEL": CANONICAL_STRIDE_LOG2,
    "ROI_CANONICAL_SCALE": CANONICAL_SIZE,
    "RPN_STRIDE": 16,
}
"""Settings that this network knows no other value of."""


def blob(name: str, recipe: dict[str, Any], salt: str) -> Any:
    """One blob of weights, from its name, as the golden folder's README prescribes."""
    shape = tuple(recipe["shape"])
    if recipe["kind"] == "zero":
        return np.zeros(shape, np.float32)
    if recipe["kind"] == "bilinear":
        kernel = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])
        return (np.eye(shape[0])[:, :, None, None] * kernel).astype(np.float32)
    random = np.random.RandomState(zlib.crc32((salt + name).encode()))
    numbers = random.random_sample(int(np.prod(shape)))
    centre = np.asarray(recipe["c"], np.float64).reshape(-1)
    values = centre + recipe["a"] * (2 * numbers - 1)
    weights = values.astype("<f4").reshape(shape)
    assert zlib.crc32(np.ascontiguousarray(weights).tobytes()) == recipe["crc32"], name
    return weights


def config_of(meta: dict[str, Any]) -> AnchorRCNNConfig:
    """The habits of a published preset, with a case's settings; a missing one is a KeyError."""
    settings, shapes = meta["settings"], {n: t["shape"] for n, t in meta["params"].items()}
    for name, value in FIXED.items():
        assert settings[name] == pytest.approx(value), f"{name} other than {value} is not built"
    pyramid, video = settings["FPN_ON"], settings["VIDEO_ON"]
    length = settings["NUM_FRAMES"] if video else 1
    if length > 1 and settings["BODY_HEAD_LINK"]:
        pytest.skip(f"heads on {settings['BODY_HEAD_LINK']!r} of {length} frames are not built")
    config = detect_and_track_r101() if pyramid else detect_and_track_r18()

    def time(pattern: str, part: str) -> int:
        """Of a kernel with a time axis; 4-D weights are inflated to what the settings say."""
        shape = next(shapes[name] for name in shapes if re.fullmatch(pattern, name))
        grown = settings["TIME_KERNEL_DIM"][part] if video else 1
        return int(shape[2] if len(shape) == 5 else grown)

    assert isinstance(config.body, ResNetConfig)
    depth: Any = int(re.findall(r"ResNet(\d+)_", settings["CONV_BODY"])[0])
    moving = [time(rf"res{stage}_0_branch2b_w", "BODY") for stage in (3, 4, 5)[: 2 + pyramid]]
    times: Any = (1, 1, *moving, 1)[:5]
    suppress: Any = "at" if length == 1 else "above"
    pools = {
        part: replace(
            getattr(config, part).pool,
            size=settings[f"{prefix}ROI_XFORM_RESOLUTION"],
            samples=settings[f"{prefix}SAMPLING_RATIO"],
            levels=settings["FPN_ROI_MAX_LEVEL"] - 1 if pyramid else 1,
        )
        for part, prefix in (("box_head", ""), ("keypoint_head", "KRCNN_"))
    }
    neck_time = time(r"fpn_res2_\d+_sum_w", "BODY") if pyramid else 1
    return replace(
        config,
        skeleton=NAMELESS,
        clip_length=length,
        preprocess=replace(
            config.preprocess,
            short_side=settings["TEST_SCALES"][0],
            long_side=settings["TEST_MAX_SIZE"],
            mean=tuple(settings["PIXEL_MEANS_BGR"]),
            pad_multiple=settings["COARSEST_STRIDE"] if pyramid else 1,
        ),
        body=replace(config.body, depth=depth, times=times, stride_in_1x1=settings["STRIDE_1X1"]),
        neck=FPNConfig(channels=settings["FPN_DIM"], time=neck_time) if pyramid else config.neck,
        proposals=replace(
            config.proposals,
            anchors=replace(
                config.proposals.anchors,
                sizes=_anchor_sizes(settings),
                ratios=tuple(settings["RPN_ASPECT_RATIOS"]),
            ),
            time=time(r"conv_rpn(_fpn2)?_w", "HEAD_RPN"),
            before_nms=settings["RPN_PRE_NMS_TOP_N"],
            after_nms=settings["RPN_POST_NMS_TOP_N"],
            nms=settings["RPN_NMS_THRESH"],
            # the original measures it in the picture, we in the network's input
            min_size=settings["RPN_MIN_SIZE"] * meta["im_scale"],
            nms_suppresses=suppress,
        ),
        box_head=replace(
            config.box_head,
            pool=pools["box_head"],
            hidden=settings["MLP_HEAD_DIM"] if pyramid else None,
            weights=tuple(settings["BBOX_REG_WEIGHTS"]),
            min_score=settings["SCORE_THRESH"],
            nms=settings["NMS"],
            max_people=settings["DETECTIONS_PER_IM"],
            order="proposal" if length == 1 else "score",
            nms_suppresses=suppress,
        ),
        keypoint_head=replace(
            config.keypoint_head,
            pool=pools["keypoint_head"],
            joints=settings["NUM_KEYPOINTS"],
            channels=settings["CONV_HEAD_DIM"],
            depth=settings["NUM_STACKED_CONVS"],
            time=time("conv_fcn1_w", "HEAD_KPS") if "_3d" in settings["KPS_HEAD"] else 1,
        ),
    )


def _anchor_sizes(settings: dict[str, Any]) -> tuple[tuple[float, ...], ...]:
    first = settings["FPN_RPN_ANCHOR_START_SIZE"]
    pyramid = tuple((first * 2.0**level,) for level in range(5))
    return pyramid if settings["FPN_ON"] else (tuple(settings["RPN_SIZES"]),)


class Seen(NamedTuple):
    """What a run left behind."""

    stages: dict[str, Tensor]
    """What our modules put out, by their names."""

    pixels: Tensor
    geometry: Geometry
    maps: ProposalMaps
    rois: Tensor
    probabilities: Tensor
    found: Found


class Run:
    """One case: our network on its frames, and its stages under the original's names."""

    def __init__(self, case: str) -> None:
        self.meta = json.loads((FOLDER / f"{case}.json").read_text())
        with np.load(FOLDER / f"{case}.npz", allow_pickle=False) as file:
            self.golden: dict[str, Any] = dict(file)
        scale = float(self.golden["im_scale"][0])
        # what the joints are called matters to no number
        joints = map(str, range(self.meta["settings"]["NUM_KEYPOINTS"]))
        nameless = Skeleton(name=NAMELESS, joints=tuple(joints))
        with patch.dict(SKELETONS, {NAMELESS: nameless}):
            config = config_of({**self.meta, "im_scale": scale})
        self.network = TubeRCNN(config).eval()
        self.length = self.network.clip_length
        self._fill(case)
        with torch.no_grad():
            self.seen = self._look()

    def _fill(self, case: str) -> None:
        salt, table = self.meta["salt"], self.meta["params"]
        blobs = {name: blob(name, recipe, salt) for name, recipe in table.items()}
        found = from_detectron({name: torch.from_numpy(array) for name, array in blobs.items()})
        assert {name for name in found.unused if not name.startswith("kps_score")} == set()
        mode = INFLATIONS[self.meta["settings"].get("WEIGHTS_INFLATE_MODE", "center-only")]
        own = self.network.state_dict()
        fitted = inflate(found.parameters, own, mode=mode)
        misfits = {found.sources[name] for name, weight in fitted.items() if weight is own[name]}
        assert misfits == set(), f"{case}: the settings ask for other shapes of these blobs"
        self.network.load_state_dict(fitted)  # all of its weights, or an error

    def _look(self) -> Seen:
        stages: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                stages.setdefault(name, output)

            return hook

        for name, module in self.network.named_modules():
            if name:
                module.register_forward_hook(keep(name))
        frames = np.ascontiguousarray(self.golden["frames"][..., ::-1])
        pixels, geometry = prepare(frames, self.network.config.preprocess)
        found = self.network.find(self.network.frame_part(pixels), geometry)
        levels = self.network.clip_part(self.network.frame_part(pixels), self.length).levels
        stages |= {f"level.{index}": level for index, level in enumerate(levels)}
        maps = self.network.proposals.maps(levels, length=self.length, padded=geometry.padded)
        [(rois, probabilities)] = propose(
            maps,
            size=geometry.resized,
            padded=geometry.padded,
            config=self.network.proposals.config,
        ).per_clip()
        return Seen(stages, pixels, geometry, maps, rois, probabilities, found)

    def stage(self, name: str) -> Tensor:
        """The original's blob of that name, from ours."""
        if found := re.fullmatch(r"res([2-5])_\d+_sum", name):
            stage = f"body.stages.{int(found[1]) - 1}"
            in_head = stage not in self.seen.stages
            return self._video(self.seen.stages["box_head.body.stage" if in_head else stage])
        if found := re.fullmatch(r"fpn_res([2-5])_\d+_sum(_subsampled_2x)?(_slicekey)?", name):
            level = int(found[1]) - 2 + bool(found[2])
            return self._video(self.seen.stages[f"level.{level}"])
        if found := re.fullmatch(r"conv_fcn(\d+)", name):
            hidden = self.seen.stages[f"keypoint_head.convs.{int(found[1]) - 1}"].relu()
            return self._video(hidden)
        if found := re.fullmatch(r"rpn_(rois|roi_probs)_fpn(\d)", name):
            return self._of_level(int(found[2]) - 2, found[1])
        if found := re.fullmatch(r"(conv_rpn|rpn_cls_logits|rpn_bbox_pred)(?:_fpn(\d))?", name):
            return self._of_proposal_head(found[1], int(found[2] or 2) - 2)
        return self._other(name)

    def _other(self, name: str) -> Tensor:
        seen, stages = self.seen, self.seen.stages
        boxes, scores = seen.found.people.boxes[0], seen.found.people.scores[0]
        judged: Any = stages["box_head"]
        on_network = seen.geometry.to_network(boxes)
        simple: dict[str, Callable[[], Tensor]] = {
            "data": lambda: self._video(seen.pixels),
            "pool1": lambda: self._video(stages["body.stages.0"]),
            "rois": lambda: self._rois(seen.rois),
            "rois_idx_restore_int32": lambda: self._restore(seen.rois),
            "rpn_roi_probs": lambda: seen.probabilities[:, None],
            "pool5": lambda: self._video(self._pooled(seen.rois, "box")),
            "roi_feat": lambda: self._video(self._pooled(seen.rois, "box")),
            "roi_feat_tc": lambda: self._pooled(seen.rois, "box"),
            "res5_pool": lambda: self._video(stages["box_head.body"][:, :, None, None]),
            "fc6": lambda: stages["box_head.body.fc1"].relu(),
            "fc7": lambda: stages["box_head.body.fc2"].relu(),
            "cls_score": lambda: judged.tube_logits,
            "cls_prob": lambda: judged.tube_logits.softmax(dim=1),
            "pred_scores": lambda: judged.tube_logits.softmax(dim=1),
            "bbox_pred": lambda: judged.deltas.transpose(1, 2).flatten(1),
            "pred_boxes": lambda: self._decoded(judged.deltas),
            "cls_boxes": lambda: torch.cat([boxes.flatten(1), scores[:, None]], 1),
            "keypoint_rois": lambda: self._rois(on_network),
            "kps_score": lambda: seen.found.heatmaps[0].flatten(1, 2),
            "kps_score_lowres": lambda: stages["keypoint_head.up"],
            "keyps": self._keypoints,
            "pose_roi_feat": lambda: self._video(self._pooled(on_network, "keypoint")),
            "pose_roi_feat_tc": lambda: self._pooled(on_network, "keypoint"),
        }
        assert name.removesuffix("_f16") in simple, f"{name}: which stage of ours is this?"
        return simple[name.removesuffix("_f16")]()

    def _of_proposal_head(self, name: str, level: int) -> Tensor:
        levels = [self.seen.stages[f"level.{level}"]]
        if name == "conv_rpn":
            return self._video(self.network.proposals.conv(levels[0], self.length).relu())
        objectness, deltas = self.network.proposals(levels, self.length)
        if name == "rpn_cls_logits":
            return self._by_person(objectness[0]).mean(dim=1)
        split = torch.unflatten(deltas[0], 1, (-1, 4))
        return self._by_person(split).transpose(1, 2).flatten(1, 3)

    def _of_level(self, level: int, wanted: str) -> Tensor:
        maps, geometry = self.seen.maps, self.seen.geometry
        counts = list(maps.counts)
        objectness = torch.split(maps.objectness, counts, dim=1)[level]
        deltas = torch.split(maps.deltas, counts, dim=1)[level]
        anchors = torch.split(maps.anchors, counts)[level]
        one = ProposalMaps(objectness, deltas, anchors, (counts[level],))
        config = self.network.proposals.config
        [(rois, scores)] = propose(
            one, size=geometry.resized, padded=geometry.padded, config=config
        ).per_clip()
        return self._rois(rois) if wanted == "rois" else scores[:, None]

    def _pooled(self, tubes: Tensor, head: str) -> Tensor:
        levels: Any = [
            self.seen.stages[f"level.{index}"] for index in range(len(self.seen.maps.counts))
        ]
        features = ClipFeatures(levels, self.network.neck.strides, self.length)
        if head == "box":
            pooled: Tensor = self.network.box_head.pool(features, [tubes])
        else:
            pooled = self.network.keypoint_head.pool(features, [tubes])
        return pooled

    def _decoded(self, deltas: Tensor) -> Tensor:
        config, geometry = self.network.box_head.config, self.seen.geometry
        boxes: Tensor = decode_boxes(
            deltas.transpose(1, 2),
            geometry.to_picture(self.seen.rois)[:, None],
            weights=config.weights,
            convention=config.convention,
        )
        height, width = geometry.picture
        boxes = clip_boxes(boxes, height=height, width=width, convention=config.convention)
        return boxes.flatten(1)

    def _keypoints(self) -> Tensor:
        joints = self.seen.found.joints
        columns = [joints.positions, joints.logits[..., None], joints.scores[..., None]]
        return torch.cat(columns, dim=-1)[0].permute(0, 3, 1, 2).flatten(2)

    def _restore(self, rois: Tensor) -> Tensor:
        """Where in the list sorted by pyramid level each roi is."""
        level = levels_of(rois, config=self.network.box_head.config.pool, finest=2)
        return level.argsort(stable=True).argsort()

    def _video(self, maps: Tensor) -> Tensor:
        """(n * T, C, h, w) to (n, C, T, h, w)."""
        return self._by_person(maps).transpose(1, 2)

    def _by_person(self, rows: Tensor) -> Tensor:
        return torch.unflatten(rows, 0, (-1, self.length))

    def _rois(self, tubes: Tensor) -> Tensor:
        return torch.cat([torch.zeros(len(tubes), 1), tubes.flatten(1)], dim=1)


@cache
def run(case: str) -> Run:
    return Run(case)


def cut(array: Tensor, text: str | None) -> Tensor:
    """Apply a slice as the golden JSON writes it: ``[:, ::8]``."""
    if text is None:
        return array
    steps = [
        slice(*(int(part) if part else None for part in piece.split(":")))
        for piece in text.strip("[]").split(",")
        for piece in [piece.strip()]
    ]
    return array[tuple(steps)]


def test_golden_network_cases_are_there() -> None:
    recipes = {path.stem for path in FOLDER.glob("*.json")}

    assert CASES, f"{FOLDER} holds no case"
    assert recipes == set(CASES), "every case is a .npz and a .json of the same name"


@pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for case in CASES for name in STORED[case] if name not in INPUTS],
)
def test_golden_network_stage(case: str, name: str) -> None:
    golden = run(case).golden[name]
    entry = run(case).meta["arrays"][name]

    with torch.no_grad():
        ours = run(case).stage(name)

    # a still network of the original has no time axis
    if ours.ndim == golden.ndim + 1:
        ours = ours.squeeze(2)
    ours = cut(ours, entry.get("slice"))
    assert tuple(ours.shape) == golden.shape
    if name == "keyps":
        sure = run(case).golden["keyps_gap"] > CLOSE_CALL
        offset = np.abs(ours.numpy() - golden)
        assert (offset[:, :2].max(axis=1, initial=0) * sure).max(initial=0) < 0.01
        ours, golden = ours[:, 2:], golden[:, 2:]
    tolerance = 5e-4 if golden.dtype == np.float16 else TOLERANCE
    largest = np.abs(golden).max(initial=0)
    np.testing.assert_allclose(ours.numpy(), golden, rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize("case", CASES)
def test_golden_network_resizes_as_the_original(case: str) -> None:
    scale = run(case).seen.geometry.scale[0]

    assert scale == pytest.approx(float(run(case).golden["im_scale"][0]))
