"""``posetube models ...``: the networks, and weights of other programs converted to ours."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from posetube.errors import InputError

if TYPE_CHECKING:
    from ..models3d.tube_rcnn import TubeRCNN

SHOWN = 20
"""Names of weights that are listed."""

app = App(name="models", help="List, describe, fetch and convert networks.")


@app.command(name="list")
def list_models() -> None:
    """List the networks that ship, those already fetched, and those that can be fetched."""
    from ..models3d.checkpoints.model_files import embedded_names
    from ..models3d.checkpoints.published import PUBLISHED, fetched_file

    for name in embedded_names():
        _print(f"{name:28} ships with the package")
    for name, model in PUBLISHED.items():
        state = "fetched" if fetched_file(name).is_file() else "can be fetched"
        if not model.direct and state != "fetched":
            state = "by hand only"
        _print(f"{name:28} {state:15} {model.about}")


@app.command(name="info")
def describe_model(name: str, /) -> None:
    """Show what is known of a network.

    Args:
        name: Name of a model, or a file of weights.
    """
    from ..models3d.checkpoints.model_files import weights_file
    from ..models3d.checkpoints.published import PUBLISHED, fetched_file
    from ..models3d.checkpoints.weights_header import count_weights, opened, read_header
    from ..models3d.runtimes.graph_files import has_graphs

    published = PUBLISHED.get(name)
    if published is not None:
        size = "not known" if published.size is None else f"{published.size / 1024**2:.0f} MiB"
        checksum = (
            f"{published.digest} {published.checksum}..." if published.checksum else "unknown"
        )
        _print(
            f"{name}: {published.about}\nurl       {published.url}\nsize      {size}\n"
            f"checksum  {checksum}\nlicence   {published.licence}\nmetrics   {published.metrics}"
        )
        if not fetched_file(name).is_file():
            _print(f"fetched   no: posetube models fetch {name}")
            return
    file = weights_file(name)
    with opened(file, "numpy") as content:
        config, info = read_header(content, file)
        count = count_weights(content)
    told = [("name", info.name), ("file", file), ("sha256", info.sha256), ("licence", info.licence)]
    told += [("parents", parent) for parent in info.parents]
    told += [("data", data) for data in info.data]
    told += [("source", info.source), ("frames", config.clip_length)]
    told += [("joints", config.skeleton), ("weights", f"{count:,}")]
    told += [("training", info.training)] if info.training else []
    told += [("graphs", "yes" if has_graphs(file) else "no")]
    for name, value in told:
        _print(f"{name:9} {value}")


@app.command(name="fetch")
def fetch_model(name: str, /) -> None:
    """Download a published network, check it, and convert it to our format.

    Args:
        name: One of those that `posetube models list` shows.
    """
    from ..models3d.checkpoints.fetch import fetch_weights
    from ..models3d.checkpoints.published import published

    model = published(name)
    file = fetch_weights(model, report=_report)
    _print(f"{name}: {file} ({model.licence})")


@app.command(name="convert")
def convert_model(
    source: str,
    target: Path,
    /,
    *,
    into: str | None = None,
    skeleton: str | None = None,
    inflation: Literal["center", "mean", "repeat", "center-rest-random"] = "center",
    svd: int | None = None,
    half: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Turn another program's weights into a file of ours, or ours into those of another network.

    Args:
        source: torchvision's .pth, a .pkl of Detectron, Detect-and-Track or Detectron2, also of a
            ResNet that classifies pictures; a network's name or a .safetensors of ours, to fill
            another one.
        target: The .safetensors to write.
        into: Name of the network to fill instead of their own, such as
            tube_rcnn_r50_fpn or tiny_clip.
        skeleton: Their joint set, where the file's layout does not tell.
        inflation: What becomes of kernels that gain a time axis.
        svd: Rank to which the fully connected layers of the box head are cut, which makes them
            faster and less exact; how much is printed.
        half: Store 16-bit numbers.
    """
    import torch

    from posetube.atomic_files import check_target

    from ..models3d.checkpoints.convert import convert_weights
    from ..models3d.checkpoints.model_files import weights_file
    from ..models3d.checkpoints.weights_io import save_weights
    from ..models3d.presets import PRESETS

    if target.suffix != ".safetensors":
        raise InputError(f"{target}: expected a name that ends in .safetensors")
    if into is not None and into not in PRESETS:
        raise InputError(f"--into: no network is called {into}; there are {', '.join(PRESETS)}")
    check_target(target)
    preset = None if into is None else PRESETS[into]()
    done = convert_weights(
        weights_file(source), into=preset, skeleton=skeleton, inflation=inflation
    )
    network = done.model if svd is None else _cut(done.model, rank=svd)
    info = replace(network.info, name=target.stem)
    dtype = torch.float16 if half else torch.float32
    save_weights(network, target, dtype=dtype, info=info)
    _print(f"{source}: {done.layout} -> {target}")
    for title, names in (("unused", done.unused), ("fresh", done.fresh)):
        if names:
            some = ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
            _print(f"{title} ({len(names)}): {some}")


def _cut(network: "TubeRCNN", *, rank: int) -> "TubeRCNN":
    """The network with smaller fully connected layers; says what that changed."""
    from ..datasets.synthetic.demo import demo_clip
    from ..models3d.truncated_svd import effect_of_cut, truncated

    cut, layers = truncated(network, rank=rank)
    effect = effect_of_cut(network, cut, next(demo_clip().frames()).image)
    for layer in layers:
        shape = f"{layer.shape[1]} x {layer.shape[0]}"
        _print(f"{layer.name}: {shape}, rank {rank} keeps {100 * layer.kept:.1f} % of the squares")
    before, after = (1000 * seconds for seconds in effect.times)
    _print(
        f"{effect.boxes} boxes of a drawn picture: these layers take {after:.1f} ms in place of "
        f"{before:.1f}, and probabilities change by {effect.score_change:.4f} in the mean"
    )
    return cut


@app.command(name="export")
def export_model(
    name: str, /, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None
) -> None:
    """Write a network's graphs for ONNX Runtime; beside its weights, track runs by them.

    Args:
        name: Name of a model, or a .safetensors of ours, of the kind of tiny.
        out: Folder for the graphs [default: where the weights are].
    """
    from ..models3d.checkpoints.loading import load_network
    from ..models3d.checkpoints.model_files import weights_file
    from ..models3d.runtimes.graph_export import export_graphs

    file = weights_file(name)
    for path in export_graphs(load_network(file), file, out or file.parent):
        _print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def _report(done: int, total: int | None) -> None:
    of = f" of {total / 1024**2:.0f}" if total else ""
    end = "\n" if done == total else ""
    print(f"\r{done / 1024**2:.0f}{of} MiB", end=end, file=sys.stderr, flush=True)  # noqa: T201


def _print(text: str) -> None:
    print(text)  # noqa: T201
