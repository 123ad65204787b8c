"""The command ``train``: a file of settings in, weights out."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def train(
    config: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("runs/train"),
    data: Path | None = None,
    device: str = "auto",
) -> None:
    """Train a network on pictures or clips with labelled people.

    The same line again goes on with a run that was stopped. The result is average.safetensors, a
    model for --model of the other commands.

    Args:
        config: TOML file with the settings; docs/tiny.toml is the embedded model's.
        out: The run's folder.
        data: Folder that relative paths of the settings start from [default: that of CONFIG].
        device: auto, cpu, cuda, cuda:1 ...
    """
    from ...models3d.devices import choose_device
    from .toml_config import read_config
    from .train import RESULT, TrainConfig, train_network

    settings = read_config(config, TrainConfig)
    train_network(settings, out, root=data or config.parent, device=choose_device(device).name)
    print(out / RESULT)  # noqa: T201
