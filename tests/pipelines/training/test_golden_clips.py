"""Clips and tubes of the original program, made from the same annotations, in the golden folder.

The original's boxes have inclusive corners, a pixel less than ours at the right and bottom; its
joints are whole pixels. Head boxes are not compared: no network is trained on them.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from posetube import boxes as box
from posetube.datasets.annotated_video import AnnotatedVideo
from posetube.datasets.formats import posetrack18
from posetube.datasets.training.augment_places import flip
from posetube.datasets.training.clip_frames import ClipConfig, evaluation_clips, training_clips
from posetube.datasets.training.clip_reader import read_clip
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.models3d.training.targets import TubeTruth
from posetube.pipelines.training.tube_truth import truth_of_clip
from posetube.skeletons import POSETRACK15, POSETRACK17SLOTS, apply, convert

SHARED = Path(__file__).parents[3].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent; set POSETUBE_GOLDEN to the folder with the golden data",
)
INCLUSIVE = np.array([0, 0, 1, 1], np.float32)
Array = npt.NDArray[Any]


def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def settings(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def clip_lists() -> list[str]:
    path = FOLDER / "gt_tubes.json"
    return sorted(json.loads(path.read_text())["clips"]) if path.is_file() else []


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AnnotatedVideo]:
    """The annotated sequences, with grey pictures."""
    folder, content = tmp_path_factory.mktemp("golden"), settings("gt_tubes_annotations")
    for image in content["images"]:
        (folder / image["file_name"]).parent.mkdir(exist_ok=True)
        grey = np.full((image["height"], image["width"], 3), 90, np.uint8)
        cv2.imwrite(str(folder / image["file_name"]), grey)
    found = {}
    for name in dict.fromkeys(sequence_of(image["file_name"]) for image in content["images"]):
        images = [i for i in content["images"] if sequence_of(i["file_name"]) == name]
        file = folder / f"{name}.json"
        file.write_text(json.dumps({**content, "images": images}))
        tracks = posetrack18.read(file)
        found[name] = AnnotatedVideo(
            name=name, dataset="golden", tracks=tracks, metric="posetrack", media=folder
        )
    return found


def sequence_of(file_name: str) -> str:
    return Path(file_name).parent.name


def numbers(video: AnnotatedVideo) -> Array:
    """The number of each frame, from 1, as its picture is called; some are left out."""
    return np.array([int(Path(name).stem) for name in video.tracks.frames.names])


def truth_of(clip: LabelledClip) -> TubeTruth:
    return truth_of_clip(clip, skeleton=POSETRACK17SLOTS)


def flat(clip: LabelledClip) -> tuple[Array, Array, Array]:
    """Boxes (N, 4T), joints (N, 3, T * K) and presence (N, T) as the original has them."""
    truth = truth_of(clip)
    known = truth.known_joints.numpy() > 0
    joints = np.concatenate([truth.keypoints.numpy(), 2.0 * known[..., None]], axis=-1)
    joints = np.trunc(np.where(known[..., None], joints, 0))
    n, present = len(joints), truth.present.numpy()
    boxes = np.where(present[..., None], truth.boxes.numpy() - INCLUSIVE, 0)
    return boxes.reshape(n, -1), joints.reshape(n, -1, 3).transpose(0, 2, 1), present


def mirrored(clip: LabelledClip) -> LabelledClip:
    """Mirrored as the original does, which takes joints for whole pixels."""
    whole = flip(replace(clip, keypoints=np.trunc(clip.keypoints) + np.float32(0.5)))
    return replace(whole, keypoints=whole.keypoints - np.float32(0.5))


def agree(ours: Array, golden: Array) -> None:
    np.testing.assert_allclose(ours, golden, atol=1e-3)


@pytest.mark.parametrize("kind", ["frame", "flipped"])
def test_golden_people_of_single_frames(kind: str, videos: dict[str, AnnotatedVideo]) -> None:
    golden = arrays("gt_tubes")
    clips = [
        read_clip(video, [frame])
        for video in videos.values()
        for frame in range(len(video.tracks.frames))
    ]
    if kind == "flipped":
        clips = [mirrored(clip) for clip in clips]

    boxes, joints, present = zip(*(flat(clip) for clip in clips), strict=True)

    assert [len(rows) for rows in boxes] == golden["frame_counts"].tolist()
    assert all(rows.all() for rows in present)
    agree(np.concatenate(boxes), golden[f"{kind}_boxes"])
    agree(np.concatenate(joints), golden[f"{kind}_keypoints"])
    seen = [bool((rows[:, 2] > 0).any()) for rows in joints]
    assert seen == golden["frame_has_visible"].tolist()


@pytest.mark.parametrize("name", clip_lists())
def test_golden_clips_and_their_tubes(name: str, videos: dict[str, AnnotatedVideo]) -> None:
    golden, wanted = arrays("gt_tubes"), settings("gt_tubes")["clips"][name]
    length, stride, part = re.fullmatch(r"clip_T(\d+)_i(\d+)_(\w+)", name).groups()  # type: ignore[union-attr]
    config = ClipConfig(length=int(length), stride=int(stride), edges="drop")

    found = [
        (video, frames, flipped)
        for flipped in ([False] if part == "test" else [False, True])
        for video in videos.values()
        for frames in clips_of(video, config, part)
    ]

    assert [
        (video.name, numbers(video)[frames].tolist(), flipped) for video, frames, flipped in found
    ] == [(sequence_of(w["image"][0]), w["frame_ids"], w["flipped"]) for w in wanted]
    stops = np.cumsum(golden[f"{name}_counts"])[:-1]
    theirs = [np.split(golden[f"{name}_{k}"], stops) for k in ("boxes", "keypoints", "visible")]
    for (video, frames, flipped), *rows in zip(found, *theirs, strict=True):
        clip = read_clip(video, frames)
        ours = flat(mirrored(clip) if flipped else clip)
        order, reference = by_place(ours[0]), by_place(rows[0])
        for mine, other in zip(ours, rows, strict=True):
            agree(mine[order], other[reference])


def clips_of(video: AnnotatedVideo, config: ClipConfig, part: str) -> Array:
    """(N, T) places in the list of pictures; some of the video's frames are not in it."""
    place = np.full(numbers(video).max(), -1)
    place[numbers(video) - 1] = np.arange(len(numbers(video)))
    there = place >= 0
    if part == "test":
        clips = evaluation_clips(len(there), config, there=there)[there]
    else:
        posed = ~np.isnan(video.tracks.keypoints).all(axis=(1, 2))
        visible = np.zeros(len(there), np.bool_)
        visible[numbers(video)[video.tracks.frame[posed]] - 1] = True
        clips = training_clips(visible, visible, config)
    found: Array = place[clips]
    return found


def by_place(boxes: Array) -> Array:
    """An order of rows that does not depend on theirs."""
    return np.lexsort(boxes.round(2).T)


def test_golden_mirrored_joints() -> None:
    golden = arrays("keypoint_encode")
    joints = golden["keypoints"]
    known = joints[:, 2] > 0
    points = np.where(known[..., None], joints[:, :2].transpose(0, 2, 1), np.nan)
    width = int(golden["flip_width"])
    clip = LabelledClip(
        images=np.zeros((1, 4, width, 3), np.uint8),
        times=np.zeros(1),
        skeleton=POSETRACK17SLOTS,
        boxes=np.zeros((len(points), 1, 4), np.float32),
        keypoints=points[:, None].astype(np.float32),
        joint_states=(2 * known[:, None]).astype(np.uint8),
        ignore=np.zeros((0, 1, 4), np.float32),
    )

    ours = mirrored(clip)

    # nobody labels ears, which the original therefore leaves on their side
    labelled = [not joint.endswith("ear") for joint in POSETRACK17SLOTS.joints]
    theirs = golden["flipped"].transpose(0, 2, 1)[:, labelled]
    np.testing.assert_array_equal(ours.joint_states[:, 0, labelled] > 0, theirs[..., 2] > 0)
    seen = theirs[..., 2] > 0
    np.testing.assert_array_equal(ours.keypoints[:, 0, labelled][seen], theirs[..., :2][seen])


def test_golden_annotations_of_fifteen_joints() -> None:
    content = settings("convert_annotations")
    plan = convert(POSETRACK15, POSETRACK17SLOTS, derive=False)
    slots = [int(np.flatnonzero(column)[0]) for column in plan.weights.T]
    assert slots == content["permutation_posetrack15_to_17"]
    for person, golden in zip(content["input"], content["output"], strict=True):
        pose = np.array(person["pose15"], np.float64)
        known = pose[:, 2] == 2
        points, weights = apply(plan, np.where(known[:, None], pose[:, :2], np.nan), 2.0 * known)

        triples = np.nan_to_num(np.concatenate([points, weights[:, None]], axis=1))
        np.testing.assert_allclose(triples.ravel(), golden["keypoints"])
        # the original's box ends a pixel beyond the last joint
        around = box.around(np.concatenate([points, points + 1])[None], scale=1.2)[0]
        ours = np.nan_to_num(box.to_xywh(around))
        np.testing.assert_allclose(ours, golden["bbox"], atol=1e-6)
        assert ours[2] * ours[3] == pytest.approx(golden["area"])
