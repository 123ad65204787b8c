"""Frames that are looked at in two sizes are the same whoever looks at them."""

import numpy as np

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.models3d.runtimes.onnx_network import OnnxNetwork
from posetube.pipelines.bench.stage_times import watched
from posetube.pipelines.loaded_model import load_model
from posetube.pipelines.tracking.clip_window import detect_frames
from posetube.structures import DetectedFrame, Frame


def frames() -> list[Frame]:
    """Somebody small in the picture, then in a cut of it that they fill, then nobody."""
    scene = SceneConfig(people=1, seconds=0.1, size=(180, 320), roles=("stay",), occluders=0)
    whole = next(iter(generate(scene, seed=7).frames()))
    left, top, right, bottom = whole.people.boxes[0].round().astype(int).clip(0)
    close = np.zeros_like(whole.image)
    cut = whole.image[top:bottom, left:right].repeat(2, axis=0).repeat(2, axis=1)[:180, :320]
    close[: cut.shape[0], : cut.shape[1]] = cut
    pictures = [whole.image, close, np.full_like(close, 90)]
    return [
        Frame(index=number, time=number / 25, image=picture, state="ok")
        for number, picture in enumerate(pictures)
    ]


def seen(network: OnnxNetwork, workers: int) -> list[DetectedFrame]:
    return list(detect_frames(frames(), network, workers=workers))


def test_two_sizes_give_the_same_with_any_number_of_workers() -> None:
    network = load_model("tiny", device="cpu", runtime="onnx").network
    assert isinstance(network, OnnxNetwork)
    network, graphs = watched(network)

    alone = seen(network, 1)
    looks = len(graphs.people.calls)
    together = [seen(network, workers) for workers in (2, 3)]

    assert len(frames()) < looks <= 2 * len(frames())
    for others in together:
        for one, other in zip(alone, others, strict=True):
            np.testing.assert_array_equal(one.people.boxes, other.people.boxes)
            np.testing.assert_array_equal(one.people.keypoints, other.people.keypoints)
