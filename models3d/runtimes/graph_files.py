"""A network's graphs: which there are, where they lie, and how they are opened.

A graph holds no weights: its tensors are filled from the weights file that lies beside it, whose
checksum it names. Importing this file imports neither torch nor ONNX Runtime.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

from posetube.errors import WeightsError
from posetube.shortage import raise_shortage
from posetube.structures import FloatArray

GraphName = Literal["people", "crops", "joints", "joints_mirrored"]

GRAPHS: dict[GraphName, str] = {
    "people": ".people.onnx",
    "crops": ".crops.onnx",
    "joints": ".joints.onnx",
    "joints_mirrored": ".joints-mirrored.onnx",
}
"""What each graph's file is called after the name of the weights file.

``people``: ``planes`` (1, 3, h, w), the network's input, to ``logits`` (N,) and ``boxes`` (N, 4)
of its cells. ``crops``: ``picture`` (H, W, 3) bytes, or what a crop needs of it, and ``crop`` (4,),
pixels of it, to ``pixels`` (1, 3, h, w), normalised. ``joints``: these ``pixels`` to ``heights``
(K, h, w), maps whose clear peaks are 1 and that are nowhere below :data:`..joint_peaks.LEAST`, and
``embedding`` (D,). ``joints_mirrored``: the same, with the mirrored crop averaged in.
"""

_JOINTS = (("pixels",), ("heights", "embedding"))

INTERFACES: dict[GraphName, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "people": (("planes",), ("logits", "boxes")),
    "crops": (("picture", "crop"), ("pixels",)),
    "joints": _JOINTS,
    "joints_mirrored": _JOINTS,
}
"""Names of each graph's inputs and outputs."""

MANY_SIZES: tuple[GraphName, ...] = ("crops",)
"""Graphs whose inputs have another size nearly every time."""

FIRST_PIECE = 64 << 20
"""Bytes of the memory that sessions share, as far as they use them."""

CHECKSUM = "weights_sha256"
"""Key in a graph's metadata: SHA-256 of the weights file that it was made from."""


def graph_file(weights: Path, name: GraphName, *, folder: Path | None = None) -> Path:
    """Where a graph lies: beside the weights, or in a folder."""
    return (folder or weights.parent) / f"{weights.stem}{GRAPHS[name]}"


def has_graphs(weights: Path) -> bool:
    """Whether all graphs lie beside a weights file."""
    return all(graph_file(weights, name).is_file() for name in GRAPHS)


def session_options(*, many_sizes: bool = False) -> Any:
    """How every session is opened: it computes in the thread which calls it, and logs nothing.

    Several threads may call one session at a time: with a thread each they are faster than with
    threads that share the work, and results do not depend on their number. All sessions take their
    memory from one place, for a thread is in one of them at a time.

    Args:
        many_sizes: Whether inputs have another size nearly every time.
    """
    import onnxruntime

    _share_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors become exceptions of ours
    options.add_session_config_entry("session.use_env_allocators", "1")
    # a plan of the memory makes runs faster, and is kept for ever for each size of the inputs
    options.enable_mem_pattern = not many_sizes
    return options


@cache
def _share_memory() -> None:
    """Give ONNX Runtime one memory for all sessions of the process, in one piece at first.

    A graph's first run with inputs of some size takes its tensors one by one, and plans. Later runs
    take one block for all of them, which the processor's caches know better; in a memory of many
    pieces it would find no room in what the first run left.

    If the process has registered a memory before, ONNX Runtime up to 1.22 keeps that one, and from
    1.23 on takes this one.
    """
    import onnxruntime

    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    arena = onnxruntime.OrtArenaCfg({"initial_chunk_size_bytes": FIRST_PIECE})
    with suppress(Exception):  # somebody registered one already
        onnxruntime.create_and_register_allocator(memory, arena)


def open_graph(
    path: Path,
    tensors: Mapping[str, FloatArray],
    *,
    name: GraphName,
    sha256: str,
    profile: Path | None = None,
) -> Any:
    """Open a graph as a session.

    Args:
        path: The graph.
        tensors: The weights that it has, by name.
        name: Which graph it is.
        sha256: Of the weights file.
        profile: Where a profile of its runs is written, a number added; None: nowhere.

    Raises:
        WeightsError: If the graph is missing, damaged, of another version, or belongs to other
            weights.
    """
    import onnxruntime

    again = "write the graphs again with `posetube models export`"
    if not path.is_file():
        raise WeightsError(f"{path}: no such graph; {again}")
    options = session_options(many_sizes=name in MANY_SIZES)
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    names = list(tensors)
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensors[name]) for name in names]
    options.add_external_initializers(names, values)
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise_shortage(error)
        raise WeightsError(f"{path}: not a graph of these weights ({error}); {again}") from error
    made_from = session.get_modelmeta().custom_metadata_map.get(CHECKSUM)
    if made_from != sha256:
        raise WeightsError(
            f"{path}: made from other weights ({str(made_from)[:12]}, these are {sha256[:12]}); "
            f"{again}"
        )
    found = session.get_inputs(), session.get_outputs()
    if tuple(tuple(one.name for one in side) for side in found) != INTERFACES[name]:
        raise WeightsError(f"{path}: written by another version of posetube; {again}")
    return session
