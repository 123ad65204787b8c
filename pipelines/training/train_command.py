"""The command ``train``: a file of settings in, weights out."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..failures import INTERRUPTED, Interrupted
from ..progress import ProgressKind
from ..watch import print_result, watching


def train(
    config: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("runs/train"),
    data: Path | None = None,
    device: str = "auto",
    progress: ProgressKind = "auto",
) -> None:
    """Train a network on pictures or clips with labelled people, or a refiner of its heatmaps.

    The same line again goes on with a run that was stopped. The result is average.safetensors, a
    model for --model of the other commands, or refiner.safetensors, for --refine.learned.weights.

    Args:
        config: TOML file with the settings; docs/tiny.toml is the embedded model's, docs/lstm.toml
            that of a refiner.
        out: The run's folder.
        data: Folder that relative paths of the settings start from [default: that of CONFIG].
        device: auto, cpu, cuda, cuda:1, or several as cuda:0,1; torchrun starts more processes.
        progress: auto is a bar on a terminal; elsewhere a line for the first step and every 30 s.
    """
    from . import train as networks
    from . import train_refiner as refiners
    from .told_once import told_once
    from .toml_config import read_config
    from .train_config import TrainConfig
    from .training_processes import is_first_process

    with told_once(), watching(progress) as watch:
        settings, root = read_config(config, TrainConfig), data or config.parent
        try:
            if settings.refiner is not None:
                result = out / refiners.RESULT
                refiners.train_refiner(settings, out, root=root, watch=watch)
            else:
                result = out / networks.RESULT
                networks.train_network(settings, out, root=root, device=device, watch=watch)
        except Interrupted:
            if not is_first_process():  # one of them tells
                sys.exit(INTERRUPTED)
            raise
    if is_first_process():
        print_result(result, progress)
