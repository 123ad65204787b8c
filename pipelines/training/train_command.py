"""The command ``train``: a file of settings in, weights out."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..interrupt import catching_interrupts
from ..progress import ProgressKind, showing_progress
from .refiner_training import RefinerKind, RefinerTraining


def train(
    config: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("runs/train"),
    data: Path | None = None,
    device: str = "auto",
    progress: ProgressKind = "auto",
) -> None:
    """Train a network on pictures or clips with labelled people.

    The same line again goes on with a run that was stopped. The result is average.safetensors, a
    model for --model of the other commands.

    Args:
        config: TOML file with the settings; docs/tiny.toml is the embedded model's.
        out: The run's folder.
        data: Folder that relative paths of the settings start from [default: that of CONFIG].
        device: auto, cpu, cuda, cuda:1 ...
        progress: auto is a bar on a terminal; elsewhere a line for the first step and every 30 s.
    """
    from ...models3d.devices import choose_device
    from .toml_config import read_config
    from .train import RESULT, train_network
    from .train_config import TrainConfig

    settings = read_config(config, TrainConfig)
    with showing_progress(progress) as listener, catching_interrupts() as interrupt:
        train_network(
            settings,
            out,
            root=data or config.parent,
            device=choose_device(device).name,
            listener=listener,
            interrupt=interrupt,
        )
    print(out / RESULT, file=sys.stderr if progress == "json" else sys.stdout)


TRAINING = RefinerTraining()
TRAINING_OPTIONS = Parameter(name="*")


def train_refiner_command(
    kind: RefinerKind,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("refiner.safetensors"),
    model: str = "tiny",
    progress: ProgressKind = "auto",
    training: Annotated[RefinerTraining, TRAINING_OPTIONS] = TRAINING,
) -> None:
    """Train a refiner of heatmaps on drawn people; `--refine learned` then takes its file.

    Args:
        kind: pool: a weight per joint and frame. unipose, pose-machine: a memory (ConvLSTM), which
            needs no future frames. warper: maps of the frames around, bent into place.
        out: The file to write, .safetensors.
        model: The network that draws the heatmaps, a name or a file of weights.
        progress: auto is a bar on a terminal; elsewhere a line for the first step and every 30 s.
        training: How it is trained.
    """
    from posetube.atomic_files import check_target

    from ...models3d.refiners.refiner_files import save_refiner
    from ..loaded_model import load_model
    from .train_refiner import refiner_config, train_refiner

    check_target(out)
    loaded = load_model(model)
    config = refiner_config(kind, joints=loaded.network.skeleton.name)
    with showing_progress(progress) as listener:
        save_refiner(train_refiner(config, loaded, training, listener=listener), out)
    print(out, file=sys.stderr if progress == "json" else sys.stdout)
