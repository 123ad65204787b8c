"""The embedded model by ONNX Runtime: it finds what the torch modules find."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from posetube.errors import InputError, WeightsError
from posetube.models3d import TubeRCNN, load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.packed_maps import unpack
from posetube.models3d.quality import with_quality
from posetube.models3d.refiners.evidence import evidence_of
from posetube.models3d.runtimes.graph_export import export_graphs
from posetube.models3d.runtimes.graph_files import GRAPHS, MANY_SIZES, graph_file, has_graphs
from posetube.models3d.runtimes.loading import load_onnx_network
from posetube.models3d.runtimes.onnx_network import OnnxNetwork
from posetube.network import BoxNetwork, HeatmapNetwork, Network, Quality
from posetube.structures import ByteArray, PoseTubes
from tests.models3d.small_networks import small_tiny

WEIGHTS = Path(__file__).parents[3] / "models3d" / "weights" / "tiny.safetensors"
COLUMNS = {"boxes": 0.01, "keypoints": 0.1, "scores": 1e-3, "keypoint_scores": 2e-3}
"""How far the two runtimes may differ. Joints and scores: where a map is flat, the least rounding
moves its highest cell; heatmaps are compared more closely below."""


@pytest.fixture(scope="module")
def by_torch() -> TubeRCNN:
    return load_network("tiny")


@pytest.fixture(scope="module")
def by_onnx() -> OnnxNetwork:
    return load_onnx_network(WEIGHTS)


def photograph(samples: Path, name: str) -> ByteArray:
    """(1, H, W, 3) RGB."""
    picture = cv2.imread(str(samples / "tiny_coco" / "train2017" / name))
    assert picture is not None
    return np.ascontiguousarray(picture[None, ..., ::-1]).astype(np.uint8)


def blurred_noise(height: int, width: int) -> ByteArray:
    """(1, H, W, 3): smooth as pictures are, with boxes to look at but nobody in them."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 20, width // 20, 3))
    whole = cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(whole, np.uint8)[None]


def detected(network: Network, image: ByteArray) -> PoseTubes:
    return network.detect_features(network.encode(image, embeddings=True), [7])


def agree(ours: PoseTubes, theirs: PoseTubes) -> None:
    assert len(ours) == len(theirs)
    for name, tolerance in COLUMNS.items():
        found, wanted = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance, err_msg=name)
    assert (ours.embeddings is None) == (theirs.embeddings is None)
    if ours.embeddings is not None and theirs.embeddings is not None:
        np.testing.assert_allclose(ours.embeddings, theirs.embeddings, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_it_finds_the_people_that_torch_finds(
    samples: Path, by_torch: TubeRCNN, by_onnx: OnnxNetwork
) -> None:
    found = 0
    for file in sorted((samples / "tiny_coco" / "train2017").glob("*.jpg"))[:3]:
        image = photograph(samples, file.name)
        ours, theirs = detected(by_onnx, image), detected(by_torch, image)
        agree(ours, theirs)
        assert ours.embeddings is not None
        assert ours.frames.tolist() == [7]
        found += len(ours)

    assert found > 0


BOXES = np.array([[[40.0, 30, 130, 210]], [[-20, 5, 60, 90]], [[150, 100, 420, 260]]], np.float32)
"""In the picture, reaching out of it, larger than it is."""


@pytest.mark.slow
@pytest.mark.parametrize("flip", [False, True])
def test_joints_and_heatmaps_of_given_boxes_are_those_of_torch(
    by_torch: TubeRCNN, by_onnx: OnnxNetwork, flip: bool
) -> None:
    theirs = with_quality(by_torch, quality="normal", flip=flip)
    ours = load_onnx_network(WEIGHTS, flip=True) if flip else by_onnx
    assert isinstance(theirs, TubeRCNN)
    scores = np.array([0.9, 0.5, 1], np.float32)
    image = blurred_noise(240, 320)
    kept = ours.encode(image), theirs.encode(image)

    agree(
        ours.find_joints(kept[0], [0], tubes=BOXES, scores=scores),
        theirs.find_joints(kept[1], [0], tubes=BOXES, scores=scores),
    )
    drawn, wanted = ours.heatmaps(kept[0], BOXES), theirs.heatmaps(kept[1], BOXES)
    np.testing.assert_allclose(np.exp(drawn.logits), np.exp(wanted.logits), rtol=0, atol=1e-4)
    np.testing.assert_allclose(drawn.regions, wanted.regions, rtol=0, atol=0.01)
    keeping = ours.encode(image, heatmaps=True)
    packed = ours.find_joints(keeping, [0], tubes=BOXES, scores=scores).heatmaps
    assert packed is not None
    for kept, evidence in zip(packed[:, 0], evidence_of(drawn)[:, 0], strict=True):
        np.testing.assert_allclose(unpack(kept).evidence, evidence, atol=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("quality", ["fast", "best"])
def test_every_quality_is_that_of_torch(
    by_torch: TubeRCNN, samples: Path, quality: Quality
) -> None:
    image = photograph(samples, "000000005802.jpg")
    ours = load_onnx_network(WEIGHTS, quality=quality)
    theirs = with_quality(by_torch, quality=quality, flip=False)

    agree(detected(ours, image), detected(theirs, image))


def test_it_keeps_the_promises_of_a_network(by_onnx: OnnxNetwork, by_torch: TubeRCNN) -> None:
    given: BoxNetwork = by_onnx
    known: HeatmapNetwork = by_onnx

    assert given.clip_length == known.clip_length == 1
    assert by_onnx.skeleton == by_torch.skeleton
    assert by_onnx.info == by_torch.info


def test_nobody_is_an_answer(by_onnx: OnnxNetwork) -> None:
    kept = by_onnx.encode(np.full((1, 64, 96, 3), 90, np.uint8), embeddings=True)
    none = np.zeros((0, 1, 4), np.float32)

    found = by_onnx.detect_features(kept, [0])
    given = by_onnx.find_joints(kept, [0], tubes=none, scores=np.zeros(0, np.float32))

    assert len(found) == len(given) == 0
    assert given.keypoints.shape == (0, 1, 19, 2)
    assert by_onnx.heatmaps(kept, none).logits.shape == (0, 1, 19, 64, 48)


def test_threads_may_share_it(by_onnx: OnnxNetwork) -> None:
    images = [np.roll(blurred_noise(120, 160), 10 * turn, axis=2) for turn in range(6)]
    boxes, scores = BOXES[:1], np.ones(1, np.float32)

    def joints(image: ByteArray) -> PoseTubes:
        return by_onnx.find_joints(by_onnx.encode(image), [0], tubes=boxes, scores=scores)

    alone = [joints(image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(joints, images))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)


@pytest.mark.parametrize(
    ("tubes", "frames", "message"),
    [
        (np.zeros((2, 3, 4)), [0], r"tubes: expected \(N, 1, 4\), got \(2, 3, 4\)"),
        (np.full((2, 1, 4), np.inf), [0], "tubes: expected finite boxes, got NaN or infinity"),
        (np.zeros((2, 1, 4)), [0, 1], "clips of 1 frames, got 1 frames with 2 indices"),
    ],
)
def test_what_does_not_fit_is_refused(
    by_onnx: OnnxNetwork, tubes: np.ndarray, frames: list[int], message: str
) -> None:
    kept = by_onnx.encode(np.zeros((1, 64, 96, 3), np.uint8))

    with pytest.raises(InputError, match=message):
        by_onnx.find_joints(kept, frames, tubes=tubes, scores=np.zeros(2, np.float32))
    with pytest.raises(InputError, match=r"expected RGB bytes \(uint8\), got float64"):
        by_onnx.encode(np.zeros((1, 4, 4, 3)))  # type: ignore[arg-type]


def test_model_and_graphs_are_small() -> None:
    files = [WEIGHTS, *(graph_file(WEIGHTS, name) for name in GRAPHS)]

    assert sum(file.stat().st_size for file in files) < 10 * 1024**2


def test_graphs_of_other_weights_are_refused(tmp_path: Path, by_torch: TubeRCNN) -> None:
    weights = tmp_path / "own.safetensors"
    save_weights(by_torch, weights)
    assert not has_graphs(weights)
    for name in GRAPHS:
        shutil.copy(graph_file(WEIGHTS, name), graph_file(weights, name))
    assert has_graphs(weights)

    with pytest.raises(WeightsError, match=r"own\.people\.onnx: made from other weights"):
        load_onnx_network(weights)


def test_missing_and_damaged_graphs_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    shutil.copy(WEIGHTS, weights)

    with pytest.raises(WeightsError, match=r"own\.people\.onnx: no such graph; write the graphs"):
        load_onnx_network(weights)

    for name in GRAPHS:
        graph_file(weights, name).write_bytes(b"no graph")
    with pytest.raises(WeightsError, match=r"own\.people\.onnx: not a graph of these weights"):
        load_onnx_network(weights)


def test_only_the_graph_that_cuts_crops_sees_many_sizes(by_onnx: OnnxNetwork) -> None:
    # ONNX Runtime keeps a plan of the memory for every size, and that of this graph is large
    [pixels] = by_onnx.graphs.joints.get_inputs()

    assert pixels.shape == [1, 3, 256, 192]
    assert MANY_SIZES == ("crops",)


def test_graphs_of_another_version_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    shutil.copy(WEIGHTS, weights)
    content = onnx.load(graph_file(WEIGHTS, "people"), load_external_data=False)
    content.graph.input[0].name = "pixels"
    for node in content.graph.node:
        node.input[:] = ["pixels" if name == "planes" else name for name in node.input]
    graph_file(weights, "people").write_bytes(content.SerializeToString())

    with pytest.raises(WeightsError, match=r"own\.people\.onnx: written by another version of pos"):
        load_onnx_network(weights)


@pytest.mark.slow
def test_exported_graphs_run_like_those_that_ship(
    tmp_path: Path, by_torch: TubeRCNN, by_onnx: OnnxNetwork, samples: Path
) -> None:
    weights = tmp_path / "tiny.safetensors"
    shutil.copy(WEIGHTS, weights)
    image = photograph(samples, "000000005802.jpg")

    files = export_graphs(by_torch, weights, tmp_path)

    assert [file.name for file in files] == [f"tiny{ending}" for ending in GRAPHS.values()]
    assert all(file.stat().st_size < 2**19 for file in files)
    agree(detected(load_onnx_network(weights), image), detected(by_onnx, image))


@pytest.mark.parametrize("change", [{"clip_length": 3}, {"decode": "refined"}])
def test_other_networks_have_no_graphs(tmp_path: Path, change: dict[str, object]) -> None:
    config = small_tiny()
    if "decode" in change:
        config = replace(config, decode=replace(config.decode, rule="refined"))
    else:
        config = replace(config, clip_length=3)

    with pytest.raises(InputError, match=r"graphs are made of networks of single frames with den"):
        export_graphs(TubeRCNN(config), WEIGHTS, tmp_path)
