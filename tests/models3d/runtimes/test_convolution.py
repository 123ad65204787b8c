import numpy as np
import onnxruntime
import pytest

from posetube.models3d.checkpoints.model_files import weights_file
from posetube.models3d.runtimes.convolution import convolution_graph, convolution_rate
from posetube.models3d.runtimes.graph_work import graph_work


def test_the_graph_is_a_padded_convolution() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((1, 3, 5, 7), np.float32)
    weights = rng.random((3, 3, 3, 3), np.float32)
    session = onnxruntime.InferenceSession(
        convolution_graph(pixels.shape, weights), providers=["CPUExecutionProvider"]
    )

    (found,) = session.run(None, {"x": pixels})

    padded = np.pad(pixels[0], ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    expected = np.einsum("chwij,ocij->ohw", windows, weights)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


@pytest.mark.parametrize("runtime", ["onnx", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_rate_is_more_than_a_processor_of_twenty_years_ago_had(runtime: str) -> None:
    assert convolution_rate(runtime, workers=2, seconds=0.01) > 0.1  # type: ignore[arg-type]


def test_work_is_counted_as_the_graphs_do_it() -> None:
    weights = weights_file("tiny")

    normal = graph_work(weights, np.zeros((360, 640, 3), np.uint8))
    mirrored = graph_work(weights, np.zeros((360, 640, 3), np.uint8), flip=True)

    assert normal.people == pytest.approx(1.546e9, rel=0.02)
    assert mirrored.joints == pytest.approx(2 * normal.joints, rel=0.01)
