"""How many sums a second a plain convolution reaches on this machine, by the runtime at hand.

Nothing in a network is faster than that, so it is the ceiling against which a network is judged.
Importing this file imports neither torch nor ONNX Runtime.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from posetube.network import Runtime
from posetube.structures import FloatArray

from .graph_files import session_options

SHAPES = ((64, 96, 3), (128, 48, 3), (256, 48, 1))
"""Channels in and out, side of the map, side of the kernel: shapes that processors like."""

TRIES = 3
"""Times that each shape is measured; the best counts."""


def convolution_rate(runtime: Runtime, *, workers: int, seconds: float = 0.2) -> float:
    """The best rate of a plain float32 convolution on the processor.

    Args:
        runtime: ``onnx``: in ``workers`` threads side by side, as the engine does. ``torch``: in
            one call, which shares its work among threads of its own.
        workers: Threads.
        seconds: Time per shape and try.

    Returns:
        GFLOP/s; a multiplication and an addition are two operations.
    """
    rates = []
    for channels, side, kernel in SHAPES:
        pixels = np.zeros((1, channels, side, side), np.float32)
        weights = np.full((channels, channels, kernel, kernel), 0.5, np.float32)
        by_onnx = runtime == "onnx"
        call = (_onnx_call if by_onnx else _torch_call)(pixels, weights)
        threads = workers if by_onnx else 1
        operations = 2 * weights.size * side * side
        rates += [operations * _calls_per_second(call, threads, seconds) for _ in range(TRIES)]
    return max(rates) / 1e9


def _calls_per_second(call: Callable[[], object], threads: int, seconds: float) -> float:
    call()

    def repeat(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            call()
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        counts = list(pool.map(repeat, [began + seconds] * threads))
        return sum(counts) / (time.perf_counter() - began)


def _torch_call(pixels: FloatArray, weights: FloatArray) -> Callable[[], object]:
    import torch

    image = torch.from_numpy(pixels).to(memory_format=torch.channels_last)
    kernel = torch.from_numpy(weights).to(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return torch.nn.functional.conv2d(image, kernel, padding=weights.shape[2] // 2)

    return call


def _onnx_call(pixels: FloatArray, weights: FloatArray) -> Callable[[], object]:
    import onnxruntime

    graph = convolution_graph(pixels.shape, weights)
    session = onnxruntime.InferenceSession(
        graph, session_options(), providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": pixels})


def convolution_graph(shape: Sequence[int], weights: FloatArray) -> bytes:
    """An ONNX model of one padded convolution from ``x`` to ``y``.

    Written byte by byte, because the package onnx is not among the dependencies.

    Args:
        shape: (1, C, H, W) of ``x``; ``y`` has the same.
        weights: (C, C, k, k), with an odd k.

    Source: onnx.proto of the ONNX project, for the numbers of the fields.
    """
    pads = b"".join(_number(8, weights.shape[2] // 2) for _ in range(4))
    padding = _text(1, "pads") + pads + _number(20, 7)  # 7: a list of integers
    node = b"".join([_text(1, "x"), _text(1, "w"), _text(2, "y"), _text(4, "Conv")])
    sizes = b"".join(_number(1, size) for size in weights.shape)
    tensor = sizes + _number(2, 1) + _text(8, "w") + _bytes(9, weights.tobytes())  # 1: float32
    places = b"".join(_bytes(1, _number(1, size)) for size in shape)
    kind = _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, places)))
    graph = _bytes(1, node + _bytes(5, padding)) + _text(2, "convolution") + _bytes(5, tensor)
    graph += _bytes(11, _text(1, "x") + kind) + _bytes(12, _text(1, "y") + kind)
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 17))


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
