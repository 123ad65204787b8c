"""The network of YOLO26n-pose with random weights, as a graph for ONNX Runtime: a peer for speed.

Needs ``pip install --no-deps ultralytics`` (AGPL; a tool of this benchmark only). Nothing is
downloaded: the network is made from the configuration that the package holds.
"""

import io
import os
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

SIZE = (384, 640)
"""(H, W) of its input for a picture of 360 x 640 pixels."""


def peer_graph() -> bytes | None:
    """The network as its authors publish it, one class, 17 joints; None: no package ultralytics."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp())
    try:
        from ultralytics.nn.tasks import PoseModel  # type: ignore[import-not-found]
    except ImportError:
        return None
    import torch

    content = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = PoseModel("yolo26n-pose.yaml", nc=1, verbose=False).eval().fuse(verbose=False)
        head = network.model[-1]
        head.export, head.format = True, "onnx"
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, *SIZE),),
            content,  # type: ignore[arg-type]
            input_names=["images"],
            opset_version=17,
            dynamo=False,
        )
    return content.getvalue()


class PeerNetwork:
    """The graph, opened in both ways that use all cores."""

    def __init__(self, graph: bytes, *, cores: int) -> None:
        self.ways = {
            "one session": (_session(graph, cores), 1),
            "a thread per core": (_session(graph, 1), cores),
        }
        self._pixels = np.random.default_rng(0).random((1, 3, *SIZE), np.float32)

    def rates(self, frames: int) -> dict[str, float]:
        """Frames per second in either way, over so many frames."""
        return {name: self._measured(*way, frames) for name, way in self.ways.items()}

    def _measured(self, session: Any, threads: int, frames: int) -> float:
        def run(_: int) -> None:
            session.run(None, {"images": self._pixels})

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, range(2 * threads)))
            began = time.perf_counter()
            list(pool.map(run, range(frames)))
            return frames / (time.perf_counter() - began)


def _session(graph: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
