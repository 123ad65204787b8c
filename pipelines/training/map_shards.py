"""Heatmaps of tracks on disk, a shard per clip, made once and kept beside a training run.

A shard depends on its number and the settings alone, so that a dump that was stopped goes on where
it was. Maps are stored as float16.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from posetube.atomic_files import replacing, write_bytes
from posetube.errors import InputError

from ...datasets.training.drawn_clips import drawn_clip
from ...datasets.video import open_video
from ..loaded_model import LoadedModel
from ..progress import Event
from ..storage.fingerprint import fingerprint
from ..watch import Watch
from .labelled_maps import LabelledMaps, maps_of_clip, maps_of_video
from .refiner_config import MapsConfig

ABOUT = "about.json"


def dump_maps(
    config: MapsConfig,
    folder: Path,
    *,
    model: LoadedModel,
    root: Path,
    watch: Watch,
) -> list[Path]:
    """Write the shards that are not there yet.

    Args:
        config: Of what.
        folder: Where they go.
        model: Tracks people, and draws the maps.
        root: Folder that the videos' relative paths start from.
        watch: Who is told how far it is, and may ask to stop.

    Returns:
        All shards, in order.

    Raises:
        InputError: If the network draws no heatmaps, or nobody is followed in a clip.
        MediaError: If a video cannot be read.
        Interrupted: If somebody asked to stop; the shards that are done are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _forget_others(folder, config, model, root)
    makers: list[Callable[[np.random.Generator], LabelledMaps]] = [
        partial(_of_drawn, number, config, model) for number in range(config.clips)
    ]
    makers += [partial(_of_video, root / path, config, model) for path in config.videos]
    names = [*map("drawn clip {}".format, range(config.clips)), *config.videos]
    event = partial(Event, run=folder.parent.name, stage="maps", total=len(makers), unit="clips")
    watch.listener(event(event="stage", done=0))
    shards = [folder / f"{number:05d}.safetensors" for number in range(len(makers))]
    for number, (shard, make) in enumerate(zip(shards, makers, strict=True)):
        if not shard.exists():
            try:
                found = make(np.random.default_rng([config.seed, number, 1]))
            except InputError as error:
                raise InputError(f"{names[number]}: {error}") from None
            with replacing(shard) as aside:
                save_file({f.name: getattr(found, f.name) for f in fields(found)}, aside)
        watch.listener(event(event="progress", done=number + 1))
        watch.interrupt.check()
    return shards


def _forget_others(folder: Path, config: MapsConfig, model: LoadedModel, root: Path) -> None:
    """Remove shards of other settings, videos or weights."""
    videos = [fingerprint(str(root / path)) for path in config.videos]
    settings = asdict(config) | {"videos": videos, "model": model.record.sha256}
    about = json.dumps(settings, sort_keys=True).encode()
    path = folder / ABOUT
    if path.exists() and path.read_bytes() == about:
        return
    for shard in folder.glob("*.safetensors"):
        shard.unlink()
    write_bytes(path, about)


def _of_drawn(
    number: int, config: MapsConfig, model: LoadedModel, rng: np.random.Generator
) -> LabelledMaps:
    clip = drawn_clip(number, seconds=config.seconds, seed=config.seed)
    return maps_of_clip(clip, model, jitter=config.jitter, rng=rng)


def _of_video(
    path: Path, config: MapsConfig, model: LoadedModel, rng: np.random.Generator
) -> LabelledMaps:
    with open_video(path) as video:
        pictures = list(video.frames())
    return maps_of_video(pictures, model, jitter=config.jitter, rng=rng)
