"""What a training run was begun with, and what is known of the model that it makes.

``settings.json`` beside the run's state holds the settings that the weights depend on. A run is
only taken up with the same ones: with others it would be neither this run nor a new one.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from posetube.atomic_files import write_bytes
from posetube.errors import FormatError, InputError, MissingFileError

from ...models3d.checkpoints.model_files import weights_file
from ...models3d.model_info import ModelInfo
from ...models3d.training.optimization import native_precision
from ...models3d.training.training_state import STATE, check_start
from ..storage.manifest import library_versions
from .tensorboard_log import check_tensorboard
from .train_config import TrainConfig

RECORD = "settings.json"
NOT_STATED = "not stated"


def recorded(
    config: TrainConfig,
    folder: Path,
    *,
    parent: ModelInfo,
    proposer: ModelInfo | None = None,
    device: str,
) -> TrainConfig:
    """Note the settings in the folder, or hold them against those that a run there was begun with.

    Returns:
        The settings with a number type in the place of ``auto``.

    Raises:
        InputError: If training began there with other settings; names each.
        WeightsError: If the state is that of a run that began with other weights.
        FormatError: If the record is damaged.
    """
    path = folder / RECORD
    before = _read(path) if path.exists() and (folder / STATE).exists() else {}
    precision = config.optimization.precision
    if precision == "auto":  # a run goes on with the type that it began with, on whatever machine
        precision = before.get("optimization", {}).get("precision") or native_precision(device)
    config = replace(config, optimization=replace(config.optimization, precision=precision))
    files = {"start_sha256": parent.sha256}
    if proposer is not None:
        files["proposals_from_sha256"] = proposer.sha256
    text = json.dumps(_compared(config) | files, default=str, indent=1)
    changes = [*_changes(before, json.loads(text))] if before else []
    if changes:
        raise InputError(
            f"{folder}: training began here with other settings: {'; '.join(changes)}. Set them "
            "back to go on, or name another folder with -o"
        )
    check_start(folder, parent.sha256 or "")
    write_bytes(path, text.encode())
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
        if not isinstance(found.get("optimization"), dict):
            raise ValueError("no settings of a training run")
    except (ValueError, AttributeError) as error:
        raise FormatError(f"{path}: {error}; begin again in another folder") from None
    settings: dict[str, Any] = found
    return settings


def _compared(config: Any) -> dict[str, Any]:
    """The settings that the weights depend on, as plain values."""
    found = {f.name: getattr(config, f.name) for f in fields(config) if f.compare}
    return {name: _compared(v) if is_dataclass(v) else v for name, v in found.items()}


def _changes(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Each setting that differs, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from _changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif before != now:
        yield f"{name} was {_shown(before)}, is now {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    return "a table" if isinstance(value, dict) else json.dumps(value)


def refuse_missing(config: TrainConfig, root: Path) -> None:
    """Refuse files that are not there before anything is loaded or drawn.

    Raises:
        MissingFileError: If there is no file or folder that the settings name.
        MissingExtraError: If TensorBoard is asked for and not installed.
        WeightsError: If there is no model to start from.
    """
    if config.tensorboard:
        check_tensorboard()
    for name in filter(None, (config.start, config.proposals_from)):
        weights_file(model_of(name, root))
    for path in map(root.joinpath, _named(config)):
        if not path.exists():
            raise MissingFileError(f"{path}: no such file or folder; the settings name it")


def model_of(name: str, root: Path) -> str | Path:
    """The name, or the file, of a model that the settings name."""
    return root / name if name.endswith(".safetensors") else name


def _named(config: TrainConfig) -> Iterator[Path]:
    archives = list(config.pictures.archives if config.pictures else ())
    archives += config.drawn.onto if config.drawn else ()
    for archive in map(Path, archives):
        yield from (archive, archive.with_suffix(".npz"))
    if config.clips:
        yield config.clips.root
    if config.validation:
        yield from (config.validation.annotations, config.validation.pictures)
    if config.held_out:
        yield config.held_out.root
    if config.refiner:
        both = (config.refiner.maps, config.refiner.validation)
        yield from (video for maps in both if maps for video in maps.videos)
        yield from [Path(config.refiner.start)] if config.refiner.start else []


def made_by(config: TrainConfig, *, processes: int) -> str:
    """JSON of all settings, the versions, and the commit of a checkout."""
    known = {"settings": asdict(config), "versions": library_versions(), "processes": processes}
    return json.dumps(known | {"commit": commit()}, default=str)


def commit() -> str | None:
    """The commit that this program is a checkout of, ``+`` if it was changed; None if it is none.

    An installed copy may lie in a checkout of something else, which does not count.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    words = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty=+"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()


def trained_info(
    config: TrainConfig, folder: Path, *, parent: ModelInfo, step: int, training: str = ""
) -> ModelInfo:
    """What is known of a trained model. Its licence is never the parent's: data decide, too."""
    return ModelInfo(
        name=config.name or folder.resolve().name,
        licence=config.licence or NOT_STATED,
        source=f"posetube {version('posetube')}, {step} of {config.optimization.steps} steps",
        parents=parent.as_parent(),
        data=tuple(_data(config)),
        training=training,
    )


def _data(config: TrainConfig) -> Iterator[str]:
    """What was trained on, as a reader of the file knows it."""
    if config.pictures:
        yield from map(str, config.pictures.archives)
    if config.drawn:
        onto = f" onto {', '.join(config.drawn.onto)}" if config.drawn.onto else ""
        yield f"{config.drawn.count} drawn pictures{onto}"
    if config.clips:
        part = f", part {config.clips.split}" if config.clips.split else ""
        yield f"{config.clips.dataset or 'clips'} in {config.clips.root}{part}"
    if config.refiner:
        yield f"{config.refiner.maps.clips} drawn clips"
        yield from map(str, config.refiner.maps.videos)
